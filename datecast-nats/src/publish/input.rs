//! Reads standard input on a thread of its own, which may wait as long as it likes.

use std::{
    io::{self, Read as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use daemon::DaemonError;
use tokio::{
    runtime::Handle,
    sync::mpsc::{Receiver, Sender, channel},
    time::timeout,
};

use super::splitter::{Line, Splitter};

/// One read.
const READ: usize = 64 * 1024;
/// Reads that wait for the publisher; then the pipe fills, and its writer waits.
const READS: usize = 2;
/// A read that is under way when we stop brings what is there within this time, or waits for a line that comes after the stop.
const LAST_READ: Duration = Duration::from_millis(200);

/// The lines of standard input, as they come.
#[derive(Debug)]
pub(super) struct Input {
    reads: Receiver<io::Result<Vec<Line>>>,
    /// Bytes of a line whose end has not come.
    unfinished: Arc<AtomicU64>,
    is_stopped: bool,
    has_ended: bool,
    /// What ended the input, if it was not its end.
    failure: Option<io::Error>,
}

impl Input {
    /// Begins to read lines of at most `most` bytes.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub(super) fn start(most: usize) -> Result<Self, DaemonError> {
        let (sender, reads) = channel(READS);
        let unfinished = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&unfinished);
        let runtime = Handle::current();
        thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || read(Splitter::new(most), &runtime, &sender, &shared))
            .map_err(|error| DaemonError::system("starting the thread that reads", &error))?;
        Ok(Self { reads, unfinished, is_stopped: false, has_ended: false, failure: None })
    }

    /// True when no line comes any more.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Waits for lines; none at the end of the input.
    pub(super) async fn next(&mut self) -> Vec<Line> {
        if self.has_ended {
            return Vec::new();
        }
        let read = if self.is_stopped {
            timeout(LAST_READ, self.reads.recv()).await.unwrap_or_default()
        } else {
            self.reads.recv().await
        };
        self.take(read)
    }

    /// The lines that are there, without waiting.
    pub(super) fn next_at_once(&mut self) -> Option<Vec<Line>> {
        let read = self.reads.try_recv().ok()?;
        Some(self.take(Some(read)))
    }

    /// Reads no further: only what was read already still comes.
    pub(super) fn stop(&mut self) {
        self.is_stopped = true;
        self.reads.close();
    }

    /// Bytes that were read of a line that has no end yet.
    pub(super) fn unfinished(&self) -> u64 {
        self.unfinished.load(Ordering::Relaxed)
    }

    /// The error that ended the input.
    pub(super) fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    fn take(&mut self, read: Option<io::Result<Vec<Line>>>) -> Vec<Line> {
        match read {
            Some(Ok(lines)) => lines,
            Some(Err(error)) => {
                self.failure = Some(error);
                Vec::new()
            }
            None => {
                self.has_ended = true;
                Vec::new()
            }
        }
    }
}

/// Reads until the input ends or nobody wants its lines. Dropping the sender says that it has ended.
fn read(
    mut splitter: Splitter,
    runtime: &Handle,
    lines: &Sender<io::Result<Vec<Line>>>,
    unfinished: &AtomicU64,
) {
    let mut input = io::stdin().lock();
    let mut buffer = vec![0; READ];
    // There is room before it reads: a stop meanwhile closes the channel, but lets go of nothing that was read.
    while let Ok(room) = runtime.block_on(lines.reserve()) {
        let found = match input.read(&mut buffer) {
            Ok(0) => {
                unfinished.store(0, Ordering::Relaxed);
                _ = splitter.finish().map(|line| room.send(Ok(vec![line])));
                return;
            }
            Ok(count) => splitter.feed(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                room.send(Err(error));
                return;
            }
        };
        unfinished.store(splitter.unfinished(), Ordering::Relaxed);
        if !found.is_empty() {
            room.send(Ok(found));
        }
    }
}
