//! Numbers the lines of all producers, and posts them to the workers in batches.

use std::{
    io::{self, Read},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{PAUSE, lines::Splitter, lock};
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
    /// For so many workers; the first line will have the number `next`.
    pub(crate) fn new(workers: usize, next: u64) -> Arc<Self> {
        Arc::new(Self {
            done: Mutex::new(vec![0; workers]),
            changed: Condvar::new(),
            next: AtomicU64::new(next),
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
}

/// How a line becomes a message.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    /// What the message says.
    pub(crate) template: Template,
    /// How its date is written.
    pub(crate) format: DateFormat,
    /// Bytes of a line; longer ones are dropped.
    pub(crate) max_line: usize,
}

#[derive(Debug)]
struct Next {
    seq: u64,
    style: Style,
    posted: u64,
    warned: Option<Instant>,
    /// Dropped lines that nobody was told about.
    dropped: u64,
}

impl Publisher {
    /// Posts each batch with `post`; the first line has the number that `progress` has next.
    pub(crate) fn new(
        progress: Arc<Progress>,
        style: Style,
        post: impl Fn(Arc<Batch>) + Send + Sync + 'static,
    ) -> Self {
        let next = Mutex::new(Next { seq: progress.next(), style, posted: 0, warned: None, dropped: 0 });
        Self { next, progress, post: Box::new(post) }
    }

    /// From the next line on.
    pub(crate) fn restyle(&self, style: Style) {
        lock(&self.next).style = style;
    }

    /// A splitter for one producer.
    pub(crate) fn splitter(&self) -> Splitter {
        Splitter::new(lock(&self.next).style.max_line)
    }

    /// Publishes what one producer writes, until it ends; the splitter keeps what it has of a line.
    ///
    /// # Errors
    /// What reading failed with.
    pub(crate) fn publish_all(&self, splitter: &mut Splitter, mut input: impl Read) -> io::Result<()> {
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
            self.publish(splitter, buffer.get(..read).unwrap_or_default());
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
        let Style { template, format, max_line } = &next.style;
        splitter.limit(*max_line);
        let date = if template.has_date() { format.write(wall()) } else { String::new() };
        let push = |line: &str| {
            let seq = batch.next();
            if template.is_line_only() {
                batch.push(|out| out.push_str(line));
            } else {
                batch.push(|out| template.fill(&date, seq, line, out));
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use common::framing::Framing;

    use super::*;

    fn publisher(template: &str) -> (Publisher, mpsc::Receiver<Arc<Batch>>) {
        let (post, posted) = mpsc::channel();
        let style = Style { template: Template::new(template), format: DateFormat::Unix, max_line: 100 };
        (
            Publisher::new(Progress::new(0, 1), style, move |batch| {
                post.send(batch).unwrap();
            }),
            posted,
        )
    }

    #[test]
    fn lines_of_all_producers_share_one_numbering() {
        let (publisher, posted) = publisher("{seq}:{line}");
        publisher.publish_all(&mut publisher.splitter(), &b"a\nb\n"[..]).unwrap();
        publisher.publish_all(&mut publisher.splitter(), &b"c"[..]).unwrap();
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
        publisher.publish_all(&mut publisher.splitter(), Unready(false).chain(&b"a\n"[..])).unwrap();
        assert_eq!(posted.recv().unwrap().len(), 1);
    }

    #[test]
    fn the_source_waits_for_a_worker_that_is_behind() {
        let progress = Progress::new(2, 1);
        progress.report(0, 100);
        let waiting = Arc::clone(&progress);
        let thread = std::thread::spawn(move || waiting.wait_for_room(20));
        progress.report(1, 4);
        assert!(!thread.is_finished());
        progress.report(1, 5);
        thread.join().unwrap();
    }
}
