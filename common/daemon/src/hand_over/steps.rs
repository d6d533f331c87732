//! How long each step of a hand-over took, for the log: no client is served meanwhile.

use std::fmt;
use std::time::{Duration, Instant};

use reactor::ExportedConnection;

use crate::clock;

/// Steps that follow each other, each with its name and its time: `export 26.1 ms, records 9.4 ms`.
#[derive(Debug, Default)]
pub struct Steps {
    taken: Vec<(&'static str, Duration)>,
    /// When the last step ended, or the first one began; `None` before that.
    since: Option<Instant>,
}

impl Steps {
    /// The steps of a process from now on.
    pub(super) fn begin() -> Self {
        Self { taken: Vec::new(), since: Some(clock::now()) }
    }

    /// The steps since the workers began to export these connections, of which `first` has just ended.
    pub(super) fn since_export<D>(connections: &[ExportedConnection<D>], first: &'static str) -> Self {
        let since = connections.iter().map(|connection| connection.written_at).min();
        let mut steps = Self { taken: Vec::new(), since };
        steps.end(first);
        steps
    }

    /// The step ends now, and the next one begins.
    pub fn end(&mut self, step: &'static str) {
        let now = clock::now();
        let since = self.since.replace(now).unwrap_or(now);
        self.taken.push((step, now.saturating_duration_since(since)));
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (step, taken)) in self.taken.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{step} {:.1} ms", taken.as_secs_f64() * 1000.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_shown_in_their_order_with_tenths_of_a_millisecond() {
        let taken = vec![("export", Duration::from_micros(26_080)), ("records", Duration::from_micros(940))];
        let mut steps = Steps { taken, since: None };
        assert_eq!(steps.to_string(), "export 26.1 ms, records 0.9 ms");
        steps.end("descriptors");
        assert_eq!(steps.to_string(), "export 26.1 ms, records 0.9 ms, descriptors 0.0 ms");
    }
}
