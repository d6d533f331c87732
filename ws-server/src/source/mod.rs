//! Where the messages come from: the clock, or lines that a thread reads.
//!
//! ```text
//!  stdin, FIFO, producers ──▶ Splitter ──▶ Publisher ── Arc<Batch> to every worker's mailbox
//!        (blocking reads)      (lines)     (numbers)
//! ```

mod fifo;
pub(crate) mod lines;
mod producers;
mod publisher;
mod stdin;

use std::{path::PathBuf, str::FromStr, thread, time::Duration};

use common::daemon::{exit::Exit, exit::Failure};

pub(crate) use publisher::{Progress, Publisher};

/// How long a source waits before it tries again what the system refused.
const PAUSE: Duration = Duration::from_millis(100);

/// The value of `--source`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// The date, once an interval.
    Clock,
    /// Lines from standard input.
    Stdin,
    /// Lines from a FIFO, whoever writes to it.
    Fifo(PathBuf),
    /// Lines from everybody who connects to a Unix socket.
    Unix(PathBuf),
}

impl FromStr for SourceKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once(':') {
            None if text == "clock" => Ok(Self::Clock),
            None if text == "-" => Ok(Self::Stdin),
            Some(("fifo", path)) if !path.is_empty() => Ok(Self::Fifo(path.into())),
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            _ => Err("expected clock, - (standard input), fifo:PATH or unix:PATH"),
        }
    }
}

impl std::fmt::Display for SourceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Clock => f.write_str("clock"),
            Self::Stdin => f.write_str("-"),
            Self::Fifo(path) => write!(f, "fifo:{}", path.display()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A source that was found usable, before any client is let in.
#[derive(Debug)]
pub(crate) enum Source {
    /// Needs no thread.
    Clock,
    /// Standard input.
    Stdin,
    /// A FIFO that is there.
    Fifo(PathBuf),
    /// A socket that is bound.
    Unix(std::os::unix::net::UnixListener),
}

impl Source {
    /// Looks whether the source is there.
    ///
    /// # Errors
    /// [`Exit::NoInput`] for a FIFO that is none, [`Exit::Unavailable`] for a socket that cannot be bound.
    pub(crate) fn open(kind: &SourceKind) -> Result<Self, Failure> {
        match kind {
            SourceKind::Clock => Ok(Self::Clock),
            SourceKind::Stdin => Ok(Self::Stdin),
            SourceKind::Fifo(path) => fifo::check(path).map(|()| Self::Fifo(path.clone())),
            SourceKind::Unix(path) => producers::bind(path).map(Self::Unix),
        }
    }

    /// Starts to read; `ended` is called when there will never be another line.
    ///
    /// # Errors
    /// [`Exit::System`] if the thread cannot be started.
    pub(crate) fn start(
        self,
        publisher: Publisher,
        max_producers: usize,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<(), Failure> {
        if let Self::Clock = self {
            return Ok(());
        }
        let read = move || match self {
            Self::Clock => {}
            Self::Stdin => {
                stdin::read(&publisher);
                ended();
            }
            Self::Fifo(path) => fifo::read(&path, &publisher),
            Self::Unix(listener) => producers::serve(&listener, &publisher, max_producers),
        };
        let started = thread::Builder::new().name("source".to_owned()).spawn(read);
        started.map(drop).map_err(|error| Failure::new(Exit::System, format!("starting the source: {error}")))
    }
}

/// Takes a source's socket away when the daemon has ended; what cannot be removed is replaced at the next start.
pub(crate) fn remove_socket(kind: &SourceKind) {
    if let SourceKind::Unix(path) = kind {
        _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_shown_as_it_was_written() {
        for text in ["clock", "-", "fifo:/run/a", "unix:/run/b"] {
            assert_eq!(text.parse::<SourceKind>().unwrap().to_string(), text);
        }
        for text in ["", "stdin", "fifo:", "unix:", "file:/a"] {
            assert!(text.parse::<SourceKind>().is_err(), "{text}");
        }
    }
}
