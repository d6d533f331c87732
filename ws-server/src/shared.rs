//! What the workers share, and what they say to each other. Nothing of it is on the path of a message to a client.

use std::sync::{Arc, OnceLock, atomic::AtomicUsize};

use crate::{announcement::Announcement, batch::Batch, clock::Origin, config::Config, notices::Left, source};

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The options.
    pub(crate) config: Config,
    /// How far the workers are with the source's batches.
    pub(crate) progress: Arc<source::Progress>,
    /// What the clock counts from, fixed by the first worker that asks.
    pub(crate) origin: OnceLock<Origin>,
    /// Workers that have passed on everything after the source's end.
    pub(crate) finished: AtomicUsize,
}

impl Shared {
    /// For so many workers as the configuration says.
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let progress = source::Progress::new(config.workers);
        Arc::new(Self { config, progress, origin: OnceLock::new(), finished: AtomicUsize::new(0) })
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
}
