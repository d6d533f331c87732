//! The time, for threads that block on their input and have no turn whose time they could use.

use std::time::{Instant, SystemTime};

#[allow(clippy::disallowed_methods, reason = "see above")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[allow(clippy::disallowed_methods, reason = "see above")]
pub(super) fn wall() -> SystemTime {
    SystemTime::now()
}
