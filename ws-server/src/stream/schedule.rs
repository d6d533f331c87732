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

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The length of a slot, unless the interval would then have more than [`MAX_SLOTS`] of them.
const SLOT: Duration = Duration::from_millis(10);
/// Most slots of one interval; each costs a few empty lists.
const MAX_SLOTS: u64 = 1000;
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
    fn next_number(&self) -> u64 {
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

    /// Takes the next slot that is due and whose phase has a subscriber. Skips and counts slots that are late by more than
    /// half an interval, so that two dates of a connection are never closer than that.
    pub(crate) fn take_due(&mut self, now: Instant, occupied: impl Fn(usize) -> bool) -> Option<u64> {
        let newest = self.slot_at(now);
        let oldest = self.slot_at(now.checked_sub(self.interval / 2).unwrap_or(self.origin.monotonic));
        if self.next < oldest && self.next >= self.owed_before {
            // Whole intervals at once, then slot by slot: a pause may have been long.
            let missed = oldest - self.next;
            let in_one = |slots: u64| {
                (0..slots).filter(|ahead| occupied(self.phase_of(self.next.saturating_add(*ahead)))).count()
                    as u64
            };
            let whole = (missed / self.slots).saturating_mul(in_one(self.slots.min(missed)));
            let skipped = whole.saturating_add(in_one(missed % self.slots));
            if skipped > 0 {
                self.skipped = self.skipped.saturating_add(skipped);
                self.skipped_since = self.skipped_since.or_else(|| self.next_due(&occupied));
            }
            self.next = oldest;
        }
        while self.next <= newest {
            let slot = self.next;
            self.next = slot.saturating_add(1);
            if occupied(self.phase_of(slot)) {
                self.taken = self.dated(slot, now);
                return Some(slot);
            }
        }
        None
    }

    /// When the next slot is due whose phase has a subscriber.
    pub(crate) fn next_due(&self, occupied: impl Fn(usize) -> bool) -> Option<Instant> {
        let ahead =
            (0..self.slots).find(|ahead| occupied(self.phase_of(self.next.saturating_add(*ahead))))?;
        self.start_of(self.next.saturating_add(ahead))
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
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MILLI: Duration = Duration::from_millis(1);

    fn wall(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_285_175_062 + seconds)
    }

    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
    fn start() -> Instant {
        Instant::now() + Duration::from_secs(1_000_000)
    }

    fn schedule(now: Instant, interval: Duration, align: bool) -> Schedule {
        Schedule::new(ClockOrigin::new(now, wall(0), interval, align), now, interval, align, false)
    }

    #[test]
    fn a_changed_schedule_leaves_no_number_out_and_says_no_date_again() {
        let t0 = start();
        let kinds = [(SECOND, false), (SECOND, true), (300 * MILLI, true), (500 * MILLI, false)];
        let each = || {
            kinds
                .into_iter()
                .flat_map(|(interval, align)| [(interval, align, false), (interval, align, true)])
        };
        let at = |millis: u32, (interval, align, one_phase): (Duration, bool, bool)| {
            let (now, wall) = (t0 + millis * MILLI, wall(0) + millis * MILLI);
            Schedule::new(ClockOrigin::new(now, wall, interval, align), now, interval, align, one_phase)
        };
        for (old, new) in each().flat_map(|old| each().map(move |new| (old, new))) {
            for stopped in [40, 310, 1490, 2000, 2710] {
                // A client of the first phase.
                let mut before = at(7, old);
                let mut last = (0, UNIX_EPOCH);
                let mut take = |schedule: &mut Schedule, from: u32, to: u32| {
                    for now in (from..=to).map(|millis| t0 + millis * MILLI) {
                        while let Some(slot) = schedule.take_due(now, |phase| phase == 0) {
                            let (number, date) = (schedule.number_of(slot), schedule.wall_of(slot));
                            if number > last.0 {
                                assert_eq!(number, last.0 + 1, "{old:?} to {new:?} at {stopped}");
                                assert!(date > last.1, "{old:?} to {new:?} at {stopped}");
                                last = (number, date);
                            }
                        }
                    }
                    last.0
                };
                let given = take(&mut before, 7, stopped);
                let mut after = at(stopped + 3, new);
                after.adopt(&before.state(), t0 + (stopped + 3) * MILLI);
                assert!(take(&mut after, stopped + 3, stopped + 3000) > given);
            }
        }
    }

    #[test]
    fn a_second_has_a_hundred_slots_and_consecutive_numbers() {
        let t0 = start();
        let clock = schedule(t0, SECOND, false);
        assert_eq!(clock.phases(), 100);
        let slot = clock.slot_at(t0 + 1234 * MILLI);
        assert_eq!((slot, clock.phase_of(slot), clock.number_of(slot)), (123, 23, 2));
        assert_eq!(clock.number_of(slot + 100), 3);
        assert_eq!(clock.start_of(slot), Some(t0 + 1230 * MILLI));
        assert_eq!(clock.wall_of(slot), wall(1) + 230 * MILLI);
    }

    #[test]
    fn every_slot_contains_its_own_start_for_odd_intervals_too() {
        let t0 = start();
        for nanos in [1, 7, 9_999_999, 10_000_001, 33_333_333, 999_999_999, 1_000_000_007, 86_400_000_000_000]
        {
            let clock = schedule(t0, Duration::from_nanos(nanos), false);
            for slot in (0..3000).chain([1_000_000]) {
                assert_eq!(clock.slot_at(clock.start_of(slot).unwrap()), slot, "interval of {nanos} ns");
            }
        }
    }

    #[test]
    fn a_year_later_the_slots_are_where_arithmetic_puts_them() {
        let t0 = start();
        let clock = schedule(t0, Duration::from_nanos(333_333_333), false);
        let intervals = 94_608_000;
        let slot = intervals * clock.slots;
        assert_eq!(clock.start_of(slot), Some(t0 + Duration::from_nanos(333_333_333 * intervals)));
    }

    #[test]
    fn each_slot_is_taken_once_and_in_order() {
        let t0 = start();
        let mut clock = schedule(t0, SECOND, false);
        assert_eq!(clock.take_due(t0, |_| true), Some(0));
        assert_eq!(clock.take_due(t0, |_| true), None);
        assert_eq!(clock.take_due(t0 + 25 * MILLI, |_| true), Some(1));
        assert_eq!(clock.take_due(t0 + 25 * MILLI, |_| true), Some(2));
        assert_eq!(clock.take_due(t0 + 25 * MILLI, |_| true), None);
        assert_eq!(clock.take_skipped(), 0);
    }

    #[test]
    fn a_pause_is_skipped_counted_and_never_made_up_for() {
        let t0 = start();
        let mut clock = schedule(t0, SECOND, false);
        let _first = clock.take_due(t0, |_| true);
        let later = t0 + 8 * 3600 * SECOND;
        let mut taken = 0;
        let mut phases = vec![0; clock.phases()];
        while let Some(slot) = clock.take_due(later, |_| true) {
            phases[clock.phase_of(slot)] += 1;
            taken += 1;
        }
        assert!(taken <= 51, "{taken} slots at once");
        assert!(phases.iter().all(|count| *count <= 1));
        assert_eq!(clock.take_skipped() + taken, 8 * 3600 * 100);
    }

    #[test]
    fn slots_without_anybody_are_neither_served_nor_missed() {
        let t0 = start();
        let mut clock = schedule(t0, SECOND, false);
        assert_eq!(clock.take_due(t0 + 995 * MILLI, |phase| phase == 99), Some(99));
        assert_eq!(clock.take_skipped(), 0);
        assert_eq!(clock.next_due(|phase| phase == 98), Some(t0 + 1980 * MILLI));
        assert_eq!(clock.next_due(|_| false), None);
        assert_eq!(clock.take_due(t0 + 20 * SECOND, |phase| phase == 50), Some(1950));
        assert_eq!(clock.take_skipped(), 18);
    }

    #[test]
    fn a_slot_that_was_due_without_subscribers_is_not_skipped() {
        let t0 = start();
        let mut clock = schedule(t0, SECOND, false);
        let later = t0 + 20 * SECOND + 500 * MILLI;
        clock.skip_to(later);
        assert_eq!(clock.take_due(later + SECOND, |phase| phase == 50), Some(2150));
        assert_eq!(clock.take_skipped(), 0);
        clock.skip_to(later);
        assert_eq!(clock.take_due(later + SECOND, |phase| phase == 50), None, "nothing twice");
    }

    #[test]
    fn aligned_dates_are_at_whole_intervals_of_the_wall_clock() {
        let t0 = start();
        let origin = ClockOrigin::new(t0, wall(0) + 250 * MILLI, SECOND, true);
        let clock = Schedule::new(origin, t0, SECOND, true, false);
        assert_eq!(clock.phases(), 1);
        assert_eq!(clock.slot_at(t0), 0);
        assert_eq!(clock.wall_of(0), wall(0));
        assert_eq!(clock.start_of(1), Some(t0 + 750 * MILLI));
    }

    #[test]
    fn a_step_of_the_wall_clock_changes_the_texts_but_neither_numbers_nor_rhythm() {
        let t0 = start();
        let mut clock = schedule(t0, SECOND, false);
        let now = t0 + 2345 * MILLI;
        assert!(!clock.follow_wall_clock(now, wall(2) + 346 * MILLI));
        let slot = clock.slot_at(now);
        let due = clock.start_of(slot + 1);
        assert!(clock.follow_wall_clock(now, wall(3600) + 345 * MILLI));
        assert_eq!(clock.slot_at(now), slot);
        assert_eq!(clock.start_of(slot + 1), due);
        assert_eq!(clock.wall_of(slot), wall(3600) + 340 * MILLI);
        assert!(clock.follow_wall_clock(now, wall(0)), "back again");
        assert_eq!(clock.slot_at(now), slot);
    }

    #[test]
    fn after_a_step_aligned_dates_are_aligned_again() {
        let t0 = start();
        let mut clock = schedule(t0, SECOND, true);
        let now = t0 + 5500 * MILLI;
        while clock.take_due(now, |_| true).is_some() {}
        assert!(clock.follow_wall_clock(now, wall(100) + 700 * MILLI));
        let slot = clock.slot_at(now);
        assert_eq!(slot, 5);
        // The next whole second would come 800 ms after slot 5.
        assert_eq!(clock.start_of(slot + 1), Some(now + 1300 * MILLI));
        assert_eq!(clock.wall_of(slot + 1), wall(102));
    }

    /// The dates that one client of an aligned clock gets: when, and what they say. The clock steps by so many milliseconds
    /// at these times, and then runs for five more seconds.
    fn dates_over(steps: &[(u64, i64)], pace: u64) -> Vec<(u64, SystemTime)> {
        let t0 = start();
        let origin = ClockOrigin::new(t0, wall(1_000_000), SECOND, true);
        let mut clock = Schedule::new(origin, t0, SECOND, true, false);
        let (mut dates, mut numbers) = (Vec::new(), Vec::new());
        let end = steps.iter().map(|(at, _)| *at).max().unwrap_or(0) + 5000;
        for at in (0..end).step_by(usize::try_from(pace).unwrap()) {
            let step: i64 = steps.iter().filter(|(when, _)| *when <= at).map(|(_, by)| by).sum();
            let shown = wall(1_000_000) + Duration::from_millis(at);
            let by = Duration::from_millis(step.unsigned_abs());
            let shown = if step < 0 { shown - by } else { shown + by };
            let now = t0 + Duration::from_millis(at);
            clock.follow_wall_clock(now, shown);
            while let Some(slot) = clock.take_due(now, |_| true) {
                numbers.push(clock.number_of(slot));
                dates.push((at, clock.wall_of(slot)));
            }
            let newest = clock.newest_of(0, now).unwrap();
            assert_eq!(
                numbers.last(),
                Some(&clock.number_of(newest)),
                "a newcomer gets what the others have"
            );
        }
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
        dates
    }

    fn expect_a_rhythm(steps: &[(u64, i64)], pace: u64) {
        let dates = dates_over(steps, pace);
        for pair in dates.windows(2) {
            let gap = pair[1].0 - pair[0].0;
            assert!(
                gap >= 900 - pace && gap <= 3000 + 1000 * steps.len() as u64,
                "{gap} ms apart: {steps:?}, {dates:?}"
            );
            assert_ne!(pair[0].1, pair[1].1, "said twice: {steps:?}, {dates:?}");
        }
        let step: i64 = steps.iter().map(|(_, by)| by).sum();
        for (at, said) in dates.iter().rev().take(2) {
            let shown = 1_285_175_062_000 + 1_000_000_000 + i64::try_from(*at).unwrap() + step;
            let said = i64::try_from(said.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
            let late = shown - said;
            // Less than a step may be left over.
            assert!(said % 1000 == 0 && late.abs() < 50 + i64::try_from(pace).unwrap(), "{late}: {steps:?}");
        }
    }

    #[test]
    fn after_any_steps_aligned_dates_keep_their_distance_and_are_soon_aligned_again() {
        for by in [51, 300, 500, 690, 950, 999, 1000, 1001, 2700, 3_600_000] {
            for at in [3001, 3100, 3500, 3950, 3999, 4000] {
                for by in [by, -by] {
                    expect_a_rhythm(&[(at, by)], 1);
                    expect_a_rhythm(&[(at, by), (at + 300, by), (at + 600, by)], 1);
                    expect_a_rhythm(&[(at, by), (at + 100, -by), (at + 400, by)], 7);
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_sequence_of_steps_brings_two_dates_close_together(
            steps in proptest::collection::vec((0_u64..10_000, -3000_i64..3000), 0..12),
            pace in 1_u64..30,
        ) {
            expect_a_rhythm(&steps, pace);
        }
    }

    #[test]
    fn the_newest_slot_of_a_phase_is_found_on_both_sides() {
        let t0 = start();
        let clock = schedule(t0, SECOND, false);
        let now = t0 + 1234 * MILLI;
        assert_eq!(clock.newest_of(23, now), Some(123));
        assert_eq!(clock.newest_of(10, now), Some(110));
        assert_eq!(clock.newest_of(50, now), Some(50));
        assert_eq!(clock.newest_of(50, t0), None);
    }
}
