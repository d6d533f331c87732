//! The daemon's health: the supervisor writes it, the metrics endpoint reads it.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::clock::now;

/// A result older than this means that what checks hangs itself.
const STALE: Duration = Duration::from_secs(4);
/// How long a reader waits for a newer one: if the whole process was stopped, the supervisor is only as late as the reader.
const PATIENCE: Duration = Duration::from_millis(500);

/// The newest result of the supervisor's checks, and when it came.
#[derive(Debug)]
pub(super) struct Health {
    newest: Mutex<(Instant, Result<(), String>)>,
    updated: Condvar,
    /// What it says of itself while nobody updates it.
    stale: &'static str,
}

impl Health {
    /// The health of a daemon that has not been checked yet; `stale` says what hangs where no check follows.
    pub(super) fn new(stale: &'static str) -> Self {
        Self { newest: Mutex::new((now(), Err("starting".to_owned()))), updated: Condvar::new(), stale }
    }

    pub(super) fn update(&self, result: Result<(), String>) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = (now(), result);
        self.updated.notify_all();
    }

    /// Returns what is wrong with the daemon now.
    pub(super) fn current(&self) -> Result<(), String> {
        let is_stale = |newest: &mut (Instant, _)| now().saturating_duration_since(newest.0) > STALE;
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.updated.wait_timeout_while(newest, PATIENCE, is_stale);
        let (mut newest, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if is_stale(&mut newest) {
            return Err(self.stale.to_owned());
        }
        newest.1.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_reader_that_comes_before_the_supervisor_after_a_stop_waits_for_it() {
        let health = Health::new("the supervisor hangs");
        health.newest.lock().expect("not poisoned").0 =
            now().checked_sub(2 * STALE).expect("booted long ago");
        thread::scope(|scope| {
            let reader = scope.spawn(|| health.current());
            health.update(Ok(()));
            assert_eq!(reader.join().expect("no panic"), Ok(()));
        });
        health.newest.lock().expect("not poisoned").0 =
            now().checked_sub(2 * STALE).expect("booted long ago");
        assert_eq!(health.current(), Err("the supervisor hangs".to_owned()));
    }
}
