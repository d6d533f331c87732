//! What the service manager shows of us: one line, brought up to date once a second.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use common::source_state::SourceState;
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
    /// What was said last: of the connection and of the command, the number of lines, and when.
    about: (String, String),
    lines: u64,
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

    /// Says where the lines go, how many there were and how the command is; the number alone is news once a second.
    pub(super) fn say(&mut self, connection: &str, lines: u64, now: Instant) {
        if !notify::is_heard() {
            return;
        }
        let command = self.command.lock().unwrap_or_else(PoisonError::into_inner).said().to_owned();
        let about = (connection.to_owned(), command);
        let is_soon = self.at.is_some_and(|at| now.saturating_duration_since(at) < INTERVAL);
        if about == self.about && (lines == self.lines || is_soon) {
            return;
        }
        let end = if about.1.is_empty() { String::new() } else { format!("; {}", about.1) };
        notify::status(&format!("{connection}, {}{end}", lines_of(lines)));
        (self.about, self.lines, self.at) = (about, lines, Some(now));
    }
}
