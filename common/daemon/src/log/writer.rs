//! The two ends of the log's queue: `env_logger` writes into it, one thread writes to standard error.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
};

use log::Level;

use super::{
    format::LogFormat,
    limit::{Limiter, WINDOW},
};
use crate::clock;

pub(super) enum Item {
    Line(Vec<u8>),
    /// The thread answers when it has written every earlier line.
    Flush(SyncSender<()>),
}

/// The logger's end: `env_logger` passes each line in one `write`.
pub(super) struct Queue {
    pub(super) sender: SyncSender<Item>,
    pub(super) dropped: Arc<AtomicU64>,
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

/// The thread's end. A failed write loses its line and nothing else: standard error may be closed, or journald restart.
pub(super) struct Writer<W> {
    /// Lines that found the queue full, and that no line has reported yet.
    pub(super) dropped: Arc<AtomicU64>,
    pub(super) limiter: Arc<Limiter>,
    pub(super) format: LogFormat,
    pub(super) out: W,
}

impl<W: Write> Writer<W> {
    /// Runs until every sender is gone.
    pub(super) fn run(mut self, receiver: &Receiver<Item>) {
        loop {
            match receiver.recv_timeout(WINDOW) {
                Ok(Item::Line(line)) => _ = self.out.write_all(&line),
                Ok(Item::Flush(done)) => {
                    self.report_missing(true);
                    _ = done.try_send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.report_missing(true),
            }
            self.report_missing(false);
        }
    }

    /// Reports the lines that were suppressed or dropped; with `all`, also those that a later line would count.
    fn report_missing(&mut self, all: bool) {
        for (kind, level, count) in self.limiter.take_suppressed(clock::now(), all) {
            let message = format_args!("{count} more like the last one from {kind} were suppressed");
            _ = self.format.write(&mut self.out, level, message);
        }
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let message = format_args!("log: {dropped} lines dropped, standard error is read too slowly");
            _ = self.format.write(&mut self.out, Level::Warn, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::sync_channel, thread, time::Duration};

    use super::{super::limit::tests::kind, *};

    /// A queue of this length, and the thread's side of it.
    fn log<W: Write>(len: usize, out: W) -> (Queue, Receiver<Item>, Writer<W>) {
        let (sender, receiver) = sync_channel(len);
        let queue = Queue { sender, dropped: Arc::default() };
        let (dropped, limiter) = (Arc::clone(&queue.dropped), Arc::default());
        let writer = Writer { dropped, limiter, format: LogFormat::Journald, out };
        (queue, receiver, writer)
    }

    #[test]
    fn a_full_queue_drops_lines_and_says_how_many() {
        let mut out = Vec::new();
        let (mut queue, receiver, writer) = log(2, &mut out);
        let (done, wait) = sync_channel(1);
        thread::spawn(move || {
            (0..5).for_each(|_| queue.write_all(b"line\n").expect("sent or dropped"));
            drop(queue);
            done.send(())
        });
        wait.recv_timeout(Duration::from_secs(20)).expect("who logs waits for nobody");
        writer.run(&receiver);
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "line\n<4>log: 3 lines dropped, standard error is read too slowly\nline\n");
    }

    #[test]
    fn what_was_suppressed_is_counted_at_the_end_at_the_latest() {
        let mut out = Vec::new();
        let (queue, receiver, writer) = log(8, &mut out);
        for _ in 0..25 {
            writer.limiter.admit(kind(7, Some("404")), Level::Debug, clock::now());
        }
        drop(queue);
        writer.run(&receiver);
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "<7>24 more like the last one from here.rs:7 (404) were suppressed\n");
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
        let (mut queue, receiver, writer) = log(8, Closed);
        let (done, wait) = sync_channel(1);
        queue.write_all(b"lost").expect("sent");
        queue.sender.send(Item::Flush(done)).expect("sent");
        drop(queue);
        writer.run(&receiver);
        assert_eq!(wait.recv(), Ok(()));
    }
}
