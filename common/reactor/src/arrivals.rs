//! Connections of another process on their way to the workers.
//!
//! ```text
//!  another process's queue ──next part──▶ dealt out in turn ──▶ worker 0's
//!                      by whichever worker has none left   ──▶ worker 1's
//! ```
//!
//! They come in parts, so that the first of them are served while the others are still under way. No thread of its own takes them in: it
//! would only wait for a processor beside the workers.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::Arriving;
use super::system::System;

/// All workers share them.
pub(super) struct Arrivals<S: System>(Mutex<Dealt<S>>);

struct Dealt<S: System> {
    /// `None` once it has ended.
    parts: Option<S::Parts>,
    /// What was dealt to each worker, and not taken by it yet.
    workers: Vec<VecDeque<Arriving<S::Exported>>>,
    /// Which of them gets the next one.
    next: usize,
}

impl<S: System> Arrivals<S> {
    /// For so many workers.
    pub(super) fn new(parts: S::Parts, workers: usize) -> Self {
        let workers = (0..workers).map(|_| VecDeque::new()).collect();
        Self(Mutex::new(Dealt { parts: Some(parts), workers, next: 0 }))
    }

    /// Takes the next ones of a worker, in the order in which they come: fewer than `most` only if no more will come.
    pub(super) fn take(&self, worker: usize, most: usize) -> Vec<Arriving<S::Exported>> {
        let mut dealt = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while dealt.workers.get(worker).is_some_and(|mine| mine.len() < most) && dealt.deal() {}
        let Some(mine) = dealt.workers.get_mut(worker) else { return Vec::new() };
        let count = mine.len().min(most);
        mine.drain(..count).collect()
    }
}

impl<S: System> Dealt<S> {
    /// Deals the next part out; false if there is none.
    fn deal(&mut self) -> bool {
        let Some(part) = self.parts.as_mut().and_then(Iterator::next) else {
            self.parts = None;
            return false;
        };
        for connection in part {
            if let Some(worker) = self.workers.get_mut(self.next) {
                worker.push_back(connection);
            }
            self.next = (self.next + 1) % self.workers.len().max(1);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::Exported;
    use crate::system::Kernel;

    fn numbered(turn: u32) -> Arriving<OwnedFd> {
        Arriving {
            descriptor: None,
            cookie: None,
            queued: Vec::new(),
            unconsumed: Vec::new(),
            deadline: Duration::ZERO,
            stalled: None,
            counted: None,
            exported: Exported { turn, ..Exported::default() },
            #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
            written_at: Instant::now(),
            peer: None,
        }
    }

    #[test]
    fn each_worker_takes_its_share_in_order_and_no_part_comes_before_it_is_wanted() {
        let came = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&came);
        let parts = [0..3, 3..3, 3..7, 7..10].into_iter().map(move |part| {
            count.fetch_add(1, Relaxed);
            part.map(numbered).collect::<Vec<_>>()
        });
        let arrivals = Arrivals::<Kernel>::new(Box::new(parts), 2);
        let take = |worker, most| {
            let taken = arrivals.take(worker, most);
            let turns: Vec<u32> = taken.iter().map(|live| live.exported.turn).collect();
            (turns, came.load(Relaxed))
        };
        assert_eq!(take(0, 1), (vec![0], 1));
        assert_eq!(take(0, 1), (vec![2], 1));
        assert_eq!(take(1, 1), (vec![1], 1));
        assert_eq!(take(1, 2), (vec![3, 5], 3));
        assert_eq!(take(1, 2), (vec![7, 9], 4));
        assert_eq!(take(1, 2), (vec![], 4));
        assert_eq!(take(0, 9), (vec![4, 6, 8], 4));
    }
}
