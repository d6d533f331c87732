//! What the workers share, and what they say to each other. Nothing of it is on the path of a message to a client.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::{
    announcement::Announcement, batch::Batch, clock::Origin, config::Config, hand_over::State, notices::Left,
    source,
};

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// How far the workers are with the source's batches.
    pub(crate) progress: Arc<source::Progress>,
    /// What the clock counts from, fixed by the first worker that asks.
    pub(crate) origin: OnceLock<Origin>,
    /// What the process before this one left.
    pub(crate) past: Option<State>,
    /// How late the newest date was, in microseconds; `u64::MAX` before the first one.
    lateness: AtomicU64,
    /// Workers that have passed on everything after the source's end.
    pub(crate) finished: AtomicUsize,
}

impl Shared {
    /// For so many workers, after the process that left this.
    pub(crate) fn new(workers: usize, past: Option<State>) -> Arc<Self> {
        let progress = source::Progress::new(workers, past.as_ref().map_or(1, |past| past.next_line));
        Arc::new(Self {
            progress,
            origin: OnceLock::new(),
            past,
            lateness: AtomicU64::new(u64::MAX),
            finished: AtomicUsize::new(0),
        })
    }
}

impl Shared {
    /// A date was begun so late.
    pub(crate) fn set_lateness(&self, late: Duration) {
        self.lateness.store(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// How late the newest date was; `None` before the first one.
    pub(crate) fn lateness(&self) -> Option<Duration> {
        let micros = self.lateness.load(Relaxed);
        (micros != u64::MAX).then(|| Duration::from_micros(micros))
    }
}

/// What workers and the source say to a worker.
#[derive(Clone, Debug)]
pub(crate) enum Mail {
    /// New lines.
    Batch(Arc<Batch>),
    /// There will be no more.
    Ended,
    /// Connections of another worker left.
    Left(Left),
    /// A client of another worker said something to all.
    Said(Announcement),
    /// The configuration was read again.
    Reload(Arc<Config>),
}
