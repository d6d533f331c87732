//! Which lines go to the stream next, and what an answer means for them: pure, time arrives as an argument.
//!
//! One group of lines is under way at a time, and the next one starts when the stream has answered: a line can never be stored before an
//! earlier one that failed. What came meanwhile makes the next group, so that a slow stream gets large groups and a fast one small ones.
//!
//! ```text
//!  input ─▶ waiting ─▶ Step::Batch(n) ── stored ────────▶ acknowledged, in the order of the input
//!             ▲  ▲         │
//!             │  │         └ no answer, or "one of them is there already": are they stored? Not known: `doubt`
//!             │  │                                          │
//!             │  └─ the first is stored now: so no earlier attempt was ◀─ Step::One ─▶ a duplicate: it was stored; the next of them
//!             └─ refused: tried again, and the first lines of a batch alone: one of them may be the reason
//! ```
//!
//! A stream knows a repeated message by its id (`Nats-Msg-Id`) for its duplicate window. A line in doubt is repeated only within
//! that time; afterwards it is [`Step::TooLate`], and somebody has to look ([`Queue::resolve`]).
//!
//! An atomic batch (nats-server 2.12) is stored whole or not at all, and is refused whole when one of its ids is known. Without
//! batches each line waits for the one before it. `Nats-Expected-Last-Msg-Id` would let several be under way, but where the
//! expectation fails on a stream with replicas, nats-server 2.15.1 stops the whole stream ("last msgid mismatch").

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;

/// A line that has not been acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Which line of the input this is, from 1.
    pub(crate) number: u64,
    pub(crate) text: Bytes,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing waits.
    Idle,
    /// Send the first line alone.
    One,
    /// Send this many lines, from the first, as one batch.
    Batch(usize),
    /// This many lines, from the first, may or may not be stored, and the stream no longer knows them if they are: look.
    TooLate(usize),
}

/// What has become of a [`Step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of its lines are stored; the last one has this number in the stream. `duplicate` if an earlier attempt had stored it.
    Stored { last: u64, duplicate: bool },
    /// The server has refused it, and this attempt has stored nothing.
    Refused,
    /// No answer, or one that says that some of it was there already.
    Unknown,
    /// The first line can never be stored: too large.
    Unacceptable,
}

/// A line and the number that the stream has given to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub(crate) line: u64,
    /// The stream's sequence number.
    pub(crate) sequence: u64,
}

/// How many lines of a refused batch go alone before the next batch.
const ALONE: usize = 16;
/// Bytes of the lines of a batch: the servers hold a batch in memory until its end.
const BATCH_BYTES: usize = 1 << 20;

/// No more lines are read while those that wait have this many bytes.
const MOST_BYTES: usize = 8 * BATCH_BYTES;

/// The lines that were read and are not acknowledged.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: VecDeque<Waiting>,
    /// The largest batch; 1 where the stream takes none.
    most: usize,
    /// The smallest batch: fewer lines are quicker one by one.
    least: usize,
    /// For how long a line may be repeated after it was first sent.
    repeatable: Duration,
    /// This many lines, from the first, may be stored already, by an attempt that began at that time.
    doubt: Option<(usize, Duration)>,
    /// This many lines, from the first, go alone.
    alone: usize,
}

impl Queue {
    /// An empty queue for batches of at least `least` and at most `most` lines (where that is less, of `most`), which may be
    /// repeated for `repeatable`.
    pub(crate) fn new(least: usize, most: usize, repeatable: Duration) -> Self {
        let most = most.max(1);
        Self {
            waiting: VecDeque::new(),
            most,
            least: least.clamp(1, most),
            repeatable,
            doubt: None,
            alone: 0,
        }
    }

    /// Lines that are not acknowledged.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// True if further lines may be read, where this many may wait.
    pub(crate) fn has_room(&self, most: usize) -> bool {
        self.len() < most && self.waiting.iter().map(|line| line.text.len()).sum::<usize>() < MOST_BYTES
    }

    pub(crate) fn push(&mut self, line: Waiting) {
        self.waiting.push_back(line);
    }

    /// The stream takes no batches any more.
    pub(crate) fn forbid_batches(&mut self) {
        self.most = 1;
    }

    /// How many lines, from the first, may be stored already.
    pub(crate) fn doubted(&self) -> usize {
        self.doubt.map_or(0, |(count, _)| count)
    }

    /// The lines of a step that sends this many.
    pub(crate) fn first(&self, count: usize) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter().take(count)
    }

    /// Decides what to do at `now`, a time since any fixed instant.
    pub(crate) fn step(&self, now: Duration) -> Step {
        match self.doubt {
            _ if self.waiting.is_empty() => Step::Idle,
            Some((count, since)) if now.saturating_sub(since) >= self.repeatable => Step::TooLate(count),
            Some(_) => Step::One,
            None if self.alone > 0 => Step::One,
            None => match self.batch() {
                0 | 1 => Step::One,
                // Of large lines few are a batch.
                count if count < self.least && count == self.waiting.len() => Step::One,
                count => Step::Batch(count),
            },
        }
    }

    /// How many lines fit into a batch.
    fn batch(&self) -> usize {
        let mut bytes: usize = 0;
        let fits = |line: &&Waiting| {
            bytes = bytes.saturating_add(line.text.len());
            bytes <= BATCH_BYTES
        };
        self.waiting.iter().take(self.most).take_while(fits).count()
    }

    /// Takes in what has become of a step that was begun at `begun`; returns the lines that are acknowledged now.
    pub(crate) fn settle(&mut self, step: Step, begun: Duration, outcome: Outcome) -> Vec<Acknowledged> {
        let count = match step {
            Step::One => 1,
            Step::Batch(count) => count,
            Step::Idle | Step::TooLate(_) => return Vec::new(),
        };
        match outcome {
            Outcome::Stored { last, duplicate } => {
                self.doubt = self.doubt.filter(|_| duplicate).and_then(|doubt| less(doubt, count));
                self.acknowledge(count, last)
            }
            Outcome::Refused => {
                if count > 1 {
                    self.alone = count.min(ALONE);
                }
                Vec::new()
            }
            Outcome::Unknown => {
                // A line in doubt stays in doubt since its first attempt.
                self.doubt = self.doubt.or(Some((count, begun)));
                Vec::new()
            }
            Outcome::Unacceptable => {
                self.waiting.pop_front();
                self.alone = self.alone.saturating_sub(1);
                self.doubt = self.doubt.and_then(|doubt| less(doubt, 1));
                Vec::new()
            }
        }
    }

    /// Lets those lines in doubt go that are stored, as somebody has looked: `stored` has the number of each, from the first.
    /// The others have no attempt behind them any more.
    pub(crate) fn resolve(&mut self, stored: &[u64]) -> Vec<Acknowledged> {
        self.doubt = None;
        stored.iter().flat_map(|sequence| self.acknowledge(1, *sequence)).collect()
    }

    fn acknowledge(&mut self, count: usize, last: u64) -> Vec<Acknowledged> {
        let count = count.min(self.waiting.len());
        self.alone = self.alone.saturating_sub(count);
        let lines = self.waiting.drain(..count);
        let behind = (0..count as u64).rev();
        lines
            .zip(behind)
            .map(|(line, behind)| Acknowledged { line: line.number, sequence: last.saturating_sub(behind) })
            .collect()
    }
}

/// The doubt that is left when this many of its first lines are settled.
fn less((lines, since): (usize, Duration), settled: usize) -> Option<(usize, Duration)> {
    lines.checked_sub(settled).filter(|left| *left > 0).map(|left| (left, since))
}

#[cfg(test)]
mod tests;
