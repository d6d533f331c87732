//! The clocks of the threads outside the event loop, and a wait with a limit.

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

/// Asks `done` every millisecond, and returns once it says yes or the limit has passed.
pub fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) {
    let deadline = now() + limit;
    while now() < deadline && !done() {
        thread::park_timeout(Duration::from_millis(1));
    }
}
