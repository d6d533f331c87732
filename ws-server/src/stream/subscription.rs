//! How far one connection is in the stream, and what the stream answers when asked for more.

use std::{num::NonZeroU64, ops::Range, sync::Arc};

use common::{
    codec::{Reader, Writer},
    gap::Gap,
    id::{Epoch, MessageId, Since},
};

use super::{
    ring::Position,
    since::{put_since, take_since},
};

/// How far one connection is in the stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subscription {
    /// The phase of the clock in which it gets its dates.
    pub(crate) phase: u32,
    /// How many dates to send to it alone: the first one when it subscribes, and those that its full socket delayed.
    pub(crate) owed: u8,
    /// What it waits for before it gets a place.
    newcomer: Newcomer,
    /// Messages before its place in the ring are left out: a gap is told before the next one.
    pub(crate) is_behind_gap: bool,
    /// Its client has never had a message, nor lacked one: it misses nothing before the first.
    pub(crate) has_nothing: bool,
    /// The stream that `next` is a number of. It gets nothing of an earlier one.
    pub(crate) epoch: Epoch,
    /// It has every message before this sequence number, or a gap that names them, or does not get them; some may not have
    /// reached this worker's ring yet.
    pub(crate) next: u64,
    /// Its place in the ring.
    pub(crate) position: Position,
    /// One more than its end.
    end: Option<NonZeroU64>,
}

/// Whether a subscriber has its place. While the source still brings what there was before, it has none: what it says that it has
/// is in `epoch` and `next`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Newcomer {
    /// It has its place.
    #[default]
    Placed,
    /// It says nothing.
    New,
    /// A number, or an id.
    WithNumber,
    WithId,
    /// It has had another stream.
    FromElsewhere,
}

impl Subscription {
    /// It has to wait for its place, after `since` if it names one.
    pub(crate) fn wait_for_place(&mut self, since: Option<Since>) {
        let id = |epoch, number| MessageId { epoch, number };
        let (newcomer, next) = match since {
            None => (Newcomer::New, MessageId::default()),
            Some(Since::Number(number)) => {
                (Newcomer::WithNumber, id(Epoch::default(), number.saturating_add(1)))
            }
            Some(Since::Id(MessageId { epoch, number })) => {
                (Newcomer::WithId, id(epoch, number.saturating_add(1)))
            }
            Some(Since::Nothing(epoch)) => (Newcomer::WithId, id(epoch, 0)),
            Some(Since::Unknown) => (Newcomer::FromElsewhere, MessageId::default()),
        };
        (self.newcomer, self.position) = (newcomer, Position::NOWHERE);
        self.go_on_at(next);
    }

    /// True until it has its place.
    pub(crate) fn waits_for_place(&self) -> bool {
        self.newcomer != Newcomer::Placed
    }

    /// It gets its place now; after what, if it has said so.
    pub(crate) fn take_newcomer(&mut self) -> Option<Since> {
        let since = self.had();
        self.newcomer = Newcomer::Placed;
        since
    }

    /// What its client has, or says that it has; `None` for a newcomer.
    pub(crate) fn had(&self) -> Option<Since> {
        match self.newcomer {
            Newcomer::New => None,
            Newcomer::WithNumber => Some(Since::Number(self.next.saturating_sub(1))),
            Newcomer::FromElsewhere => Some(Since::Unknown),
            Newcomer::Placed | Newcomer::WithId => Some(Since::before(self.next_id())),
        }
    }

    /// True if its place is a number of this epoch, and the number alone says it.
    pub(crate) fn is_usual(&self, epoch: Epoch) -> bool {
        !self.waits_for_place() && self.epoch == epoch && self.next > 0
    }

    /// Writes down its place, or what it waits for.
    pub(crate) fn put(&self, to: &mut Writer) {
        to.flag(self.waits_for_place());
        put_since(self.had(), to);
    }

    /// Reads back what [`Subscription::put`] wrote.
    pub(crate) fn take_over(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let (waits_for_place, mut had) = (from.flag()?, None);
        take_since(from, &mut had)?;
        if waits_for_place {
            self.wait_for_place(had);
            return Some(());
        }
        let had = had?;
        self.has_nothing = matches!(had, Since::Nothing(_));
        self.go_on_at(match had {
            Since::Id(MessageId { epoch, number }) => MessageId { epoch, number: number.saturating_add(1) },
            Since::Nothing(epoch) => MessageId { epoch, number: 0 },
            Since::Number(_) | Since::Unknown => return None,
        });
        Some(())
    }

    /// The smallest id that it has not got.
    pub(crate) fn next_id(&self) -> MessageId {
        MessageId { epoch: self.epoch, number: self.next }
    }

    /// It has everything before `next`.
    pub(crate) fn go_on_at(&mut self, next: MessageId) {
        (self.epoch, self.next) = (next.epoch, next.number);
    }

    /// A bounded read ends before this number, with a message that exists; `None` for all others.
    pub(crate) fn end(&self) -> Option<u64> {
        self.end.map(|end| end.get() - 1)
    }

    pub(crate) fn set_end(&mut self, end: Option<u64>) {
        self.end = end.map(|end| NonZeroU64::MIN.saturating_add(end));
    }

    /// True for a bounded read that has got everything.
    pub(crate) fn is_complete(&self) -> bool {
        self.end().is_some_and(|end| self.next >= end)
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
    /// It does not get what comes next in order, and its framing has no form to say so: the client comes back, and hears it then,
    /// or begins anew.
    Over,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_small() {
        // Every connection has one.
        assert!(size_of::<Subscription>() <= 48, "{} bytes", size_of::<Subscription>());
    }
}
