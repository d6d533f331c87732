//! The log: lines on standard error that never hold up the event loop.
//!
//! ```text
//!  log::warn! ──▶ Limited ──▶ format ──▶ bounded channel ──▶ one thread ──▶ standard error
//!                (10 a second                (full: dropped
//!                 for each place)             and counted)
//! ```
//!
//! A line is formatted where it is logged. When the reader of standard error is slower than the log, lines are dropped
//! and counted instead of blocking a worker.

mod format;
mod limit;

use std::{
    fmt,
    io::{self, Write},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use log::{LevelFilter, Log, Metadata, Record};

use limit::Limiter;

pub use format::LogFormat;

/// Lines that wait to be written; at 512 bytes a line that is half a megabyte at most.
const QUEUE: usize = 1024;
/// How long the end of the process waits for a slow reader of the log.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes of a peer's text that are logged.
const MAX_ESCAPED: usize = 512;

static QUEUE_END: OnceLock<SyncSender<Item>> = OnceLock::new();
/// How lines look, once logging has started.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

enum Item {
    Line(Vec<u8>),
    /// Answered when all lines before it are written.
    Flush(SyncSender<()>),
}

/// Starts logging at this level to standard error, in this format; called once, in the main thread.
///
/// # Errors
/// The thread cannot be started.
pub fn start(level: LevelFilter, format: LogFormat) -> io::Result<()> {
    let format = format.resolve();
    let (sender, receiver) = sync_channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let limiter = Arc::new(Mutex::new(Limiter::default()));
    let queue = Queue { sender: sender.clone(), dropped: Arc::clone(&dropped) };
    let writer = Writer { dropped, limiter: Arc::clone(&limiter), format, out: io::stderr() };
    thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(&receiver))?;
    let logger = env_logger::Builder::new()
        // What is logged is decided before a record comes here, so that it can change while the daemon runs.
        .filter_level(LevelFilter::Trace)
        .format(move |out, record| format.write(out, record.level(), record.args()))
        .target(env_logger::Target::Pipe(Box::new(queue)))
        .build();
    // A second start (in tests) keeps the first logger.
    if log::set_boxed_logger(Box::new(Limited { logger, limiter })).is_ok() {
        log::set_max_level(level);
        _ = QUEUE_END.set(sender);
        _ = FORMAT.set(format);
    }
    Ok(())
}

/// The logger behind the limit of lines from one place.
struct Limited<L> {
    logger: L,
    limiter: Arc<Mutex<Limiter>>,
}

impl<L: Log> Log for Limited<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.logger.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let place = (record.file_static().unwrap_or_default(), record.line().unwrap_or_default());
        let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = limiter.admit(place, record.level(), now());
        drop(limiter);
        if admitted {
            self.logger.log(record);
        }
    }

    fn flush(&self) {
        self.logger.flush();
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a log line comes from any thread, whatever it was told of the time"
)]
fn now() -> Instant {
    Instant::now()
}

/// Says why the daemon ends, whatever the log level; for people without time and level, as every command does.
pub fn last_words(name: &str, failure: &super::DaemonError) {
    let words = format!("{name}: {failure}");
    // A closed standard error is no reason to panic.
    _ = match FORMAT.get() {
        Some(format @ (LogFormat::Journald | LogFormat::Json)) => {
            format.write(&mut io::stderr(), log::Level::Error, &format_args!("{words}"))
        }
        _ => writeln!(io::stderr(), "{words}"),
    };
}

/// Waits until what was logged is written, at most a second.
pub fn flush() {
    let Some(queue) = QUEUE_END.get() else { return };
    let (done, wait) = sync_channel(1);
    if queue.try_send(Item::Flush(done)).is_ok() {
        _ = wait.recv_timeout(FLUSH_TIMEOUT);
    }
}

/// Text from a peer, fit for a log line: bytes outside of printable ASCII and the backslash as `\xNN`, at most 512
/// bytes of it.
pub fn escape(text: &[u8]) -> impl fmt::Display + '_ {
    Escaped(text)
}

struct Escaped<'t>(&'t [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.0.iter().take(MAX_ESCAPED) {
            match byte {
                b'\\' => f.write_str("\\x5c")?,
                0x20..=0x7e => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        if self.0.len() > MAX_ESCAPED { f.write_str("...") } else { Ok(()) }
    }
}

/// The logger's side of the channel: takes a whole line with one `write`, as `env_logger` gives it.
struct Queue {
    sender: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.sender.try_send(Item::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread: writes until every sender is gone. A write that fails loses its line, and nothing else: standard
/// error may be closed, or journald be restarted.
struct Writer<W> {
    dropped: Arc<AtomicU64>,
    limiter: Arc<Mutex<Limiter>>,
    format: LogFormat,
    out: W,
}

impl<W: Write> Writer<W> {
    fn run(mut self, receiver: &Receiver<Item>) {
        loop {
            match receiver.recv_timeout(limit::WINDOW) {
                Ok(Item::Line(line)) => _ = self.out.write_all(&line),
                Ok(Item::Flush(done)) => {
                    self.tell_what_is_missing(true);
                    _ = done.try_send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.tell_what_is_missing(true),
            }
            self.tell_what_is_missing(false);
        }
    }

    /// A line about lines that were suppressed or dropped; `all` also of places that may say more in this second.
    fn tell_what_is_missing(&mut self, all: bool) {
        let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        let suppressed = limiter.take_suppressed(now(), all);
        drop(limiter);
        for ((file, line), level, count) in suppressed {
            let text =
                format_args!("{count} more like the last one from {file}:{line} were suppressed").to_string();
            _ = self.format.write(&mut self.out, level, &format_args!("{text}"));
        }
        let lost = self.dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let text = format!("log: {lost} lines dropped, standard error is read too slowly");
            _ = self.format.write(&mut self.out, log::Level::Warn, &format_args!("{text}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer<W: Write>(dropped: &Arc<AtomicU64>, out: W) -> Writer<W> {
        Writer { dropped: Arc::clone(dropped), limiter: Arc::default(), format: LogFormat::Journald, out }
    }

    #[test]
    fn a_peers_text_cannot_forge_a_line() {
        assert_eq!(escape(b"GET /\r\n\x1b[31m\\\xff").to_string(), "GET /\\x0d\\x0a\\x1b[31m\\x5c\\xff");
        assert_eq!(escape(&[b'a'; 600]).to_string().len(), 515);
    }

    #[test]
    fn a_full_queue_drops_lines_and_says_how_many() {
        let (sender, receiver) = sync_channel(2);
        let dropped = Arc::new(AtomicU64::new(0));
        let mut queue = Queue { sender, dropped: Arc::clone(&dropped) };
        for _ in 0..5 {
            queue.write_all(b"line\n").expect("never blocks");
        }
        drop(queue);
        let mut out = Vec::new();
        writer(&dropped, &mut out).run(&receiver);
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "line\n<4>log: 3 lines dropped, standard error is read too slowly\nline\n");
    }

    #[test]
    fn what_was_suppressed_is_counted_at_the_end_at_the_latest() {
        let (sender, receiver) = sync_channel(8);
        let mut out = Vec::new();
        let writer = writer(&Arc::default(), &mut out);
        for _ in 0..25 {
            let mut limiter = writer.limiter.lock().expect("not poisoned");
            limiter.admit(("a.rs", 7), log::Level::Debug, now());
        }
        drop(sender);
        writer.run(&receiver);
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "<7>15 more like the last one from a.rs:7 were suppressed\n");
    }

    #[test]
    fn a_closed_standard_error_stops_nothing() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (sender, receiver) = sync_channel(8);
        let (done, wait) = sync_channel(1);
        sender.send(Item::Line(b"lost".to_vec())).expect("sent");
        sender.send(Item::Flush(done)).expect("sent");
        drop(sender);
        writer(&Arc::default(), Closed).run(&receiver);
        assert_eq!(wait.recv(), Ok(()));
    }
}
