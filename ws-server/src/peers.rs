//! What workers and the source send to a worker, and how it reaches the others.

use std::sync::Arc;

use reactor::Mailboxes;

use crate::{
    broadcast::{Departures, News},
    config::Config,
    connection::{Ids, Notice},
    stream::Batch,
};

/// What workers and the source send to a worker.
#[derive(Clone, Debug)]
pub(crate) enum Mail {
    /// New lines.
    Batch(Arc<Batch>),
    /// There will be no more lines.
    Ended,
    /// Connections of another worker left.
    Departures(Departures),
    /// A client of another worker sent this to all.
    Notice(Notice),
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

    /// Sends the news of this worker to all others.
    pub(crate) fn send(&self, news: &News) {
        for other in (0..self.mailboxes.workers()).filter(|other| *other != self.number) {
            if !news.departures.is_empty() {
                self.mailboxes.send(other, Mail::Departures(news.departures.clone()));
            }
            for notice in &news.notices {
                self.mailboxes.send(other, Mail::Notice(notice.clone()));
            }
        }
    }
}
