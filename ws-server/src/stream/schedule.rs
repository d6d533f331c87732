//! The schedule of the dates: pure, without drift, never a burst.
//!
//! ```text
//! slot      0    1    2  …  99 │ 100  101 …            slot K serves the phase K % slots
//! phase     0    1    2  …  99 │   0    1 …            and has the number K / slots + first
//! number    1    1    1  …   1 │   2    2 …
//! ```
//!
//! The interval is cut into slots. A connection's phase is the slot in which it opened, which spreads the work over the
//! whole interval. All workers share the origin, and so the numbers.

use std::{
    iter,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// The length of a slot, unless the interval would then have more than [`MAX_SLOTS`] of them.
const SLOT: Duration = Duration::from_millis(10);
/// Most slots of one interval; each costs a few empty lists.
const MAX_SLOTS: u64 = 1000;
/// A newcomer shares a slot that began at most so long before, and no longer than this part of the interval: its second date comes so
/// much sooner after the first.
const SHARED: Duration = Duration::from_millis(500);
const SHARED_PART: u32 = 2;
/// So many messages make up for the wakeup of a slot and its cold caches, and take a worker some milliseconds. What comes meanwhile waits
/// for a turn's part of them only, and a connection keeps its place among them: its dates stay an interval apart.
const ENOUGH: usize = 500;
/// Most slots that the next process makes up for after a hand-over.
const MAX_OWED: u64 = 10_000;
/// A difference between the two clocks of at least this much is a step of the wall clock, not a late reading.
const STEP: Duration = Duration::from_millis(50);
/// How close, in intervals, the first date after a step of the wall clock may come to the one before it.
const CLOSEST: f64 = 0.9;

/// The instant of slot 0, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClockOrigin {
    pub(crate) monotonic: Instant,
    pub(crate) wall: SystemTime,
}

impl ClockOrigin {
    /// An origin at this moment; with `align` at the last whole interval of the wall clock before it.
    pub(crate) fn new(now: Instant, wall: SystemTime, interval: Duration, align: bool) -> Self {
        let past = if align { past_whole(wall, interval) } else { Duration::ZERO };
        match (now.checked_sub(past), wall.checked_sub(past)) {
            (Some(monotonic), Some(wall)) => Self { monotonic, wall },
            _ => Self { monotonic: now, wall },
        }
    }
}

/// How long ago the wall clock showed a whole interval.
fn past_whole(wall: SystemTime, interval: Duration) -> Duration {
    let since_epoch = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    nanoseconds(since_epoch.as_nanos().checked_rem(interval.as_nanos()).unwrap_or(0))
}

/// A schedule as plain data: with it, the next process keeps the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScheduleState {
    pub(crate) origin: ClockOrigin,
    /// Time between two dates of one connection.
    pub(crate) interval: Duration,
    /// The slots begin at whole intervals of the wall clock.
    pub(crate) align: bool,
    /// Slots in an interval.
    pub(crate) slots: u64,
    /// The number of slot 0's message.
    pub(crate) first: u64,
    /// The first slot that was not taken yet.
    pub(crate) next: u64,
}

impl ScheduleState {
    /// Of the schedules of two workers the one that is further: its clients have numbers that nobody may get for another date.
    /// Those of the other one get what they missed when they are adopted.
    pub(crate) fn ahead(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        one.into_iter().chain(other).max_by_key(|schedule| schedule.next)
    }

    /// The number of the first slot that was not taken yet.
    pub(crate) fn next_number(&self) -> u64 {
        (self.next / self.slots.max(1)).saturating_add(self.first)
    }
}

/// When each date is due.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    origin: ClockOrigin,
    interval: Duration,
    align: bool,
    slots: u64,
    /// The number of slot 0's message.
    first: u64,
    /// Slots before this one are never skipped: they were due while the process changed.
    owed_before: u64,
    /// The first slot that was not taken yet.
    next: u64,
    /// When the newest slot that was taken was due, and what its date said, before any step of the wall clock moved it.
    taken: Option<(Instant, SystemTime)>,
    /// Slots that [`Schedule::take_due`] skipped since [`Schedule::take_skipped`].
    skipped: u64,
    /// When the first of them was due.
    skipped_since: Option<Instant>,
}

impl Schedule {
    /// A schedule that has served nothing yet: `joined` is when this worker joined it.
    ///
    /// `one_phase` puts all connections into one phase, as `align` does.
    pub(crate) fn new(
        origin: ClockOrigin,
        joined: Instant,
        interval: Duration,
        align: bool,
        one_phase: bool,
    ) -> Self {
        let per_interval = u64::try_from(interval.as_nanos() / SLOT.as_nanos()).unwrap_or(MAX_SLOTS);
        let slots = if align || one_phase { 1 } else { per_interval.clamp(1, MAX_SLOTS) };
        let mut schedule = Self {
            origin,
            interval,
            align,
            slots,
            first: 1,
            owed_before: 0,
            next: 0,
            taken: None,
            skipped: 0,
            skipped_since: None,
        };
        schedule.next = schedule.slot_at(joined);
        schedule
    }

    /// What the next process needs to go on.
    pub(crate) fn state(&self) -> ScheduleState {
        let Self { interval, align, slots, first, next, .. } = *self;
        ScheduleState { origin: self.origin, interval, align, slots, first, next }
    }

    /// Goes on where the previous process's schedule stopped. If the interval, the alignment or the slots have changed, only
    /// the numbers go on, without a hole.
    pub(crate) fn adopt(&mut self, before: &ScheduleState, now: Instant) {
        if (self.interval, self.align, self.slots) == (before.interval, before.align, before.slots) {
            self.origin = before.origin;
            self.first = before.first;
            self.next = before.next;
            self.taken = before.next.checked_sub(1).and_then(|taken| self.dated(taken, now));
            let newest = self.slot_at(now);
            self.owed_before = newest.saturating_add(1);
            self.next = before.next.max(newest.saturating_sub(MAX_OWED));
        } else if self.slots == 1 {
            // The present slot counts as taken: with `align` it began in the past, and its date may have been said.
            let taken = self.slot_at(now);
            self.first = before.next_number().saturating_sub(1).max(before.first).saturating_sub(taken);
            self.next = taken.saturating_add(1);
        } else {
            // A client that has this number already begins with the one after it.
            self.first = before.next_number();
        }
    }

    pub(crate) fn phases(&self) -> usize {
        usize::try_from(self.slots).unwrap_or(1)
    }

    /// The slot that has begun last. One that was taken has begun, even if a step of the wall clock has moved it behind `now`.
    pub(crate) fn slot_at(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.origin.monotonic).as_nanos();
        let interval = self.interval.as_nanos().max(1);
        let whole = u64::try_from(passed / interval).unwrap_or(u64::MAX / MAX_SLOTS);
        // The last slot whose start is not after `passed`; the starts are rounded down to nanoseconds.
        let within = passed % interval;
        let part =
            (within.saturating_add(1)).saturating_mul(u128::from(self.slots)).saturating_sub(1) / interval;
        let part = u64::try_from(part).unwrap_or(0).min(self.slots - 1);
        whole.saturating_mul(self.slots).saturating_add(part).max(self.next.saturating_sub(1))
    }

    /// The phase that a slot serves.
    pub(crate) fn phase_of(&self, slot: u64) -> usize {
        usize::try_from(slot % self.slots).unwrap_or(0)
    }

    /// How many slots come before the next one of this phase that was not taken yet.
    pub(crate) fn slots_until(&self, phase: usize) -> usize {
        let (slots, next) = (self.phases().max(1), self.phase_of(self.next));
        (phase % slots).saturating_add(slots).saturating_sub(next) % slots
    }

    /// The phase that a newcomer shares, whose own one is that of the present slot: of those of the same interval that began within
    /// [`SHARED`], the fullest that has not [`ENOUGH`] subscribers, else the emptiest. So a few clients take few wakeups, and many
    /// spread evenly.
    pub(crate) fn shared_phase(&self, own: usize, count: impl Fn(usize) -> usize) -> usize {
        let slot = self.interval.as_nanos() / u128::from(self.slots);
        let shared = SHARED.min(self.interval / SHARED_PART).as_nanos();
        let shared = usize::try_from(shared / slot.max(1)).unwrap_or(0).max(1);
        let near = || own.saturating_sub(shared - 1)..=own;
        let fullest = near().filter(|phase| count(*phase) < ENOUGH).max_by_key(|phase| count(*phase));
        fullest.or_else(|| near().rev().min_by_key(|phase| count(*phase))).unwrap_or(own)
    }

    /// The number of a slot's message, from 1.
    pub(crate) fn number_of(&self, slot: u64) -> u64 {
        (slot / self.slots).saturating_add(self.first)
    }

    /// The number of the first slot that was not taken yet.
    pub(crate) fn next_number(&self) -> u64 {
        self.number_of(self.next)
    }

    /// How long after the origin a slot begins: whole intervals first, so that rounding never adds up.
    fn offset_of(&self, slot: u64) -> Duration {
        let whole = self.interval.as_nanos().saturating_mul(u128::from(slot / self.slots));
        let part =
            self.interval.as_nanos().saturating_mul(u128::from(slot % self.slots)) / u128::from(self.slots);
        nanoseconds(whole.saturating_add(part))
    }

    /// When a slot is due; `None` past the end of time.
    pub(crate) fn start_of(&self, slot: u64) -> Option<Instant> {
        self.origin.monotonic.checked_add(self.offset_of(slot))
    }

    /// What the wall clock shows when a slot is due: the text of its date, however late it leaves.
    pub(crate) fn wall_of(&self, slot: u64) -> SystemTime {
        self.origin.wall.checked_add(self.offset_of(slot)).unwrap_or(self.origin.wall)
    }

    /// The newest slot of a phase that has begun, if the phase had one yet.
    pub(crate) fn newest_of(&self, phase: usize, now: Instant) -> Option<u64> {
        let slot = self.slot_at(now);
        let back = (slot % self.slots).checked_sub(u64::try_from(phase).ok()?);
        match back {
            Some(back) => Some(slot - back),
            None => slot.checked_sub(slot % self.slots + self.slots)?.checked_add(u64::try_from(phase).ok()?),
        }
    }

    /// Goes on after the slot that has begun last: no subscriber missed the slots before it, and a newcomer gets that one
    /// at once.
    pub(crate) fn skip_to(&mut self, now: Instant) {
        self.next = self.next.max(self.slot_at(now).saturating_add(1));
    }

    /// Takes the next slot that is due and whose phase has a subscriber; `next_occupied` as in [`Schedule::next_due`]. Skips and counts
    /// slots that are late by more than half an interval, so that two dates of a connection are never closer than that.
    pub(crate) fn take_due(
        &mut self,
        now: Instant,
        next_occupied: impl Fn(usize) -> Option<usize>,
    ) -> Option<u64> {
        let newest = self.slot_at(now);
        let oldest = self.slot_at(now.checked_sub(self.interval / 2).unwrap_or(self.origin.monotonic));
        let mut due = self.occupied_from(self.next, &next_occupied);
        if due.is_some_and(|first| first < oldest) && self.next >= self.owed_before {
            self.skipped = self.skipped.saturating_add(self.occupied_before(oldest, &next_occupied));
            self.skipped_since = self.skipped_since.or_else(|| self.start_of(due?));
            self.next = oldest;
            due = self.occupied_from(oldest, &next_occupied);
        }
        let due = due.filter(|slot| *slot <= newest);
        self.next = due.unwrap_or(newest).saturating_add(1);
        if let Some(slot) = due {
            self.taken = self.dated(slot, now);
        }
        due
    }

    /// When the next slot is due whose phase has a subscriber. `next_occupied` is the first phase from this one on, and behind the last one
    /// from 0 on, that has some.
    pub(crate) fn next_due(&self, next_occupied: impl Fn(usize) -> Option<usize>) -> Option<Instant> {
        self.start_of(self.occupied_from(self.next, &next_occupied)?)
    }

    /// The first slot from this one on whose phase has a subscriber.
    fn occupied_from(&self, slot: u64, next_occupied: impl Fn(usize) -> Option<usize>) -> Option<u64> {
        let phase = self.phase_of(slot);
        let occupied = next_occupied(phase)?;
        let ahead = if occupied < phase { self.phases() - phase + occupied } else { occupied - phase };
        slot.checked_add(u64::try_from(ahead).ok()?)
    }

    /// How many slots that were not taken come before this one, and have a subscriber in their phase.
    fn occupied_before(&self, end: u64, next_occupied: impl Fn(usize) -> Option<usize>) -> u64 {
        let in_first = |slots: u64| {
            let next_from = |slot| self.occupied_from(slot, &next_occupied);
            let each = iter::successors(next_from(self.next), |slot| next_from(slot + 1));
            each.take_while(|slot| *slot < self.next.saturating_add(slots)).count() as u64
        };
        // Whole intervals at once, then slot by slot: a pause may have been long.
        let slots = end.saturating_sub(self.next);
        let whole = (slots / self.slots).saturating_mul(in_first(self.slots.min(slots)));
        whole.saturating_add(in_first(slots % self.slots))
    }

    /// How many slots were skipped since the last call.
    pub(crate) fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    /// When the first slot that was skipped since the last call was due.
    pub(crate) fn take_skipped_since(&mut self) -> Option<Instant> {
        self.skipped_since.take()
    }

    /// Compares the two clocks. After a step of the wall clock the texts follow it, with `align` the slots too; the numbers
    /// go on. Returns true after a step.
    pub(crate) fn follow_wall_clock(&mut self, now: Instant, wall: SystemTime) -> bool {
        let passed = now.saturating_duration_since(self.origin.monotonic);
        let Some(expected) = self.origin.wall.checked_add(passed) else { return false };
        let off = wall.duration_since(expected).unwrap_or_else(|error| error.duration());
        if off < STEP {
            return false;
        }
        // The origin moves so that the first slot that was not taken keeps its number.
        let next = self.next.max(self.slot_at(now));
        let due = if self.align { self.aligned_due(now, wall) } else { self.start_of(next) };
        let origin = due.and_then(|due| {
            let due_wall = if due < now { wall.checked_sub(now - due) } else { wall.checked_add(due - now) };
            let offset = self.offset_of(next);
            Some(ClockOrigin { monotonic: due.checked_sub(offset)?, wall: due_wall?.checked_sub(offset)? })
        });
        let Some(origin) = origin else { return false };
        self.origin = origin;
        if self.align {
            self.next = next;
        }
        true
    }

    /// When a taken slot was due, and what its date said.
    fn dated(&self, slot: u64, now: Instant) -> Option<(Instant, SystemTime)> {
        self.start_of(slot).map(|at| (at.min(now), self.wall_of(slot)))
    }

    /// The first whole interval of the wall clock that is far enough from the newest date, and does not say the same.
    fn aligned_due(&self, now: Instant, wall: SystemTime) -> Option<Instant> {
        let (earliest, said) = match self.taken {
            Some((at, said)) => (at.checked_add(self.interval.mul_f64(CLOSEST))?.max(now), Some(said)),
            None => (now, None),
        };
        let mut due = now.checked_sub(past_whole(wall, self.interval))?;
        while due < earliest || wall.checked_add(due - now) == said {
            due = due.checked_add(self.interval)?;
        }
        Some(due)
    }
}

fn nanoseconds(nanos: u128) -> Duration {
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

#[cfg(test)]
mod tests;
