//! How late the dates of one worker were, remembered for a while: a health check asks only now and then, and must not miss
//! what was wrong a moment before.

use std::time::{Duration, Instant};

/// How long a late date is remembered at least; at most it is twice as long.
const REMEMBERED: Duration = Duration::from_secs(5);

/// The worst lateness of two spans of time: the present one, and the one before it.
#[derive(Debug)]
pub(crate) struct LatenessWindow {
    since: Instant,
    worst: Duration,
    before: Duration,
}

impl LatenessWindow {
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, worst: Duration::ZERO, before: Duration::ZERO }
    }

    /// A date was this late.
    pub(crate) fn record(&mut self, late: Duration, now: Instant) {
        self.forget(now);
        self.worst = self.worst.max(late);
    }

    /// The worst of the last five to ten seconds.
    pub(crate) fn worst(&mut self, now: Instant) -> Duration {
        self.forget(now);
        self.worst.max(self.before)
    }

    fn forget(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age >= REMEMBERED {
            // After a pause of the loop that was longer than both spans, nothing is left to remember.
            self.before = if age < REMEMBERED * 2 { self.worst } else { Duration::ZERO };
            (self.since, self.worst) = (now, Duration::ZERO);
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
mod tests {
    use super::*;

    #[test]
    fn a_late_date_is_remembered_for_five_to_ten_seconds() {
        let start = Instant::now();
        let mut window = LatenessWindow::new(start);
        let mut turn = |after: u64, late: u64| {
            let now = start + Duration::from_secs(after);
            window.record(Duration::from_millis(late), now);
            window.worst(now).as_millis()
        };
        assert_eq!(turn(1, 3), 3);
        assert_eq!(turn(4, 2500), 2500);
        assert_eq!(turn(6, 1), 2500, "two seconds ago");
        assert_eq!(turn(9, 0), 2500);
        assert_eq!(turn(11, 0), 1);
        assert_eq!(turn(60, 7), 7, "a long pause is late itself, not what was before it");
    }
}
