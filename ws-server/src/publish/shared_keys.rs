//! The keys of all workers: any of them may get the retry of a request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    account::Account,
    key::ScopedKey,
    keys::{Begin, Keys},
};
use crate::source::SourceProgress;

/// Held for one look at a key, never while lines are published.
#[derive(Clone, Debug)]
pub(crate) struct SharedKeys {
    keys: Arc<Mutex<Keys>>,
    progress: Arc<SourceProgress>,
}

impl SharedKeys {
    /// The keys of the previous process, if there was one, of a stream that knows so many of its newest numbers.
    pub(crate) fn new(mut keys: Keys, history: u64, progress: &Arc<SourceProgress>) -> Self {
        keys.limit(history, newest(progress));
        Self { keys: Arc::new(Mutex::new(keys)), progress: Arc::clone(progress) }
    }

    /// The stream knows so many of its newest numbers from now on.
    pub(crate) fn limit(&self, history: u64) {
        self.keys().limit(history, newest(&self.progress));
    }

    /// A request begins under this key.
    pub(crate) fn begin(&self, key: ScopedKey) -> Begin {
        self.keys().begin(key, newest(&self.progress))
    }

    /// A request has ended, however.
    pub(crate) fn end(&self, account: Account) {
        if account.is_keyed() {
            self.keys().end(account, newest(&self.progress));
        }
    }

    /// The connection of a request goes to the next process, with this account.
    pub(crate) fn suspend(&self, account: &Account) {
        self.keys().suspend(account);
    }

    /// The connection of a request has come from the previous process; false if its key did not come along.
    pub(crate) fn resume(&self, account: &Account) -> bool {
        self.keys().resume(account)
    }

    /// All workers have adopted all connections.
    pub(crate) fn settle(&self) {
        self.keys().settle(newest(&self.progress));
    }

    /// What the next process gets, once all connections have ended or are on their way.
    pub(crate) fn state(&self) -> Keys {
        self.keys().for_next_process()
    }

    /// A thread that panicked leaves nothing half done behind this lock.
    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of the newest line.
fn newest(progress: &SourceProgress) -> u64 {
    progress.head().next.saturating_sub(1)
}
