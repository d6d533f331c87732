//! How far one worker is with what the source has posted.

use std::sync::Arc;

use super::progress::{Head, SourceProgress};

/// One worker's end of [`SourceProgress`].
#[derive(Debug)]
pub(crate) struct Intake {
    worker: usize,
    progress: Arc<SourceProgress>,
    /// Batches that came from the source, and how many of them [`SourceProgress`] knows as passed on.
    batches: u64,
    reported: u64,
    /// How the source has ended, if it has: well, or because it failed.
    ended: Option<bool>,
    /// The worker has called [`SourceProgress::finish`].
    finished: bool,
}

impl Intake {
    pub(crate) fn new(worker: usize, progress: Arc<SourceProgress>) -> Self {
        Self { worker, progress, batches: 0, reported: 0, ended: None, finished: false }
    }

    /// A batch came.
    pub(crate) fn count_batch(&mut self) {
        self.batches = self.batches.saturating_add(1);
    }

    /// No more batches will come.
    pub(crate) fn end(&mut self, well: bool) {
        self.ended = Some(well);
    }

    /// Where the source stands; some lines before that may still be in the mailbox.
    pub(crate) fn head(&self) -> Head {
        self.progress.head()
    }

    /// Reports that the worker has sent every batch received so far; true if that is news.
    pub(crate) fn report(&mut self) -> bool {
        let is_news = std::mem::replace(&mut self.reported, self.batches) != self.batches;
        if is_news {
            self.progress.report(self.worker, self.batches);
        }
        is_news
    }

    /// How the source has ended; once, and only for the last of all workers that has passed on everything after the end.
    pub(crate) fn take_end(&mut self) -> Option<bool> {
        let ended = self.ended.filter(|_| !self.finished)?;
        self.finished = true;
        self.progress.finish().then_some(ended)
    }
}
