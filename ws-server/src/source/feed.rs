//! From the value of `--source` to a thread that reads it.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixListener},
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex, OnceLock},
    thread::{self, JoinHandle},
    time::Duration,
};

use daemon::{DaemonError, Exit, hand_over::Steps, value::size};

use super::{
    fifo,
    gate::{Gate, Key},
    lines::InvalidUtf8,
    producer::Producer,
    producers::Listening,
    progress::lock,
    publisher::Publisher,
    socket::SocketName,
    stdin,
};
use crate::stream::SourceKind;

/// How much the source takes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct SourceOptions {
    /// Bytes of a line as the source has it; longer ones are dropped and counted
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = size)]
    pub(crate) max_line: usize,
    /// What becomes of a line that is not UTF-8, and is counted: replace (what is invalid, by U+FFFD) or drop
    #[arg(long, value_name = "WHAT", default_value = "replace", help_heading = "Stream")]
    pub(crate) invalid_utf8: InvalidUtf8,
    /// Producers that may write to a unix: source at the same time
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) max_producers: usize,
}

/// A source that can be read, opened before the daemon accepts any client.
#[derive(Debug)]
pub(crate) enum Source {
    /// The clock needs no thread, nor do lines that clients publish.
    None,
    Stdin(OwnedFd),
    Fifo(fifo::OpenedFifo),
    Unix(Listening),
}

impl Source {
    /// Opens the source; `previous` is what the previous process handed over of the same one. A Unix socket takes the place of the
    /// one that systemd has opened for producers, if there is one.
    ///
    /// # Errors
    /// [`Exit::NoInput`] for a path that is no FIFO, [`Exit::Unavailable`] for a socket that cannot be bound, [`Exit::Config`] if
    /// systemd's socket is bound to another path, and what is wrong with standard input.
    pub(crate) fn open(
        kind: &SourceKind,
        previous: Vec<Producer>,
        inherited: &mut Option<UnixListener>,
    ) -> Result<Self, DaemonError> {
        Ok(match kind {
            SourceKind::Clock | SourceKind::Http => Self::None,
            SourceKind::Stdin => Self::Stdin(stdin::open()?),
            SourceKind::Fifo(path) => Self::Fifo(
                fifo::OpenedFifo::new(path, previous)
                    .map_err(|what| DaemonError::new(Exit::NoInput, what))?,
            ),
            SourceKind::Unix(path) => Self::Unix(Listening::new(path, previous, inherited.take())?),
        })
    }

    /// Reads until the gate is closed, or for good.
    fn read(self, publisher: &Publisher, max_producers: usize, gate: Gate) -> Outcome {
        match self {
            Self::None => Outcome::Stopped(Vec::new()),
            Self::Stdin(input) => match stdin::read(input, publisher, gate) {
                Ok(false) => Outcome::Stopped(Vec::new()),
                Ok(true) => Outcome::Ended(Ok(())),
                Err(error) => Outcome::Ended(Err(stdin::unreadable(error))),
            },
            Self::Fifo(fifo) => Outcome::Stopped(fifo.read(publisher, gate)),
            Self::Unix(listening) => Outcome::Stopped(listening.read(publisher, max_producers, gate)),
        }
    }
}

/// Why nothing is read any more.
enum Outcome {
    /// The gate was closed; what is left for the next process.
    Stopped(Vec<Producer>),
    /// There will never be another line.
    Ended(Result<(), DaemonError>),
}

fn system(error: &io::Error) -> DaemonError {
    DaemonError::system("starting the source", error)
}

/// The thread of the source while the daemon runs, and what it leaves for the next process.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    reading: Mutex<Option<Reading>>,
    exported: Mutex<Option<ExportedSource>>,
    /// The name of the socket of a `unix:` source; `None` if it is systemd's.
    socket: Mutex<Option<SocketName>>,
    failure: Mutex<Option<DaemonError>>,
    /// Who publishes the lines; from the start on.
    publisher: OnceLock<Arc<Publisher>>,
}

/// What a source leaves that was stopped for a hand-over.
#[derive(Debug)]
pub(crate) struct ExportedSource {
    /// What the next process reads on.
    pub(crate) producers: Vec<Producer>,
    /// The steps of the hand-over, which began with this stop.
    pub(crate) steps: Steps,
}

/// A thread that reads until the key is dropped.
#[derive(Debug)]
struct Reading {
    key: Key,
    thread: JoinHandle<Vec<Producer>>,
}

impl Feed {
    /// Starts to read; `ended` is called when there will never be another line, with false if the source failed.
    ///
    /// # Errors
    /// [`Exit::System`] if the thread cannot be started.
    pub(crate) fn start(
        self: &Arc<Self>,
        source: Source,
        publisher: Arc<Publisher>,
        max_producers: usize,
        ended: impl FnOnce(bool) + Send + 'static,
    ) -> Result<(), DaemonError> {
        _ = self.publisher.set(Arc::clone(&publisher));
        match &source {
            Source::None => return Ok(()),
            Source::Unix(listening) => (*lock(&self.socket)).clone_from(&listening.name),
            Source::Stdin(_) | Source::Fifo(_) => {}
        }
        let (gate, key) = Gate::new().map_err(|error| system(&error))?;
        let feed = Arc::clone(self);
        let read = move || {
            let reading = AssertUnwindSafe(|| source.read(&publisher, max_producers, gate));
            let outcome = panic::catch_unwind(reading).unwrap_or_else(|_| {
                // Without a source the daemon would look well and send nothing.
                let what = "the source's thread has panicked; this is a bug";
                Outcome::Ended(Err(DaemonError::new(Exit::Software, what)))
            });
            match outcome {
                Outcome::Stopped(producers) => return producers,
                Outcome::Ended(Ok(())) => ended(true),
                Outcome::Ended(Err(failure)) => {
                    *lock(&feed.failure) = Some(failure);
                    ended(false);
                }
            }
            Vec::new()
        };
        let thread =
            thread::Builder::new().name("source".to_owned()).spawn(read).map_err(|error| system(&error))?;
        *lock(&self.reading) = Some(Reading { key, thread });
        Ok(())
    }

    /// Returns when what producers have written is published, or after this long: a source may be busy for good.
    pub(crate) fn catch_up(&self, time: Duration) {
        if let Some(Reading { key, .. }) = &*lock(&self.reading) {
            key.wait_for_calm(time);
        }
    }

    /// Reads no more, and returns when everything that was read is published.
    pub(crate) fn stop(&self) {
        let (steps, reading) = (Steps::default(), lock(&self.reading).take());
        let producers = reading.map(|Reading { key, thread }| {
            drop(key);
            thread.join().unwrap_or_default()
        });
        let producers = producers.unwrap_or_default();
        *lock(&self.exported) = Some(ExportedSource { producers, steps });
    }

    /// Logs what is not logged yet of lines that were not published as they came: no line will follow that would.
    pub(crate) fn log_last_faults(&self) {
        if let Some(publisher) = self.publisher.get() {
            publisher.log_last_faults();
        }
    }

    /// Why the source cannot be read, if that is why the daemon has ended.
    pub(crate) fn take_failure(&self) -> Option<DaemonError> {
        lock(&self.failure).take()
    }

    /// Removes the socket that producers connected to, for good.
    pub(crate) fn remove_socket(&self) {
        if let Some(name) = lock(&self.socket).take() {
            name.remove();
        }
    }

    /// What the next process gets; `None` if the source was not stopped for a hand-over.
    pub(crate) fn take_exported(&self) -> Option<ExportedSource> {
        lock(&self.exported).take()
    }
}

/// Removes the socket of a `unix:` source that no process reads any more.
pub(crate) fn remove_stale_socket(kind: &SourceKind) {
    if let SourceKind::Unix(path) = kind {
        daemon::unix_socket::remove_stale(path);
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, sync::mpsc};

    use common::id::MessageId;

    use super::*;
    use crate::{
        source::{
            lines::LineRules,
            progress::{Head, SourceProgress},
            publisher::LineFormat,
        },
        stream::{DateFormat, Numbers, Template},
    };

    #[test]
    fn what_was_written_is_published_once_it_has_caught_up() {
        let (post, posted) = mpsc::channel();
        let rules = LineRules { max_line: 100, invalid_utf8: InvalidUtf8::Replace, numbers: Numbers::Own };
        let format = LineFormat { template: Template::line(), date_format: DateFormat::Unix, rules };
        let progress = SourceProgress::new(0, Head::at(MessageId::default()));
        let publisher = Publisher::new(progress, format, move |batch| {
            thread::park_timeout(Duration::from_millis(50)); // as on a busy machine
            post.send(batch.texts().count()).unwrap();
        });
        let (input, mut writer) = io::pipe().unwrap();
        let feed = Arc::new(Feed::default());
        feed.start(Source::Stdin(input.into()), Arc::new(publisher), 1, |_| ()).unwrap();
        for _ in 0..2 {
            writer.write_all(b"one\ntwo\nthree\n").unwrap();
            feed.catch_up(Duration::from_mins(1));
            assert_eq!(posted.try_iter().sum::<usize>(), 3);
        }
        feed.stop();
        feed.catch_up(Duration::from_mins(1)); // nobody reads
    }
}
