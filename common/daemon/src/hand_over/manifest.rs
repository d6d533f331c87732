//! The manifest: what one process writes for the next, as bytes.
//!
//! ```text
//!  magic · format · writer · state · others · count · records…
//!  record: cookie · queued · closing bytes │ unconsumed · deadline · counted · state
//!          the same in every layout        │ read only if the format is known
//! ```
//!
//! The first part of a record is enough to end a connection politely: it has the rest of what was begun, then the closing
//! bytes in the connection's own dialect. A process that cannot read the second part, being older or newer, sends those.

use std::net::IpAddr;
use std::time::Duration;

use common::codec::{Reader, Writer};
use reactor::Exported;

/// The beginning of every manifest.
const MAGIC: &[u8; 20] = b"datecast hand-over 1";

/// What a daemon exports beside its connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonState {
    /// The format of `state` and of every connection's state. A process adopts only what has a format that it can read.
    pub format: u32,
    /// The name and version of the program that wrote it, for the log.
    pub writer: String,
    /// The daemon's own state, in its own format.
    pub state: Vec<u8>,
}

/// A connection without its descriptor, which travels beside the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// `SO_COOKIE` of the socket: it finds the descriptor of this record.
    pub(super) cookie: u64,
    pub(super) queued: Vec<u8>,
    pub(super) unconsumed: Vec<u8>,
    pub(super) deadline: Duration,
    pub(super) counted: Option<IpAddr>,
    pub(super) exported: Exported,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) daemon: DaemonState,
    /// How many descriptors come before those of the connections: the daemon's own.
    pub(super) others: u64,
    pub(super) records: Vec<Record>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ManifestError {
    #[error("does not begin like one of datecast")]
    Magic,
    #[error("is damaged")]
    Damaged,
}

impl Manifest {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.raw(MAGIC);
        to.long(self.daemon.format.into());
        to.bytes(self.daemon.writer.as_bytes());
        to.bytes(&self.daemon.state);
        to.long(self.others);
        to.long(self.records.len() as u64);
        for record in &self.records {
            to.bytes(&record.to_bytes());
        }
        to.into_bytes()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut from = Reader::new(bytes);
        if from.take().as_ref() != Some(MAGIC) {
            return Err(ManifestError::Magic);
        }
        Self::read(&mut from).ok_or(ManifestError::Damaged)
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let format = from.word()?;
        let writer = String::from_utf8_lossy(from.bytes()?).into_owned();
        let daemon = DaemonState { format, writer, state: from.bytes()?.to_vec() };
        let (others, count) = (from.long()?, from.long()?);
        let mut records = Vec::new();
        for _ in 0..count {
            records.push(Record::from_bytes(from.bytes()?)?);
        }
        Some(Self { daemon, others, records })
    }
}

impl Record {
    fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.long(self.cookie);
        to.bytes(&self.queued);
        to.bytes(&self.exported.closing_bytes);
        to.bytes(&self.unconsumed);
        to.long(u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX));
        to.address(self.counted);
        to.bytes(&self.exported.state);
        to.into_bytes()
    }

    /// Returns `None` if the first part is incomplete. If the second part is unreadable, the state stays empty, and the
    /// reactor sends the closing bytes instead of adopting the connection.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let (cookie, queued, closing_bytes) = (from.long()?, from.bytes()?.to_vec(), from.bytes()?.to_vec());
        let mut record = Self { cookie, queued, ..Self::default() };
        record.exported.closing_bytes = closing_bytes;
        _ = record.read_rest(&mut from);
        Some(record)
    }

    fn read_rest(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.unconsumed = from.bytes()?.to_vec();
        self.deadline = Duration::from_millis(from.long()?);
        self.counted = from.address()?;
        self.exported.state = from.bytes()?.to_vec();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let record = |cookie, counted: Option<&str>| Record {
            cookie,
            queued: b"half a fra".to_vec(),
            unconsumed: b"GET /".to_vec(),
            deadline: Duration::from_millis(29_999),
            counted: counted.map(|address| address.parse().unwrap()),
            exported: Exported { state: vec![1, 2, 3], closing_bytes: b"\x88\x02\x03\xf4".to_vec() },
        };
        Manifest {
            daemon: DaemonState { format: 1, writer: "ws-server 0.1.0".to_owned(), state: vec![9; 100] },
            others: 2,
            records: vec![record(7, None), record(8, Some("192.0.2.1")), record(9, Some("2001:db8::1"))],
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        assert_eq!(Manifest::from_bytes(&manifest().to_bytes()), Ok(manifest()));
    }

    #[test]
    fn what_is_cut_off_is_damaged_and_what_is_something_else_is_told_apart() {
        let bytes = manifest().to_bytes();
        for len in 0..MAGIC.len() {
            assert_eq!(Manifest::from_bytes(&bytes[..len]), Err(ManifestError::Magic));
        }
        for len in MAGIC.len()..bytes.len() {
            assert_eq!(Manifest::from_bytes(&bytes[..len]), Err(ManifestError::Damaged), "{len} bytes");
        }
    }

    #[test]
    fn closing_bytes_can_be_read_however_the_rest_of_the_record_looks() {
        let mut to = Writer::default();
        to.long(7);
        to.bytes(b"queued");
        to.bytes(b"bye");
        to.raw(b"a layout of the year 2030");
        let record = Record::from_bytes(&to.into_bytes()).unwrap();
        assert_eq!((record.cookie, record.queued.as_slice()), (7, &b"queued"[..]));
        assert_eq!(record.exported, Exported { state: Vec::new(), closing_bytes: b"bye".to_vec() });
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
        assert_eq!(Manifest::from_bytes(&to.into_bytes()), Err(ManifestError::Damaged));
    }
}
