//! What a process of a simulated world begins with.

use std::time::{Duration, Instant, SystemTime};

use crate::{Mailboxes, Settings};

/// What the closure that makes a handler gets.
pub struct Birth<M> {
    /// One mailbox for each worker.
    pub mailboxes: Mailboxes<M>,
    /// The world's monotonic time at this moment.
    pub now: Instant,
    /// The world's wall-clock time at this moment.
    pub wall: SystemTime,
    /// Time since the world's boot, suspends included.
    pub since_boot: Duration,
}

impl<M> Clone for Birth<M> {
    fn clone(&self) -> Self {
        Self { mailboxes: self.mailboxes.clone(), ..*self }
    }
}

/// The process that comes next.
#[derive(Clone, Debug)]
pub struct Successor {
    /// How many workers it has.
    pub workers: usize,
    /// Its limits and timeouts.
    pub settings: Settings,
    /// How long after the end of the one before it begins.
    pub delay: Duration,
}
