//! How long a command that has ended waits before it is started again.

use std::time::Duration;

/// The first pause: a command that ends at once is no load.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause, and how long a command must have run for its next pause to be the first one again.
const LONGEST: Duration = Duration::from_mins(1);

/// Doubles the pause from run to run, up to a minute.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The pause after a run that took this long.
    pub(super) fn pause_after(&mut self, ran: Duration) -> Duration {
        if ran >= LONGEST {
            self.next = FIRST;
        }
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_begin_again_after_a_long_run() {
        let (short, almost, long) = (Duration::ZERO, Duration::from_millis(59_999), LONGEST);
        let mut backoff = Backoff::default();
        for (ran, pause) in [
            (short, 1),
            (short, 2),
            (almost, 4),
            (short, 8),
            (short, 16),
            (short, 32),
            (short, 60),
            (almost, 60),
            (long, 1),
            (short, 2),
            (long * 100, 1),
        ] {
            assert_eq!(backoff.pause_after(ran), Duration::from_secs(pause), "after {ran:?}");
        }
    }
}
