//! The log: lines on standard error that never hold up the event loop.
//!
//! A line is formatted where it is logged and put on a bounded channel; one thread writes. When the reader of
//! standard error is slower than the log, lines are dropped and counted instead of blocking a worker.

use std::{
    fmt,
    io::{self, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, SystemTime},
};

use log::{Level, LevelFilter, Record};

/// Lines that wait to be written; at 512 bytes a line that is half a megabyte at most.
const QUEUE: usize = 1024;
/// How long the end of the process waits for a slow reader of the log.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes of a peer's text that are logged.
const MAX_ESCAPED: usize = 512;

static QUEUE_END: OnceLock<SyncSender<Item>> = OnceLock::new();

enum Item {
    Line(Vec<u8>),
    /// Answered when all lines before it are written.
    Flush(SyncSender<()>),
}

/// Starts logging at this level to standard error; called once, in the main thread.
///
/// `journald` is true when standard error is journald's (`JOURNAL_STREAM` is set): lines then begin with a `<N>`
/// priority and have no time, which journald adds itself.
///
/// # Errors
/// The thread cannot be started.
pub fn start(level: LevelFilter, journald: bool) -> io::Result<()> {
    let (sender, receiver) = sync_channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = Queue { sender: sender.clone(), dropped: Arc::clone(&dropped) };
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_lines(&receiver, &dropped, io::stderr()))?;
    let logger = env_logger::Builder::new()
        // What is logged is decided before a record comes here, so that it can change while the daemon runs.
        .filter_level(LevelFilter::Trace)
        .format(move |out, record| format_line(out, record, journald))
        .target(env_logger::Target::Pipe(Box::new(queue)))
        .try_init();
    // A second start (in tests) keeps the first logger.
    if logger.is_ok() {
        ::log::set_max_level(level);
        _ = QUEUE_END.set(sender);
    }
    Ok(())
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
fn write_lines(receiver: &Receiver<Item>, dropped: &AtomicU64, mut out: impl Write) {
    while let Ok(item) = receiver.recv() {
        match item {
            Item::Line(line) => _ = out.write_all(&line),
            Item::Flush(done) => _ = done.try_send(()),
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            _ = writeln!(out, "log: {lost} lines dropped, standard error is read too slowly");
        }
    }
}

fn format_line(out: &mut impl Write, record: &Record<'_>, journald: bool) -> io::Result<()> {
    if journald {
        // sd-daemon(3): "<N>" prefixes with the priorities of syslog.
        let priority = match record.level() {
            Level::Error => 3,
            Level::Warn => 4,
            Level::Info => 6,
            Level::Debug | Level::Trace => 7,
        };
        return writeln!(out, "<{priority}>{}", record.args());
    }
    writeln!(out, "{} {:5} {}", timestamp(), record.level(), record.args())
}

/// `17:04:22.123` in UTC.
fn timestamp() -> impl fmt::Display {
    #[expect(
        clippy::disallowed_methods,
        reason = "a log line's time is for people; nothing is decided by it"
    )]
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs() % 86_400;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: Level, journald: bool) -> String {
        let mut out = Vec::new();
        let record = Record::builder().level(level).args(format_args!("hello")).build();
        format_line(&mut out, &record, journald).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn journald_gets_a_priority_and_no_time() {
        assert_eq!(line(Level::Error, true), "<3>hello\n");
        assert_eq!(line(Level::Info, true), "<6>hello\n");
    }

    #[test]
    fn others_get_time_and_level() {
        let line = line(Level::Warn, false);
        assert_eq!(line.len(), "17:04:22.123 WARN  hello\n".len());
        assert!(line.ends_with(" WARN  hello\n"), "{line}");
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
        write_lines(&receiver, &dropped, &mut out);
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "line\nlog: 3 lines dropped, standard error is read too slowly\nline\n");
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
        write_lines(&receiver, &AtomicU64::new(0), Closed);
        assert_eq!(wait.recv(), Ok(()));
    }
}
