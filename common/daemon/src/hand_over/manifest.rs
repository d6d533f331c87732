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
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use common::codec::{Reader, Writer};
use reactor::{Exported, ExportedConnection};

use crate::clock::Moment;

const MAGIC: &[u8; 20] = b"datecast hand-over 1";
/// Each worker writes its records at one moment, and among so many there is one of each worker.
const OF_EACH_WORKER: usize = 256;

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
    pub(super) records: Records,
    /// When the service manager had it all; `None` if the process before did not write it down.
    pub(super) stored_at: Option<Instant>,
}

/// The records of a manifest, of which each has its first part. They are read one by one, as their descriptors come.
pub(super) struct Records {
    /// The manifest.
    bytes: Vec<u8>,
    /// Where the next one begins.
    begin: usize,
    left: usize,
    /// When the manifest is read.
    at: Moment,
}

/// Shows lengths alone: half a request may hold what its client keeps secret.
impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("bytes", &self.bytes.len())
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl Records {
    /// The bytes of each that is left.
    fn each(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = Reader::new(self.bytes.get(self.begin..).unwrap_or_default());
        (0..self.left).map_while(move |_| from.bytes())
    }

    /// The cookie of each that is left.
    pub(super) fn cookies(&self) -> impl Iterator<Item = u64> {
        self.each().filter_map(|record| Some(read_first_part(&mut Reader::new(record))?.0))
    }

    /// When the first of them was written; `None` without any.
    pub(super) fn written_at(&self) -> Option<Instant> {
        let some = self.each().take(OF_EACH_WORKER).filter_map(|record| read_record(record, self.at));
        some.map(|record| record.written_at).min()
    }
}

impl Iterator for Records {
    type Item = ExportedConnection<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let mut from = Reader::new(self.bytes.get(self.begin..)?);
        let record = from.bytes()?;
        self.begin = self.bytes.len() - from.left();
        read_record(record, self.at)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Records {}

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

/// Reads it back at this moment.
pub(super) fn from_bytes(bytes: Vec<u8>, at: Moment) -> Result<Manifest, ManifestError> {
    if !bytes.starts_with(MAGIC) {
        return Err(ManifestError::Magic);
    }
    read(bytes, at).ok_or(ManifestError::Damaged)
}

/// A manifest as this process would write it again; `None` if it cannot be read.
#[cfg(feature = "fuzzing")]
pub(crate) fn rewritten(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = Moment::now();
    let Manifest { state, others, records, .. } = from_bytes(bytes.to_vec(), at).ok()?;
    let head = head(&state, usize::try_from(others).ok()?, records.len());
    let mut to = Writer::default();
    for connection in records {
        put_record(connection.descriptor, &connection, at, &mut to);
    }
    Some([head, to.into_bytes()].concat())
}

fn read(bytes: Vec<u8>, at: Moment) -> Option<Manifest> {
    let mut from = Reader::new(bytes.get(MAGIC.len()..)?);
    let format = from.word()?;
    let writer = String::from_utf8_lossy(from.bytes()?).into_owned();
    let state = DaemonState { format, writer, bytes: from.bytes()?.to_vec() };
    let (others, count) = (from.long()?, from.long()?);
    let begin = bytes.len() - from.left();
    for _ in 0..count {
        read_first_part(&mut Reader::new(from.bytes()?))?;
    }
    let stored_at = from.long().and_then(|stored_at| at.read(stored_at));
    let records = Records { begin, left: usize::try_from(count).ok()?, at, bytes };
    Some(Manifest { state, others, records, stored_at })
}

/// The cookie, the queued bytes and the closing bytes.
fn read_first_part<'b>(from: &mut Reader<'b>) -> Option<(u64, &'b [u8], &'b [u8])> {
    Some((from.long()?, from.bytes()?, from.bytes()?))
}

/// Returns `None` if the first part is incomplete. If the second part is unreadable, the state is empty, and the reactor
/// sends the closing bytes instead of adopting the connection.
fn read_record(bytes: &[u8], at: Moment) -> Option<ExportedConnection<u64>> {
    let mut from = Reader::new(bytes);
    let (descriptor, queued, closing_bytes) = read_first_part(&mut from)?;
    let mut connection = ExportedConnection {
        descriptor,
        cookie: None,
        queued: queued.to_vec(),
        exported: Exported { closing_bytes: closing_bytes.to_vec(), ..Exported::default() },
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

    /// What a manifest says.
    #[derive(Debug)]
    struct Said {
        state: DaemonState,
        connections: Vec<ExportedConnection<u64>>,
        stored_at: Option<Instant>,
    }

    fn read_back(bytes: &[u8], at: Moment) -> Result<Said, ManifestError> {
        let Manifest { state, others, records, stored_at } = from_bytes(bytes.to_vec(), at)?;
        assert_eq!(others, 2);
        assert_eq!(records.cookies().collect::<Vec<_>>(), [7, 8, 9], "as one asks before");
        Ok(Said { state, connections: records.collect(), stored_at })
    }

    fn manifest(at: Moment) -> Said {
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
        Said {
            state: DaemonState { format: 1, writer: "ws-server 0.1.0".to_owned(), bytes: vec![9; 100] },
            connections: vec![
                connection(7, None),
                connection(8, Some("192.0.2.1")),
                connection(9, Some("2001:db8::1")),
            ],
            stored_at: Some(at.instant),
        }
    }

    fn bytes(at: Moment) -> Vec<u8> {
        let Said { state, connections, stored_at, .. } = manifest(at);
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
            format!("{:?}", read_back(&bytes(at), next)),
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
        assert_eq!(read_back(&bytes, at).unwrap().stored_at, None);
        for len in 0..MAGIC.len() {
            assert_eq!(read_back(&bytes[..len], at).unwrap_err(), ManifestError::Magic);
        }
        for len in MAGIC.len()..bytes.len() {
            assert_eq!(read_back(&bytes[..len], at).unwrap_err(), ManifestError::Damaged, "{len} bytes");
        }
        let something_else = [&b"datecast hand-over 2"[..], &bytes[MAGIC.len()..]].concat();
        assert_eq!(read_back(&something_else, at).unwrap_err(), ManifestError::Magic);
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
        assert_eq!(from_bytes(to.into_bytes(), moment()).unwrap_err(), ManifestError::Damaged);
    }
}
