//! What the source and the signals send to a worker, and how it wakes the others.

use std::sync::Arc;

use reactor::Mailboxes;

use crate::{
    config::Config,
    connection::Ids,
    source::{Filling, IN_FLIGHT},
    stream::{Batch, SourceChange, SourceKind},
};

/// So many batches may wait for a worker that comes by itself: half of those that the source reads ahead of it, so that the source
/// goes on while the worker takes them.
const MOST_DEFERRED: usize = 8;
const _: () = assert!(MOST_DEFERRED as u64 * 2 <= IN_FLIGHT, "half of them");
/// Bytes of memory of a batch that may wait so: several lines that came one by one. To wake for more of them costs little beside what
/// is done with them.
const DEFERRED_SIZE: usize = 4 * 1024;

/// Sends new lines of such a source to all workers. Those that come one by one wake no worker that is still to wait for others
/// (`--coalesce`).
pub(crate) fn post(mailboxes: &Mailboxes<Mail>, source: &SourceKind, batch: &Arc<Batch>) {
    // Clients that publish may wait for room, which is there once all workers have passed on what they posted.
    if *source == SourceKind::Http || batch.held() > DEFERRED_SIZE {
        return mailboxes.send_all(|| Mail::Batch(Arc::clone(batch)));
    }
    for worker in 0..mailboxes.workers() {
        mailboxes.send_lazily(worker, Mail::Batch(Arc::clone(batch)), MOST_DEFERRED);
    }
}

/// What the source and the signals send to a worker.
#[derive(Clone, Debug)]
pub enum Mail {
    /// New lines.
    Batch(Arc<Batch>),
    /// Whether the source still brings what there was before this process began. In order with the lines.
    Filling(Filling),
    /// What the source is doing from now on.
    Source(Arc<SourceChange>),
    /// There will be no more lines.
    Ended {
        /// False if the source failed.
        well: bool,
    },
    /// The configuration was read again.
    Reload(Arc<Config>),
}

/// This worker's place among all.
pub(crate) struct Peers {
    number: usize,
    mailboxes: Mailboxes<Mail>,
    pub(crate) ids: Ids,
}

impl Peers {
    /// Worker `number`; `first_id` is the smallest id that no connection had yet.
    pub(crate) fn new(number: usize, mailboxes: Mailboxes<Mail>, first_id: u64) -> Self {
        let (step, offset) = (mailboxes.workers().max(1) as u64, number as u64);
        Self { number, mailboxes, ids: Ids { next: first_id.saturating_add(offset), step } }
    }

    /// Wakes all other workers: something is up on the board for them.
    pub(crate) fn wake_others(&self) {
        let others = (0..self.mailboxes.workers()).filter(|other| *other != self.number);
        others.for_each(|other| self.mailboxes.wake(other));
    }
}
