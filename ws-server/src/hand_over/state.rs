//! The stream as bytes: its numbers, its newest messages, the beat of its dates, and where its lines come from.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use common::codec::{Reader, Writer};

use crate::{
    batch::Batch,
    clock::{Beat, Origin},
    notices::Left,
};

/// What the process before this one knew beside its connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// An id that was never given, nor any after it.
    pub(crate) next_id: u64,
    /// The number of the next line.
    pub(crate) next_line: u64,
    /// The beat of the dates.
    pub(crate) beat: Option<Beat>,
    /// Who left and was not told about.
    pub(crate) left: Left,
    /// The newest messages.
    pub(crate) ring: Vec<Arc<Batch>>,
    /// The source as its option says it; the descriptors beside are of this one.
    pub(crate) source: String,
    /// What each of the source's descriptors had of a line.
    pub(crate) partials: Vec<Option<Vec<u8>>>,
}

/// One moment on all clocks: an [`Instant`] cannot be written down, the time since the machine started can.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// As the event loop has it.
    pub(crate) instant: Instant,
    /// The same clock's reading (`CLOCK_MONOTONIC`), which is the same for every process.
    pub(crate) since_boot: Duration,
}

impl State {
    /// Writes it down at this moment.
    pub(crate) fn to_bytes(&self, at: Moment) -> Vec<u8> {
        let mut to = Writer::default();
        to.long(self.next_id);
        to.long(self.next_line);
        to.flag(self.beat.is_some());
        if let Some(beat) = &self.beat {
            put_beat(beat, at, &mut to);
        }
        to.long(self.left.ids.len() as u64);
        self.left.ids.iter().for_each(|id| to.long(*id));
        to.long(self.left.more);
        to.long(self.ring.len() as u64);
        for batch in &self.ring {
            to.long(batch.first());
            to.long(batch.len() as u64);
            batch.texts().for_each(|text| to.bytes(text.as_bytes()));
        }
        to.bytes(self.source.as_bytes());
        to.long(self.partials.len() as u64);
        for partial in &self.partials {
            to.flag(partial.is_some());
            to.bytes(partial.as_deref().unwrap_or_default());
        }
        to.into_bytes()
    }

    /// Reads it back at this moment; `None` for anything else than what [`State::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8], at: Moment) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let (next_id, next_line) = (from.long()?, from.long()?);
        let beat = if from.flag()? { Some(beat(&mut from, at)?) } else { None };
        let ids = (0..from.long()?).map(|_| from.long()).collect::<Option<_>>()?;
        let left = Left { ids, more: from.long()? };
        let ring = (0..from.long()?).map(|_| batch(&mut from)).collect::<Option<_>>()?;
        let source = String::from_utf8(from.bytes()?.to_vec()).ok()?;
        let mut partials = Vec::new();
        for _ in 0..from.long()? {
            let (is_there, bytes) = (from.flag()?, from.bytes()?);
            partials.push(is_there.then(|| bytes.to_vec()));
        }
        from.is_empty().then_some(Self { next_id, next_line, beat, left, ring, source, partials })
    }
}

fn put_beat(beat: &Beat, at: Moment, to: &mut Writer) {
    to.long(nanos(at.since_boot));
    to.long(nanos(at.instant.saturating_duration_since(beat.origin.monotonic)));
    to.long(nanos(beat.origin.wall.duration_since(UNIX_EPOCH).unwrap_or_default()));
    to.long(nanos(beat.interval));
    to.flag(beat.align);
    to.long(beat.slots);
    to.long(beat.first);
    to.long(beat.next);
}

fn beat(from: &mut Reader<'_>, at: Moment) -> Option<Beat> {
    let (written, age) = (Duration::from_nanos(from.long()?), Duration::from_nanos(from.long()?));
    // A clock that stood still or went back was another machine's.
    let passed = at.since_boot.checked_sub(written)?;
    let origin = Origin {
        monotonic: at.instant.checked_sub(age.checked_add(passed)?)?,
        wall: SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(from.long()?))?,
    };
    Some(Beat {
        origin,
        interval: Duration::from_nanos(from.long()?),
        align: from.flag()?,
        slots: from.long()?,
        first: from.long()?,
        next: from.long()?,
    })
}

fn batch(from: &mut Reader<'_>) -> Option<Arc<Batch>> {
    let mut batch = Batch::new(from.long()?);
    for _ in 0..from.long()? {
        let text = std::str::from_utf8(from.bytes()?).ok()?;
        batch.push(|out| out.push_str(text));
    }
    Some(Arc::new(batch))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
