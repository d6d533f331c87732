//! How far one connection is in the stream, and what the stream answers when asked for more.

use std::{ops::Range, sync::Arc};

use super::ring::Position;

/// How far one connection is in the stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subscription {
    /// The phase of the clock in which it gets its dates.
    pub(crate) phase: usize,
    /// The sequence number of the newest date that was sent to it.
    pub(crate) last_date: u64,
    /// How many dates to send to it alone: the first one when it subscribes, and those that its full socket delayed.
    pub(crate) owed: u64,
    /// It has every message up to this sequence number, even those that have not reached this worker's ring yet.
    pub(crate) last_seq: u64,
    /// Its place in the ring.
    pub(crate) position: Position,
}

/// What a subscriber gets next.
#[derive(Debug)]
pub(crate) enum Next<'s> {
    /// So many messages, in bytes that all subscribers of the framing share.
    Shared {
        /// The encoded messages.
        bytes: &'s Arc<[u8]>,
        /// The part of `bytes` to send.
        range: Range<usize>,
        /// How many messages `range` holds.
        messages: u64,
    },
    /// The date of this slot of the clock, for this subscriber alone.
    Date(u64),
    /// There is more, but no room for it.
    Full,
    /// It has everything.
    CaughtUp,
    /// The ring has dropped what comes next: an `ordered` subscriber is too slow.
    Behind,
}
