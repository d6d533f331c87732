//! The log: lines on standard error that never hold up the event loop.
//!
//! ```text
//!  log::warn! ──▶ env_logger ──▶ bounded queue ──▶ one thread ──▶ standard error
//!                 limit: a line   full: drops       reports what
//!                 a second for    and counts        was suppressed
//!                 each reason     the line          or dropped
//!                 format
//! ```
//!
//! The thread that logs a line formats it. If standard error is slower than the log, lines are dropped and counted; a worker
//! never waits.

mod format;
mod limit;
mod panics;
mod writer;

use std::{
    io::{self, Write as _},
    sync::{
        Arc, OnceLock,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use log::LevelFilter;

use crate::{clock, exit::DaemonError};
use limit::{Kind, Limiter};
use writer::{Item, Queue, Writer};

pub use format::LogFormat;

/// Lines that wait to be written; at 512 bytes a line that is half a megabyte at most.
const QUEUE: usize = 1024;
/// How long the end of the process waits for a slow reader of the log.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The log that was started: its queue and the format of its lines.
static LOG: OnceLock<(SyncSender<Item>, LogFormat)> = OnceLock::new();

/// Starts to log to standard error; the main thread calls it once. `log::set_max_level` changes the level later.
///
/// # Errors
/// The system refuses the thread.
pub(super) fn start(level: LevelFilter, format: LogFormat) -> io::Result<()> {
    let format = format.resolve();
    let (sender, receiver) = sync_channel(QUEUE);
    let limiter = Arc::new(Limiter::default());
    let queue = Queue { sender: sender.clone(), dropped: Arc::default() };
    let writer = Writer {
        dropped: Arc::clone(&queue.dropped),
        limiter: Arc::clone(&limiter),
        format,
        out: io::stderr(),
    };
    thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(&receiver))?;
    // A second start (in tests) keeps the first logger.
    _ = env_logger::Builder::new()
        // `log::max_level` decides before a record comes here, so the level can change while the daemon runs.
        .filter_level(LevelFilter::Trace)
        .format(move |out, record| {
            match limiter.admit(Kind::of(record), record.level(), clock::now()) {
                // env_logger writes nothing if the format has written nothing.
                None => Ok(()),
                Some(0) => format.write(out, record.level(), record.args()),
                Some(before) => {
                    let message = format_args!("{} ({before} more like it were suppressed)", record.args());
                    format.write(out, record.level(), message)
                }
            }
        })
        .target(env_logger::Target::Pipe(Box::new(queue)))
        .try_init();
    log::set_max_level(level);
    _ = LOG.set((sender, format));
    Ok(())
}

/// Writes why the daemon ends, whatever the log level; without time and level if people read it, as every command does.
///
/// It waits a second at most: where nobody reads standard error, the daemon ends all the same.
pub(super) fn report_failure(name: &str, failure: &DaemonError) {
    let line = format!("{name}: {failure}");
    let (done, wait) = sync_channel(1);
    let last_words = line.clone();
    let writer = thread::Builder::new().name("last-words".to_owned()).spawn(move || {
        write_failure(&last_words);
        _ = done.try_send(());
    });
    match writer {
        Ok(_) => _ = wait.recv_timeout(FLUSH_TIMEOUT),
        // A lack of threads may be the very failure.
        Err(_) => write_failure(&line),
    }
}

fn write_failure(line: &str) {
    let mut out = io::stderr();
    // A closed standard error is no reason to panic.
    _ = match LOG.get() {
        Some((_, format @ (LogFormat::Journald | LogFormat::Json))) => {
            format.write(&mut out, log::Level::Error, line)
        }
        _ => writeln!(out, "{line}"),
    };
}

/// From now on, a panic is a line of the log.
pub(super) fn log_panics() {
    panics::start(flush);
}

/// Waits until every earlier line is written, at most a second.
pub(super) fn flush() {
    let Some((queue, _)) = LOG.get() else { return };
    let (done, wait) = sync_channel(1);
    if queue.try_send(Item::Flush(done)).is_ok() {
        _ = wait.recv_timeout(FLUSH_TIMEOUT);
    }
}
