//! What the source has posted, and how far each worker is with it: the source waits for a worker that is far behind.

use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use common::id::{Epoch, MessageId};

/// The source waits while a worker has this many batches left to pass on. It never waits for a client.
pub(crate) const IN_FLIGHT: u64 = 16;

/// Where the source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Of the numbers.
    pub(crate) epoch: Epoch,
    /// The smallest number that the next line can have.
    pub(crate) next: u64,
    pub(crate) filling: Filling,
}

impl Head {
    /// The next line can have this id, and nothing has to be brought before.
    pub(crate) fn at(next: MessageId) -> Self {
        Self { epoch: next.epoch, next: next.number, filling: Filling::No }
    }
}

/// Whether a source of given numbers still brings what there was before this process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filling {
    /// It has brought all of that, or the numbers are our own.
    #[default]
    No,
    /// Newcomers wait.
    Yes,
    /// It has not said that it is caught up, but newcomers wait no longer.
    Settled,
}

/// Shared by the source and all workers.
#[derive(Debug)]
pub(crate) struct SourceProgress {
    /// How many batches each worker has passed on.
    done: Mutex<Vec<u64>>,
    changed: Condvar,
    head: Mutex<Head>,
    /// Workers that have not passed on everything after the source's end.
    unfinished: AtomicUsize,
}

impl SourceProgress {
    /// No line has been read yet: `head` says what the first one can be.
    pub(crate) fn new(workers: usize, head: Head) -> Arc<Self> {
        Arc::new(Self {
            done: Mutex::new(vec![0; workers]),
            changed: Condvar::new(),
            head: Mutex::new(head),
            unfinished: AtomicUsize::new(workers),
        })
    }

    /// Records how many batches a worker has passed on in all.
    pub(super) fn report(&self, worker: usize, batches: u64) {
        if let Some(done) = lock(&self.done).get_mut(worker) {
            *done = batches;
        }
        self.changed.notify_all();
    }

    /// A worker has passed on everything after the source's end; true for the last one.
    pub(super) fn finish(&self) -> bool {
        self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Where the source stands, all of the same moment.
    pub(crate) fn head(&self) -> Head {
        *lock(&self.head)
    }

    /// Changes where the source stands.
    pub(super) fn update_head(&self, change: impl FnOnce(&mut Head)) {
        change(&mut lock(&self.head));
    }

    /// How many batches every worker has passed on.
    pub(crate) fn passed_on(&self) -> u64 {
        lock(&self.done).iter().copied().min().unwrap_or(u64::MAX)
    }

    /// Waits until every worker is less than [`IN_FLIGHT`] batches behind the `posted` ones.
    pub(super) fn wait_for_room(&self, posted: u64) {
        let mut done = lock(&self.done);
        while is_one_far_behind(&done, posted) {
            done = self.changed.wait(done).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// True if a worker has at least [`IN_FLIGHT`] of the `posted` batches left to pass on.
fn is_one_far_behind(done: &[u64], posted: u64) -> bool {
    done.iter().any(|done| posted.saturating_sub(*done) >= IN_FLIGHT)
}

/// A thread that panicked leaves nothing half done behind these locks.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_worker_that_is_far_behind_is_enough_to_wait_for() {
        for (done, expected) in [([100, 4], true), ([4, 100], true), ([100, 5], false), ([4, 4], true)] {
            assert_eq!(is_one_far_behind(&done, 20), expected, "{done:?}");
        }
    }

    #[test]
    fn the_source_waits_for_a_worker_that_is_behind() {
        let progress = SourceProgress::new(2, Head::at(MessageId::default()));
        progress.report(0, 100);
        let waiting = Arc::clone(&progress);
        let thread = std::thread::spawn(move || waiting.wait_for_room(20));
        progress.report(1, 4);
        assert!(!thread.is_finished());
        progress.report(1, 5);
        thread.join().unwrap();
    }
}
