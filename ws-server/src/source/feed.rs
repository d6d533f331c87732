//! From the value of `--source` to a thread that reads it.

use std::{
    io,
    os::unix::{fs::FileTypeExt, net::UnixListener},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use daemon::{DaemonError, Exit, value::size};

use super::{
    fifo,
    gate::{Gate, Key},
    producer::Producer,
    producers,
    progress::lock,
    publisher::Publisher,
    stdin,
};
use crate::stream::SourceKind;

/// How much the source takes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct SourceOptions {
    /// Bytes of a line from the source; longer ones are dropped
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = size)]
    pub(crate) max_line: usize,
    /// Producers that may write to a unix: source at the same time
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) max_producers: usize,
}

/// A source that can be read, opened before the daemon accepts any client.
#[derive(Debug)]
pub(crate) enum Source {
    /// The clock needs no thread.
    Clock,
    Stdin,
    /// A FIFO that exists, perhaps as the previous process had it open.
    Fifo(PathBuf, Option<Producer>),
    /// A bound socket, and the producers of the previous process.
    Unix(UnixListener, Vec<Producer>),
}

impl Source {
    /// Opens the source; `previous` is what the previous process handed over of the same one.
    ///
    /// # Errors
    /// [`Exit::NoInput`] for a FIFO that is none, [`Exit::Unavailable`] for a socket that cannot be bound.
    pub(crate) fn open(kind: &SourceKind, mut previous: Vec<Producer>) -> Result<Self, DaemonError> {
        match kind {
            SourceKind::Clock => Ok(Self::Clock),
            SourceKind::Stdin => Ok(Self::Stdin),
            SourceKind::Fifo(path) => fifo::check(path).map(|()| Self::Fifo(path.clone(), previous.pop())),
            SourceKind::Unix(_) if !previous.is_empty() => {
                let listener = UnixListener::from(previous.remove(0).descriptor);
                Ok(Self::Unix(listener, previous))
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
            Self::Fifo(path, previous) => fifo::read(&path, &publisher, &gate, previous),
            Self::Unix(listener, previous) => {
                producers::serve(listener, &publisher, max_producers, &gate, previous)
            }
        };
        let thread = thread::Builder::new().name("source".to_owned()).spawn(read).map_err(system)?;
        Ok(Some(Reading { key, thread }))
    }
}

/// The thread of the source while the daemon runs, and what it leaves for the next process.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    reading: Mutex<Option<Reading>>,
    exported: Mutex<Option<Vec<Producer>>>,
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
        let exported = reading.map(|Reading { key, thread }| {
            drop(key);
            thread.join().unwrap_or_default()
        });
        *lock(&self.exported) = Some(exported.unwrap_or_default());
    }

    /// What the next process gets; `None` if the source was not stopped for a hand-over.
    pub(crate) fn take_exported(&self) -> Option<Vec<Producer>> {
        lock(&self.exported).take()
    }
}

/// Removes the socket of a `unix:` source; the next start replaces one that cannot be removed.
pub(crate) fn remove_socket(kind: &SourceKind) {
    if let SourceKind::Unix(path) = kind
        && std::fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket())
    {
        _ = std::fs::remove_file(path);
    }
}
