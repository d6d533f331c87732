//! Where the messages come from: the clock, or lines that a thread reads.
//!
//! ```text
//!  stdin, FIFO, producers ──▶ Splitter ──▶ Publisher ── Arc<Batch> to every worker's mailbox
//!        (blocking reads)      (lines)     (numbers)
//! ```

mod fifo;
mod gate;
pub(crate) mod lines;
mod producers;
mod publisher;
mod stdin;

use std::{
    io,
    os::{
        fd::OwnedFd,
        unix::{fs::FileTypeExt, net::UnixListener},
    },
    path::PathBuf,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use daemon::{exit::DaemonError, exit::Exit};

use gate::{Gate, Key};
pub(crate) use publisher::{Progress, Publisher, Style};

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

/// One that lines are read from: a producer, the FIFO, or what producers connect to.
#[derive(Debug)]
pub(crate) struct Producer {
    /// Its descriptor.
    pub(crate) descriptor: OwnedFd,
    /// What it has written of a line that goes on; `None` of one that is too long already.
    pub(crate) partial: Option<Vec<u8>>,
}

/// A source that was found usable, before any client is let in.
#[derive(Debug)]
pub(crate) enum Source {
    /// Needs no thread.
    Clock,
    /// Standard input.
    Stdin,
    /// A FIFO that is there, perhaps with what the process before this one left in it.
    Fifo(PathBuf, Option<Producer>),
    /// A socket that is bound, and the producers of the process before this one.
    Unix(UnixListener, Vec<Producer>),
}

impl Source {
    /// Looks whether the source is there. `inherited` is what the process before this one left of the same source.
    ///
    /// # Errors
    /// [`Exit::NoInput`] for a FIFO that is none, [`Exit::Unavailable`] for a socket that cannot be bound.
    pub(crate) fn open(kind: &SourceKind, mut inherited: Vec<Producer>) -> Result<Self, DaemonError> {
        match kind {
            SourceKind::Clock => Ok(Self::Clock),
            SourceKind::Stdin => Ok(Self::Stdin),
            SourceKind::Fifo(path) => fifo::check(path).map(|()| Self::Fifo(path.clone(), inherited.pop())),
            SourceKind::Unix(_) if !inherited.is_empty() => {
                let listener = UnixListener::from(inherited.remove(0).descriptor);
                Ok(Self::Unix(listener, inherited))
            }
            SourceKind::Unix(path) => producers::bind(path).map(|listener| Self::Unix(listener, Vec::new())),
        }
    }

    fn start(
        self,
        publisher: Arc<Publisher>,
        max_producers: usize,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<Option<Reading>, DaemonError> {
        if let Self::Clock = self {
            return Ok(None);
        }
        let system =
            |error: io::Error| DaemonError::new(Exit::System, format!("starting the source: {error}"));
        let (gate, key) = Gate::new().map_err(system)?;
        let read = move || match self {
            Self::Clock => Vec::new(),
            Self::Stdin => {
                if stdin::read(&publisher, &gate) {
                    ended();
                }
                Vec::new()
            }
            Self::Fifo(path, inherited) => fifo::read(&path, &publisher, &gate, inherited),
            Self::Unix(listener, inherited) => {
                producers::serve(listener, &publisher, max_producers, &gate, inherited)
            }
        };
        let thread = thread::Builder::new().name("source".to_owned()).spawn(read).map_err(system)?;
        Ok(Some(Reading { key, thread }))
    }
}

/// The source while the daemon runs.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    reading: Mutex<Option<Reading>>,
    left: Mutex<Option<Vec<Producer>>>,
}

/// A thread that reads until the key is dropped.
#[derive(Debug)]
struct Reading {
    key: Key,
    thread: JoinHandle<Vec<Producer>>,
}

impl Feed {
    /// Starts to read; `ended` is called when there will never be another line.
    ///
    /// # Errors
    /// [`Exit::System`] if the thread cannot be started.
    pub(crate) fn start(
        &self,
        source: Source,
        publisher: Arc<Publisher>,
        max_producers: usize,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<(), DaemonError> {
        *lock(&self.reading) = source.start(publisher, max_producers, ended)?;
        Ok(())
    }

    /// Reads no more, and returns when everything that was read is published.
    pub(crate) fn stop(&self) {
        let reading = lock(&self.reading).take();
        let left = reading.map(|Reading { key, thread }| {
            drop(key);
            thread.join().unwrap_or_default()
        });
        *lock(&self.left) = Some(left.unwrap_or_default());
    }

    /// What is left for the next process; `None` if the source was not stopped for one.
    pub(crate) fn take_left(&self) -> Option<Vec<Producer>> {
        lock(&self.left).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a source's socket away when the daemon has ended; what cannot be removed is replaced at the next start.
pub(crate) fn remove_socket(kind: &SourceKind) {
    if let SourceKind::Unix(path) = kind
        && std::fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket())
    {
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
