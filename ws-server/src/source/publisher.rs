//! Numbers the lines of all producers, and posts them to the workers in batches.

use std::sync::{Arc, Mutex};

use common::id::{Epoch, MessageId};

use super::{
    clock::{now, wall},
    faults::{FaultCounts, FaultLog},
    lines::{LineRules, Splitter},
    progress::{SourceProgress, lock},
};
use crate::stream::{Batch, DateFormat, Template, TemplateValues};

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
        let numbering = Mutex::new(Numbering { seq: progress.next_line(), format, posted: 0, faults });
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

    /// Publishes the lines that end in `bytes`; no bytes mean the end of the producer.
    pub(super) fn publish(&self, splitter: &mut Splitter, bytes: &[u8]) {
        let mut numbering = lock(&self.numbering);
        self.progress.wait_for_room(numbering.posted);
        let mut batch = Batch::new(MessageId { epoch: self.epoch, number: numbering.seq });
        let LineFormat { template, date_format, rules } = &numbering.format;
        splitter.configure(*rules);
        let date = if template.has_date() { date_format.write(wall()) } else { String::new() };
        let push = |line: &str| {
            let seq = batch.next();
            if template.is_line_only() {
                batch.push(|out| out.push_str(line));
            } else {
                batch.push(|out| template.fill(TemplateValues { date: &date, seq, line }, out));
            }
        };
        if bytes.is_empty() {
            splitter.finish(push);
        } else {
            splitter.feed(bytes, push);
        }
        numbering.faults.add(splitter.take_faults(), now());
        if batch.is_empty() {
            return;
        }
        numbering.seq = batch.next();
        self.progress.set_next_line(numbering.seq);
        numbering.posted = numbering.posted.saturating_add(1);
        (self.post)(batch.shared());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use common::framing::Framing;

    use super::*;
    use crate::source::lines::InvalidUtf8;

    fn publisher(template: &str) -> (Publisher, mpsc::Receiver<Arc<Batch>>) {
        let (post, posted) = mpsc::channel();
        let rules = LineRules { max_line: 100, invalid_utf8: InvalidUtf8::Replace };
        let format = LineFormat { template: template.parse().unwrap(), date_format: DateFormat::Unix, rules };
        (
            Publisher::new(Epoch::default(), SourceProgress::new(0, 1), format, move |batch| {
                post.send(batch).unwrap();
            }),
            posted,
        )
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
}
