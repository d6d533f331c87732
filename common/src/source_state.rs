//! What the source of a stream is doing, as its clients hear it beside the messages.

use crate::json::push_json;
use std::fmt;

/// Bytes of a sentence that clients hear.
const MAX_SAID: usize = 300;

/// What the source is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourcePhase {
    /// Messages come, or may come.
    #[default]
    Running,
    /// It will be started again.
    Waiting,
    /// No message will come any more.
    Ended,
}

impl SourcePhase {
    /// Every phase, in the order of their lives.
    pub const ALL: [Self; 3] = [Self::Running, Self::Waiting, Self::Ended];

    /// Its name, as clients hear it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Ended => "ended",
        }
    }
}

/// What the source is doing, and what is said of it.
///
/// Displayed as JSON, the same in every framing:
/// ```
/// use common::source_state::{SourcePhase, SourceState};
/// let state = SourceState::new(SourcePhase::Ended, "vmstat ended: exit code 3");
/// assert_eq!(state.to_string(), r#"{"source":"ended","said":"vmstat ended: exit code 3"}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceState {
    phase: SourcePhase,
    said: String,
}

impl SourceState {
    /// The state, with a sentence for people, or none. The sentence may come from anywhere: line ends and other control
    /// characters become blanks, and what is longer than 300 bytes is cut off.
    pub fn new(phase: SourcePhase, said: &str) -> Self {
        let is_blank = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
        let said: String = said.chars().map(|letter| if is_blank(letter) { ' ' } else { letter }).collect();
        let mut said = said.trim().to_owned();
        if said.len() > MAX_SAID {
            said.truncate(said.floor_char_boundary(MAX_SAID));
            said.push('…');
        }
        Self { phase, said }
    }

    /// What the source is doing.
    pub fn phase(&self) -> SourcePhase {
        self.phase
    }

    /// A sentence for people, or "".
    pub fn said(&self) -> &str {
        &self.said
    }
}

impl fmt::Display for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = String::new();
        push_json(&self.said, &mut said);
        write!(f, "{{\"source\":\"{}\",\"said\":{said}}}", self.phase.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_one_short_line_whatever_it_holds() {
        for (said, json) in [
            ("make: *** [all] \"Error\" 2\n", r#"make: *** [all] \"Error\" 2"#),
            ("a\r\nb\tc\u{85}d\u{2028}e\u{1b}[31m", "a  b c d e [31m"),
            (r"C:\vmstat", r"C:\\vmstat"),
            (" \n ", ""),
            ("\0 a \0", "a"),
        ] {
            let state = SourceState::new(SourcePhase::Ended, said);
            assert_eq!(
                SourceState::new(SourcePhase::Ended, state.said()),
                state,
                "the next process has the same"
            );
            assert_eq!(state.to_string(), format!(r#"{{"source":"ended","said":"{json}"}}"#));
        }
        let long = SourceState::new(SourcePhase::Ended, &"π".repeat(1000));
        assert_eq!(long.said(), format!("{}…", "π".repeat(150)));
    }
}
