//! How long an attempt to publish may be without an answer: pure.

use std::time::Duration;

/// At first, and wherever answers come quickly: what is lost with a leader that steps down is soon sent again.
const SHORTEST: Duration = Duration::from_secs(1);
/// An answer may take so many times as long as the one before.
const TIMES: u32 = 4;

/// A time that doubles with each attempt that gets no answer, so that a slow stream can answer, and follows the answers that come.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    now: Duration,
    longest: Duration,
}

impl Patience {
    /// From a second up to `longest`.
    pub(super) fn new(longest: Duration) -> Self {
        Self { now: SHORTEST, longest }
    }

    /// For the next attempt.
    pub(super) fn duration(&self) -> Duration {
        self.now
    }

    /// An attempt has had no answer for all of it.
    pub(super) fn exhausted(&mut self) {
        self.now = self.now.saturating_mul(2).min(self.longest);
    }

    /// An attempt was acknowledged after so long.
    pub(super) fn answered(&mut self, after: Duration) {
        self.now = after.saturating_mul(TIMES).clamp(SHORTEST, self.longest.max(SHORTEST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_is_slow_gets_its_time_and_one_that_is_quick_a_second() {
        let millis = Duration::from_millis;
        let mut patience = Patience::new(millis(5000));
        assert_eq!(patience.duration(), SHORTEST);
        for expected in [2000, 4000, 5000, 5000] {
            patience.exhausted();
            assert_eq!(patience.duration(), millis(expected));
        }
        for (answered, expected) in [(600, 2400), (4999, 5000), (1, 1000)] {
            patience.answered(millis(answered));
            assert_eq!(patience.duration(), millis(expected));
        }
    }
}
