//! How late the latest of a worker's dates was, remembered for a while: who asks for the daemon's health asks now and then,
//! and must not miss what was wrong a moment before.

use std::time::{Duration, Instant};

/// How long a late date is remembered at least; at most it is twice as long.
const REMEMBERED: Duration = Duration::from_secs(5);

/// The worst lateness of two spans of time: the one that goes on, and the one before it.
#[derive(Debug)]
pub(crate) struct Punctuality {
    since: Instant,
    worst: Duration,
    before: Duration,
}

impl Punctuality {
    /// Nothing was late yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, worst: Duration::ZERO, before: Duration::ZERO }
    }

    /// A turn in which the date that was due first was late by this much; zero if none was due.
    pub(crate) fn turn(&mut self, now: Instant, late: Duration) {
        let age = now.saturating_duration_since(self.since);
        if age >= REMEMBERED {
            // A pause of the loop that was longer than both spans leaves nothing to remember but what comes now.
            self.before = if age < REMEMBERED * 2 { self.worst } else { Duration::ZERO };
            (self.since, self.worst) = (now, Duration::ZERO);
        }
        self.worst = self.worst.max(late);
    }

    /// The worst of the last five to ten seconds.
    pub(crate) fn worst(&self) -> Duration {
        self.worst.max(self.before)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
mod tests {
    use super::*;

    #[test]
    fn a_late_date_is_remembered_for_five_to_ten_seconds() {
        let start = Instant::now();
        let mut punctuality = Punctuality::new(start);
        let mut turn = |after: u64, late: u64| {
            punctuality.turn(start + Duration::from_secs(after), Duration::from_millis(late));
            punctuality.worst().as_millis()
        };
        assert_eq!(turn(1, 3), 3);
        assert_eq!(turn(4, 2500), 2500);
        assert_eq!(turn(6, 1), 2500, "two seconds ago");
        assert_eq!(turn(9, 0), 2500);
        assert_eq!(turn(11, 0), 1);
        assert_eq!(turn(60, 7), 7, "a long pause is late itself, not what was before it");
    }
}
