//! The stream as plain data, for the next process: its newest messages, and the schedule of its dates.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use common::{
    codec::{Reader, Writer},
    id::{Epoch, MessageId},
    source_state::{SourcePhase, SourceState},
};
use daemon::clock::Moment;

use super::{
    batch::Batch,
    ring::RingBegin,
    schedule::{ClockOrigin, ScheduleState},
    source_news::SourceChange,
};

pub(crate) fn put_schedule(schedule: &ScheduleState, at: Moment, to: &mut Writer) {
    to.long(nanos(at.since_boot));
    to.long(nanos(at.instant.saturating_duration_since(schedule.origin.monotonic)));
    to.long(nanos(schedule.origin.wall.duration_since(UNIX_EPOCH).unwrap_or_default()));
    to.long(nanos(schedule.interval));
    to.flag(schedule.align);
    to.long(schedule.slots);
    to.long(schedule.first);
    to.long(schedule.next);
}

pub(crate) fn take_schedule(from: &mut Reader<'_>, at: Moment) -> Option<ScheduleState> {
    let (written, age) = (Duration::from_nanos(from.long()?), Duration::from_nanos(from.long()?));
    // A clock that stood still or went back belongs to another boot.
    let passed = at.since_boot.checked_sub(written)?;
    let origin = ClockOrigin {
        monotonic: at.instant.checked_sub(age.checked_add(passed)?)?,
        wall: SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(from.long()?))?,
    };
    Some(ScheduleState {
        origin,
        interval: Duration::from_nanos(from.long()?),
        align: from.flag()?,
        slots: from.long()?,
        first: from.long()?,
        next: from.long()?,
    })
}

pub(crate) fn put_batch(batch: &Batch, to: &mut Writer) {
    to.long(batch.first());
    to.long(batch.len() as u64);
    batch.texts().for_each(|text| to.bytes(text.as_bytes()));
}

pub(crate) fn take_batch(from: &mut Reader<'_>, epoch: Epoch) -> Option<Arc<Batch>> {
    let mut batch = Batch::new(MessageId { epoch, number: from.long()? });
    for _ in 0..from.long()? {
        let text = std::str::from_utf8(from.bytes()?).ok()?;
        batch.push(|out| out.push_str(text));
    }
    Some(batch.shared())
}

/// Appends what [`put_batch`] does not say of batches whose numbers are given: each one's epoch, and whether messages before it
/// are lost; and where the ring begins.
pub(crate) fn put_marks(begin: RingBegin, ring: &[Arc<Batch>], to: &mut Writer) {
    to.long(begin.next.epoch.as_millis());
    to.long(begin.next.number);
    to.flag(begin.has_dropped);
    for batch in ring {
        to.long(batch.epoch().as_millis());
        to.flag(batch.follows_gap());
    }
}

/// Reads back what [`put_marks`] wrote, and gives the batches their marks.
pub(crate) fn take_marks(ring: &mut [Arc<Batch>], from: &mut Reader<'_>) -> Option<RingBegin> {
    let next = MessageId { epoch: Epoch::from_millis(from.long()?), number: from.long()? };
    let begin = RingBegin { next, has_dropped: from.flag()? };
    for batch in ring {
        let (epoch, follows_gap) = (Epoch::from_millis(from.long()?), from.flag()?);
        let marked = Arc::into_inner(std::mem::take(batch))?.with_epoch(epoch);
        *batch = Arc::new(if follows_gap { marked.after_gap() } else { marked });
    }
    Some(begin)
}

pub(crate) fn put_change(change: &SourceChange, to: &mut Writer) {
    to.long(change.number);
    to.byte(change.state.phase() as u8);
    to.bytes(change.state.said().as_bytes());
}

pub(crate) fn take_change(from: &mut Reader<'_>) -> Option<SourceChange> {
    let number = from.long()?;
    let phase = *SourcePhase::ALL.get(usize::from(from.byte()?))?;
    let said = std::str::from_utf8(from.bytes()?).ok()?;
    Some(SourceChange { number, state: SourceState::new(phase, said) })
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
