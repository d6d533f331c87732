//! The time, for a thread that has no turn of an event loop to bring it along.

use std::time::Instant;

#[allow(clippy::disallowed_methods, reason = "see above")]
pub(super) fn now() -> Instant {
    Instant::now()
}
