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
mod returning;
mod steps;

use std::io::{self, Write as _};
use std::iter;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use common::codec::Writer;
use sd_notify::NotifyState;
use socket2::SockRef;

pub use self::manifest::DaemonState;
use self::manifest::Manifest;
#[cfg(feature = "fuzzing")]
pub(crate) use self::manifest::rewritten;
use self::pack::Queue;
pub use self::returning::Returning;
use self::returning::take_back;
pub use self::steps::Steps;
use crate::clock::Moment;
use crate::notify;
use reactor::ExportedConnection;

/// The formats of a daemon that hands nothing over.
#[allow(clippy::reversed_empty_ranges, reason = "it is the empty range")]
pub const NONE: RangeInclusive<u32> = 1..=0;

/// The name of the stored descriptors (`FDNAME=`, `LISTEN_FDNAMES`).
pub(super) const NAME: &str = "hand-over";

/// Everything of a daemon that outlives its process, as that leaves it.
#[derive(Debug, Default)]
pub struct HandedOver {
    /// What the daemon knows beside its connections.
    pub state: DaemonState,
    /// Descriptors that are not connections; their order is the daemon's.
    pub others: Vec<OwnedFd>,
    /// The live connections of all workers, in no order.
    pub connections: Vec<ExportedConnection<OwnedFd>>,
    /// Polls that still watch the connections. The next process closes them when nobody waits for that; versions up to 0.2.0 do at once.
    pub watches: Vec<OwnedFd>,
    /// What each step of the hand-over has taken so far in this process.
    pub steps: Steps,
}

/// The same as the next process finds it.
#[derive(Debug)]
pub struct Previous {
    /// What the daemon knew beside its connections.
    pub state: DaemonState,
    /// Descriptors that are not connections, up to the first that was lost.
    pub others: Vec<OwnedFd>,
    /// Its live connections, which are on their way.
    pub connections: Returning,
    /// What each step of the hand-over has taken so far in this process.
    pub steps: Steps,
}

/// Passes everything to the service manager, and returns when the service manager has it: what each step took.
///
/// # Errors
/// There is no service manager, or the system has no more memory or descriptors.
pub fn store(handed_over: &HandedOver) -> io::Result<Steps> {
    let HandedOver { state, others, connections, watches, steps } = handed_over;
    let (mut steps, at) = (steps.clone(), Moment::now());
    let export_began = connections.iter().map(|connection| connection.written_at).min();
    steps.end_at("stop", export_began.unwrap_or(at.instant));
    steps.end_at("export", at.instant);
    let connections = in_turn(connections);
    let records = parallel::parts(&connections, |part| to_records(part, at));
    let records = records.into_iter().collect::<io::Result<Vec<_>>>()?;
    let head = manifest::head(state, others.len(), connections.len());
    steps.end("records");
    let manifest: Vec<&[u8]> = iter::once(&head).chain(&records).map(Vec::as_slice).collect();
    let sockets = connections.iter().map(|connection| &connection.descriptor);
    let descriptors: Vec<BorrowedFd<'_>> =
        others.iter().chain(sockets).chain(watches).map(AsFd::as_fd).collect();
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
pub fn send_closing_bytes(connections: impl IntoIterator<Item = ExportedConnection<OwnedFd>>) {
    for connection in connections {
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
pub(super) fn adopt(kept: Vec<UnixDatagram>, formats: &RangeInclusive<u32>) -> Option<Previous> {
    if kept.is_empty() {
        return None;
    }
    let mut steps = Steps::default();
    let unpacked = pack::unpack(kept);
    // Without the manifest, nobody could adopt what is still in the queues, which live on in this process.
    notify::send(&[NotifyState::FdStoreRemove, NotifyState::FdName(NAME)]);
    let (bytes, queue) = match unpacked {
        Ok(unpacked) => unpacked?,
        Err(error) => {
            log::error!("closing the connections of the previous process: {error}");
            return None;
        }
    };
    let manifest = match manifest::from_bytes(bytes, Moment::now()) {
        Ok(manifest) => manifest,
        Err(error) => {
            log::error!("closing the connections of the previous process: its manifest {error}");
            return None;
        }
    };
    if let Some(stored_at) = manifest.stored_at {
        steps.put_before("between the processes", stored_at);
    }
    let previous = open(manifest, queue, formats);
    steps.end("manifest");
    match previous {
        Ok(previous) => Some(Previous { steps, ..previous }),
        Err(error) => {
            log::error!("closing the connections of the previous process: {error}");
            None
        }
    }
}

/// What the manifest says, and the queue holds.
fn open(manifest: Manifest, queue: Queue, formats: &RangeInclusive<u32>) -> io::Result<Previous> {
    let Manifest { mut state, others, records, .. } = manifest;
    let (mut others, mut connections) = take_back(queue, others, records, &state.writer)?;
    if !formats.contains(&state.format) {
        log::error!(
            "{} wrote the state of its connections in format {}, which this version cannot read (it reads {} to {}): \
             closing {} connections so that their clients come back (1012)",
            state.writer,
            state.format,
            formats.start(),
            formats.end(),
            connections.left()
        );
        state.bytes.clear();
        others.clear();
        connections.forget_states();
    }
    Ok(Previous { state, others, connections, steps: Steps::default() })
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

    /// A socket for the manifest of what is handed over, and one for each descriptor, with its place, if these are told.
    fn queued(handed_over: &HandedOver, tells_places: bool) -> Vec<UnixDatagram> {
        let HandedOver { state, others, connections, watches, .. } = handed_over;
        let connections = in_turn(connections);
        let records = to_records(&connections, Moment::now()).unwrap();
        let manifest = [manifest::head(state, others.len(), connections.len()), records].concat();
        let mut memory = tempfile::tempfile().unwrap();
        memory.write_all(&manifest).unwrap();
        let sockets = connections.iter().map(|connection| &connection.descriptor);
        let places = (0..).map(|place| tells_places.then_some(place));
        let rest = others.iter().chain(sockets).chain(watches).map(AsFd::as_fd).zip(places);
        iter::once((memory.as_fd(), None)).chain(rest).map(|(one, place)| queued_alone(one, place)).collect()
    }

    fn queued_alone(descriptor: BorrowedFd<'_>, place: Option<u64>) -> UnixDatagram {
        let (sender, kept) = UnixDatagram::pair().unwrap();
        pack::send(&sender, place, &[descriptor]).unwrap();
        kept
    }

    /// The state of each that comes, and whether it has its descriptor.
    fn states(returning: Returning) -> Vec<(Vec<u8>, bool)> {
        returning.flatten().map(|live| (live.exported.state, live.descriptor.is_some())).collect()
    }

    fn there(name: &[u8]) -> (Vec<u8>, bool) {
        (name.to_vec(), true)
    }

    #[test]
    fn each_connection_meets_its_own_state_again_in_whatever_order_the_sockets_come() {
        for (tells_places, in_order) in [(true, true), (true, false), (false, true), (false, false)] {
            let (handed_over, mut peers) = handed_over(2);
            let mut kept = queued(&handed_over, tells_places);
            drop(handed_over);
            if !in_order {
                // Versions that tell no places have the manifest come first, and the daemon's own descriptors behind it.
                kept[if tells_places { 0 } else { 2 }..].reverse();
            }
            let adopted = adopt(kept, &(1..=2)).unwrap();
            assert_eq!((adopted.state.bytes.as_slice(), adopted.others.len()), (&b"stream"[..], 1));
            let file = socket2::Socket::from(adopted.others.into_iter().next().unwrap());
            assert!(file.local_addr().is_err(), "a connection in the place of the daemon's own descriptor");
            assert_eq!(adopted.connections.left(), 2);
            let connections: Vec<_> = adopted.connections.returned().collect();
            let names = connections.iter().map(|live| live.exported.state.as_slice());
            assert_eq!(names.collect::<Vec<_>>(), [b"other", b"first"]);
            for (live, peer) in connections.into_iter().rev().zip(&mut peers) {
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
    fn those_whose_turn_comes_first_come_back_first_while_the_others_wait_in_the_queue() {
        let (handed_over, _peers) = handed_over(2);
        let mut kept = queued(&handed_over, true);
        // Both in one socket.
        kept.truncate(2);
        let (sender, both) = UnixDatagram::pair().unwrap();
        for (connection, place) in in_turn(&handed_over.connections).into_iter().zip(1..) {
            pack::send(&sender, Some(place), &[connection.descriptor.as_fd()]).unwrap();
        }
        kept.push(both.try_clone().unwrap());
        let mut connections = adopt(kept, &(1..=2)).unwrap().connections;
        assert!(connections.export_began().is_some_and(|began| began <= Moment::now().instant));
        let first = connections.next().unwrap();
        assert_eq!((first.len(), &first[0].exported.state[..], connections.left()), (1, &b"other"[..], 1));
        // The other one is still in the queue, and can be lost there.
        both.set_nonblocking(true).unwrap();
        assert_eq!(both.recv(&mut [0; 9]).unwrap(), 9);
        assert_eq!(states(connections), [(b"first".to_vec(), false)]);
    }

    #[test]
    fn of_an_unknown_format_only_the_closing_bytes_are_left() {
        let (handed_over, _peers) = handed_over(3);
        let adopted = adopt(queued(&handed_over, true), &(1..=2)).unwrap();
        assert!(adopted.state.bytes.is_empty() && adopted.others.is_empty());
        let connections: Vec<_> = adopted.connections.returned().collect();
        assert_eq!(connections.len(), 2);
        for live in connections {
            assert_eq!(live.exported, Exported { closing_bytes: b"bye".to_vec(), ..Exported::default() });
        }
    }

    #[test]
    fn a_connection_whose_descriptor_was_lost_comes_without_and_the_others_with_their_own() {
        for (lost, tells_places) in [(2, true), (2, false), (3, true), (3, false)] {
            let (handed_over, _peers) = handed_over(1);
            let mut kept = queued(&handed_over, tells_places);
            kept.remove(lost);
            let adopted = adopt(kept, &(1..=1)).unwrap();
            assert_eq!(adopted.others.len(), 1);
            let expected = [(b"other".to_vec(), lost != 2), (b"first".to_vec(), lost != 3)];
            assert_eq!(states(adopted.connections), expected, "told: {tells_places}");
        }
    }

    #[test]
    fn behind_a_lost_descriptor_of_the_daemon_itself_no_other_takes_its_place() {
        let (mut handed_over, _peers) = handed_over(1);
        handed_over.others.push(tempfile::tempfile().unwrap().into());
        let mut kept = queued(&handed_over, true);
        kept.remove(1);
        let adopted = adopt(kept, &(1..=1)).unwrap();
        assert_eq!(
            (states(adopted.connections), adopted.others.len()),
            (vec![there(b"other"), there(b"first")], 0)
        );
    }

    #[test]
    fn a_descriptor_that_no_record_has_ends_and_no_connection_takes_it() {
        let (handed_over, _peers) = handed_over(1);
        let file = tempfile::tempfile().unwrap();
        // The place of the daemon's own, and one that was filled before.
        for place in [0, 1] {
            let mut kept = queued(&handed_over, true);
            kept.push(queued_alone(file.as_fd(), Some(place)));
            let adopted = adopt(kept, &(1..=1)).unwrap();
            assert_eq!(adopted.others.len(), 1);
            assert_eq!(states(adopted.connections), [there(b"other"), there(b"first")], "place {place}");
        }
    }

    #[test]
    fn the_polls_of_the_previous_process_are_closed_a_while_after_all_are_back() {
        let (mut handed_over, _peers) = handed_over(1);
        let (poll, mut other_end) = std::os::unix::net::UnixStream::pair().unwrap();
        other_end.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        handed_over.watches.push(poll.into());
        let kept = queued(&handed_over, true);
        drop(handed_over);
        let connections = adopt(kept, &(1..=1)).unwrap().connections;
        let watches = connections.watches();
        assert_eq!(states(connections), [there(b"other"), there(b"first")]);
        other_end.set_nonblocking(true).unwrap();
        assert!(other_end.read(&mut [0]).is_err(), "it is still open");
        other_end.set_nonblocking(false).unwrap();
        watches.close_after(Duration::from_millis(1));
        assert_eq!(other_end.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn of_a_damaged_manifest_nobody_comes_back() {
        let (handed_over, mut peers) = handed_over(1);
        let mut kept = queued(&handed_over, true);
        drop(handed_over);
        let mut damaged = tempfile::tempfile().unwrap();
        // The last record is not whole.
        damaged.write_all(&manifest::head(&DaemonState::default(), 1, 2)).unwrap();
        damaged.write_all(&[0; 8]).unwrap();
        kept[0] = queued_alone(damaged.as_fd(), None);
        assert!(adopt(kept, &(1..=1)).is_none());
        for peer in &mut peers {
            assert_eq!(peer.read(&mut [0]).unwrap(), 0, "it is closed");
        }
    }
}
