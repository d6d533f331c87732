//! The daemon's health: the supervisor writes it, the metrics endpoint reads it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::clock::now;

/// A result older than this means that the supervisor itself hangs.
const STALE: Duration = Duration::from_secs(4);

/// The newest result of the supervisor's checks, and when it came.
#[derive(Debug)]
pub(super) struct Health(Mutex<(Instant, Result<(), String>)>);

impl Health {
    /// The health of a daemon whose workers have not turned yet.
    pub(super) fn new() -> Self {
        Self(Mutex::new((now(), Err("starting".to_owned()))))
    }

    pub(super) fn update(&self, result: Result<(), String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (now(), result);
    }

    /// Returns what is wrong with the daemon now.
    pub(super) fn current(&self) -> Result<(), String> {
        let (at, result) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now().saturating_duration_since(*at) > STALE {
            return Err("the supervisor hangs".to_owned());
        }
        result.clone()
    }
}
