//! Numbers the lines of all producers, and posts them to the workers in batches.

use std::sync::{Arc, Mutex, MutexGuard};

use common::id::{Epoch, MessageId};
use daemon::clock::{now, wall};

use super::{
    faults::{FaultCounts, FaultLog},
    lines::{LineFaults, LineRules, Splitter},
    progress::{SourceProgress, lock},
};
use crate::stream::{Batch, DateFormat, Template, TemplateValues};

/// Bytes of text that a batch holds, and one message more. The lines of a read are fewer, but a template may be much longer than a
/// line.
pub(crate) const BATCH_SIZE: usize = 128 * 1024;

/// Takes lines from any number of threads, which share one numbering.
pub(crate) struct Publisher {
    epoch: Epoch,
    numbering: Mutex<Numbering>,
    progress: Arc<SourceProgress>,
    counts: FaultCounts,
    post: Box<dyn Fn(Arc<Batch>) + Send + Sync>,
}

/// How a line becomes a message.
#[derive(Clone, Debug)]
pub(crate) struct LineFormat {
    pub(crate) template: Template,
    pub(crate) date_format: DateFormat,
    pub(crate) rules: LineRules,
}

#[derive(Debug)]
struct Numbering {
    seq: u64,
    format: LineFormat,
    posted: u64,
    faults: FaultLog,
}

impl Publisher {
    /// Posts each batch with `post`; `progress` knows the sequence number of the first line, which counts in this epoch.
    pub(crate) fn new(
        epoch: Epoch,
        progress: Arc<SourceProgress>,
        format: LineFormat,
        post: impl Fn(Arc<Batch>) + Send + Sync + 'static,
    ) -> Self {
        let faults = FaultLog::default();
        let counts = faults.counts();
        let numbering = Mutex::new(Numbering { seq: progress.head().next, format, posted: 0, faults });
        Self { epoch, numbering, progress, counts, post: Box::new(post) }
    }

    /// Changes the format, from the next line on.
    pub(crate) fn set_format(&self, format: LineFormat) {
        lock(&self.numbering).format = format;
    }

    /// A splitter for one producer.
    pub(crate) fn splitter(&self) -> Splitter {
        Splitter::new(lock(&self.numbering).format.rules)
    }

    /// What was wrong with lines so far, for the metrics.
    pub(crate) fn fault_counts(&self) -> FaultCounts {
        self.counts.clone()
    }

    /// Publishes the lines that end in `bytes`; no bytes mean the end of the producer. Waits as long as a worker is far behind.
    pub(super) fn publish(&self, splitter: &mut Splitter, bytes: &[u8]) {
        let mut filling = self.fill();
        self.progress.wait_for_room(filling.posted());
        splitter.configure(filling.rules());
        let push = |line: &str| {
            filling.push(line);
            if filling.is_full() {
                self.progress.wait_for_room(filling.posted());
                filling.post();
            }
        };
        if bytes.is_empty() {
            splitter.finish(push);
        } else {
            splitter.feed(bytes, push);
        }
        filling.count(splitter.take_faults());
        self.progress.wait_for_room(filling.posted());
        filling.post();
    }

    /// Begins a batch. Nobody else numbers lines until it is dropped.
    pub(crate) fn fill(&self) -> OpenBatch<'_> {
        let numbering = lock(&self.numbering);
        let LineFormat { template, date_format, .. } = &numbering.format;
        let date = if template.has_date() { date_format.write(wall()) } else { String::new() };
        let batch = Batch::new(MessageId { epoch: self.epoch, number: numbering.seq });
        OpenBatch { publisher: self, numbering, date, batch }
    }
}

/// A batch that is being filled. It waits for no worker: whoever fills it sees to that none gets far behind.
pub(crate) struct OpenBatch<'p> {
    publisher: &'p Publisher,
    numbering: MutexGuard<'p, Numbering>,
    date: String,
    batch: Batch,
}

/// Lines on their way to the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Posted {
    /// The ids of the first and of the last line.
    pub(crate) first: MessageId,
    pub(crate) last: MessageId,
    /// How many batches were posted with this one, by all who post.
    pub(crate) batches: u64,
    /// Bytes of memory that they hold: of an empty line that is more than its text.
    pub(crate) bytes: usize,
}

impl OpenBatch<'_> {
    /// Which lines count at this moment.
    pub(crate) fn rules(&self) -> LineRules {
        self.numbering.format.rules
    }

    /// Adds a line as the next message.
    pub(crate) fn push(&mut self, line: &str) {
        let Self { numbering, date, batch, .. } = self;
        let template = &numbering.format.template;
        if template.is_line_only() {
            batch.push(|out| out.push_str(line));
        } else {
            let values = TemplateValues { date, seq: batch.next(), line };
            batch.push(|out| template.fill(values, out));
        }
    }

    /// True once it shall be posted before another line is added.
    pub(crate) fn is_full(&self) -> bool {
        self.batch.text_len() >= BATCH_SIZE
    }

    /// Counts what was wrong with lines.
    pub(crate) fn count(&mut self, faults: LineFaults) {
        self.numbering.faults.add(faults, now());
    }

    /// Posts the lines, if there are any, and begins the next batch.
    pub(crate) fn post(&mut self) -> Option<Posted> {
        let Self { publisher: Publisher { epoch, progress, post, .. }, numbering, batch, .. } = self;
        if batch.is_empty() {
            return None;
        }
        let id = |number| MessageId { epoch: *epoch, number };
        let next = batch.next();
        let posted = std::mem::replace(batch, Batch::new(id(next)));
        numbering.seq = next;
        numbering.posted = numbering.posted.saturating_add(1);
        let (first, last) = (id(posted.first()), id(next.saturating_sub(1)));
        let posted = posted.shared();
        let (batches, bytes) = (numbering.posted, posted.held());
        progress.update_head(|head| head.next = next);
        post(posted);
        Some(Posted { first, last, batches, bytes })
    }

    fn posted(&self) -> u64 {
        self.numbering.posted
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use common::framing::Framing;

    use super::*;
    use crate::source::{lines::InvalidUtf8, progress::Head};

    const FIRST: MessageId = MessageId { epoch: Epoch::from_millis(0), number: 1 };

    fn publisher(template: &str) -> (Publisher, mpsc::Receiver<Arc<Batch>>) {
        let (post, posted) = mpsc::channel();
        let rules = LineRules { max_line: 100, invalid_utf8: InvalidUtf8::Replace };
        let format = LineFormat { template: template.parse().unwrap(), date_format: DateFormat::Unix, rules };
        (
            Publisher::new(Epoch::default(), SourceProgress::new(0, Head::at(FIRST)), format, move |batch| {
                post.send(batch).unwrap();
            }),
            posted,
        )
    }

    #[test]
    fn empty_lines_count_by_the_memory_that_they_hold() {
        let (publisher, _posted) = publisher("{line}");
        let mut filling = publisher.fill();
        for _ in 0..1000 {
            filling.push("");
        }
        assert!(filling.post().unwrap().bytes >= 1000 * size_of::<usize>());
    }

    #[test]
    fn lines_of_all_producers_share_one_numbering() {
        let (publisher, posted) = publisher("{seq}:{line}");
        let (mut first, mut second) = (publisher.splitter(), publisher.splitter());
        publisher.publish(&mut first, b"a\nhalf");
        publisher.publish(&mut second, b"b\n");
        publisher.publish(&mut first, b"\n");
        publisher.publish(&mut second, b"c");
        // The end of the second one.
        publisher.publish(&mut second, b"");
        drop(publisher);
        let batches: Vec<_> = posted.iter().collect();
        let text: Vec<u8> = batches
            .iter()
            .flat_map(|batch| batch.encoded(Framing::Lines, &Arc::default()).bytes.to_vec())
            .collect();
        assert_eq!(text, b"1:a\n2:b\n3:half\n4:c\n");
        assert_eq!(batches.last().unwrap().next(), 5);
    }

    #[test]
    fn a_long_template_makes_more_batches_not_longer_ones() {
        let (publisher, posted) = publisher(&format!("{}{{seq}}", "x".repeat(1000)));
        publisher.publish(&mut publisher.splitter(), &b"\n".repeat(1000));
        drop(publisher);
        let batches: Vec<_> = posted.iter().collect();
        assert!(batches.iter().all(|batch| batch.text_len() < BATCH_SIZE + 1010), "one message more");
        let lines: usize = batches.iter().map(|batch| batch.len()).sum();
        assert_eq!((batches.len(), lines, batches.last().unwrap().next()), (8, 1000, 1001));
        assert!(batches.windows(2).all(|pair| pair[0].next() == pair[1].first()));
    }
}
