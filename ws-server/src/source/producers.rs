//! Lines from every process that connects to a Unix socket: several producers, one stream.

use std::{os::unix::net::UnixListener, path::Path, time::Instant};

use daemon::{FileIdentity, clock::now, exit::DaemonError};
use rustix::{
    io::Errno,
    net::{SocketFlags, accept_with},
};

use super::{
    complaint::Complaint,
    connected::Connected,
    gate::{Gate, LOOK, PAUSE, Waited, borrowed},
    input::{ReadResult, Reader},
    producer::Producer,
    publisher::Publisher,
    socket::{self, SocketName},
};
use crate::pace::Pace;

/// The socket for producers, and those of the previous process.
#[derive(Debug)]
pub(crate) struct Listening {
    /// `None` if systemd owns it.
    pub(super) name: Option<SocketName>,
    listener: UnixListener,
    /// The previous process's listener, if this is another socket: some may still wait in its backlog.
    older: Option<UnixListener>,
    previous: Vec<Producer>,
}

impl Listening {
    /// Takes the socket that systemd has opened, or else the previous process's, or binds one; `previous` is what
    /// [`Listening::read`] returned in the previous process.
    ///
    /// # Errors
    /// The path cannot be bound, or is not that of systemd's socket.
    pub(super) fn new(
        path: &Path,
        mut previous: Vec<Producer>,
        inherited: Option<UnixListener>,
    ) -> Result<Self, DaemonError> {
        let handed_over = (!previous.is_empty()).then(|| UnixListener::from(previous.remove(0).descriptor));
        let (name, listener, older) = match (inherited, handed_over) {
            (Some(inherited), handed_over) => {
                socket::check_inherited(path, &inherited)?;
                let older = handed_over.filter(|older| !is_same(older, &inherited));
                (None, inherited, older)
            }
            (None, Some(listener)) => (Some(SocketName::adopt(path)), listener, None),
            (None, None) => {
                let (name, listener) = SocketName::bind(path)?;
                (Some(name), listener, None)
            }
        };
        Ok(Self { name, listener, older, previous })
    }

    /// Reads from at most `most` producers; those beyond wait in the backlog of the socket. Once the gate is closed, it returns
    /// the listener and, behind it, the producers.
    pub(super) fn read(self, publisher: &Publisher, most: usize, mut gate: Gate) -> Vec<Producer> {
        let mut reader = Reader::new(publisher);
        let mut producers = Producers::new(self, publisher, most);
        loop {
            producers.look(publisher, &mut gate);
            let has_room = producers.has_room();
            let mut inputs = borrowed(&producers.connected);
            if has_room {
                inputs.extend(borrowed([&producers.listener]));
            }
            let wait = if producers.rest_until.is_some() { PAUSE } else { LOOK };
            let ready = match gate.wait(&inputs, Some(wait)) {
                Waited::Closed => return producers.export(publisher),
                Waited::Ready(ready) => ready,
            };
            let is_called = has_room && ready.last() == Some(&true);
            if producers.read(&ready, &mut reader).is_err() && gate.pause() {
                return producers.export(publisher);
            }
            if is_called {
                producers.accept(None, publisher);
            }
        }
    }
}

/// True if both are descriptors of one socket.
fn is_same(one: &UnixListener, other: &UnixListener) -> bool {
    FileIdentity::of_open(one).is_some_and(|one| Some(one) == FileIdentity::of_open(other))
}

struct Producers {
    /// `None` if systemd owns it.
    name: Option<SocketName>,
    listener: UnixListener,
    /// Those that lost their name to another one, until nobody waits there any more.
    older: Vec<UnixListener>,
    connected: Vec<Connected>,
    /// `--max-producers`
    most: usize,
    looks: Pace,
    /// A producer has ended since then.
    has_made_room: bool,
    /// The system refused to accept: not before this.
    rest_until: Option<Instant>,
    complaints: Complaints,
}

#[derive(Default)]
struct Complaints {
    path: Complaint,
    accepting: Complaint,
    reading: Complaint,
    /// All places are taken for long and others wait: said once until there is room.
    said_full: bool,
}

impl Producers {
    fn new(listening: Listening, publisher: &Publisher, most: usize) -> Self {
        let Listening { name, listener, older, previous } = listening;
        let connected = previous.into_iter().map(|producer| Connected::adopt(producer, publisher)).collect();
        Self {
            name,
            listener,
            older: older.into_iter().collect(),
            connected,
            most,
            looks: Pace::default(),
            has_made_room: false,
            rest_until: None,
            complaints: Complaints::default(),
        }
    }

    /// True if a producer may be accepted now.
    fn has_room(&self) -> bool {
        self.connected.len() < self.most && self.rest_until.is_none()
    }

    /// Looks, now and then, at the path and at what was put off.
    fn look(&mut self, publisher: &Publisher, gate: &mut Gate) {
        let now = now();
        self.rest_until = self.rest_until.filter(|until| now < *until);
        if !self.looks.is_due(LOOK, now) {
            return;
        }
        self.look_at_name(now);
        self.connected.iter_mut().for_each(|producer| producer.greet(publisher));
        publisher.settle(!self.connected.is_empty());
        while self.has_room()
            && let Some(older) = self.older.pop()
        {
            if self.accept(Some(&older), publisher) {
                self.older.push(older);
            }
        }
        self.warn_if_others_wait(gate);
    }

    /// Looks whether producers still find the socket, if its path is ours.
    fn look_at_name(&mut self, now: Instant) {
        let Some(name) = &self.name else { return };
        match name.look() {
            Ok(None) => self.complaints.path.withdraw(),
            Ok(Some(listener)) => {
                log::warn!("{name}: the name of the socket was gone; bound it again");
                self.older.push(std::mem::replace(&mut self.listener, listener));
            }
            Err(what) => self.complaints.path.make(what, now),
        }
    }

    /// Warns if producers wait in the backlog while those that are connected stay.
    fn warn_if_others_wait(&mut self, gate: &mut Gate) {
        let is_full = self.connected.len() >= self.most && !std::mem::take(&mut self.has_made_room);
        if !is_full {
            self.complaints.said_full = false;
        } else if !self.complaints.said_full && gate.look(&borrowed([&self.listener])).is_any() {
            self.complaints.said_full = true;
            log::warn!(reason = "full"; "{} producers are connected (--max-producers): others wait", self.most);
        }
    }

    /// Reads once from each producer that is `ready`. One that has ended makes room.
    fn read(&mut self, ready: &[bool], reader: &mut Reader<'_>) -> Result<(), Errno> {
        let mut failed = None;
        let mut ready = ready.iter();
        self.connected.retain_mut(|producer| {
            if ready.next() != Some(&true) {
                return true;
            }
            match producer.read(reader) {
                Ok(ReadResult::End) => {
                    self.has_made_room = true;
                    false
                }
                Ok(ReadResult::Bytes | ReadResult::Nothing) => true,
                Err(error) => {
                    failed = Some(error);
                    true
                }
            }
        });
        let Some(error) = failed else {
            self.complaints.reading.withdraw();
            return Ok(());
        };
        self.complaints.reading.make(format!("reading from a producer: {error}"), now());
        Err(error)
    }

    /// Accepts those that wait on this listener, or on the present one, while there is room; false once nobody waits.
    fn accept(&mut self, older: Option<&UnixListener>, publisher: &Publisher) -> bool {
        while self.has_room() {
            let listener = older.unwrap_or(&self.listener);
            match accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(socket) => {
                    self.complaints.accepting.withdraw();
                    self.connected.push(Connected::new(socket, publisher));
                }
                Err(Errno::AGAIN) => return false,
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                // No more descriptors or memory: they come back when connections close.
                Err(error) => {
                    let now = now();
                    self.complaints.accepting.make(format!("accepting a producer: {error}"), now);
                    self.rest_until = Some(now + PAUSE);
                }
            }
        }
        true
    }

    fn export(mut self, publisher: &Publisher) -> Vec<Producer> {
        // The next process gets one listener: what waits on another one goes along as connected, whatever --max-producers says.
        self.most = usize::MAX;
        self.rest_until = None;
        for older in std::mem::take(&mut self.older) {
            self.accept(Some(&older), publisher);
        }
        let listener = Producer {
            descriptor: self.listener.into(),
            partial: Some(Vec::new()),
            is_after_gap: false,
            is_greeted: true,
        };
        let connected = self.connected.into_iter().map(Connected::export);
        [listener].into_iter().chain(connected).collect()
    }
}
