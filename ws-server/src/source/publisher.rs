//! Numbers the lines of all producers, and posts them to the workers in batches.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use common::id::MessageId;
use daemon::clock::{now, wall};

use super::{
    faults::{FaultCounts, FaultLog},
    given::GivenLine,
    lines::{LineFaults, LineRules, RawLine, Splitter},
    progress::{Filling, Head, SourceProgress, lock},
    settling::Settling,
};
use crate::stream::{Batch, DateFormat, Numbers, Template, TemplateValues};

/// Bytes of text that a batch holds, and one message more. The lines of a read are fewer, but a template may be much longer than a
/// line.
pub(crate) const BATCH_SIZE: usize = 128 * 1024;

/// Takes lines from any number of threads, which share one numbering.
pub(crate) struct Publisher {
    numbering: Mutex<Numbering>,
    progress: Arc<SourceProgress>,
    counts: FaultCounts,
    /// Behind a lock of its own: that of the numbering is held while workers make room, perhaps for ever.
    faults: Mutex<FaultLog>,
    post: Box<dyn Fn(Arc<Batch>) + Send + Sync>,
    tell: Box<dyn Fn(Filling) + Send + Sync>,
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
    /// The id of the next message, or the smallest that a given one may have.
    next: MessageId,
    format: LineFormat,
    posted: u64,
    settling: Settling,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("numbering", &self.numbering).finish_non_exhaustive()
    }
}

impl Publisher {
    /// Posts each batch with `post`; `progress` knows which id the first line can have.
    pub(crate) fn new(
        progress: Arc<SourceProgress>,
        format: LineFormat,
        post: impl Fn(Arc<Batch>) + Send + Sync + 'static,
    ) -> Self {
        let faults = FaultLog::default();
        let counts = faults.counts();
        let Head { epoch, next, filling } = progress.head();
        let next = MessageId { epoch, number: next };
        let mut settling = Settling::new(filling);
        if next != MessageId::default() {
            // To the previous process.
            settling.line_came(now());
        }
        let numbering = Mutex::new(Numbering { next, format, posted: 0, settling });
        let faults = Mutex::new(faults);
        Self { numbering, progress, counts, faults, post: Box::new(post), tell: Box::new(|_| ()) }
    }

    /// Says by `tell`, in order with the batches, whether the source still brings what there was before this process began.
    #[must_use]
    pub(crate) fn telling(self, tell: impl Fn(Filling) + Send + Sync + 'static) -> Self {
        Self { tell: Box::new(tell), ..self }
    }

    /// Changes the format, from the next line on.
    pub(crate) fn set_format(&self, format: LineFormat) {
        lock(&self.numbering).format = format;
    }

    /// A splitter for one producer.
    pub(crate) fn splitter(&self) -> Splitter {
        Splitter::new(lock(&self.numbering).format.rules)
    }

    /// What a producer is told that connects, with its line end; `None` if the numbers are our own.
    pub(super) fn greeting(&self) -> Option<String> {
        let numbering = lock(&self.numbering);
        let MessageId { epoch, number } = numbering.next;
        (numbering.format.rules.numbers == Numbers::Given).then(|| match number.checked_sub(1) {
            Some(newest) => format!("last {newest} {epoch}\n"),
            None => format!("last none {epoch}\n"),
        })
    }

    /// The source has brought all there was when this process began.
    pub(super) fn catch_up(&self) {
        self.fill().catch_up();
    }

    /// Lets newcomers wait no longer than a source needs that does not say when it is caught up. True as long as that is to be
    /// called again, now and then.
    pub(super) fn settle(&self, is_connected: bool) -> bool {
        let mut numbering = lock(&self.numbering);
        if numbering.settling.settle(is_connected, now()) {
            log::warn!(
                "the source has not said that it is caught up: clients are served with what has come so far, and /healthz answers \
                 503 until it writes the line !caught-up (--numbers given)"
            );
            self.tell_filling(&numbering);
        }
        numbering.settling.filling() == Filling::Yes
    }

    /// Tells the workers what has become of the filling, behind all lines so far.
    fn tell_filling(&self, numbering: &Numbering) {
        let filling = numbering.settling.filling();
        self.progress.update_head(|head| head.filling = filling);
        (self.tell)(filling);
    }

    /// Logs the faults of lines that are not logged yet.
    pub(crate) fn log_last_faults(&self) {
        lock(&self.faults).say();
    }

    /// What was wrong with lines so far, for the metrics.
    pub(crate) fn fault_counts(&self) -> FaultCounts {
        self.counts.clone()
    }

    /// Publishes the lines that end in `bytes`; no bytes mean the end of the producer. Waits as long as a worker is far behind.
    pub(crate) fn publish(&self, splitter: &mut Splitter, bytes: &[u8]) {
        let mut filling = self.fill();
        self.progress.wait_for_room(filling.posted());
        splitter.configure(filling.rules());
        match filling.rules().numbers {
            Numbers::Own => {
                let push = |line: &str| filling.push_and_post_if_full(line);
                if bytes.is_empty() {
                    splitter.finish(push);
                } else {
                    splitter.feed(bytes, push);
                }
            }
            Numbers::Given => {
                let mut is_after_gap = splitter.is_after_gap;
                if bytes.is_empty() {
                    splitter.drop_rest();
                } else {
                    splitter.cut_while(bytes, |line| {
                        filling.take(line, &mut is_after_gap);
                        true
                    });
                }
                splitter.is_after_gap = is_after_gap;
            }
        }
        filling.count(splitter.take_faults());
        filling.post_with_room();
    }

    /// Begins a batch. Nobody else numbers lines until it is dropped.
    pub(crate) fn fill(&self) -> OpenBatch<'_> {
        let numbering = lock(&self.numbering);
        let LineFormat { template, date_format, .. } = &numbering.format;
        let date = if template.has_date() { date_format.write(wall()) } else { String::new() };
        let batch = Batch::new(numbering.next);
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

    fn push_and_post_if_full(&mut self, line: &str) {
        self.push(line);
        if self.is_full() {
            self.post_with_room();
        }
    }

    /// Takes a line that brings its number. `is_after_gap`: messages before its producer's next one are lost.
    fn take(&mut self, line: RawLine<'_>, is_after_gap: &mut bool) {
        let LineFaults { repeated, old_epoch, no_number, unknown_word, .. } = line.faults;
        let next = MessageId { number: self.batch.next(), ..self.numbering.next };
        let given = GivenLine::parse(line.bytes);
        let is_filling = self.numbering.settling.filling() == Filling::Yes;
        if is_filling && matches!(given, GivenLine::Message { .. }) {
            self.numbering.settling.line_came(now());
        }
        let (id, text) = match given {
            GivenLine::Message { id, .. } if id.epoch < next.epoch => {
                return *old_epoch = old_epoch.saturating_add(1);
            }
            GivenLine::Message { id, .. } if id < next => {
                // Another producer had it, so that nothing before it is lost.
                *is_after_gap = false;
                return *repeated = repeated.saturating_add(1);
            }
            GivenLine::Message { id, text } => (id, text),
            GivenLine::CaughtUp => return self.catch_up(),
            GivenLine::Gap => return *is_after_gap = true,
            GivenLine::UnknownWord => return *unknown_word = unknown_word.saturating_add(1),
            GivenLine::NoNumber => return *no_number = no_number.saturating_add(1),
        };
        let Some(text) = line.text(text) else { return };
        let follows_gap = std::mem::take(is_after_gap);
        if follows_gap || id != next {
            self.post_with_room();
            self.numbering.next = id;
            let batch = Batch::new(id);
            self.batch = if follows_gap { batch.after_gap() } else { batch };
        }
        self.push_and_post_if_full(&text);
    }

    /// The source has brought all there was.
    fn catch_up(&mut self) {
        if self.numbering.settling.catch_up() {
            self.post_with_room();
            self.publisher.tell_filling(&self.numbering);
        }
    }

    fn post_with_room(&mut self) {
        self.publisher.progress.wait_for_room(self.posted());
        self.post();
    }

    /// True once it shall be posted before another line is added.
    pub(crate) fn is_full(&self) -> bool {
        self.batch.text_len() >= BATCH_SIZE
    }

    /// Counts what was wrong with lines.
    pub(crate) fn count(&mut self, faults: LineFaults) {
        if faults != LineFaults::default() {
            lock(&self.publisher.faults).add(faults, now());
        }
    }

    /// Posts the lines, if there are any, and begins the next batch.
    pub(crate) fn post(&mut self) -> Option<Posted> {
        let Self { publisher: Publisher { progress, post, .. }, numbering, batch, .. } = self;
        if batch.is_empty() {
            return None;
        }
        let id = |number| MessageId { number, ..numbering.next };
        let next = id(batch.next());
        let posted = std::mem::replace(batch, Batch::new(next));
        let (first, last) = (id(posted.first()), id(next.number.saturating_sub(1)));
        numbering.next = next;
        numbering.posted = numbering.posted.saturating_add(1);
        let posted = posted.shared();
        let (batches, bytes) = (numbering.posted, posted.held());
        progress.update_head(|head| (head.epoch, head.next) = (next.epoch, next.number));
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

    use common::{framing::Framing, id::Epoch};

    use super::*;
    use crate::source::lines::InvalidUtf8;

    const FIRST: MessageId = MessageId { epoch: Epoch::from_millis(0), number: 1 };

    fn publisher(template: &str) -> (Publisher, mpsc::Receiver<Arc<Batch>>) {
        let (post, posted) = mpsc::channel();
        let rules = LineRules { max_line: 100, invalid_utf8: InvalidUtf8::Replace, numbers: Numbers::Own };
        let format = LineFormat { template: template.parse().unwrap(), date_format: DateFormat::Unix, rules };
        (
            Publisher::new(SourceProgress::new(0, Head::at(FIRST)), format, move |batch| {
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
