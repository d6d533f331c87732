//! The connections of the previous process as they come out of the queues, each joined with its record.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use reactor::{Arriving, ExportedConnection};
use socket2::SockRef;

use super::manifest::Records;
use super::pack::{Message, Queue};
use super::parallel;

/// The live connections of the previous process, in the order of their turns, a message of descriptors at a time. Whose descriptor was
/// lost on the way comes without one.
pub struct Returning {
    records: Records,
    /// The place of the next record's descriptor.
    place: usize,
    /// In the order of their places.
    messages: Box<dyn Iterator<Item = Message> + Send>,
    /// Polls of the previous process, which come behind the connections.
    watches: Watches,
    /// Nobody can read the states.
    forgets_states: bool,
    /// How many there are in all, and without a descriptor so far.
    wanted: usize,
    lost: usize,
    /// The program that wrote the records, for the log.
    writer: String,
}

/// Polls that watched the connections in the previous process. The kernel forgets one watch after the other when they are closed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watches(Arc<Mutex<Vec<OwnedFd>>>);

impl Watches {
    fn push(&self, poll: OwnedFd) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(poll);
    }

    /// Closes them after this time, in a thread of its own; at once where the system refuses one.
    pub(crate) fn close_after(&self, time: Duration) {
        let polls = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if polls.is_empty() {
            return;
        }
        _ = thread::Builder::new().name("old-watches".to_owned()).spawn(move || {
            thread::park_timeout(time);
            drop(polls);
        });
    }
}

/// The daemon's own descriptors, which are the first `others` in the queue, as far as they have come; and the connections, whose descriptors
/// are behind them.
///
/// # Errors
/// The system refuses to empty the queue.
pub(super) fn take_back(
    mut queue: Queue,
    others: u64,
    records: Records,
    writer: &str,
) -> io::Result<(Vec<OwnedFd>, Returning)> {
    let place = usize::try_from(others).unwrap_or(usize::MAX);
    let (others, messages): (_, Box<dyn Iterator<Item = Message> + Send>) = if queue.tells_places()? {
        (first_placed(&mut queue, place)?, Box::new(until_refused(queue)))
    } else {
        let mut descriptors = Vec::new();
        for message in queue {
            descriptors.extend(message?.descriptors);
        }
        let sockets = descriptors.split_off(place.min(descriptors.len()));
        (descriptors, Box::new(by_cookies(&records, place, sockets).into_iter()))
    };
    let (wanted, writer) = (records.len(), writer.to_owned());
    let watches = Watches::default();
    Ok((
        others,
        Returning { records, place, messages, watches, forgets_states: false, wanted, lost: 0, writer },
    ))
}

/// Takes the descriptors whose places are below `count`. What belongs to each of them is told by their order: those behind a lost one do
/// not go on.
fn first_placed(queue: &mut Queue, count: usize) -> io::Result<Vec<OwnedFd>> {
    let mut taken = Vec::new();
    while let Some(Message { place, mut descriptors }) = queue.next().transpose()? {
        let first = place.unwrap_or(count);
        let rest = descriptors.split_off(count.saturating_sub(first).min(descriptors.len()));
        let place = first.saturating_add(descriptors.len());
        if first == taken.len() {
            taken.extend(descriptors);
        }
        if !rest.is_empty() {
            queue.put_back(Message { place: Some(place), descriptors: rest });
            break;
        }
    }
    Ok(taken)
}

/// The messages of the queue. Of a socket that the system refuses to empty, the rest is lost.
fn until_refused(queue: Queue) -> impl Iterator<Item = Message> {
    let log = |error: &io::Error| log::error!("taking connections of the previous process: {error}");
    queue.filter_map(move |message| message.inspect_err(log).ok())
}

/// The descriptor of each record, which begin at this `place`, by its cookie: versions up to 0.2.0 do not say which has which place.
fn by_cookies(records: &Records, place: usize, sockets: Vec<OwnedFd>) -> Vec<Message> {
    let cookie = |socket: &OwnedFd| SockRef::from(socket).cookie().ok();
    let cookies = parallel::parts(&sockets, |part| part.iter().map(cookie).collect::<Vec<_>>());
    let with_cookie = |(cookie, socket): (Option<u64>, OwnedFd)| cookie.map(|cookie| (cookie, socket));
    let mut sockets: HashMap<u64, OwnedFd> =
        cookies.into_iter().flatten().zip(sockets).filter_map(with_cookie).collect();
    let found = records.cookies().zip(place..).filter_map(|(cookie, place)| {
        sockets.remove(&cookie).map(|socket| Message { place: Some(place), descriptors: vec![socket] })
    });
    found.collect()
}

impl Returning {
    /// How many have not come yet.
    pub fn left(&self) -> usize {
        self.records.len()
    }

    /// The states come back empty from now on: the reactor then sends the connections their closing bytes.
    pub fn forget_states(&mut self) {
        self.forgets_states = true;
    }

    /// All that come back, for a daemon that sends them their closing bytes.
    pub fn returned(self) -> impl Iterator<Item = ExportedConnection<OwnedFd>> {
        self.flatten().filter_map(Arriving::returned)
    }

    /// The polls that watched the connections in the previous process, once all are back.
    pub(crate) fn watches(&self) -> Watches {
        self.watches.clone()
    }

    /// When the workers of the process before began to export the connections; `None` without any.
    pub(crate) fn export_began(&self) -> Option<Instant> {
        self.records.written_at()
    }

    /// Joins descriptors with their records. Records before them have lost theirs.
    fn join(&mut self, message: Message) -> Vec<Arriving<OwnedFd>> {
        let mut part = Vec::with_capacity(message.descriptors.len());
        for (descriptor, number) in message.descriptors.into_iter().zip(0_usize..) {
            let place = message.place.and_then(|first| first.checked_add(number));
            let before = place.and_then(|place| place.checked_sub(self.place));
            let Some(before) = before else { continue }; // a damaged manifest: what is too much ends
            if before >= self.left() {
                self.watches.push(descriptor);
                continue;
            }
            part.extend((0..before).filter_map(|_| self.with(None)));
            part.extend(self.with(Some(descriptor)));
        }
        part
    }

    /// The next record with this descriptor.
    fn with(&mut self, descriptor: Option<OwnedFd>) -> Option<Arriving<OwnedFd>> {
        let record = self.records.next()?;
        self.place = self.place.saturating_add(1);
        self.lost += usize::from(descriptor.is_none());
        let mut connection = record.map_descriptor(|_| descriptor);
        if self.forgets_states {
            connection.exported.state.clear();
        }
        Some(connection)
    }
}

impl Iterator for Returning {
    type Item = Vec<Arriving<OwnedFd>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(message) = self.messages.next() {
            return Some(self.join(message));
        }
        // No descriptor is left for these.
        let rest: Vec<_> = (0..self.left()).filter_map(|_| self.with(None)).collect();
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            let (wanted, returned) = (self.wanted, self.wanted.saturating_sub(lost));
            log::error!("systemd returned only {returned} of {wanted} connections of {}", self.writer);
        }
        (!rest.is_empty()).then_some(rest)
    }
}

/// Shows counts alone.
impl fmt::Debug for Returning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returning")
            .field("left", &self.left())
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}
