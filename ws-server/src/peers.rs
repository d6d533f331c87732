//! What the source and the signals send to a worker, and how it wakes the others.

use std::sync::Arc;

use reactor::Mailboxes;

use crate::{
    config::Config,
    connection::Ids,
    source::Filling,
    stream::{Batch, SourceChange},
};

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
