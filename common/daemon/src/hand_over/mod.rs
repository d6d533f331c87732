//! The hand-over of live connections from one process to the next; meanwhile systemd's fd store keeps the descriptors.
//!
//! ```text
//!  the previous process                   systemd                       the next process
//!  Stop::HandOver: the workers
//!  export their connections
//!  pack: manifest + descriptors ──FDSTORE=1──▶ kept ──LISTEN_FDS──▶ unpack ──▶ the workers adopt them
//!  BARRIER=1, exit                                   ◀─FDSTOREREMOVE=1── (later it would be an empty socket)
//! ```
//!
//! The fd store keeps its descriptors through a restart, until the service is stopped for good.

mod manifest;
mod pack;
mod parallel;
mod steps;

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::iter;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::time::Instant;

use common::codec::Writer;
use sd_notify::NotifyState;
use socket2::SockRef;

pub use self::manifest::DaemonState;
use self::manifest::Manifest;
#[cfg(feature = "fuzzing")]
pub(crate) use self::manifest::rewritten;
use self::pack::Packed;
pub use self::steps::Steps;
use crate::clock::Moment;
use crate::notify;
use reactor::ExportedConnection;

/// The formats of a daemon that hands nothing over.
#[allow(clippy::reversed_empty_ranges, reason = "it is the empty range")]
pub const NONE: RangeInclusive<u32> = 1..=0;

/// The name of the stored descriptors (`FDNAME=`, `LISTEN_FDNAMES`).
pub(super) const NAME: &str = "hand-over";

/// Everything of a daemon that outlives its process.
#[derive(Debug, Default)]
pub struct HandedOver {
    /// What the daemon knows beside its connections.
    pub state: DaemonState,
    /// Descriptors that are not connections; their order is the daemon's.
    pub others: Vec<OwnedFd>,
    /// The live connections of all workers, in no order.
    pub connections: Vec<ExportedConnection<OwnedFd>>,
    /// The states of connections whose descriptors the service manager did not return: they have ended on the way.
    pub lost: Vec<Vec<u8>>,
    /// What each step of the hand-over has taken so far in this process.
    pub steps: Steps,
}

impl HandedOver {
    /// When the workers of the process before began to export its connections; `None` without any.
    pub(crate) fn export_began(&self) -> Option<Instant> {
        self.connections.iter().map(|connection| connection.written_at).min()
    }
}

/// Passes everything to the service manager, and returns when the service manager has it: what each step took.
///
/// # Errors
/// There is no service manager, or the system has no more memory or descriptors.
pub fn store(handed_over: &HandedOver) -> io::Result<Steps> {
    let HandedOver { state, others, connections, steps, .. } = handed_over;
    let (mut steps, at) = (steps.clone(), Moment::now());
    steps.end_at("stop", handed_over.export_began().unwrap_or(at.instant));
    steps.end_at("export", at.instant);
    let connections = in_turn(connections);
    let records = parallel::parts(&connections, |part| to_records(part, at));
    let records = records.into_iter().collect::<io::Result<Vec<_>>>()?;
    let head = manifest::head(state, others.len(), connections.len());
    steps.end("records");
    let manifest: Vec<&[u8]> = iter::once(&head).chain(&records).map(Vec::as_slice).collect();
    let sockets = connections.iter().map(|connection| &connection.descriptor);
    let descriptors: Vec<BorrowedFd<'_>> = others.iter().chain(sockets).map(AsFd::as_fd).collect();
    let (mut memory, kept) = pack::pack(&manifest, &descriptors)?;
    steps.end("descriptors");
    notify::store(NAME, &kept)?;
    steps.end("service manager");
    // Nobody is worse off without it: the next process does not know then what was between the two.
    _ = memory.write_all(&manifest::end(Moment::now()));
    Ok(steps)
}

/// The connections in the order in which the next process adopts them.
fn in_turn(connections: &[ExportedConnection<OwnedFd>]) -> Vec<&ExportedConnection<OwnedFd>> {
    let mut connections: Vec<_> = connections.iter().collect();
    connections.sort_by_key(|connection| connection.exported.turn);
    connections
}

fn to_records(connections: &[&ExportedConnection<OwnedFd>], at: Moment) -> io::Result<Vec<u8>> {
    let mut to = Writer::default();
    for connection in connections {
        let ask = || SockRef::from(&connection.descriptor).cookie();
        let cookie = connection.cookie.map_or_else(ask, Ok)?;
        manifest::put_record(cookie, connection, at, &mut to);
    }
    Ok(to.into_bytes())
}

/// Closes the connections instead of handing them over: sends each its closing bytes, as far as its socket has room.
pub fn send_closing_bytes(handed_over: HandedOver) {
    for connection in handed_over.connections {
        let mut socket = socket2::Socket::from(connection.descriptor);
        let sent = socket
            .write_all(&connection.queued)
            .and_then(|()| socket.write_all(&connection.exported.closing_bytes));
        if let Err(error) = sent.and_then(|()| socket.shutdown(std::net::Shutdown::Write)) {
            log::debug!("sending the closing bytes: {error}");
        }
    }
}

/// Adopts what the previous process stored in these sockets; `None` if there was nothing.
///
/// If its format is not one of `formats`, the daemon's state and those of all connections come back empty: the reactor then
/// sends the connections their closing bytes.
pub(super) fn adopt(kept: &[UnixDatagram], formats: &RangeInclusive<u32>) -> Option<HandedOver> {
    if kept.is_empty() {
        return None;
    }
    let mut steps = Steps::default();
    let unpacked = pack::unpack(kept);
    steps.end("descriptors");
    notify::send(&[NotifyState::FdStoreRemove, NotifyState::FdName(NAME)]);
    let (bytes, descriptors) = match unpacked {
        Ok(unpacked) => unpacked?,
        Err(error) => {
            log::error!("closing the connections of the previous process: {error}");
            return None;
        }
    };
    match manifest::from_bytes(&bytes, Moment::now(), descriptors.len()) {
        Ok(manifest) => {
            if let Some(stored_at) = manifest.stored_at {
                steps.put_before("between the processes", stored_at);
            }
            let mut handed_over = join(manifest, descriptors, formats);
            steps.end("records");
            handed_over.steps = steps;
            Some(handed_over)
        }
        Err(error) => {
            let count = descriptors.len();
            log::error!("closing {count} descriptors of the previous process: its manifest {error}");
            None
        }
    }
}

/// Joins each record with its descriptor.
fn join(manifest: Manifest, descriptors: Vec<Packed>, formats: &RangeInclusive<u32>) -> HandedOver {
    let Manifest { mut state, others, connections: records, .. } = manifest;
    let (mut descriptors, sockets) = match_up(&records, others, descriptors);
    let wanted = records.len();
    let mut connections = Vec::with_capacity(wanted);
    let mut lost = Vec::new();
    for (record, socket) in records.into_iter().zip(sockets) {
        match socket {
            Some(descriptor) => connections.push(record.with_descriptor(descriptor)),
            None => lost.push(record.exported.state),
        }
    }
    let returned = connections.len();
    if returned < wanted {
        log::error!("systemd returned only {returned} of {wanted} connections of {}", state.writer);
    }
    if !formats.contains(&state.format) {
        log::error!(
            "{} wrote the state of its connections in format {}, which this version cannot read (it reads {} to {}): \
             closing {} connections so that their clients come back (1012)",
            state.writer,
            state.format,
            formats.start(),
            formats.end(),
            connections.len()
        );
        state.bytes.clear();
        descriptors.clear();
        lost.clear();
        for connection in &mut connections {
            connection.exported.state.clear();
        }
    }
    HandedOver { state, others: descriptors, connections, lost, steps: Steps::default() }
}

/// Returns the first `others` descriptors, and that of each record as far as it has come.
fn match_up(
    records: &[ExportedConnection<u64>],
    others: u64,
    packed: Vec<Packed>,
) -> (Vec<OwnedFd>, Vec<Option<OwnedFd>>) {
    let others = usize::try_from(others).unwrap_or(usize::MAX).min(packed.len());
    let places: Option<Vec<usize>> = packed.iter().map(|packed| packed.place).collect();
    let mut descriptors: Vec<OwnedFd> = packed.into_iter().map(|packed| packed.descriptor).collect();
    let Some(places) = places else {
        let sockets = descriptors.split_off(others);
        return (descriptors, by_cookies(records, sockets));
    };
    let mut found: Vec<Option<OwnedFd>> = Vec::new();
    found.resize_with(others.saturating_add(records.len()), || None);
    for (place, descriptor) in places.into_iter().zip(descriptors) {
        // Only a damaged manifest knows fewer connections than there are descriptors: what is too much ends.
        _ = found.get_mut(place).map(|found| found.replace(descriptor));
    }
    let sockets = found.split_off(others);
    // What belongs to the others is told by their order: those behind a lost one do not go on.
    (found.into_iter().map_while(|other| other).collect(), sockets)
}

/// Returns the socket that has the cookie of each record: versions up to 0.2.0 do not say which descriptor has which place.
fn by_cookies(records: &[ExportedConnection<u64>], sockets: Vec<OwnedFd>) -> Vec<Option<OwnedFd>> {
    let cookie = |socket: &OwnedFd| SockRef::from(socket).cookie().ok();
    let cookies = parallel::parts(&sockets, |part| part.iter().map(cookie).collect::<Vec<_>>());
    let with_cookie = |(cookie, socket): (Option<u64>, OwnedFd)| cookie.map(|cookie| (cookie, socket));
    let mut sockets: HashMap<u64, OwnedFd> =
        cookies.into_iter().flatten().zip(sockets).filter_map(with_cookie).collect();
    records.iter().map(|record| sockets.remove(&record.descriptor)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;
    use reactor::Exported;

    /// Two connections to hand over, of which the second has its turn first, and their peers.
    fn handed_over(format: u32) -> (HandedOver, Vec<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut connections, mut peers) = (Vec::new(), Vec::new());
        for (turn, name) in [(7, b"first"), (2, b"other")] {
            peers.push(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
            connections.push(ExportedConnection {
                descriptor: listener.accept().unwrap().0.into(),
                cookie: None,
                queued: Vec::new(),
                unconsumed: Vec::new(),
                deadline: Duration::from_secs(9),
                stalled: None,
                counted: None,
                exported: Exported { state: name.to_vec(), closing_bytes: b"bye".to_vec(), turn },
                written_at: Moment::now().instant,
                peer: None,
            });
        }
        let state = DaemonState { format, writer: "a test".to_owned(), bytes: b"stream".to_vec() };
        let others = vec![tempfile::tempfile().unwrap().into()];
        (HandedOver { state, others, connections, ..HandedOver::default() }, peers)
    }

    /// The manifest of what is handed over, and its descriptors with their places, if these are told.
    fn packed(handed_over: HandedOver, tells_places: bool) -> (Manifest, Vec<Packed>) {
        let HandedOver { state, others, connections, .. } = handed_over;
        let records = to_records(&in_turn(&connections), Moment::now()).unwrap();
        let manifest = [manifest::head(&state, others.len(), connections.len()), records].concat();
        let mut connections = connections;
        connections.sort_by_key(|connection| connection.exported.turn);
        let sockets = connections.into_iter().map(|connection| connection.descriptor);
        let place = |place| tells_places.then_some(place);
        let packed = others.into_iter().chain(sockets).zip(0..);
        let packed = packed.map(|(descriptor, number)| Packed { descriptor, place: place(number) }).collect();
        (manifest::from_bytes(&manifest, Moment::now(), 3).unwrap(), packed)
    }

    fn states(connections: &[ExportedConnection<OwnedFd>]) -> Vec<&[u8]> {
        connections.iter().map(|connection| connection.exported.state.as_slice()).collect()
    }

    #[test]
    fn each_connection_meets_its_own_state_again_in_whatever_order_the_descriptors_come() {
        for (tells_places, in_order) in [(true, true), (true, false), (false, true), (false, false)] {
            let (handed_over, mut peers) = handed_over(2);
            let (manifest, mut packed) = packed(handed_over, tells_places);
            if !in_order {
                // Versions that tell no places have the daemon's own descriptors come first.
                packed[usize::from(!tells_places)..].reverse();
            }
            let adopted = join(manifest, packed, &(1..=2));
            assert_eq!((adopted.state.bytes.as_slice(), adopted.others.len()), (&b"stream"[..], 1));
            let file = socket2::Socket::from(adopted.others.into_iter().next().unwrap());
            assert!(file.local_addr().is_err(), "a connection in the place of the daemon's own descriptor");
            assert_eq!(states(&adopted.connections), [b"other", b"first"]);
            for (live, peer) in adopted.connections.into_iter().rev().zip(&mut peers) {
                let name = live.exported.state;
                assert_eq!(live.deadline, Duration::from_secs(9));
                TcpStream::from(live.descriptor).write_all(&name).unwrap();
                let mut text = Vec::new();
                peer.read_to_end(&mut text).unwrap();
                assert_eq!(text, name, "told: {tells_places}");
            }
        }
    }

    #[test]
    fn those_whose_turn_comes_first_are_adopted_first() {
        let (handed_over, _peers) = handed_over(2);
        let (manifest, _) = packed(handed_over, true);
        let states = manifest.connections.iter().map(|connection| connection.exported.state.as_slice());
        assert_eq!(states.collect::<Vec<_>>(), [b"other", b"first"]);
    }

    #[test]
    fn of_an_unknown_format_only_the_closing_bytes_are_left() {
        let (handed_over, _peers) = handed_over(3);
        let (manifest, packed) = packed(handed_over, true);
        let adopted = join(manifest, packed, &(1..=2));
        assert!(adopted.state.bytes.is_empty() && adopted.others.is_empty());
        assert_eq!(adopted.connections.len(), 2);
        for live in &adopted.connections {
            assert_eq!(live.exported, Exported { closing_bytes: b"bye".to_vec(), ..Exported::default() });
        }
    }

    #[test]
    fn a_connection_whose_descriptor_was_lost_is_left_out() {
        for tells_places in [true, false] {
            let (handed_over, _peers) = handed_over(1);
            let (manifest, mut packed) = packed(handed_over, tells_places);
            packed.remove(1);
            let adopted = join(manifest, packed, &(1..=1));
            assert_eq!((states(&adopted.connections), adopted.others.len()), (vec![&b"first"[..]], 1));
            assert_eq!(adopted.lost, [b"other"]);
        }
    }

    #[test]
    fn behind_a_lost_descriptor_of_the_daemon_itself_no_other_takes_its_place() {
        let (mut handed_over, _peers) = handed_over(1);
        handed_over.others.push(tempfile::tempfile().unwrap().into());
        let (manifest, mut packed) = packed(handed_over, true);
        packed.remove(0);
        let adopted = join(manifest, packed, &(1..=1));
        assert_eq!((states(&adopted.connections), adopted.others.len()), (vec![&b"other"[..], b"first"], 0));
    }
}
