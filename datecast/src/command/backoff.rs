//! How long what has failed waits before it is tried again: a command that has ended, a connection that was lost.

use std::time::Duration;

/// Doubles the pause from run to run, up to the longest one.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Of a command: one that ends at once is no load.
    pub(super) fn of_command() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_mins(1))
    }

    /// `longest` is also how long a run must have taken for the next pause to be the `first` one again.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The pause after a run that took this long.
    pub(crate) fn pause_after(&mut self, ran: Duration) -> Duration {
        if ran >= self.longest {
            self.next = self.first;
        }
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_begin_again_after_a_long_run() {
        let (short, almost, long) = (Duration::ZERO, Duration::from_millis(59_999), Duration::from_mins(1));
        let mut backoff = Backoff::of_command();
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
