//! The options of the stream.

use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::ValueEnum;
use daemon::{
    DaemonError,
    value::{duration, size},
};

use super::{date_format::DateFormat, ring::Bounds, template::Template};

/// Messages that the ring keeps for lines, however short they are.
const MAX_BACKLOG_MESSAGES: usize = 262_144;
/// Messages that an `ordered` stream keeps for clients that resume, unless `--history` says otherwise.
const ORDERED_HISTORY: usize = 4096;
/// Lines that a newcomer gets at once, unless `--greet` says otherwise: as many as `tail` shows.
const LINES_GREETED: usize = 10;
/// The shortest time between two dates that makes sense on a network.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// What is sent, and when.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Stream")]
pub(crate) struct StreamOptions {
    /// Where the messages come from: clock, - (standard input), fifo:PATH, unix:PATH (a socket for many producers) or http (lines
    /// that clients publish by POST or PUT, such as `curl -d`)
    #[arg(long, value_name = "SOURCE", default_value = "clock")]
    pub(crate) source: SourceKind,
    /// Who numbers the lines: own (this server: 1, 2, 3 ...) or given (each line of -, fifo: or unix: is NUMBER, a tab and the
    /// text, so that several machines show the same numbers; docs/given-numbers.md)
    #[arg(long, value_name = "WHOSE", default_value = "own")]
    pub(crate) numbers: Numbers,
    /// latest (a slow client misses messages) or ordered (none is lost; a client that is too slow is closed) [default:
    /// latest for the clock, ordered for lines]
    #[arg(long, value_name = "HOW")]
    delivery: Option<Delivery>,
    /// Messages that are repeated for a client that resumes, by ?since=ID or Last-Event-ID, as far as they fit into --max-backlog;
    /// an Idempotency-Key is known as long as the last line of its request is one of them [default: 4096 if ordered, else 0]
    #[arg(long, value_name = "N")]
    history: Option<usize>,
    /// What an `ordered` stream keeps unless `--history` says otherwise.
    #[arg(skip = ORDERED_HISTORY)]
    pub(crate) ordered_history: usize,
    /// Newcomers get the last N messages at once [default: 10 for lines, or --history if that is less; 0 for the clock]
    #[arg(long, value_name = "N")]
    greet: Option<usize>,
    /// When standard input ends: exit (clients get everything, then Close 1000; the exit code is 0) or keep (the connections)
    #[arg(long, value_name = "WHAT", default_value = "exit")]
    pub(crate) at_eof: AtEof,
    /// Time between two dates; 0: no dates
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub(crate) interval: Duration,
    /// Lines that come within this time of the last ones sent go out together, in one write to each client: a busy stream costs by
    /// the write, not by the line, and a line that comes after a pause goes out at once; 0: each as soon as it
    /// comes. Where it takes long to write to all clients, a busy stream pauses as long behind that, and this time becomes up to four
    /// times as long
    #[arg(long, value_name = "TIME", default_value = "5ms", value_parser = duration)]
    pub(crate) coalesce: Duration,
    /// Sends dates at whole intervals of the wall clock, instead of counting from each connection's opening
    #[arg(long)]
    pub(crate) align: bool,
    /// How a date is written: js, rfc3339, rfc2822, unix, or a description of the crate `time`, such as `[hour]:[minute]`
    #[arg(long, value_name = "FORMAT", default_value = "js")]
    pub(crate) format: DateFormat,
    /// What a message says, such as `{"n":{seq},"text":{json}}`: {date}, {seq}, {line} (as it is) and {json} (the line, or the
    /// clock's date, as a JSON string with its quotes) are filled in, and {{word}} is the text {word}; any other {word} is
    /// refused [default: {date} for the clock, {line} for lines]
    #[arg(long, value_name = "TEXT")]
    template: Option<Template>,
    /// Bytes of memory for the messages that an ordered stream keeps, and for what is encoded of them
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = size, help_heading = "Limits")]
    pub(crate) max_backlog: usize,
}

/// The value of `--source`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// The date, once an interval.
    Clock,
    /// Lines from standard input.
    Stdin,
    /// Lines that any process writes to a FIFO.
    Fifo(PathBuf),
    /// Lines from every process that connects to a Unix socket.
    Unix(PathBuf),
    /// Lines that clients of the stream's own listener publish.
    Http,
}

/// The value of `--numbers`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Numbers {
    /// The server counts what it publishes.
    #[default]
    Own,
    /// Each line brings its number, which its producer has from elsewhere.
    Given,
}

/// The value of `--delivery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Delivery {
    /// A slow client skips to the newest message.
    Latest,
    /// A client gets every message in order, or is closed as slow.
    Ordered,
}

/// What the numbers of a stream count; those of another kind mean nothing to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    Dates,
    Lines,
    /// Lines that bring their numbers.
    GivenLines,
    /// A clock without dates.
    Nothing,
}

/// The value of `--at-eof`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AtEof {
    /// Deliver what is there, close, and end.
    Exit,
    /// Go on without new messages.
    Keep,
}

impl StreamOptions {
    /// Refuses options that promise what the stream would not keep.
    ///
    /// # Errors
    /// The first such option, by its flag.
    pub(crate) fn check(&self) -> Result<(), DaemonError> {
        if self.is_clock() && !self.interval.is_zero() && self.interval < MIN_INTERVAL {
            let interval = format!("{:?}", self.interval);
            return Err(DaemonError::option("interval", interval, "say at least 1ms, or 0 for no dates"));
        }
        if self.is_clock() && self.template().has_line() {
            return Err(DaemonError::option("template", "{line}", "the clock has no lines; say {date}"));
        }
        if self.numbers == Numbers::Given && matches!(self.source, SourceKind::Clock | SourceKind::Http) {
            let what = "only lines of -, fifo:PATH and unix:PATH (--source) can bring their numbers";
            return Err(DaemonError::option("numbers", "given", what));
        }
        if self.delivery() == Delivery::Ordered {
            return Ok(());
        }
        let why = "only the newest message counts here; add --delivery ordered";
        match self.history {
            Some(history) if history > 0 => return Err(DaemonError::option("history", history, why)),
            _ => {}
        }
        match self.greet {
            Some(greet) if greet > 0 && self.is_clock() => Err(DaemonError::option("greet", greet, why)),
            _ => Ok(()),
        }
    }

    /// These options, with those of `old` that a running stream cannot change.
    pub(crate) fn after(mut self, old: &Self) -> Self {
        if self.is_clock() != old.is_clock() {
            // Their defaults depend on the source, which stays.
            self.template.clone_from(&old.template);
            (self.history, self.greet, self.max_backlog) = (old.history, old.greet, old.max_backlog);
        }
        self.source.clone_from(&old.source);
        self.numbers = old.numbers;
        self.delivery = Some(old.delivery());
        self.interval = old.interval;
        self.align = old.align;
        self
    }

    pub(crate) fn is_clock(&self) -> bool {
        self.source == SourceKind::Clock
    }

    pub(crate) fn numbering(&self) -> Numbering {
        match self.is_clock() {
            true if self.interval.is_zero() => Numbering::Nothing,
            true => Numbering::Dates,
            false if self.numbers == Numbers::Given => Numbering::GivenLines,
            false => Numbering::Lines,
        }
    }

    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery.unwrap_or(if self.is_clock() { Delivery::Latest } else { Delivery::Ordered })
    }

    /// How many messages a client that resumes gets at most.
    pub(crate) fn history(&self) -> u64 {
        self.kept() as u64
    }

    fn kept(&self) -> usize {
        self.history.unwrap_or(if self.delivery() == Delivery::Ordered { self.ordered_history } else { 0 })
    }

    /// How many messages a newcomer gets at once: a date, or the newest message of a `latest` stream, in any case.
    pub(crate) fn greet(&self) -> u64 {
        let at_once = u64::from(self.is_clock() || self.delivery() == Delivery::Latest);
        at_once.max(self.greeted() as u64)
    }

    /// `--greet`, or its default.
    pub(crate) fn greeted(&self) -> usize {
        let lines = || self.history.map_or(LINES_GREETED, |history| history.min(LINES_GREETED));
        self.greet.unwrap_or_else(|| if self.is_clock() { 0 } else { lines() })
    }

    /// How long lines may wait for others: dates go out when they are due.
    pub(crate) fn coalesce(&self) -> Duration {
        if self.is_clock() { Duration::ZERO } else { self.coalesce }
    }

    pub(crate) fn template(&self) -> Template {
        let default = || if self.is_clock() { Template::date() } else { Template::line() };
        self.template.clone().unwrap_or_else(default)
    }

    pub(crate) fn ring_bounds(&self) -> Bounds {
        let keep = self.kept().max(self.greeted());
        Bounds {
            bytes: self.max_backlog,
            messages: keep.max(if self.is_clock() { 64 } else { MAX_BACKLOG_MESSAGES }),
        }
    }
}

impl FromStr for SourceKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once(':') {
            None if text == "clock" => Ok(Self::Clock),
            None if text == "-" => Ok(Self::Stdin),
            None if text == "http" => Ok(Self::Http),
            Some(("fifo", path)) if !path.is_empty() => Ok(Self::Fifo(path.into())),
            Some(("unix", path)) if path.len() > 107 => {
                Err("the path of a Unix socket has at most 107 bytes")
            }
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            _ => Err("expected clock, - (standard input), fifo:PATH, unix:PATH or http"),
        }
    }
}

impl std::fmt::Display for SourceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Clock => f.write_str("clock"),
            Self::Stdin => f.write_str("-"),
            Self::Http => f.write_str("http"),
            Self::Fifo(path) => write!(f, "fifo:{}", path.display()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_displayed_as_it_was_written() {
        for text in ["clock", "-", "fifo:/run/a", "unix:/run/b", "http"] {
            assert_eq!(text.parse::<SourceKind>().unwrap().to_string(), text);
        }
        let long = format!("unix:/{}", "a".repeat(107));
        for text in ["", "stdin", "fifo:", "unix:", "file:/a", "http:", "https", &long] {
            assert!(text.parse::<SourceKind>().is_err(), "{text}");
        }
    }
}
