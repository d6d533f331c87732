//! How late a message is: how much longer than the interval a client has waited for it.

use std::time::{Duration, Instant};

/// The messages of one client.
#[derive(Debug)]
pub(crate) struct Schedule {
    interval: Duration,
    /// Number and arrival of the last message.
    last: Option<(u64, Instant)>,
}

impl Schedule {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, last: None }
    }

    /// Records message `number`, which came now. A server whose timer begins anew with each message is not late for ever after one that
    /// was late, and one that catches up is not late again.
    pub(crate) fn late(&mut self, number: u64, now: Instant) -> Duration {
        let Some((last, at)) = self.last.replace((number, now)) else { return Duration::ZERO };
        self.beyond(now.duration_since(at), number.saturating_sub(last))
    }

    /// How late the next message is by now.
    pub(crate) fn overdue(&self, now: Instant) -> Duration {
        self.last.map_or(Duration::ZERO, |(_, at)| self.beyond(now.saturating_duration_since(at), 1))
    }

    fn beyond(&self, pause: Duration, steps: u64) -> Duration {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        pause.saturating_sub(self.interval.saturating_mul(steps))
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

    #[test]
    fn a_message_is_late_by_what_the_pause_before_it_was_too_long() {
        let begin = Instant::now();
        let mut schedule = Schedule::new(INTERVAL);
        let arrivals = [(5, 530), (6, 630), (7, 960), (8, 1000), (9, 1101), (12, 1410)];
        let late =
            arrivals.map(|(number, at)| schedule.late(number, begin + Duration::from_millis(at)).as_millis());
        assert_eq!(late, [0, 0, 230, 0, 1, 9]);
        assert_eq!(schedule.overdue(begin + Duration::from_millis(1500)), Duration::ZERO);
        assert_eq!(schedule.overdue(begin + Duration::from_millis(2510)), Duration::from_secs(1));
    }

    #[test]
    fn the_spread_is_by_nearest_rank() {
        let spread = Spread::of((1..=1000).rev().map(Duration::from_millis).collect());
        assert_eq!([spread.p50, spread.p999, spread.worst].map(|value| value.as_millis()), [500, 999, 1000]);
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }
}
