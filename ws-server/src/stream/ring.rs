//! The newest batches of the stream. A connection is only a position in them: nothing is copied or queued per connection.

use std::{
    cell::{OnceCell, RefCell},
    collections::VecDeque,
    sync::Arc,
};

use common::{framing::Framing, id::MessageId};

use super::{
    batch::{Batch, Encoded, EncodedBytes},
    runs::{Run, Runs, Taker},
};

/// How much the ring holds; the newest batch stays even if it alone is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Bytes of memory, with what is encoded.
    pub(crate) bytes: usize,
    pub(crate) messages: usize,
}

/// A place in the ring: the message that a connection gets next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The batch, counted from the first one that the ring ever held.
    pub(crate) batch: u64,
    /// The message in that batch, from 0.
    pub(crate) message: usize,
}

impl Position {
    /// No batch is there, and none will come.
    pub(crate) const NOWHERE: Self = Self { batch: u64::MAX, message: 0 };

    /// The beginning of the next batch.
    pub(crate) fn next_batch(self) -> Self {
        Self { batch: self.batch.saturating_add(1), message: 0 }
    }
}

/// Where a ring begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RingBegin {
    /// A client that has everything before this id lacks nothing of its epoch.
    pub(crate) next: MessageId,
    pub(crate) has_dropped: bool,
}

#[derive(Debug)]
pub(crate) enum Found<'r> {
    /// The batch that holds the position.
    Batch(&'r Batch),
    /// No batch yet: the position is the end.
    CaughtUp,
    /// The batch has made room for newer ones.
    Lost,
}

/// A batch, and the encodings of it that this worker uses. Old ones are freed when memory is short.
#[derive(Debug)]
struct Entry {
    batch: Arc<Batch>,
    /// A client that has less than all numbers before it has missed some of them.
    follows_gap: bool,
    encoded: OnceCell<Box<[OnceCell<Arc<Encoded>>; Framing::ALL.len()]>>,
}

/// The newest batches of one worker.
#[derive(Debug)]
pub(crate) struct Ring {
    batches: VecDeque<Entry>,
    /// The batch number of `batches[0]`.
    oldest: u64,
    /// The batch number of the first batch of the newest epoch.
    newest_epoch: u64,
    /// The smallest id that the next message can have.
    next: MessageId,
    /// The id after the newest message that is no longer here.
    dropped: MessageId,
    /// A message was here and is here no longer.
    has_dropped: bool,
    /// What came before its first batch is known.
    is_adopted: bool,
    /// A jump from one number to the next is a gap.
    is_dense: bool,
    /// What the batches hold without their encodings.
    bytes: usize,
    messages: usize,
    bounds: Bounds,
    /// The numbers of the batches of which this worker has an encoding, in the order in which it needed them.
    encoded: RefCell<VecDeque<u64>>,
    runs: Runs,
    /// What the workers of the process hold encoded. All have the same batches, so the batches themselves count once.
    encoded_bytes: Arc<EncodedBytes>,
}

impl Ring {
    /// An empty ring, which `next` is the smallest id for; all workers pass the same `encoded_bytes`. A jump of the numbers is a
    /// gap if they are `dense`.
    pub(crate) fn new(
        bounds: Bounds,
        next: MessageId,
        is_dense: bool,
        encoded_bytes: Arc<EncodedBytes>,
    ) -> Self {
        Self {
            batches: VecDeque::new(),
            oldest: 0,
            newest_epoch: 0,
            next,
            dropped: next,
            has_dropped: false,
            is_adopted: false,
            is_dense,
            bytes: 0,
            messages: 0,
            bounds,
            encoded: RefCell::default(),
            runs: Runs::default(),
            encoded_bytes,
        }
    }

    /// Changes the bounds; [`Ring::push`] applies them.
    pub(crate) fn limit(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Adds the newest batch and drops the oldest ones that no longer fit.
    pub(crate) fn push(&mut self, batch: Arc<Batch>) {
        if batch.is_empty() {
            return;
        }
        self.runs.clear();
        self.bytes = self.bytes.saturating_add(held(&batch));
        self.messages = self.messages.saturating_add(batch.len());
        let is_first = self.batches.is_empty() && !self.is_adopted;
        if batch.epoch() != self.next.epoch {
            self.newest_epoch = self.end().batch;
        }
        let jumps = batch.id_of(0) != self.next;
        let is_after_all = is_first || self.is_dense || batch.epoch() != self.next.epoch;
        let follows_gap = batch.follows_gap() || jumps && is_after_all;
        self.next = batch.end();
        self.batches.push_back(Entry { batch, follows_gap, encoded: OnceCell::new() });
        while self.batches.len() > 1
            && (self.bytes > self.bounds.bytes || self.messages > self.bounds.messages)
        {
            let Some(Entry { batch: gone, .. }) = self.batches.pop_front() else { return };
            self.oldest = self.oldest.saturating_add(1);
            (self.dropped, self.has_dropped) = (gone.end(), true);
            self.bytes = self.bytes.saturating_sub(held(&gone));
            self.messages = self.messages.saturating_sub(gone.len());
        }
    }

    /// Frees runs, and encodings, those that were needed first before the others, as far as the bounds ask for it. The newest batch
    /// keeps its own: everybody needs them now.
    pub(crate) fn trim(&mut self) {
        if self.bytes.saturating_add(self.encoded_bytes.get()) > self.bounds.bytes {
            self.runs.clear();
        }
        let newest = self.end().batch.saturating_sub(1);
        let mut kept = None;
        // Of batches that are gone themselves.
        while self.encoded.get_mut().pop_front_if(|number| *number < self.oldest).is_some() {}
        while self.bytes.saturating_add(self.encoded_bytes.get()) > self.bounds.bytes {
            let Some(number) = self.encoded.get_mut().pop_front() else { break };
            let index = self.index_of(number);
            if number == newest {
                kept = Some(number);
            } else if let Some(entry) = index.and_then(|index| self.batches.get_mut(index)) {
                entry.encoded = OnceCell::new();
                entry.batch.forget_unheld();
            }
        }
        self.encoded.get_mut().extend(kept);
    }

    /// The batch at a position in one framing; `None` if there is none.
    pub(crate) fn encoded(&self, position: Position, framing: Framing) -> Option<&Encoded> {
        let entry = self.entry(position)?;
        let framings = entry.encoded.get_or_init(|| {
            self.encoded.borrow_mut().push_back(position.batch);
            Box::default()
        });
        let encode = || entry.batch.encoded(framing, &self.encoded_bytes);
        Some(framings.get(framing.index())?.get_or_init(encode))
    }

    /// True if no batch comes behind the one at this position.
    #[inline]
    pub(super) fn is_newest(&self, position: Position) -> bool {
        position.batch.wrapping_sub(self.oldest).wrapping_add(1) >= self.batches.len() as u64
    }

    /// The run in one framing that begins with the batch of this number, for one that gets all of that; `None` if there is none.
    pub(super) fn run(&self, batch: u64, framing: Framing, taker: Taker) -> Option<&Run> {
        let index = self.index_of(batch)?.min(self.batches.len());
        let batches = self.batches.range(index..).map(|entry| &*entry.batch);
        self.runs.get((framing, batch), taker, batches, &self.encoded_bytes)
    }

    /// The number of the oldest message; `None` while it is empty.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.batches.front().map(|entry| entry.batch.first())
    }

    /// The id after the newest message, and the smallest one of the next.
    pub(crate) fn next(&self) -> MessageId {
        self.next
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// True if the messages from this number of the newest epoch on are all that ever came.
    pub(crate) fn is_all_from(&self, number: u64) -> bool {
        let is_first_epoch = self.newest_epoch == self.oldest;
        !self.has_dropped && is_first_epoch && self.oldest().is_none_or(|oldest| number <= oldest)
    }

    /// True if a client misses messages that has those before the batch at this position, but not all numbers.
    pub(crate) fn follows_gap(&self, position: Position) -> bool {
        self.entry(position).is_some_and(|entry| entry.follows_gap)
    }

    /// True unless a message of the client's epoch is no longer here that comes `next`.
    pub(crate) fn has(&self, next: MessageId) -> bool {
        let Some(front) = self.batches.front() else { return true };
        let first = front.batch.id_of(0);
        let floor = if front.follows_gap { first } else { self.dropped };
        next.epoch != first.epoch || next.number >= floor.number
    }

    /// The smallest number of the newest epoch from which on no message is missing among the last `count` ones, as far as they
    /// are kept.
    pub(crate) fn floor(&self, count: usize) -> u64 {
        let position = self.last(count);
        let Some(entry) = self.entry(position) else { return self.next.number };
        let first = entry.batch.number_of(position.message);
        let before = position.batch.checked_sub(1).map(|batch| Position { batch, message: 0 });
        match before.and_then(|before| self.entry(before)) {
            _ if position.message > 0 || entry.follows_gap => first,
            Some(before) => before.batch.next(),
            None => self.dropped.number,
        }
    }

    /// The smallest id from which on the ring lacks nothing of its oldest epoch, and whether a message was here that is here no
    /// longer.
    pub(crate) fn begin(&self) -> RingBegin {
        let front = self.batches.front().filter(|front| front.follows_gap);
        let next = front.map_or(self.dropped, |front| front.batch.id_of(0));
        RingBegin { next: if self.is_empty() { self.next } else { next }, has_dropped: self.has_dropped }
    }

    /// Goes on where the ring of the previous process began, which is empty yet.
    pub(crate) fn begin_at(&mut self, begin: RingBegin) {
        (self.next, self.dropped, self.has_dropped) = (begin.next, begin.next, begin.has_dropped);
        self.is_adopted = true;
    }

    /// Where the batch of this number is in `batches`, or will be; `None` if it has made room.
    #[inline]
    fn index_of(&self, batch: u64) -> Option<usize> {
        usize::try_from(batch.checked_sub(self.oldest)?).ok()
    }

    #[inline]
    fn entry(&self, position: Position) -> Option<&Entry> {
        self.batches.get(self.index_of(position.batch)?)
    }

    /// Behind the newest message.
    pub(crate) fn end(&self) -> Position {
        Position { batch: self.oldest.saturating_add(self.batches.len() as u64), message: 0 }
    }

    pub(crate) fn at(&self, position: Position) -> Found<'_> {
        if position.batch < self.oldest {
            return Found::Lost;
        }
        match self.entry(position) {
            Some(entry) => Found::Batch(&entry.batch),
            None => Found::CaughtUp,
        }
    }

    /// All batches, the oldest first.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &Arc<Batch>> {
        self.batches.iter().map(|entry| &entry.batch)
    }

    /// The last `count` messages of the newest epoch, as far as there are that many.
    pub(crate) fn last(&self, count: usize) -> Position {
        let mut missing = count;
        let mut position = self.end();
        for Entry { batch, .. } in self.batches.iter().rev() {
            if missing == 0 || position.batch == self.newest_epoch {
                break;
            }
            position = Position {
                batch: position.batch.saturating_sub(1),
                message: batch.len().saturating_sub(missing),
            };
            missing = missing.saturating_sub(batch.len());
        }
        position
    }

    /// The position of the message with this id, or else of the next one; the end if there is none.
    pub(crate) fn from(&self, next: MessageId) -> Position {
        let index = self.batches.partition_point(|entry| entry.batch.end() <= next);
        let batch = self.batches.get(index).map(|entry| &entry.batch);
        let batch = batch.filter(|batch| batch.epoch() == next.epoch);
        let message = batch.map_or(0, |batch| batch.place_of(next.number));
        Position { batch: self.oldest.saturating_add(index as u64), message }
    }
}

/// What a batch holds in a ring, without its encodings.
fn held(batch: &Batch) -> usize {
    batch.held().saturating_add(size_of::<Entry>())
}

#[cfg(test)]
mod tests;
