//! How far one connection is in the stream, and what the stream answers when asked for more.

use std::{ops::Range, sync::Arc};

use common::{
    gap::Gap,
    id::{Epoch, MessageId},
};

use super::ring::Position;

/// How far one connection is in the stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subscription {
    /// The phase of the clock in which it gets its dates.
    pub(crate) phase: usize,
    /// How many dates to send to it alone: the first one when it subscribes, and those that its full socket delayed.
    pub(crate) owed: u64,
    /// It has every message before this sequence number, or a gap that names them, or does not get them; some may not have
    /// reached this worker's ring yet.
    pub(crate) next: u64,
    /// Its place in the ring.
    pub(crate) position: Position,
    /// A bounded read ends before this number, with a message that exists; `None` for all others.
    pub(crate) end: Option<u64>,
}

impl Subscription {
    /// True for a bounded read that has got everything.
    pub(crate) fn is_complete(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }

    /// Takes a newcomer's dates from the first phase of the clock. All polls do: one client's come at any moment, on many
    /// connections, and an id has to mean the same date to each. The numbers are those of its own phase.
    pub(crate) fn join_first_phase(&mut self) {
        self.phase = 0;
    }

    /// Before message `number` is sent: the gap between what the subscriber has and it, if there is one. The
    /// caller sends the gap first, and then asks for the message again.
    pub(crate) fn skip_to(&mut self, number: u64, epoch: Epoch) -> Option<Gap> {
        let missed = number.checked_sub(self.next).filter(|missed| *missed > 0)?;
        self.next = number;
        Some(Gap { missed: Some(missed), new_stream: false, next: Some(MessageId { epoch, number }) })
    }
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
    /// It does not get what comes next in order: the message after this gap follows.
    Gap(Gap),
    /// There is more, but no room for it.
    Full,
    /// It has everything.
    CaughtUp,
    /// The ring has dropped what comes next: an `ordered` subscriber is too slow.
    Behind,
}
