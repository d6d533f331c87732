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

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use sd_notify::NotifyState;
use socket2::SockRef;

pub use self::manifest::DaemonState;
use self::manifest::Manifest;
#[cfg(feature = "fuzzing")]
pub(crate) use self::manifest::rewritten;
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
}

/// Passes everything to the service manager, and returns when the service manager has it.
///
/// # Errors
/// There is no service manager, or the system has no more memory or descriptors.
pub fn store(handed_over: &HandedOver) -> io::Result<()> {
    let HandedOver { state, others, connections, .. } = handed_over;
    let at = Moment::now();
    let records = parallel::map(connections, |connection| to_record(connection, at));
    let records = records.into_iter().collect::<io::Result<Vec<_>>>()?;
    let manifest = manifest::to_bytes(state, others.len(), &records);
    let sockets = connections.iter().map(|connection| &connection.descriptor);
    let descriptors: Vec<BorrowedFd<'_>> = others.iter().chain(sockets).map(AsFd::as_fd).collect();
    notify::store(NAME, &pack::pack(&manifest, &descriptors)?)
}

fn to_record(connection: &ExportedConnection<OwnedFd>, at: Moment) -> io::Result<Vec<u8>> {
    Ok(manifest::to_record(SockRef::from(&connection.descriptor).cookie()?, connection, at))
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
    let unpacked = pack::unpack(kept);
    notify::send(&[NotifyState::FdStoreRemove, NotifyState::FdName(NAME)]);
    let (bytes, descriptors) = match unpacked {
        Ok(unpacked) => unpacked?,
        Err(error) => {
            log::error!("closing the connections of the previous process: {error}");
            return None;
        }
    };
    match manifest::from_bytes(&bytes, Moment::now()) {
        Ok(manifest) => Some(join(manifest, descriptors, formats)),
        Err(error) => {
            let count = descriptors.len();
            log::error!("closing {count} descriptors of the previous process: its manifest {error}");
            None
        }
    }
}

/// Joins each record with the descriptor that has its cookie, whatever their order.
fn join(manifest: Manifest, mut descriptors: Vec<OwnedFd>, formats: &RangeInclusive<u32>) -> HandedOver {
    let Manifest { mut state, others, connections: records } = manifest;
    let others = usize::try_from(others).unwrap_or(usize::MAX).min(descriptors.len());
    let sockets = descriptors.split_off(others);
    let cookies = parallel::map(&sockets, |socket| SockRef::from(socket).cookie().ok());
    let with_cookie = |(cookie, socket): (Option<u64>, OwnedFd)| cookie.map(|cookie| (cookie, socket));
    let mut sockets: HashMap<u64, OwnedFd> =
        cookies.into_iter().zip(sockets).filter_map(with_cookie).collect();
    let wanted = records.len();
    let mut connections = Vec::new();
    let mut lost = Vec::new();
    for record in records {
        match sockets.remove(&record.descriptor) {
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
    HandedOver { state, others: descriptors, connections, lost }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;
    use reactor::Exported;

    /// Two connections to hand over, and their peers.
    fn handed_over(format: u32) -> (HandedOver, Vec<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut connections, mut peers) = (Vec::new(), Vec::new());
        for name in [b"first", b"other"] {
            peers.push(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
            connections.push(ExportedConnection {
                descriptor: listener.accept().unwrap().0.into(),
                queued: Vec::new(),
                unconsumed: Vec::new(),
                deadline: Duration::from_secs(9),
                stalled: None,
                counted: None,
                exported: Exported { state: name.to_vec(), closing_bytes: b"bye".to_vec() },
                written_at: Moment::now().instant,
            });
        }
        let state = DaemonState { format, writer: "a test".to_owned(), bytes: b"stream".to_vec() };
        let others = vec![tempfile::tempfile().unwrap().into()];
        (HandedOver { state, others, connections, lost: Vec::new() }, peers)
    }

    /// What the next process gets if the descriptors come in another order.
    fn adopted(handed_over: HandedOver) -> HandedOver {
        let HandedOver { state, others, connections, .. } = handed_over;
        let records: Vec<Vec<u8>> =
            connections.iter().map(|connection| to_record(connection, Moment::now()).unwrap()).collect();
        let mut descriptors: Vec<OwnedFd> = connections.into_iter().map(|live| live.descriptor).collect();
        descriptors.reverse();
        let manifest = manifest::to_bytes(&state, 1, &records);
        let descriptors = others.into_iter().chain(descriptors).collect();
        join(manifest::from_bytes(&manifest, Moment::now()).unwrap(), descriptors, &(1..=2))
    }

    #[test]
    fn each_connection_meets_its_own_state_again_in_whatever_order_the_descriptors_come() {
        let (handed_over, mut peers) = handed_over(2);
        let adopted = adopted(handed_over);
        assert_eq!((adopted.state.bytes.as_slice(), adopted.others.len()), (&b"stream"[..], 1));
        for (live, peer) in adopted.connections.into_iter().zip(&mut peers) {
            let mut stream = TcpStream::from(live.descriptor);
            stream.write_all(&live.exported.state).unwrap();
            assert_eq!(live.deadline, Duration::from_secs(9));
            drop(stream);
            let mut text = Vec::new();
            peer.read_to_end(&mut text).unwrap();
            assert!([b"first", b"other"].contains(&&text[..].try_into().unwrap()));
        }
    }

    #[test]
    fn of_an_unknown_format_only_the_closing_bytes_are_left() {
        let (handed_over, _peers) = handed_over(3);
        let adopted = adopted(handed_over);
        assert!(adopted.state.bytes.is_empty() && adopted.others.is_empty());
        assert_eq!(adopted.connections.len(), 2);
        for live in &adopted.connections {
            assert_eq!(live.exported, Exported { state: Vec::new(), closing_bytes: b"bye".to_vec() });
        }
    }

    #[test]
    fn a_connection_whose_descriptor_was_lost_is_left_out() {
        let (mut handed_over, _peers) = handed_over(1);
        let records: Vec<Vec<u8>> = handed_over
            .connections
            .iter()
            .map(|connection| to_record(connection, Moment::now()).unwrap())
            .collect();
        let kept = handed_over.connections.remove(1).descriptor;
        let manifest = manifest::to_bytes(&handed_over.state, 0, &records);
        let adopted = join(manifest::from_bytes(&manifest, Moment::now()).unwrap(), vec![kept], &(1..=1));
        assert_eq!(adopted.connections.len(), 1);
        assert_eq!(adopted.connections[0].exported.state, b"other");
        assert_eq!(adopted.lost, [b"first"]);
    }
}
