//! The command line of `datecast-nats create`.

use std::time::Duration;

use clap::{Parser, value_parser};
use daemon::{
    Common, DaemonError,
    value::{duration, size},
};

use crate::{connect::ConnectionOptions, publish::SHORTEST_WINDOW, stream_name::StreamName};

const ABOUT: &str =
    "Makes a stream for lines, with the settings that we recommend, or compares one with them";

/// The options, as clap parses them.
#[derive(Parser, Clone, Debug)]
#[command(name = "datecast-nats create", version, about = ABOUT)]
pub(crate) struct CreateOptions {
    #[command(flatten)]
    pub(super) connection: ConnectionOptions,
    /// The stream's name
    #[arg(long, value_name = "NAME", help_heading = "Stream")]
    stream: Option<StreamName>,
    /// The subject whose messages the stream takes [default: its name in lower case]
    #[arg(long, value_name = "SUBJECT", help_heading = "Stream")]
    pub(super) subject: Option<String>,
    /// How many servers hold a copy: 1 where there is one server, 3 where one may fail, 5 where two may
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u8).range(1..=5), help_heading = "Stream")]
    pub(super) replicas: u8,
    /// How many lines the stream keeps; the oldest go. 0: no limit
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = value_parser!(u32), help_heading = "Stream")]
    pub(super) max_messages: u32,
    /// How many bytes the stream keeps; the oldest lines go. 0: no limit
    #[arg(long, value_name = "SIZE", default_value = "0", value_parser = size, help_heading = "Stream")]
    pub(super) max_bytes: usize,
    /// How long the stream keeps a line. 0: no limit
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = duration, help_heading = "Stream")]
    pub(super) max_age: Duration,
    /// For how long the stream knows a line that is published again, after a failure; the servers keep an id of each line in memory for
    /// so long
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration, help_heading = "Stream")]
    pub(super) duplicate_window: Duration,
    /// Makes the stream a mirror of this one, with its numbers and its epoch: for a leaf node
    #[arg(long, value_name = "STREAM", help_heading = "Stream")]
    pub(super) mirror: Option<StreamName>,
    /// The JetStream domain in which the stream of --mirror is, if it is another than ours
    #[arg(long, value_name = "DOMAIN", help_heading = "Stream")]
    pub(super) mirror_domain: Option<String>,
    /// Changes the settings of a stream that has others
    #[arg(long, help_heading = "Stream")]
    pub(super) update: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

impl daemon::Options for CreateOptions {
    fn elsewhere() -> &'static [&'static str] {
        &crate::program::ELSEWHERE
    }

    fn without_effect(&self) -> Vec<(&'static str, String)> {
        let serves_nobody = |name| (name, "datecast-nats create serves nobody".to_owned());
        let mut idle: Vec<_> = ["metrics", "workers"].map(serves_nobody).into();
        if self.mirror.is_some() {
            idle.extend([
                ("subject", "a mirror (--mirror) takes the messages of its origin".to_owned()),
                ("duplicate-window", "nothing is published to a mirror (--mirror)".to_owned()),
            ]);
        }
        idle
    }
}

impl CreateOptions {
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
        if let (Some(domain), None) = (&self.mirror_domain, &self.mirror) {
            return Err(DaemonError::option("mirror-domain", domain, "it needs --mirror beside it"));
        }
        if self.mirror.as_ref().is_some_and(|it| it.as_str() == self.stream()) && self.mirror_domain.is_none()
        {
            let what =
                "a stream cannot mirror itself; say another name, or the --mirror-domain of its origin";
            return Err(DaemonError::option("mirror", self.stream(), what));
        }
        let window = humantime_of(self.duplicate_window);
        if self.duplicate_window < SHORTEST_WINDOW {
            let what = "publish needs 30s at least, or a line could come twice";
            return Err(DaemonError::option("duplicate-window", window, what));
        }
        if !self.max_age.is_zero() && self.max_age < self.duplicate_window {
            let what = format!("JetStream wants the --duplicate-window ({window}) to be no longer");
            return Err(DaemonError::option("max-age", humantime_of(self.max_age), what));
        }
        Ok(self)
    }
}

/// Writes a duration as an option has it: `2m`, `90s`.
pub(super) fn humantime_of(duration: Duration) -> String {
    match duration.as_secs() {
        0 if duration.is_zero() => "0".to_owned(),
        seconds if duration.subsec_nanos() > 0 => {
            format!("{}ms", seconds * 1000 + u64::from(duration.subsec_millis()))
        }
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_an_option_has_them() {
        let of = |text: &str| humantime_of(duration(text).unwrap());
        for text in ["0", "30s", "2m", "90s", "3h", "7d", "1500ms"] {
            assert_eq!(of(text), text);
        }
    }

    #[test]
    fn options_that_jetstream_would_refuse_are_refused_by_their_names() {
        let check = |words: &str| {
            let args = ["create", "--stream", "L"].into_iter().chain(words.split_whitespace());
            CreateOptions::try_parse_from(args).unwrap().check().map(drop).map_err(|error| error.message)
        };
        for right in ["", "--mirror ORIGIN", "--mirror L --mirror-domain hub", "--max-age 2m", "--replicas 5"]
        {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        for (wrong, words) in [
            ("--mirror L", "--mirror L: a stream cannot mirror itself"),
            ("--mirror-domain hub", "--mirror-domain hub: it needs --mirror"),
            ("--duplicate-window 29s", "--duplicate-window 29s: publish needs 30s"),
            ("--max-age 1m", "--max-age 1m: JetStream wants the --duplicate-window (2m)"),
        ] {
            assert!(check(wrong).unwrap_err().starts_with(words), "{wrong}: {:?}", check(wrong));
        }
    }
}
