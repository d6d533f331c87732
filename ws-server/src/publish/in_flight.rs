//! What one worker has published and not all workers have passed on: bounded in batches and in bytes, for each worker apart, so that
//! what clients of one worker send costs those of another no room.

use std::collections::VecDeque;

use crate::source::{BATCH_SIZE, Posted};

/// Batches in flight: as many small requests as may come at once.
const MAX_BATCHES: usize = 1024;
/// Bytes of memory in flight; each connection that may publish adds about [`BATCH_SIZE`], more only where its lines are shorter than what
/// marks their ends.
const MAX_BYTES: usize = 1024 * 1024;

/// The batches of one worker that are in flight.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// How many batches were posted with each of them, and their bytes; in order.
    batches: VecDeque<(u64, usize)>,
    bytes: usize,
}

impl InFlight {
    /// A batch was posted.
    pub(super) fn add(&mut self, posted: &Posted) {
        self.batches.push_back((posted.batches, posted.bytes));
        self.bytes = self.bytes.saturating_add(posted.bytes);
    }

    /// All workers have passed on so many batches.
    pub(super) fn settle(&mut self, passed_on: u64) {
        while let Some((_, bytes)) = self.batches.pop_front_if(|(number, _)| *number <= passed_on) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// How many connections may post a batch.
    pub(super) fn room(&self) -> usize {
        let batches = MAX_BATCHES.saturating_sub(self.batches.len());
        let bytes = MAX_BYTES.saturating_sub(self.bytes).div_ceil(BATCH_SIZE);
        batches.min(bytes)
    }
}

#[cfg(test)]
mod tests {
    use common::id::MessageId;

    use super::*;

    fn posted(batches: u64, bytes: usize) -> Posted {
        Posted { first: MessageId::default(), last: MessageId::default(), batches, bytes }
    }

    #[test]
    fn a_thousand_small_posts_have_room_and_a_few_large_ones_fill_it() {
        let mut in_flight = InFlight::default();
        for number in 1..=1024 {
            assert!(in_flight.room() > 0, "{number}");
            in_flight.add(&posted(number, 100));
        }
        assert_eq!(in_flight.room(), 0);
        in_flight.settle(1);
        assert_eq!(in_flight.room(), 1);
        in_flight.settle(1024);
        assert_eq!(in_flight.room(), 8);
        for number in 1025..1033 {
            in_flight.add(&posted(number, BATCH_SIZE));
        }
        assert_eq!(in_flight.room(), 0);
        // Other workers post, too: their numbers lie between.
        in_flight.settle(1026);
        assert_eq!(in_flight.room(), 2);
        in_flight.settle(u64::MAX);
        assert_eq!((in_flight.room(), in_flight.bytes), (8, 0));
    }
}
