//! The hand-over of live connections to the next process, through a service manager that keeps descriptors meanwhile.
//!
//! ```text
//!  the old process                        systemd                       the next process
//!  Stop::HandOver: workers end
//!  give away their connections
//!  pack: envelope + descriptors ──FDSTORE=1──▶ kept ──LISTEN_FDS──▶ unpack ──▶ the workers adopt them
//!  BARRIER=1, exit                                   ◀─FDSTOREREMOVE=1── (it would be empty the next time)
//! ```
//!
//! systemd keeps what is stored until the service has stopped for good; a restart is not that.

mod envelope;
mod pack;

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use socket2::SockRef;

pub use self::envelope::DaemonState;
use self::envelope::{Envelope, Record};
use super::notify;
use reactor::ExportedConnection;

/// The formats of a daemon that hands nothing over.
#[allow(clippy::reversed_empty_ranges, reason = "it is the empty range")]
pub const NONE: RangeInclusive<u32> = 1..=0;

/// What is stored is known by this name (`FDNAME=`, `LISTEN_FDNAMES`).
pub(super) const NAME: &str = "hand-over";

/// Everything that outlives a process.
#[derive(Debug, Default)]
pub struct HandedOver {
    /// The daemon's own state.
    pub stream: DaemonState,
    /// Descriptors of the daemon that are no connections, in its own order.
    pub others: Vec<OwnedFd>,
    /// The live connections.
    pub connections: Vec<ExportedConnection<OwnedFd>>,
}

/// Gives everything to the service manager, and returns when it has it.
///
/// # Errors
/// There is no service manager, or the system has no more memory or descriptors.
pub fn store(legacy: &HandedOver) -> io::Result<()> {
    let HandedOver { stream, others, connections } = legacy;
    let records = connections.iter().map(record).collect::<io::Result<_>>()?;
    let envelope = Envelope { stream: stream.clone(), others: others.len() as u64, records }.to_bytes();
    let descriptors: Vec<BorrowedFd<'_>> = others
        .iter()
        .map(AsFd::as_fd)
        .chain(connections.iter().map(|connection| connection.descriptor.as_fd()))
        .collect();
    let kept = pack::pack(&envelope, &descriptors)?;
    notify::store(NAME, &kept)
}

/// Says goodbye to everybody who cannot be handed over, as far as the kernel takes it at once.
pub fn send_closing_bytes(legacy: HandedOver) {
    for connection in legacy.connections {
        let mut socket = socket2::Socket::from(connection.descriptor);
        let said = socket
            .write_all(&connection.queued)
            .and_then(|()| socket.write_all(&connection.exported.closing_bytes));
        if let Err(error) = said.and_then(|()| socket.shutdown(std::net::Shutdown::Write)) {
            log::debug!("a farewell: {error}");
        }
    }
}

/// Takes what the process before this one left; `None` if that was nothing.
///
/// Connections whose state was written in a format outside of `formats` come without it: the reactor says their
/// farewell. So do all, with an empty state of the daemon's own, if that is what cannot be read.
pub(super) fn take(kept: &[UnixDatagram], formats: &RangeInclusive<u32>) -> Option<HandedOver> {
    if kept.is_empty() {
        return None;
    }
    let taken = pack::unpack(kept);
    notify::remove(NAME);
    let (bytes, descriptors) = match taken {
        Ok(taken) => taken?,
        Err(error) => {
            log::error!(
                "taking over the connections of the process before this one: {error}; they are closed"
            );
            return None;
        }
    };
    match Envelope::from_bytes(&bytes) {
        Ok(envelope) => Some(open(envelope, descriptors, formats)),
        Err(error) => {
            let count = descriptors.len();
            log::error!("{count} descriptors of the process before this one are closed: {error}");
            None
        }
    }
}

fn record(connection: &ExportedConnection<OwnedFd>) -> io::Result<Record> {
    Ok(Record {
        cookie: SockRef::from(&connection.descriptor).cookie()?,
        queued: connection.queued.clone(),
        unconsumed: connection.unconsumed.clone(),
        deadline: connection.deadline,
        counted: connection.counted,
        exported: connection.exported.clone(),
    })
}

/// Brings records and descriptors together.
fn open(envelope: Envelope, mut descriptors: Vec<OwnedFd>, formats: &RangeInclusive<u32>) -> HandedOver {
    let Envelope { mut stream, others, records } = envelope;
    let others = usize::try_from(others).unwrap_or(usize::MAX).min(descriptors.len());
    let mut sockets: HashMap<u64, OwnedFd> = HashMap::new();
    for socket in descriptors.split_off(others) {
        if let Ok(cookie) = SockRef::from(&socket).cookie() {
            sockets.insert(cookie, socket);
        }
    }
    let wanted = records.len();
    let mut connections: Vec<ExportedConnection<OwnedFd>> =
        records.into_iter().filter_map(|record| live(record, &mut sockets)).collect();
    let lost = wanted - connections.len();
    if lost > 0 {
        log::error!("{lost} of {wanted} connections of {} are lost: they were not kept", stream.writer);
    }
    if !formats.contains(&stream.format) {
        log::error!(
            "{} wrote the state of its connections in format {}, which this version cannot read (it reads {} to {}): \
             {} connections are closed, and their clients told to come back (1012)",
            stream.writer,
            stream.format,
            formats.start(),
            formats.end(),
            connections.len()
        );
        stream.state = Vec::new();
        descriptors = Vec::new();
        for connection in &mut connections {
            connection.exported.state = Vec::new();
        }
    }
    HandedOver { stream, others: descriptors, connections }
}

fn live(record: Record, sockets: &mut HashMap<u64, OwnedFd>) -> Option<ExportedConnection<OwnedFd>> {
    let Record { cookie, queued, unconsumed, deadline, counted, exported } = record;
    let descriptor = sockets.remove(&cookie)?;
    Some(ExportedConnection { descriptor, queued, unconsumed, deadline, counted, exported })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;
    use reactor::Exported;

    /// A legacy of two connections, and their peers.
    fn legacy(format: u32) -> (HandedOver, Vec<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut connections, mut peers) = (Vec::new(), Vec::new());
        for name in [b"first", b"other"] {
            peers.push(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
            connections.push(ExportedConnection {
                descriptor: listener.accept().unwrap().0.into(),
                queued: Vec::new(),
                unconsumed: Vec::new(),
                deadline: Duration::from_secs(9),
                counted: None,
                exported: Exported { state: name.to_vec(), closing_bytes: b"bye".to_vec() },
            });
        }
        let stream = DaemonState { format, writer: "a test".to_owned(), state: b"stream".to_vec() };
        (HandedOver { stream, others: vec![tempfile::tempfile().unwrap().into()], connections }, peers)
    }

    /// The legacy after its way through a pack, its descriptors in another order.
    fn passed_on(legacy: HandedOver) -> HandedOver {
        let HandedOver { stream, others, connections } = legacy;
        let records = connections.iter().map(|connection| record(connection).unwrap()).collect();
        let mut descriptors: Vec<OwnedFd> = connections.into_iter().map(|live| live.descriptor).collect();
        descriptors.reverse();
        let envelope = Envelope { stream, others: 1, records };
        let descriptors = others.into_iter().chain(descriptors).collect();
        open(Envelope::from_bytes(&envelope.to_bytes()).unwrap(), descriptors, &(1..=2))
    }

    #[test]
    fn each_connection_meets_its_own_state_again_in_whatever_order_the_descriptors_come() {
        let (legacy, mut peers) = legacy(2);
        let passed = passed_on(legacy);
        assert_eq!((passed.stream.state.as_slice(), passed.others.len()), (&b"stream"[..], 1));
        for (live, peer) in passed.connections.into_iter().zip(&mut peers) {
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
    fn of_a_format_that_is_not_known_the_farewells_are_left() {
        let (legacy, _peers) = legacy(3);
        let passed = passed_on(legacy);
        assert!(passed.stream.state.is_empty() && passed.others.is_empty());
        assert_eq!(passed.connections.len(), 2);
        for live in &passed.connections {
            assert_eq!(live.exported, Exported { state: Vec::new(), closing_bytes: b"bye".to_vec() });
        }
    }

    #[test]
    fn a_connection_whose_descriptor_was_lost_is_left_out() {
        let (mut legacy, _peers) = legacy(1);
        let records = legacy.connections.iter().map(|connection| record(connection).unwrap()).collect();
        let kept = legacy.connections.remove(1).descriptor;
        let envelope = Envelope { stream: legacy.stream, others: 0, records };
        let passed = open(envelope, vec![kept], &(1..=1));
        assert_eq!(passed.connections.len(), 1);
        assert_eq!(passed.connections[0].exported.state, b"other");
    }
}
