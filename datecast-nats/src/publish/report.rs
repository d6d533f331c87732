//! What is said about the lines in the log: obstacles, and the end.

use std::time::Duration;

use daemon::{DaemonError, Exit};

use super::queue::Acknowledged;
use crate::problem::Problem;

/// An obstacle that stays is said again after this time.
const SAID_AGAIN: Duration = Duration::from_secs(10);

/// Counts lines and says what has become of them.
#[derive(Debug)]
pub(super) struct Report {
    acknowledged: u64,
    /// The first number of the stream that a line of ours got, and the last.
    numbers: Option<(u64, u64)>,
    /// Lines that are too large for the stream.
    refused: u64,
    /// Since when something stands in the way, and when that was last said.
    obstacle: Option<(Duration, Duration)>,
}

impl Report {
    pub(super) fn new() -> Self {
        Self { acknowledged: 0, numbers: None, refused: 0, obstacle: None }
    }

    /// Lines that are acknowledged now.
    pub(super) fn acknowledged(&mut self, lines: &[Acknowledged], now: Duration) {
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return };
        self.acknowledged = self.acknowledged.saturating_add(lines.len() as u64);
        self.numbers = Some((self.numbers.map_or(first.sequence, |(first, _)| first), last.sequence));
        if let Some((since, _)) = self.obstacle.take() {
            log::info!(
                "lines are acknowledged again, after {:.1} s",
                now.saturating_sub(since).as_secs_f64()
            );
        }
    }

    /// The number of the stream that the last acknowledged line has.
    pub(super) fn last(&self) -> Option<u64> {
        self.numbers.map(|(_, last)| last)
    }

    /// A line of this many bytes that no message can hold.
    pub(super) fn too_large(&mut self, line: u64, bytes: u64, most: usize) {
        self.refused = self.refused.saturating_add(1);
        log::warn!(
            reason = "large";
            "line {line} has {bytes} bytes, and the stream takes {most} (max_payload of the servers, max_msg_size of the \
             stream); it is not published"
        );
    }

    /// Something stands in the way, and we try again.
    pub(super) fn obstacle(&mut self, problem: &Problem, waiting: usize, now: Duration) {
        let (since, said) = self.obstacle.unwrap_or((now, now));
        if self.obstacle.is_none() || now.saturating_sub(said) >= SAID_AGAIN {
            log::warn!("{}: {}", counted(waiting as u64, "line waits", "lines wait"), problem.message);
            self.obstacle = Some((since, now));
        }
    }

    /// Says that `count` lines from `first` were read and are not acknowledged; the first `doubt` of them may be stored all the same. `id`
    /// is the message id of the first.
    pub(super) fn unacknowledged(
        &self,
        first: u64,
        count: usize,
        doubt: usize,
        id: &str,
        why: &str,
    ) -> String {
        let mut parts = vec![why.to_owned(), format!("acknowledged: {}", self.acknowledged)];
        if count > 0 {
            parts.push(format!("read and not acknowledged: {}", range(first, count)));
        }
        if doubt > 0 {
            let after = self.numbers.map_or(0, |(_, last)| last);
            parts.push(format!(
                "the stream may hold {} all the same, look for the Nats-Msg-Id {id} after number {after}",
                range(first, doubt)
            ));
        }
        parts.join("; ")
    }

    /// Bytes of a last line that has no end, and is not published.
    pub(super) fn unfinished(bytes: u64) {
        log::warn!("stopped in the middle of a line; its first {bytes} bytes are not published");
    }

    /// All that was read has been dealt with.
    ///
    /// # Errors
    /// Lines were too large.
    pub(super) fn end(&self) -> Result<(), DaemonError> {
        let lines = self.acknowledged;
        match self.numbers {
            Some((_, last)) if lines == 1 => log::info!("1 line is acknowledged, number {last}"),
            Some((first, last)) => log::info!("{lines} lines are acknowledged, numbers {first} to {last}"),
            None if self.refused == 0 => log::info!("no line came"),
            None => {}
        }
        match self.refused {
            0 => Ok(()),
            refused => {
                let all = lines.saturating_add(refused);
                let what = match lines {
                    0 => format!(
                        "{} too large; nothing is published",
                        counted(refused, "line was", "lines were")
                    ),
                    _ => format!(
                        "not published, as too large: {refused} of {all} lines; the others are acknowledged"
                    ),
                };
                Err(DaemonError::new(Exit::Data, what))
            }
        }
    }
}

/// A count and the words for it.
fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Names this many lines from the first.
fn range(first: u64, count: usize) -> String {
    match count {
        1 => format!("line {first}"),
        _ => format!("lines {first} to {}", first.saturating_add(count as u64).saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_says_which_lines_were_read_and_are_not_acknowledged() {
        let mut report = Report::new();
        report.acknowledged(
            &[Acknowledged { line: 1, sequence: 40 }, Acknowledged { line: 2, sequence: 41 }],
            Duration::ZERO,
        );
        assert_eq!(
            report.unacknowledged(3, 5, 2, "RUN-3", "we were stopped"),
            "we were stopped; acknowledged: 2; read and not acknowledged: lines 3 to 7; the stream may hold lines 3 to 4 all \
             the same, look for the Nats-Msg-Id RUN-3 after number 41"
        );
        assert_eq!(
            report.unacknowledged(3, 1, 0, "RUN-3", "we were stopped"),
            "we were stopped; acknowledged: 2; read and not acknowledged: line 3"
        );
        assert_eq!(report.unacknowledged(0, 0, 0, "RUN-0", "no"), "no; acknowledged: 2");
    }

    #[test]
    fn lines_that_are_too_large_make_the_end_an_error() {
        let mut report = Report::new();
        assert_eq!(report.end(), Ok(()));
        report.too_large(7, 2_000_000, 1_000_000);
        let error = report.end().unwrap_err();
        assert_eq!(error.to_string(), "1 line was too large; nothing is published");
        report.too_large(8, 2_000_000, 1_000_000);
        assert_eq!(report.end().unwrap_err().to_string(), "2 lines were too large; nothing is published");
        report.acknowledged(&[Acknowledged { line: 9, sequence: 1 }], Duration::ZERO);
        let words = "not published, as too large: 2 of 3 lines; the others are acknowledged";
        assert_eq!(report.end().unwrap_err().to_string(), words);
    }
}
