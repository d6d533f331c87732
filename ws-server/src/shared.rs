//! What the workers share, and what they say to each other. Nothing of it is on the path of a message to a client.

use std::sync::{Arc, OnceLock, atomic::AtomicUsize};

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
    /// Workers that have passed on everything after the source's end.
    pub(crate) finished: AtomicUsize,
}

impl Shared {
    /// For so many workers, after the process that left this.
    pub(crate) fn new(workers: usize, past: Option<State>) -> Arc<Self> {
        let progress = source::Progress::new(workers, past.as_ref().map_or(1, |past| past.next_line));
        Arc::new(Self { progress, origin: OnceLock::new(), past, finished: AtomicUsize::new(0) })
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
