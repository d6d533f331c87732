//! How often a connection may do something: a rate per second, after a burst.

use std::time::Duration;

use reactor::CompactInstant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Per second; 0: without limit.
    pub(crate) per_second: u32,
    /// How many may come at once, at least 1.
    pub(crate) burst: u32,
}

/// What one connection has used of a [`Rate`]. The generic cell rate algorithm keeps a single instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimiter {
    /// When everything used so far is available again.
    paid_off: CompactInstant,
}

impl RateLimiter {
    pub(crate) fn new(now: CompactInstant) -> Self {
        Self { paid_off: now }
    }

    /// How long it takes until everything used so far is available again.
    pub(crate) fn debt(self, now: CompactInstant) -> Duration {
        self.paid_off.saturating_duration_since(now)
    }

    /// Goes on with what another process has written down as [`RateLimiter::debt`].
    pub(crate) fn with_debt(debt: Duration, now: CompactInstant) -> Self {
        Self { paid_off: now.saturating_add(debt) }
    }

    /// Uses one; false if the rate does not allow it.
    pub(crate) fn take(&mut self, rate: Rate, now: CompactInstant) -> bool {
        if rate.per_second == 0 {
            return true;
        }
        let each = Duration::from_secs(1) / rate.per_second;
        let debt = self.paid_off.saturating_duration_since(now).saturating_add(each);
        if debt > each.saturating_mul(rate.burst.max(1)) {
            return false;
        }
        self.paid_off = now.saturating_add(debt);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
    fn start() -> CompactInstant {
        let now = std::time::Instant::now();
        CompactInstant::new(now, now)
    }

    fn taken(limiter: &mut RateLimiter, rate: Rate, now: CompactInstant) -> usize {
        (0..1000).take_while(|_| limiter.take(rate, now)).count()
    }

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let rate = Rate { per_second: 10, burst: 50 };
        let t0 = start();
        let mut limiter = RateLimiter::new(t0);
        assert_eq!(taken(&mut limiter, rate, t0), 50);
        assert_eq!(taken(&mut limiter, rate, t0.saturating_add(Duration::from_millis(99))), 0);
        assert_eq!(taken(&mut limiter, rate, t0.saturating_add(Duration::from_secs(1))), 10);
        assert_eq!(taken(&mut limiter, rate, t0.saturating_add(Duration::from_hours(1))), 50);
    }

    #[test]
    fn zero_is_no_limit() {
        let mut limiter = RateLimiter::new(start());
        assert_eq!(taken(&mut limiter, Rate { per_second: 0, burst: 1 }, start()), 1000);
    }
}
