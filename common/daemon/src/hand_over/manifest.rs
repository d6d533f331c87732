//! The manifest: what one process writes for the next, as bytes.
//!
//! ```text
//!  magic · format · writer · state · others · count · records… · stored at
//!  record: cookie · queued · closing bytes │ unconsumed · deadline · counted · state · stalled · written at · peer
//!          the same in every layout        │ read only if the format is known
//! ```
//!
//! When the service manager has it all, the process before appends that moment. Earlier versions end with the records, and read no further.
//!
//! The first part of a record is enough to end a connection politely: it has the rest of what was begun, then the closing
//! bytes in the connection's own dialect. A process that cannot read the second part, being older or newer, sends those.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use common::codec::{Reader, Writer};
use reactor::{Exported, ExportedConnection};

use crate::clock::Moment;

const MAGIC: &[u8; 20] = b"datecast hand-over 1";

/// What a daemon leaves to its successor beside its connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonState {
    /// The format of `bytes` and of every connection's state. A process adopts only what has a format that it can read.
    pub format: u32,
    /// The name and version of the program that wrote it, for the log.
    pub writer: String,
    /// The daemon's own state, in its own format.
    pub bytes: Vec<u8>,
}

/// What [`from_bytes`] reads. The descriptors travel beside it: in place of each is the `SO_COOKIE` of its socket.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) state: DaemonState,
    /// How many descriptors come before those of the connections: the daemon's own.
    pub(super) others: u64,
    pub(super) connections: Vec<ExportedConnection<u64>>,
    /// When the service manager had it all; `None` if the process before did not write it down.
    pub(super) stored_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ManifestError {
    #[error("does not begin like one of datecast")]
    Magic,
    #[error("is damaged")]
    Damaged,
}

/// The manifest without its records, of which there are `count`.
pub(super) fn head(state: &DaemonState, others: usize, count: usize) -> Vec<u8> {
    let mut to = Writer::default();
    to.raw(MAGIC);
    to.long(state.format.into());
    to.bytes(state.writer.as_bytes());
    to.bytes(&state.bytes);
    to.long(others as u64);
    to.long(count as u64);
    to.into_bytes()
}

/// What goes behind the records once the service manager has everything.
pub(super) fn end(stored_at: Moment) -> Vec<u8> {
    let mut to = Writer::default();
    to.long(stored_at.write(stored_at.instant));
    to.into_bytes()
}

/// Appends the record of a connection at this moment. Its `cookie` will find its descriptor where nothing else tells its place.
pub(super) fn put_record<D>(cookie: u64, connection: &ExportedConnection<D>, at: Moment, to: &mut Writer) {
    to.nested(|to| put_fields(cookie, connection, at, to));
}

fn put_fields<D>(cookie: u64, connection: &ExportedConnection<D>, at: Moment, to: &mut Writer) {
    to.long(cookie);
    to.bytes(&connection.queued);
    to.bytes(&connection.exported.closing_bytes);
    to.bytes(&connection.unconsumed);
    to.millis(connection.deadline);
    to.address(connection.counted);
    to.bytes(&connection.exported.state);
    to.flag(connection.stalled.is_some());
    to.millis(connection.stalled.unwrap_or_default());
    to.long(at.write(connection.written_at));
    to.address(connection.peer.map(|peer| peer.ip()));
    to.long(connection.peer.map_or(0, |peer| peer.port().into()));
}

/// Reads it back at this moment. It makes room for at most as many connections as there are `descriptors`.
pub(super) fn from_bytes(bytes: &[u8], at: Moment, descriptors: usize) -> Result<Manifest, ManifestError> {
    let mut from = Reader::new(bytes);
    if from.take().as_ref() != Some(MAGIC) {
        return Err(ManifestError::Magic);
    }
    read(&mut from, at, descriptors).ok_or(ManifestError::Damaged)
}

/// A manifest as this process would write it again; `None` if it cannot be read.
#[cfg(feature = "fuzzing")]
pub(crate) fn rewritten(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = Moment::now();
    let Manifest { state, others, connections, .. } = from_bytes(bytes, at, 0).ok()?;
    let mut records = Writer::default();
    for connection in &connections {
        put_record(connection.descriptor, connection, at, &mut records);
    }
    let head = head(&state, usize::try_from(others).ok()?, connections.len());
    Some([head, records.into_bytes()].concat())
}

fn read(from: &mut Reader<'_>, at: Moment, descriptors: usize) -> Option<Manifest> {
    let format = from.word()?;
    let writer = String::from_utf8_lossy(from.bytes()?).into_owned();
    let state = DaemonState { format, writer, bytes: from.bytes()?.to_vec() };
    let (others, count) = (from.long()?, from.long()?);
    let most = usize::try_from(count).unwrap_or(usize::MAX).min(descriptors);
    let mut connections = Vec::with_capacity(most);
    for _ in 0..count {
        connections.push(read_record(from.bytes()?, at)?);
    }
    let stored_at = from.long().and_then(|stored_at| at.read(stored_at));
    Some(Manifest { state, others, connections, stored_at })
}

/// Returns `None` if the first part is incomplete. If the second part is unreadable, the state is empty, and the reactor
/// sends the closing bytes instead of adopting the connection.
fn read_record(bytes: &[u8], at: Moment) -> Option<ExportedConnection<u64>> {
    let mut from = Reader::new(bytes);
    let mut connection = ExportedConnection {
        descriptor: from.long()?,
        cookie: None,
        queued: from.bytes()?.to_vec(),
        exported: Exported { closing_bytes: from.bytes()?.to_vec(), ..Exported::default() },
        unconsumed: Vec::new(),
        deadline: Duration::ZERO,
        stalled: None,
        counted: None,
        written_at: at.instant,
        peer: None,
    };
    _ = read_second_part(&mut connection, &mut from, at);
    Some(connection)
}

fn read_second_part(
    connection: &mut ExportedConnection<u64>,
    from: &mut Reader<'_>,
    at: Moment,
) -> Option<()> {
    connection.unconsumed = from.bytes()?.to_vec();
    connection.deadline = from.millis()?;
    connection.counted = from.address()?;
    connection.exported.state = from.bytes()?.to_vec();
    // Version 0.1.0 ends here.
    let (is_stalled, left) = (from.flag()?, from.millis()?);
    connection.stalled = is_stalled.then_some(left);
    // Earlier versions end here: as far as one can tell, it has just been written.
    connection.written_at = at.read(from.long()?)?;
    // And these here: the reactor asks the kernel.
    let (peer, port) = (from.address()?, u16::try_from(from.long()?).ok()?);
    connection.peer = peer.map(|peer| SocketAddr::new(peer, port));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thousand seconds after the boot.
    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
    fn moment() -> Moment {
        Moment { instant: std::time::Instant::now(), since_boot: Duration::from_secs(1000) }
    }

    fn manifest(at: Moment) -> Manifest {
        let connection = |descriptor, counted: Option<&str>| ExportedConnection {
            descriptor,
            cookie: None,
            queued: b"half a fra".to_vec(),
            unconsumed: b"GET /".to_vec(),
            deadline: Duration::from_millis(29_999),
            stalled: counted.map(|_| Duration::from_millis(777)),
            counted: counted.map(|address| address.parse().unwrap()),
            exported: Exported { state: vec![1, 2, 3], closing_bytes: b"\x88\x02\x03\xf4".to_vec(), turn: 0 },
            written_at: at.instant,
            peer: counted.map(|address| SocketAddr::new(address.parse().unwrap(), 40132)),
        };
        Manifest {
            state: DaemonState { format: 1, writer: "ws-server 0.1.0".to_owned(), bytes: vec![9; 100] },
            others: 2,
            connections: vec![
                connection(7, None),
                connection(8, Some("192.0.2.1")),
                connection(9, Some("2001:db8::1")),
            ],
            stored_at: Some(at.instant),
        }
    }

    fn bytes(at: Moment) -> Vec<u8> {
        let Manifest { state, connections, stored_at, .. } = manifest(at);
        let mut records = Writer::default();
        for live in &connections {
            put_record(live.descriptor, live, at, &mut records);
        }
        let end = stored_at.map(|instant| end(Moment { instant, ..at })).unwrap_or_default();
        [head(&state, 2, connections.len()), records.into_bytes(), end].concat()
    }

    #[test]
    fn what_was_written_is_read_back() {
        // The reactor's type has no `PartialEq`; its `Debug` shows every field.
        let at = moment();
        let later = Duration::from_secs(5);
        let next = Moment { instant: at.instant + later, since_boot: at.since_boot + later };
        assert_eq!(
            format!("{:?}", from_bytes(&bytes(at), next, 3)),
            format!("{:?}", Ok::<_, ManifestError>(manifest(at))),
            "the same instants, whenever it is read"
        );
    }

    #[test]
    fn a_record_without_its_moment_or_with_one_that_is_yet_to_come_was_just_written() {
        let at = moment();
        let connections = manifest(at).connections;
        let mut record = Writer::default();
        put_fields(7, &connections[0], at, &mut record);
        let mut record = record.into_bytes();
        let before = Moment { since_boot: Duration::from_secs(999), ..at };
        assert_eq!(read_record(&record, before).unwrap().written_at, before.instant);
        // The moment, and behind it the peer.
        record.truncate(record.len() - 17);
        let read = read_record(&record, at).unwrap();
        assert_eq!((read.written_at, read.exported), (at.instant, connections[0].exported.clone()));
    }

    #[test]
    fn what_is_cut_off_is_damaged_and_what_is_something_else_is_told_apart() {
        let at = moment();
        let mut bytes = bytes(at);
        // The moment behind the records may be missing.
        bytes.truncate(bytes.len() - 8);
        assert_eq!(from_bytes(&bytes, at, 3).unwrap().stored_at, None);
        for len in 0..MAGIC.len() {
            assert_eq!(from_bytes(&bytes[..len], at, 0).unwrap_err(), ManifestError::Magic);
        }
        for len in MAGIC.len()..bytes.len() {
            assert_eq!(from_bytes(&bytes[..len], at, 0).unwrap_err(), ManifestError::Damaged, "{len} bytes");
        }
        let something_else = [&b"datecast hand-over 2"[..], &bytes[MAGIC.len()..]].concat();
        assert_eq!(from_bytes(&something_else, at, 0).unwrap_err(), ManifestError::Magic);
    }

    #[test]
    fn closing_bytes_can_be_read_however_the_rest_of_the_record_looks() {
        let mut to = Writer::default();
        to.long(7);
        to.bytes(b"queued");
        to.bytes(b"bye");
        to.raw(b"a layout of the year 2030");
        let record = read_record(&to.into_bytes(), moment()).unwrap();
        assert_eq!((record.descriptor, record.queued.as_slice()), (7, &b"queued"[..]));
        assert_eq!(record.exported, Exported { closing_bytes: b"bye".to_vec(), ..Exported::default() });
    }

    #[test]
    fn no_length_in_the_bytes_sizes_an_allocation() {
        let mut to = Writer::default();
        to.raw(MAGIC);
        to.long(1);
        to.bytes(b"");
        to.bytes(b"");
        to.long(0);
        to.long(u64::MAX);
        assert_eq!(from_bytes(&to.into_bytes(), moment(), 7).unwrap_err(), ManifestError::Damaged);
    }
}
