//! The name of a stream.

use std::{fmt, str::FromStr};

use daemon::{DaemonError, Exit};

/// A stream's name, as JetStream allows it; it stands in the subjects of JetStream's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamName(String);

impl StreamName {
    /// The name itself.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of `--stream`, which no command can do without.
    ///
    /// # Errors
    /// [`Exit::Usage`]: there is none.
    pub(crate) fn required(given: Option<Self>) -> Result<Self, DaemonError> {
        let missing = "--stream is missing: say the NAME of the stream";
        given.ok_or_else(|| DaemonError::new(Exit::Usage, missing))
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StreamName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_wrong = |c: char| c.is_whitespace() || c.is_control() || ".*>/\\".contains(c);
        match text.chars().find(|c| is_wrong(*c)) {
            _ if text.is_empty() => Err("say the stream's name, as in LINES".to_owned()),
            Some(c) => {
                Err(format!("a stream's name has no {c:?}: JetStream takes none with blanks, . * > / \\"))
            }
            None => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_jetstream_would_refuse_is_refused_before() {
        for text in ["", "a b", "a.b", "a*", ">", "a/b", "a\\b", "a\n"] {
            assert!(text.parse::<StreamName>().is_err(), "{text:?}");
        }
        assert_eq!("LINES_2-x".parse::<StreamName>().unwrap().as_str(), "LINES_2-x");
    }
}
