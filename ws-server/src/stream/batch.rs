//! Consecutive messages of the stream, encoded once per framing in the whole process, only for framings that a connection
//! uses, and only as long as a worker holds on to it.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use common::{
    framing::{Framing, encode},
    id::{Epoch, MessageId},
};

/// Messages that arrived together; all workers share them.
#[derive(Debug, Default)]
pub struct Batch {
    epoch: Epoch,
    first: u64,
    /// Messages before it are lost to this machine.
    follows_gap: bool,
    text: String,
    /// Where each message ends in `text`.
    ends: Vec<usize>,
    /// What workers hold encoded at this moment. Locked the first time that a worker needs a framing, not for each client.
    encoded: Mutex<Vec<(Framing, Weak<Encoded>)>>,
}

/// What allocators and reference counts add to a batch, or to one of its encodings, in bytes.
const OVERHEAD: usize = 128;

/// The bytes of all encodings that the workers of the process hold.
#[derive(Debug, Default)]
pub(crate) struct EncodedBytes(AtomicUsize);

impl EncodedBytes {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Batch {
    /// Without messages yet; `first` is the id of the first one.
    pub(crate) fn new(first: MessageId) -> Self {
        Self { epoch: first.epoch, first: first.number, ..Self::default() }
    }

    /// The same batch, before which messages are lost to this machine. Without them a jump of given numbers is no gap.
    pub(crate) fn after_gap(self) -> Self {
        Self { follows_gap: true, ..self }
    }

    /// The same batch, in an epoch that was not known when it was made.
    pub(crate) fn with_epoch(self, epoch: Epoch) -> Self {
        Self { epoch, ..self }
    }

    /// True if messages are lost between the batch before it and this one.
    pub(crate) fn follows_gap(&self) -> bool {
        self.follows_gap
    }

    /// Adds the next message; `write` appends its text.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        self.ends.push(self.text.len());
    }

    /// The whole batch, in no more memory than it needs.
    pub(crate) fn shared(mut self) -> Arc<Self> {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        Arc::new(self)
    }

    /// How many messages it holds.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of text.
    pub(crate) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Bytes of memory that it holds without its encodings.
    pub(crate) fn held(&self) -> usize {
        let ends = self.ends.capacity().saturating_mul(size_of::<usize>());
        let fixed = size_of::<Self>().saturating_add(OVERHEAD);
        self.text.capacity().saturating_add(ends).saturating_add(fixed)
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The id of the message at this place.
    pub(crate) fn id_of(&self, place: usize) -> MessageId {
        MessageId { epoch: self.epoch, number: self.number_of(place) }
    }

    /// The id after the last message.
    pub(crate) fn end(&self) -> MessageId {
        self.id_of(self.len())
    }

    /// The sequence number of the message at this place.
    pub(crate) fn number_of(&self, place: usize) -> u64 {
        self.first.saturating_add(u64::try_from(place).unwrap_or(u64::MAX))
    }

    /// The place of this sequence number, which may be beyond the end; 0 if all messages come after it.
    pub(crate) fn place_of(&self, number: u64) -> usize {
        let place = number.saturating_sub(self.first);
        usize::try_from(place).unwrap_or(usize::MAX)
    }

    /// The sequence number after the last message.
    pub(crate) fn next(&self) -> u64 {
        self.number_of(self.len())
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = self.ends.iter().zip(starts);
        ranges.map(|(end, start)| self.text.get(start..*end).unwrap_or_default())
    }

    /// All messages in one framing; what it takes in memory counts in `total` until the last holder drops it.
    pub(crate) fn encoded(&self, framing: Framing, total: &Arc<EncodedBytes>) -> Arc<Encoded> {
        let mut all = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            all.iter().find(|(known, _)| *known == framing).and_then(|(_, encoded)| encoded.upgrade());
        known.unwrap_or_else(|| {
            let encoded = Arc::new(Encoded::of(std::iter::once(self), framing, total));
            all.retain(|(_, other)| other.strong_count() > 0);
            all.push((framing, Arc::downgrade(&encoded)));
            encoded
        })
    }

    /// Frees what is left of encodings that nobody holds any more.
    pub(crate) fn forget_unheld(&self) {
        let mut all = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, encoded)| encoded.strong_count() > 0);
        if all.is_empty() {
            *all = Vec::new();
        }
    }

    /// Appends all messages in one framing, and where each of them ends.
    fn encode(&self, framing: Framing, out: &mut Vec<u8>, ends: &mut Vec<usize>) {
        let mut start = 0;
        // In this order: the numbers do not go on behind the last message, which may have the greatest one.
        for (end, number) in self.ends.iter().zip(self.first..) {
            let id = MessageId { epoch: self.epoch, number };
            encode(framing, id, self.text.get(start..*end).unwrap_or_default(), out);
            ends.push(out.len());
            start = *end;
        }
    }
}

/// The bytes of batches in one framing.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) bytes: Arc<[u8]>,
    ends: Box<[usize]>,
    /// Counted in `total`.
    held: usize,
    total: Arc<EncodedBytes>,
}

impl Drop for Encoded {
    fn drop(&mut self) {
        self.total.0.fetch_sub(self.held, Ordering::Relaxed);
    }
}

impl Encoded {
    /// All messages of these batches, one behind the other; what they take in memory counts in `total`.
    pub(super) fn of<'b>(
        batches: impl Iterator<Item = &'b Batch> + Clone,
        framing: Framing,
        total: &Arc<EncodedBytes>,
    ) -> Self {
        let add = |(text, count): (usize, usize), batch: &Batch| {
            (text.saturating_add(batch.text.len()), count.saturating_add(batch.len()))
        };
        let (text, count) = batches.clone().fold((0, 0), add);
        let mut out = Vec::with_capacity(text.saturating_add(count.saturating_mul(8)));
        let mut ends = Vec::with_capacity(count);
        batches.for_each(|batch| batch.encode(framing, &mut out, &mut ends));
        let (bytes, ends): (Arc<[u8]>, Box<[usize]>) = (out.into(), ends.into());
        let fixed = size_of::<Self>().saturating_add(OVERHEAD);
        let held = bytes.len().saturating_add(size_of_val(&*ends)).saturating_add(fixed);
        total.0.fetch_add(held, Ordering::Relaxed);
        Self { bytes, ends, held, total: Arc::clone(total) }
    }

    /// The bytes of as many whole messages from the `from`th on, before the `to`th, as fit into `most` bytes, but at least one;
    /// and the message after them. `None` at the end of the batch, or where there is none before `to`.
    pub(crate) fn piece(&self, from: usize, to: usize, most: usize) -> Option<(Range<usize>, usize)> {
        let ends = self.ends.get(..to).unwrap_or(&self.ends);
        let first_end = *ends.get(from)?;
        let start = from.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
        let limit = start.saturating_add(most);
        let last_end = ends.last().copied().unwrap_or(first_end);
        if last_end <= limit {
            return Some((start..last_end, ends.len()));
        }
        let next = ends.partition_point(|end| *end <= limit).max(from.saturating_add(1));
        let end = next.checked_sub(1).and_then(|last| ends.get(last)).copied().unwrap_or(first_end);
        Some((start..end, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch::from_millis(0xAB);

    fn batch(first: u64, lines: &[&str]) -> Batch {
        let mut batch = Batch::new(MessageId { epoch: EPOCH, number: first });
        for line in lines {
            batch.push(|out| out.push_str(line));
        }
        batch
    }

    #[test]
    fn a_batch_is_its_messages_one_after_the_other_in_every_framing() {
        let batch = batch(9, &["a", "", "ccc"]);
        for framing in Framing::ALL {
            let mut expected = Vec::new();
            for (number, line) in [(9, "a"), (10, ""), (11, "ccc")] {
                encode(framing, MessageId { epoch: EPOCH, number }, line, &mut expected);
            }
            assert_eq!(&*batch.encoded(framing, &Arc::default()).bytes, expected);
        }
        assert_eq!((batch.first(), batch.next(), batch.len(), batch.text.len()), (9, 12, 3, 4));
    }

    #[test]
    fn it_is_encoded_once_while_a_worker_holds_it_and_counted_as_long() {
        let (batch, total) = (batch(1, &["a"]), Arc::<EncodedBytes>::default());
        let first = batch.encoded(Framing::Lines, &total);
        let counted = total.get();
        assert!(counted >= first.bytes.len());
        assert!(Arc::ptr_eq(&first, &batch.encoded(Framing::Lines, &total)));
        assert_eq!(total.get(), counted);
        drop(first);
        assert_eq!(total.get(), 0);
    }

    #[test]
    fn pieces_end_between_messages_and_cover_everything() {
        let batch = batch(1, &["12", "3", "456789", "", "0"]);
        let encoded = batch.encoded(Framing::Lines, &Arc::default());
        for most in 0..20 {
            let mut at = 0;
            let mut read = String::new();
            while let Some((range, next)) = encoded.piece(at, 5, most) {
                assert!(next > at);
                assert!(range.len() <= most || next == at + 1);
                let piece = std::str::from_utf8(&encoded.bytes[range]).unwrap();
                assert!(piece.ends_with('\n'));
                read.push_str(piece);
                at = next;
            }
            assert_eq!(read, "12\n3\n456789\n\n0\n", "pieces of {most}");
            let Some((range, next)) = encoded.piece(1, 3, most) else { panic!("two messages are there") };
            assert!(next == 3 && range == (3..12) || next == 2 && range == (3..5), "{most}: {range:?}");
            assert_eq!(encoded.piece(3, 3, most), None);
        }
    }
}
