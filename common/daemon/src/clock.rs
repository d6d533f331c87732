//! The clocks of the threads outside the event loop, a moment that can be written down, and a wait with a limit.

#![allow(clippy::disallowed_methods, reason = "outside the event loop no turn brings the time along")]

use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};

/// Reads the monotonic clock.
pub fn now() -> Instant {
    Instant::now()
}

/// Reads the wall clock: for people, no decision depends on it.
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// One moment on two readings of the monotonic clock: an [`Instant`] cannot be written down, the time since boot can.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// As the event loop has it.
    pub instant: Instant,
    /// `CLOCK_MONOTONIC`, which is the same for every process.
    pub since_boot: Duration,
}

impl Moment {
    /// Both readings, taken together.
    pub fn now() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default());
        let nanos = Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default());
        Self { instant: now(), since_boot: seconds.saturating_add(nanos) }
    }

    /// An instant that is not later, as nanoseconds since boot.
    pub fn write(self, earlier: Instant) -> u64 {
        let since_boot = self.since_boot.saturating_sub(self.instant.saturating_duration_since(earlier));
        u64::try_from(since_boot.as_nanos()).unwrap_or(u64::MAX)
    }

    /// What [`Moment::write`] wrote in this boot, perhaps in another process; `None` if that is yet to come.
    pub fn read(self, nanos: u64) -> Option<Instant> {
        let passed = self.since_boot.checked_sub(Duration::from_nanos(nanos))?;
        self.instant.checked_sub(passed)
    }
}

/// Asks `done` every millisecond, and returns once it says yes or the limit has passed.
pub fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) {
    let deadline = now() + limit;
    while now() < deadline && !done() {
        thread::park_timeout(Duration::from_millis(1));
    }
}
