//! Ends a thread beside a test, also when the test fails.

use std::sync::atomic::{AtomicBool, Ordering};

/// The flag that the thread looks at between two steps.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// True once [`StopAtEnd`] was dropped: the test has ended, or failed.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Dropping it asks the thread to end.
#[derive(Debug)]
pub struct StopAtEnd<'s>(pub &'s Stop);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}
