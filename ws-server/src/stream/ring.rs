//! The newest batches of the stream. A connection is only a position in them: nothing is copied or queued per connection.

use std::{
    cell::{OnceCell, RefCell},
    collections::VecDeque,
    sync::Arc,
};

use common::framing::Framing;

use super::batch::{Batch, Encoded, EncodedBytes};

/// How much the ring holds; the newest batch stays even if it alone is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Bytes of memory, with what is encoded.
    pub(crate) bytes: usize,
    pub(crate) messages: usize,
}

/// A place in the ring: the message that a connection gets next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The batch, counted from the first one that the ring ever held.
    pub(crate) batch: u64,
    /// The message in that batch, from 0.
    pub(crate) message: usize,
}

impl Position {
    /// The beginning of the next batch.
    pub(crate) fn next_batch(self) -> Self {
        Self { batch: self.batch.saturating_add(1), message: 0 }
    }
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
    encoded: OnceCell<Box<[OnceCell<Arc<Encoded>>; Framing::ALL.len()]>>,
}

/// The newest batches of one worker.
#[derive(Debug)]
pub(crate) struct Ring {
    batches: VecDeque<Entry>,
    /// The batch number of `batches[0]`.
    oldest: u64,
    /// What the batches hold without their encodings.
    bytes: usize,
    messages: usize,
    bounds: Bounds,
    /// The numbers of the batches of which this worker has an encoding, in the order in which it needed them.
    encoded: RefCell<VecDeque<u64>>,
    /// What the workers of the process hold encoded. All have the same batches, so the batches themselves count once.
    encoded_bytes: Arc<EncodedBytes>,
}

impl Ring {
    /// An empty ring; all workers pass the same `encoded_bytes`.
    pub(crate) fn new(bounds: Bounds, encoded_bytes: Arc<EncodedBytes>) -> Self {
        Self {
            batches: VecDeque::new(),
            oldest: 0,
            bytes: 0,
            messages: 0,
            bounds,
            encoded: RefCell::default(),
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
        self.bytes = self.bytes.saturating_add(held(&batch));
        self.messages = self.messages.saturating_add(batch.len());
        self.batches.push_back(Entry { batch, encoded: OnceCell::new() });
        while self.batches.len() > 1
            && (self.bytes > self.bounds.bytes || self.messages > self.bounds.messages)
        {
            let Some(Entry { batch: gone, .. }) = self.batches.pop_front() else { return };
            self.oldest = self.oldest.saturating_add(1);
            self.bytes = self.bytes.saturating_sub(held(&gone));
            self.messages = self.messages.saturating_sub(gone.len());
        }
    }

    /// Frees encodings, those that were needed first before the others, as far as the bounds ask for it. The newest batch
    /// keeps its own: everybody needs them now.
    pub(crate) fn trim(&mut self) {
        let newest = self.end().batch.saturating_sub(1);
        let mut kept = None;
        // Of batches that are gone themselves.
        while self.encoded.get_mut().pop_front_if(|number| *number < self.oldest).is_some() {}
        while self.bytes.saturating_add(self.encoded_bytes.get()) > self.bounds.bytes {
            let Some(number) = self.encoded.get_mut().pop_front() else { break };
            let index = number.checked_sub(self.oldest).and_then(|index| usize::try_from(index).ok());
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
        let entry = self.batches.get(usize::try_from(position.batch.checked_sub(self.oldest)?).ok()?)?;
        let framings = entry.encoded.get_or_init(|| {
            self.encoded.borrow_mut().push_back(position.batch);
            Box::default()
        });
        let encode = || entry.batch.encoded(framing, &self.encoded_bytes);
        Some(framings.get(framing.index())?.get_or_init(encode))
    }

    /// The number of the oldest message; `None` while it is empty.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.batches.front().map(|entry| entry.batch.first())
    }

    /// The number after the newest message; `None` while it is empty.
    pub(crate) fn next(&self) -> Option<u64> {
        self.batches.back().map(|entry| entry.batch.next())
    }

    /// Behind the newest message.
    pub(crate) fn end(&self) -> Position {
        Position { batch: self.oldest.saturating_add(self.batches.len() as u64), message: 0 }
    }

    pub(crate) fn at(&self, position: Position) -> Found<'_> {
        let Some(index) = position.batch.checked_sub(self.oldest) else { return Found::Lost };
        match usize::try_from(index).ok().and_then(|index| self.batches.get(index)) {
            Some(entry) => Found::Batch(&entry.batch),
            None => Found::CaughtUp,
        }
    }

    /// All batches, the oldest first.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &Arc<Batch>> {
        self.batches.iter().map(|entry| &entry.batch)
    }

    /// The last `count` messages, as far as there are that many.
    pub(crate) fn last(&self, count: usize) -> Position {
        let mut missing = count;
        let mut position = self.end();
        for Entry { batch, .. } in self.batches.iter().rev() {
            if missing == 0 {
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

    /// The position of the message with this number, or else of the next one; the end if there is none.
    pub(crate) fn from(&self, number: u64) -> Position {
        let index = self.batches.partition_point(|entry| entry.batch.next() <= number);
        let message = self.batches.get(index).map_or(0, |entry| entry.batch.place_of(number));
        Position { batch: self.oldest.saturating_add(index as u64), message }
    }
}

/// What a batch holds in a ring, without its encodings.
fn held(batch: &Batch) -> usize {
    batch.held().saturating_add(size_of::<Entry>())
}

#[cfg(test)]
mod tests {
    use common::id::MessageId;

    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 1 << 20, messages: 1000 };

    fn batch(first: u64, count: u64) -> Arc<Batch> {
        let mut batch = Batch::new(MessageId { number: first, ..MessageId::default() });
        for _ in 0..count {
            batch.push(|out| out.push_str("0123456789"));
        }
        batch.shared()
    }

    /// The numbers that a connection at this position gets.
    fn numbers(ring: &Ring, from: Position) -> Vec<u64> {
        let mut position = from;
        let mut numbers = Vec::new();
        while let Found::Batch(batch) = ring.at(position) {
            numbers.extend((batch.first()..batch.next()).skip(position.message));
            position = Position { batch: position.batch + 1, message: 0 };
        }
        numbers
    }

    #[test]
    fn a_position_at_the_end_gets_what_comes_later() {
        let mut ring = Ring::new(BOUNDS, Arc::default());
        let end = ring.end();
        assert!(matches!(ring.at(end), Found::CaughtUp));
        ring.push(batch(1, 3));
        ring.push(batch(4, 0));
        ring.push(batch(4, 2));
        assert_eq!(numbers(&ring, end), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn the_last_messages_are_found_across_batches() {
        let mut ring = Ring::new(BOUNDS, Arc::default());
        assert_eq!(ring.last(5), ring.end());
        ring.push(batch(1, 3));
        ring.push(batch(4, 2));
        for count in 0..8 {
            let expected: Vec<u64> = (1..=5).skip(5_usize.saturating_sub(count)).collect();
            assert_eq!(numbers(&ring, ring.last(count)), expected);
        }
    }

    #[test]
    fn every_number_is_found_or_else_the_next_one() {
        let mut ring = Ring::new(BOUNDS, Arc::default());
        assert_eq!(ring.from(0), ring.end());
        ring.push(batch(1, 3));
        ring.push(batch(4, 2));
        ring.push(batch(8, 1)); // 6 and 7 were never there
        for next in 0..=9 {
            let expected: Vec<u64> = [1, 2, 3, 4, 5, 8].into_iter().filter(|n| *n >= next).collect();
            assert_eq!(numbers(&ring, ring.from(next)), expected, "from {next} on");
        }
        assert_eq!(ring.from(9), ring.end());
        assert_eq!(ring.from(u64::MAX), ring.end());
    }

    #[test]
    fn the_oldest_make_room_and_a_position_there_is_lost() {
        let bytes = held(&batch(1, 3)) + held(&batch(4, 2));
        let mut ring = Ring::new(Bounds { bytes, ..BOUNDS }, Arc::default());
        let start = ring.end();
        ring.push(batch(1, 3));
        ring.push(batch(4, 2));
        assert!(matches!(ring.at(start), Found::Batch(_)));
        ring.push(batch(6, 1));
        assert!(matches!(ring.at(start), Found::Lost));
        assert_eq!(numbers(&ring, ring.from(0)), [4, 5, 6]);
        ring.push(batch(7, 100));
        assert_eq!(numbers(&ring, ring.last(2)), [105, 106], "one batch always stays");
    }

    #[test]
    fn encodings_count_and_old_ones_are_freed_before_any_message_is() {
        let total = Arc::<EncodedBytes>::default();
        let bounds = Bounds { bytes: 100_000, messages: 100_000 };
        let mut rings = [Ring::new(bounds, total.clone()), Ring::new(bounds, total.clone())];
        for number in 0..50 {
            let batch = batch(1 + number * 20, 20);
            for ring in &mut rings {
                ring.push(Arc::clone(&batch));
                // A slow reader of each framing is anywhere.
                for (framing, back) in Framing::ALL.into_iter().zip([0, 1, 5, 10, 20, 30, 40, 49]) {
                    let position = Position { batch: number.saturating_sub(back), message: 0 };
                    assert!(ring.encoded(position, framing).unwrap().bytes.len() > 200);
                }
                ring.trim();
            }
            // The newest batch in its one framing may come on top, and what the other ring has not freed yet.
            let held = rings[0].bytes + total.get();
            assert!(held <= bounds.bytes + 8000, "{held}");
        }
        assert_eq!(rings[0].batches().count(), 50, "all messages are there");
        drop(rings);
        assert_eq!(total.get(), 0);
    }
}
