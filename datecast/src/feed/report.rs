//! What the service manager shows of us: one line, brought up to date once a second.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use common::source_state::{SourcePhase, SourceState};
use daemon::notify;

use crate::command::Tell;

/// Time between two lines.
const INTERVAL: Duration = Duration::from_secs(1);

/// `1 line`, `2 lines`
pub(super) fn lines_of(count: u64) -> String {
    format!("{count} {}", if count == 1 { "line" } else { "lines" })
}

/// Tells the service manager what we do; nothing where there is none.
#[derive(Debug, Default)]
pub(super) struct Report {
    command: Arc<Mutex<SourceState>>,
    said: String,
    at: Option<Instant>,
}

impl Report {
    /// What the command's thread tells how the command is.
    pub(super) fn teller(&self) -> Tell {
        let command = Arc::clone(&self.command);
        Box::new(move |state| *command.lock().unwrap_or_else(PoisonError::into_inner) = state)
    }

    /// How long it may take until [`Report::say`] is called again; `None`: for ever.
    pub(super) fn interval() -> Option<Duration> {
        notify::is_heard().then_some(INTERVAL)
    }

    /// Says where the lines go and how many there were, unless it did so within the last second.
    pub(super) fn say(&mut self, connection: &str, lines: u64, now: Instant) {
        if !notify::is_heard() || self.at.is_some_and(|at| now.saturating_duration_since(at) < INTERVAL) {
            return;
        }
        let mut said = format!("{connection}, {}", lines_of(lines));
        let command = self.command.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if command.phase() != SourcePhase::Running || !command.said().is_empty() {
            said = format!("{said}; {}", command.said());
        }
        if said != self.said {
            notify::status(&said);
            (self.said, self.at) = (said, Some(now));
        }
    }
}
