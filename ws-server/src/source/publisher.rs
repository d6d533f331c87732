//! Numbers the lines of all producers, and posts them to the workers in batches.

use std::{
    io::{self, Read},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{PAUSE, lines::Splitter};
use crate::{batch::Batch, date_format::DateFormat, template::Template};

/// Batches that are on their way to a worker; then the source waits. It never waits for a client.
const IN_FLIGHT: u64 = 16;
/// What is read at once, and so the most text of a batch.
const READ_SIZE: usize = 64 * 1024;

/// What the source has posted, and how many batches each worker has finished with.
#[derive(Debug)]
pub(crate) struct Progress {
    done: Mutex<Vec<u64>>,
    changed: Condvar,
    /// The number of the next line.
    next: AtomicU64,
}

impl Progress {
    /// For so many workers.
    pub(crate) fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            done: Mutex::new(vec![0; workers]),
            changed: Condvar::new(),
            next: AtomicU64::new(1),
        })
    }

    /// A worker has passed on so many batches in all.
    pub(crate) fn report(&self, worker: usize, batches: u64) {
        if let Some(done) = lock(&self.done).get_mut(worker) {
            *done = batches;
        }
        self.changed.notify_all();
    }

    /// The number of the line that will come next; a worker may still have some before it in its mailbox.
    pub(crate) fn next(&self) -> u64 {
        self.next.load(Ordering::Acquire)
    }

    /// Tests have no source.
    #[cfg(test)]
    pub(crate) fn set_next(&self, next: u64) {
        self.next.store(next, Ordering::Release);
    }

    /// Waits until every worker is less than [`IN_FLIGHT`] batches behind.
    fn wait_for_room(&self, posted: u64) {
        let mut done = lock(&self.done);
        while done.iter().any(|done| posted.saturating_sub(*done) >= IN_FLIGHT) {
            done = self.changed.wait(done).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Takes lines from any number of threads.
pub(crate) struct Publisher {
    next: Mutex<Next>,
    progress: Arc<Progress>,
    post: Box<dyn Fn(Arc<Batch>) + Send + Sync>,
    template: Template,
    format: DateFormat,
    max_line: usize,
}

#[derive(Debug)]
struct Next {
    seq: u64,
    posted: u64,
    warned: Option<Instant>,
    /// Dropped lines that nobody was told about.
    dropped: u64,
}

impl Publisher {
    /// Posts each batch with `post`; the first line is number 1.
    pub(crate) fn new(
        progress: Arc<Progress>,
        template: Template,
        format: DateFormat,
        max_line: usize,
        post: impl Fn(Arc<Batch>) + Send + Sync + 'static,
    ) -> Self {
        let next = Mutex::new(Next { seq: 1, posted: 0, warned: None, dropped: 0 });
        Self { next, progress, post: Box::new(post), template, format, max_line }
    }

    /// Publishes what one producer writes, until it ends.
    ///
    /// # Errors
    /// What reading failed with.
    pub(crate) fn publish_all(&self, mut input: impl Read) -> io::Result<()> {
        let mut splitter = Splitter::new(self.max_line);
        let mut buffer = vec![0; READ_SIZE];
        loop {
            let read = match input.read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Whoever shares a terminal or socket with us may have made it non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::park_timeout(PAUSE);
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.publish(&mut splitter, buffer.get(..read).unwrap_or_default());
            if read == 0 {
                return Ok(());
            }
        }
    }

    /// Publishes the lines that `bytes` ends; no bytes are the end of the producer.
    fn publish(&self, splitter: &mut Splitter, bytes: &[u8]) {
        let mut next = lock(&self.next);
        self.progress.wait_for_room(next.posted);
        let mut batch = Batch::new(next.seq);
        let date = if self.template.has_date() { self.format.write(wall()) } else { String::new() };
        let push = |line: &str| {
            let seq = batch.next();
            if self.template.is_line_only() {
                batch.push(|out| out.push_str(line));
            } else {
                batch.push(|out| self.template.fill(&date, seq, line, out));
            }
        };
        if bytes.is_empty() {
            splitter.finish(push);
        } else {
            splitter.feed(bytes, push);
        }
        next.warn(splitter.take_dropped().total());
        if batch.is_empty() {
            return;
        }
        next.seq = batch.next();
        self.progress.next.store(next.seq, Ordering::Release);
        next.posted = next.posted.saturating_add(1);
        (self.post)(Arc::new(batch));
    }
}

impl Next {
    /// Says that lines were dropped, at most once a second.
    fn warn(&mut self, dropped: u64) {
        self.dropped = self.dropped.saturating_add(dropped);
        let now = now();
        let recently =
            self.warned.is_some_and(|at| now.saturating_duration_since(at) < Duration::from_secs(1));
        if self.dropped == 0 || recently {
            return;
        }
        self.warned = Some(now);
        log::warn!(
            "{} lines dropped: not UTF-8, or longer than --max-line",
            std::mem::take(&mut self.dropped)
        );
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a thread that blocks on its input has no turn to be told the time of"
)]
fn now() -> Instant {
    Instant::now()
}

#[allow(clippy::disallowed_methods, reason = "as above")]
fn wall() -> SystemTime {
    SystemTime::now()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use common::stream::Framing;

    use super::*;

    fn publisher(template: &str) -> (Publisher, mpsc::Receiver<Arc<Batch>>) {
        let (post, posted) = mpsc::channel();
        let template = Template::new(template);
        (
            Publisher::new(Progress::new(0), template, DateFormat::Unix, 100, move |batch| {
                post.send(batch).unwrap();
            }),
            posted,
        )
    }

    #[test]
    fn lines_of_all_producers_share_one_numbering() {
        let (publisher, posted) = publisher("{seq}:{line}");
        publisher.publish_all(&b"a\nb\n"[..]).unwrap();
        publisher.publish_all(&b"c"[..]).unwrap();
        drop(publisher);
        let batches: Vec<_> = posted.iter().collect();
        let text: Vec<u8> =
            batches.iter().flat_map(|batch| batch.encoded(Framing::Lines).bytes.to_vec()).collect();
        assert_eq!(text, b"1:a\n2:b\n3:c\n");
        assert_eq!(batches.last().unwrap().next(), 4);
    }

    #[test]
    fn an_input_that_does_not_wait_is_asked_again() {
        struct Unready(bool);
        impl Read for Unready {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                let waited = std::mem::replace(&mut self.0, true);
                if waited { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) }
            }
        }
        let (publisher, posted) = publisher("{line}");
        publisher.publish_all(Unready(false).chain(&b"a\n"[..])).unwrap();
        assert_eq!(posted.recv().unwrap().len(), 1);
    }

    #[test]
    fn the_source_waits_for_a_worker_that_is_behind() {
        let progress = Progress::new(2);
        progress.report(0, 100);
        let waiting = Arc::clone(&progress);
        let thread = std::thread::spawn(move || waiting.wait_for_room(20));
        progress.report(1, 4);
        assert!(!thread.is_finished());
        progress.report(1, 5);
        thread.join().unwrap();
    }
}
