//! Waiting for what must come.

use std::{
    thread,
    time::{Duration, Instant},
};

/// The end of each wait.
pub(crate) const WAIT: Duration = Duration::from_mins(1);

/// Returns once this is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < WAIT, "within {WAIT:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
