//! Batches that follow each other, as one: with them a busy stream costs each client by the write, not by the line.
//!
//! ```text
//!  ring   │ 7 │ 8 │ 9 │10 │11 │        clients that were visited before batch 9 came all get the run from 9 on,
//!                 └── run ────┘        and the others the one from 10 on
//! ```

use std::{cell::OnceCell, ops::Range, sync::Arc};

use common::{framing::Framing, id::MessageId};

use super::batch::{Batch, Encoded, EncodedBytes};

/// A run is at most so many bytes of text long: one write to a client.
const MOST_BYTES: usize = 64 * 1024;
/// What a message counts for beside its text.
const MESSAGE: usize = 16;
/// So many runs are kept at once. Clients that are visited in one turn were mostly visited in one turn the last time, too, and lack the
/// same.
const MOST_RUNS: usize = 16;

/// Batches without a gap between them, in one framing.
#[derive(Debug)]
pub(super) struct Run {
    framing: Framing,
    /// The number of its first batch in the ring.
    from: u64,
    /// The number of the batch behind it.
    to: u64,
    /// Its first message.
    first: MessageId,
    messages: usize,
    pub(super) encoded: Encoded,
}

/// What the subscriber takes that a run is made for: to make more of it would cost far more than what it gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taker {
    /// Bytes that it has room for.
    pub(super) room: usize,
    /// It takes messages before this number; `None` if it takes all.
    pub(super) end: Option<u64>,
}

/// The runs that subscribers of one worker ask for, until the next batch comes.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// Those that there are come first.
    runs: [OnceCell<Run>; MOST_RUNS],
}

impl Runs {
    /// The run in this framing that begins with the batch of number `from`, the first of `batches`; `None` if these are not two that
    /// go together, or others have all places. It is as long as its first `taker` takes, and the others may ask for one behind it.
    pub(super) fn get<'b>(
        &self,
        (framing, from): (Framing, u64),
        taker: Taker,
        batches: impl Iterator<Item = &'b Batch> + Clone,
        total: &Arc<EncodedBytes>,
    ) -> Option<&Run> {
        let is_wanted = |run: &&Run| run.from == from && run.framing == framing;
        let known = self.runs.iter().map_while(OnceCell::get).find(is_wanted);
        known.or_else(|| {
            let place = self.runs.iter().find(|place| place.get().is_none())?;
            let run = Run::of((framing, from), taker, batches, total)?;
            Some(place.get_or_init(|| run))
        })
    }

    /// Forgets all of them: a batch has come, or memory is short.
    pub(super) fn clear(&mut self) {
        self.runs.iter_mut().map_while(OnceCell::take).for_each(drop);
    }
}

impl Run {
    /// `None` if the first batch has no other one that goes together with it, or the taker takes no more.
    fn of<'b>(
        (framing, from): (Framing, u64),
        taker: Taker,
        batches: impl Iterator<Item = &'b Batch> + Clone,
        total: &Arc<EncodedBytes>,
    ) -> Option<Self> {
        let first = batches.clone().next()?.id_of(0);
        let (mut count, mut bytes, mut messages, mut next) = (0_usize, 0_usize, 0_usize, first);
        for batch in batches.clone() {
            bytes =
                bytes.saturating_add(batch.text_len()).saturating_add(batch.len().saturating_mul(MESSAGE));
            let goes_on = batch.id_of(0) == next && !batch.follows_gap() || count == 0;
            let is_wanted = taker.end.is_none_or(|end| batch.first() < end);
            if !(goes_on && is_wanted) || bytes > MOST_BYTES.min(taker.room) {
                break;
            }
            count = count.saturating_add(1);
            messages = messages.saturating_add(batch.len());
            next = batch.end();
        }
        if count < 2 {
            return None;
        }
        let to = from.saturating_add(count as u64);
        let encoded = Encoded::of(batches.take(count), framing, total);
        Some(Self { framing, from, to, first, messages, encoded })
    }

    /// The bytes of as many whole messages as the taker takes, but at least one, and how many messages these are. `None` unless the
    /// first one is the taker's `next`, and comes before its end.
    pub(super) fn piece(&self, next: MessageId, taker: Taker) -> Option<(Range<usize>, usize)> {
        let before = |end: u64| usize::try_from(end.saturating_sub(self.first.number)).unwrap_or(usize::MAX);
        let to = taker.end.map_or(usize::MAX, before);
        self.encoded.piece(0, to, taker.room).filter(|_| self.first == next)
    }

    /// The sequence number behind its first `count` messages.
    pub(super) fn number_of(&self, count: usize) -> u64 {
        self.first.number.saturating_add(count as u64)
    }

    /// The number of the batch in the ring behind its first `count` messages, if these are all.
    pub(super) fn batch_behind(&self, count: usize) -> Option<u64> {
        (count == self.messages).then_some(self.to)
    }
}
