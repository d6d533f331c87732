//! What the workers share of publishing: one numbering, and which of them have connections that wait for room.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::source::{Publisher, SourceProgress};

/// One for all workers.
pub(crate) struct Publications {
    pub(super) publisher: Arc<Publisher>,
    progress: Arc<SourceProgress>,
    /// Whether each worker has connections that wait for room.
    waiting: Box<[AtomicBool]>,
    /// Wakes a worker out of its poll.
    wake: Box<dyn Fn(usize) + Send + Sync>,
}

impl Publications {
    /// For so many workers, each of which `wake` wakes.
    pub(crate) fn new(
        publisher: Arc<Publisher>,
        progress: Arc<SourceProgress>,
        workers: usize,
        wake: impl Fn(usize) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let waiting = (0..workers).map(|_| AtomicBool::default()).collect();
        Arc::new(Self { publisher, progress, waiting, wake: Box::new(wake) })
    }

    /// How many batches every worker has passed on.
    pub(super) fn passed_on(&self) -> u64 {
        self.progress.passed_on()
    }

    /// This worker has connections that wait for room; it has to look once more whether there is some.
    pub(super) fn wait(&self, worker: usize) {
        if let Some(waiting) = self.waiting.get(worker) {
            waiting.store(true, Ordering::SeqCst);
        }
    }

    /// A worker has passed on batches: wakes those that wait for that.
    pub(super) fn wake_waiting(&self) {
        for (worker, waiting) in self.waiting.iter().enumerate() {
            if waiting.swap(false, Ordering::SeqCst) {
                (self.wake)(worker);
            }
        }
    }
}
