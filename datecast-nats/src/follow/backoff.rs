//! How long to wait before another try: pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(500);
/// What has lasted so long was no failure to start: the pauses begin anew.
const LASTING: Duration = Duration::from_secs(5);

/// Pauses that double, from 50 ms to half a second.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    /// The pause after something that has lasted for so long.
    pub(super) fn pause_after(&mut self, lasted: Duration) -> Duration {
        if lasted >= LASTING {
            *self = Self::default();
        }
        let pause = self.0;
        self.0 = pause.saturating_mul(2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_something_lasts() {
        let mut backoff = Backoff::default();
        for pause in [50, 100, 200, 400, 500, 500] {
            assert_eq!(backoff.pause_after(Duration::from_millis(4999)), Duration::from_millis(pause));
        }
        assert_eq!(backoff.pause_after(LASTING), FIRST);
    }
}
