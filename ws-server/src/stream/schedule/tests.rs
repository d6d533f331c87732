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
fn few_newcomers_share_slots_and_many_spread_evenly() {
    let schedule = schedule(start(), SECOND, false);
    let joined = |each: usize| {
        let mut counts = [0_usize; 100];
        for slot in (0..100).flat_map(|slot| std::iter::repeat_n(slot, each)) {
            let phase = schedule.shared_phase(slot, |phase| counts[phase]);
            assert!(phase <= slot && slot - phase < 50, "{slot} joins {phase}");
            counts[phase] += 1;
        }
        counts
    };
    let used = |counts: [usize; 100]| counts.into_iter().filter(|count| *count > 0).collect::<Vec<_>>();
    assert_eq!(used(joined(1)), [50; 2]);
    assert_eq!(used(joined(10)), [500; 2]);
    assert_eq!(used(joined(100)), [500; 20]);
    let many = joined(800);
    assert!(many.iter().all(|count| (500..=1100).contains(count)), "{many:?}");
    let aligned = self::schedule(start(), SECOND, true);
    assert_eq!(aligned.shared_phase(0, |_| 1000), 0);
}

#[test]
fn a_phase_whose_slot_has_just_been_taken_waits_longest_for_the_next_one() {
    let now = start();
    let mut schedule = schedule(now, SECOND, false);
    let later = now + 1375 * MILLI;
    while schedule.take_due(later, Some).is_some() {}
    // The slot of 370 ms has been taken, that of 380 ms comes next.
    let waits = [37, 38, 39, 99, 0, 36].map(|phase| schedule.slots_until(phase));
    assert_eq!(waits, [99, 0, 1, 61, 62, 98]);
    assert_eq!(self::schedule(now, SECOND, true).slots_until(0), 0);
    assert!(schedule.slots_until(usize::MAX) < 100, "no phase of this schedule");
}

#[test]
fn a_changed_schedule_leaves_no_number_out_and_says_no_date_again() {
    let t0 = start();
    let kinds = [(SECOND, false), (SECOND, true), (300 * MILLI, true), (500 * MILLI, false)];
    let each = || {
        kinds.into_iter().flat_map(|(interval, align)| [(interval, align, false), (interval, align, true)])
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
                    while let Some(slot) = schedule.take_due(now, |_| Some(0)) {
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
    for nanos in [1, 7, 9_999_999, 10_000_001, 33_333_333, 999_999_999, 1_000_000_007, 86_400_000_000_000] {
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
    assert_eq!(clock.take_due(t0, Some), Some(0));
    assert_eq!(clock.take_due(t0, Some), None);
    assert_eq!(clock.take_due(t0 + 25 * MILLI, Some), Some(1));
    assert_eq!(clock.take_due(t0 + 25 * MILLI, Some), Some(2));
    assert_eq!(clock.take_due(t0 + 25 * MILLI, Some), None);
    assert_eq!(clock.take_skipped(), 0);
}

#[test]
fn a_pause_is_skipped_counted_and_never_made_up_for() {
    let t0 = start();
    let mut clock = schedule(t0, SECOND, false);
    let _first = clock.take_due(t0, Some);
    let later = t0 + 8 * 3600 * SECOND;
    let mut taken = 0;
    let mut phases = vec![0; clock.phases()];
    while let Some(slot) = clock.take_due(later, Some) {
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
    assert_eq!(clock.take_due(t0 + 995 * MILLI, |_| Some(99)), Some(99));
    assert_eq!(clock.take_skipped(), 0);
    assert_eq!(clock.next_due(|_| Some(98)), Some(t0 + 1980 * MILLI));
    assert_eq!(clock.next_due(|_| None), None);
    assert_eq!(clock.take_due(t0 + 20 * SECOND, |_| Some(50)), Some(1950));
    assert_eq!(clock.take_skipped(), 18);
}

#[test]
fn a_slot_that_was_due_without_subscribers_is_not_skipped() {
    let t0 = start();
    let mut clock = schedule(t0, SECOND, false);
    let later = t0 + 20 * SECOND + 500 * MILLI;
    clock.skip_to(later);
    assert_eq!(clock.take_due(later + SECOND, |_| Some(50)), Some(2150));
    assert_eq!(clock.take_skipped(), 0);
    clock.skip_to(later);
    assert_eq!(clock.take_due(later + SECOND, |_| Some(50)), None, "nothing twice");
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
    while clock.take_due(now, Some).is_some() {}
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
        while let Some(slot) = clock.take_due(now, Some) {
            numbers.push(clock.number_of(slot));
            dates.push((at, clock.wall_of(slot)));
        }
        let newest = clock.newest_of(0, now).unwrap();
        assert_eq!(numbers.last(), Some(&clock.number_of(newest)), "a newcomer gets what the others have");
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
