//! How late a message is against the schedule that its own earlier messages show.

use std::time::{Duration, Instant};

/// A server whose clock loses up to this much a message is not late for it (Node's `setInterval` does).
const DRIFT: Duration = Duration::from_millis(1);

/// The schedule of one client, as its earliest messages show it.
#[derive(Debug)]
pub(crate) struct Schedule {
    interval: Duration,
    origin: Instant,
    /// Number of the last message, and when message 0 would have come by this schedule, in nanoseconds after the origin.
    last: Option<(u64, i128)>,
}

impl Schedule {
    pub(crate) fn new(interval: Duration, origin: Instant) -> Self {
        Self { interval, origin, last: None }
    }

    /// Records message `number`, which came now; the lateness against the earliest one so far.
    pub(crate) fn late(&mut self, number: u64, now: Instant) -> Duration {
        let nanos = |time: Duration| i128::try_from(time.as_nanos()).unwrap_or(i128::MAX);
        let zero = nanos(now.duration_since(self.origin)) - i128::from(number) * nanos(self.interval);
        let begin = match self.last {
            None => zero,
            Some((last, begin)) => zero.min(begin + i128::from(number.saturating_sub(last)) * nanos(DRIFT)),
        };
        self.last = Some((number, begin));
        Duration::from_nanos(u64::try_from(zero - begin).unwrap_or(0))
    }
}

/// p50, p99.9 and the worst, by nearest rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spread {
    pub(crate) p50: Duration,
    pub(crate) p999: Duration,
    pub(crate) worst: Duration,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<Duration>) -> Self {
        values.sort_unstable();
        let Some(&worst) = values.last() else { return Self::default() };
        let at = |permille: usize| values[(values.len() * permille).div_ceil(1000).saturating_sub(1)];
        Self { p50: at(500), p999: at(999), worst }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(100);

    fn lateness(arrivals: &[(u64, u64)]) -> Vec<u64> {
        let origin = Instant::now();
        let mut schedule = Schedule::new(INTERVAL, origin);
        let ms = |&(number, at): &(u64, u64)| {
            u64::try_from(schedule.late(number, origin + Duration::from_millis(at)).as_millis()).unwrap()
        };
        arrivals.iter().map(ms).collect()
    }

    #[test]
    fn a_message_is_late_against_the_earliest_ones_until_the_server_has_caught_up() {
        assert_eq!(lateness(&[(5, 530), (6, 600), (7, 930), (8, 1000), (9, 901)]), [0, 0, 229, 198, 0]);
    }

    #[test]
    fn missing_numbers_do_not_make_the_next_message_late() {
        assert_eq!(lateness(&[(5, 500), (9, 900)]), [0, 0]);
    }

    #[test]
    fn a_clock_that_loses_a_millisecond_a_message_is_not_late_and_one_that_loses_more_is() {
        assert_eq!(lateness(&[(0, 0), (1, 101), (2, 202), (3, 303)]), [0, 0, 0, 0]);
        assert_eq!(lateness(&[(0, 0), (1, 111), (2, 222), (3, 333)]), [0, 10, 20, 30]);
    }

    #[test]
    fn the_spread_is_by_nearest_rank() {
        let spread = Spread::of((1..=1000).rev().map(Duration::from_millis).collect());
        assert_eq!([spread.p50, spread.p999, spread.worst].map(|value| value.as_millis()), [500, 999, 1000]);
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }
}
