//! The command line of `datecast-nats publish`.

use std::time::Duration;

use clap::{Parser, value_parser};
use daemon::{Common, DaemonError, value::duration};

use crate::{connect::ConnectionOptions, stream_name::StreamName};

const ABOUT: &str = "Publishes the lines of standard input to a stream, each once and in order";

/// The options, as clap parses them.
#[derive(Parser, Clone, Debug)]
#[command(name = "datecast-nats publish", version, about = ABOUT)]
pub(crate) struct PublishOptions {
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
    /// The stream's name
    #[arg(long, value_name = "NAME", help_heading = "Publishing")]
    stream: Option<StreamName>,
    /// The subject to publish to [default: the stream's own]
    #[arg(long, value_name = "SUBJECT", help_heading = "Publishing")]
    pub(crate) subject: Option<String>,
    /// How many lines may be under way, sent and not acknowledged
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = value_parser!(u16).range(1..), help_heading = "Publishing")]
    pub(crate) in_flight: u16,
    /// Writes the id of each acknowledged line to standard output, in the order of the input
    #[arg(long, help_heading = "Publishing")]
    pub(crate) print_ids: bool,
    /// How long a stop (TERM, INT) waits for the acknowledgement of what was read
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration, help_heading = "Publishing")]
    pub(crate) stop_timeout: Duration,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl daemon::Options for PublishOptions {
    fn elsewhere() -> &'static [&'static str] {
        &crate::program::ELSEWHERE
    }

    fn without_effect(&self) -> Vec<(&'static str, String)> {
        ["metrics", "workers"].map(|name| (name, "datecast-nats publish serves nobody".to_owned())).into()
    }
}

impl PublishOptions {
    /// The stream's name.
    pub(super) fn stream(&self) -> &str {
        self.stream.as_ref().map_or("", StreamName::as_str)
    }

    /// Refuses wrong options.
    ///
    /// # Errors
    /// The first wrong option, by its flag.
    pub(super) fn check(self) -> Result<Self, DaemonError> {
        self.connection.check()?;
        StreamName::required(self.stream.clone())?;
        if let Some(subject) = &self.subject {
            check_subject(subject).map_err(|what| DaemonError::option("subject", subject, what))?;
        }
        Ok(self)
    }
}

/// Refuses what cannot be published to.
fn check_subject(subject: &str) -> Result<(), &'static str> {
    let is_text =
        |token: &str| !token.is_empty() && !token.contains(|c: char| c.is_whitespace() || c.is_control());
    if !subject.split('.').all(is_text) {
        return Err("a subject is words with dots between them, without blanks: `lines` or `lines.berlin`");
    }
    if subject.split('.').any(|token| matches!(token, "*" | ">")) {
        return Err("`*` and `>` stand for many subjects; say one");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_subject_can_be_published_to() {
        for right in ["lines", "lines.berlin", "a*b", "$x"] {
            assert_eq!(check_subject(right), Ok(()), "{right}");
        }
        for wrong in ["", ".", "a..b", "a b", "a\r\nPUB b", "lines.*", "lines.>", "*", ">"] {
            assert!(check_subject(wrong).is_err(), "{wrong:?}");
        }
    }
}
