//! An instant in half of the memory, for what is kept for each connection.

use std::time::{Duration, Instant};

/// Nanoseconds since a start that its keeper knows, and before it for a negative number: 292 years each way, in 8 bytes where an
/// [`Instant`] takes 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CompactInstant(i64);

impl CompactInstant {
    /// `at`, counted from `start`; what is too far away becomes the end of the range.
    pub fn new(at: Instant, start: Instant) -> Self {
        let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        match at.checked_duration_since(start) {
            Some(after) => Self(nanos(after)),
            None => Self(-nanos(start.saturating_duration_since(at))),
        }
    }

    /// The instant again, with the same start.
    pub fn to_instant(self, start: Instant) -> Instant {
        let apart = Duration::from_nanos(self.0.unsigned_abs());
        let at = if self.0 < 0 { start.checked_sub(apart) } else { start.checked_add(apart) };
        at.unwrap_or(start)
    }

    /// Later by this much.
    #[must_use]
    pub fn saturating_add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The time since `earlier`, an instant with the same start; zero if that is later.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// So many nanoseconds after the start.
    pub(crate) fn since_start(nanos: u64) -> Self {
        Self(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// Nanoseconds since the start; 0 before it.
    pub(crate) fn nanos_since_start(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // Any instant will do.
mod tests {
    use super::*;

    #[test]
    fn an_instant_comes_back_to_the_nanosecond_before_and_behind_the_start() {
        let (before, later) = (Instant::now(), Duration::new(5, 3));
        let start = before + later;
        for at in [before, start, start + Duration::from_nanos(1)] {
            assert_eq!(CompactInstant::new(at, start).to_instant(start), at);
        }
        assert!(CompactInstant::new(before, start) < CompactInstant::new(start, start));
        assert!(CompactInstant::new(start, start) < CompactInstant::new(start + later, start));
    }
}
