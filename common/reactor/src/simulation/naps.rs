//! A worker sleeps as long as it may: its sleeps end because something is due.

use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// Sleeps in a second that may end with nothing done: deadlines that were put off are looked at at their old time, each
/// 16 ms at most, and a handler may have clients in a slice that take nothing.
const MAX_VAIN: usize = 128;

/// The sleeps of a worker that ended by their time, and after which it did nothing.
#[derive(Debug)]
pub(super) struct Naps {
    second: Instant,
    vain: usize,
}

impl Naps {
    pub(super) fn new(now: Instant) -> Self {
        Self { second: now, vain: 0 }
    }

    /// One more sleep ended with nothing done.
    pub(super) fn count_vain(&mut self, now: Instant) {
        if now.saturating_duration_since(self.second) >= SECOND {
            *self = Self::new(now);
        }
        self.vain += 1;
    }

    /// True if a worker with so many connections has slept in vain more often in a second than it may.
    pub(super) fn are_too_many(&self, connections: usize) -> bool {
        self.vain > MAX_VAIN + connections
    }
}
