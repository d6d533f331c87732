//! Whether the newest reload failed: the signals' thread writes it, supervisor and metrics endpoint read it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::exit::DaemonError;

/// Why the newest reload failed; empty before the first one and after one that succeeded. Its clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastReload(Arc<Mutex<Option<String>>>);

impl LastReload {
    pub(crate) fn set(&self, result: Result<(), &DaemonError>) {
        let failure = result.err().map(ToString::to_string);
        *self.lock() = failure;
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.lock().is_some()
    }

    /// Puts the failure before what else the service manager shows as the daemon's status.
    pub(crate) fn before(&self, status: String) -> String {
        match &*self.lock() {
            Some(failure) => {
                format!("the reload failed, the old configuration is in force: {failure}; {status}")
            }
            None => status,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
