//! The stream that is published to: what its settings mean for `publish`. Pure.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, StorageType};
use common::id::{Epoch, MessageId};
use daemon::Exit;

use crate::problem::Problem;

/// A stream must know a repeated line for this long: an election takes up to ten seconds.
pub(crate) const SHORTEST_WINDOW: Duration = Duration::from_secs(30);
/// How much earlier than the stream's window we stop to repeat a line: more than an attempt may take.
const MARGIN: Duration = Duration::from_secs(10);
/// Lines of a batch that nats-server takes.
pub(super) const LARGEST_BATCH: usize = 1000;

/// Lines of a batch in a stream of one copy on disk: nats-server 2.15.1 makes a store of files for each batch, which took 25 to 45 ms, and
/// a line alone 0.06 to 0.6 ms. With more copies a batch waits in memory, and takes hardly longer than a line.
const SMALLEST_BATCH_OF_ONE: usize = 64;

/// Where lines go, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) stream: String,
    pub(super) subject: String,
    /// The stream stores a batch whole or not at all.
    pub(super) takes_batches: bool,
    /// Fewer lines are quicker one by one.
    pub(super) smallest_batch: usize,
    /// For how long a line may be repeated.
    pub(super) repeatable: Duration,
    /// The largest message, with its headers, in bytes, as far as the stream limits it.
    pub(super) largest: Option<usize>,
    pub(super) epoch: Option<Epoch>,
    /// The stream's last number when we began.
    pub(super) last: u64,
}

impl Target {
    /// Decides from the stream's settings.
    ///
    /// # Errors
    /// Lines cannot be published to this stream, or not without the danger that one comes twice.
    pub(super) fn of(config: &Config, epoch: Option<Epoch>, subject: Option<&str>) -> Result<Self, Problem> {
        let stream = &config.name;
        let refuse =
            |what: String| Err(Problem::lasting(Exit::Config, format!("the stream {stream} {what}")));
        if let Some(mirror) = &config.mirror {
            return refuse(format!("is a mirror of {}; publish to that one", mirror.name));
        }
        if config.no_ack {
            return refuse(
                "acknowledges nothing (its setting `no_ack`); publish to one that does".to_owned(),
            );
        }
        if config.duplicate_window < SHORTEST_WINDOW {
            return refuse(format!(
                "knows a repeated line for {:?} only (its setting `duplicate_window`), and a line could come twice; \
                 `datecast-nats create --stream {stream} --update` makes it 2 minutes",
                config.duplicate_window
            ));
        }
        let subject = match (subject, config.subjects.as_slice()) {
            (Some(subject), _) => subject.to_owned(),
            (None, [subject]) if !subject.contains(['*', '>']) => subject.clone(),
            (None, subjects) => {
                return refuse(format!("has the subjects {}; say one with --subject", subjects.join(", ")));
            }
        };
        let stages_on_disk = config.num_replicas <= 1 && config.storage == StorageType::File;
        let target = Self {
            stream: stream.clone(),
            subject,
            takes_batches: config.allow_atomic_publish,
            smallest_batch: if stages_on_disk { SMALLEST_BATCH_OF_ONE } else { 2 },
            repeatable: config.duplicate_window.saturating_sub(MARGIN),
            largest: usize::try_from(config.max_message_size).ok(),
            epoch,
            last: 0,
        };
        target.accepted(config)?;
        Ok(target)
    }

    /// Asks whether the stream, which has these settings, takes what we publish.
    ///
    /// # Errors
    /// None of its subjects is ours: nobody will ever answer for it.
    pub(super) fn accepted(&self, config: &Config) -> Result<(), Problem> {
        if config.subjects.iter().any(|pattern| matches(pattern, &self.subject)) {
            return Ok(());
        }
        let subjects = config.subjects.join(", ");
        let what = format!(
            "the stream {} does not take the subject {}; it takes {subjects}: leave --subject out, or say one of these",
            self.stream, self.subject
        );
        Err(Problem::lasting(Exit::Config, what))
    }

    /// The id of the line that has this sequence number, as clients see it; the number alone where the stream has no epoch.
    pub(super) fn id(&self, number: u64) -> String {
        match self.epoch {
            Some(epoch) => MessageId { epoch, number }.to_string(),
            None => number.to_string(),
        }
    }
}

/// Whether a subject is one of those that the pattern stands for: `*` for any token, `>` at its end for one or more.
fn matches(pattern: &str, subject: &str) -> bool {
    let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
    loop {
        match (pattern.next(), subject.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some(any), Some(token)) if any == "*" || any == token => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::Source;

    use super::*;

    fn config(subjects: &[&str]) -> Config {
        Config {
            name: "LINES".to_owned(),
            subjects: subjects.iter().map(|it| (*it).to_owned()).collect(),
            duplicate_window: Duration::from_mins(2),
            max_message_size: -1,
            ..Config::default()
        }
    }

    #[test]
    fn the_stream_says_its_subject_unless_it_has_several() {
        let subject =
            |subjects: &[&str], said| Target::of(&config(subjects), None, said).map(|it| it.subject);
        assert_eq!(subject(&["lines"], None), Ok("lines".to_owned()));
        assert_eq!(subject(&["lines.*"], Some("lines.b")), Ok("lines.b".to_owned()));
        for several in [&["lines.*"][..], &[">"], &["a", "b"], &[]] {
            assert!(subject(several, None).unwrap_err().message.contains("--subject"), "{several:?}");
        }
    }

    #[test]
    fn a_subject_that_the_stream_does_not_take_is_refused_with_those_that_it_takes() {
        let accepted = |subjects: &[&str], subject| {
            Target::of(&config(subjects), None, Some(subject)).map(|target| target.subject)
        };
        for (pattern, subject) in
            [("lines", "lines"), ("lines.*", "lines.b"), ("lines.>", "lines.b.c"), (">", "b"), ("*.b", "a.b")]
        {
            assert_eq!(accepted(&["x", pattern], subject), Ok(subject.to_owned()), "{pattern}");
        }
        for (pattern, subject) in [
            ("lines", "other"),
            ("lines", "lines.b"),
            ("lines.b", "lines"),
            ("lines.*", "lines"),
            ("lines.*", "lines.b.c"),
            ("lines.>", "lines"),
        ] {
            let problem = accepted(&["x", pattern], subject).unwrap_err();
            assert!(problem.message.contains(&format!("it takes x, {pattern}")), "{}", problem.message);
            assert_eq!((problem.exit, problem.passes), (Exit::Config, false));
        }
    }

    #[test]
    fn a_stream_that_could_double_a_line_is_refused() {
        let short = Config { duplicate_window: Duration::from_secs(29), ..config(&["lines"]) };
        assert!(Target::of(&short, None, None).unwrap_err().message.contains("duplicate_window"));
        let silent = Config { no_ack: true, ..config(&["lines"]) };
        assert!(Target::of(&silent, None, None).unwrap_err().message.contains("no_ack"));
        let mirror = Source { name: "ORIGIN".to_owned(), ..Source::default() };
        let mirror = Config { mirror: Some(mirror), ..config(&[]) };
        assert!(Target::of(&mirror, None, Some("lines")).unwrap_err().message.contains("mirror of ORIGIN"));
    }

    #[test]
    fn one_copy_on_disk_gets_single_lines_until_many_wait() {
        let of = |num_replicas, storage| {
            let config = Config { num_replicas, storage, ..config(&["lines"]) };
            Target::of(&config, None, None).unwrap().smallest_batch
        };
        assert_eq!(of(1, StorageType::File), SMALLEST_BATCH_OF_ONE);
        assert_eq!((of(3, StorageType::File), of(1, StorageType::Memory)), (2, 2));
    }

    #[test]
    fn a_line_is_repeated_only_while_the_stream_surely_knows_it() {
        let target = Target::of(&config(&["lines"]), None, None).unwrap();
        assert_eq!(target.repeatable, Duration::from_secs(110));
        assert_eq!((target.id(7), target.largest), ("7".to_owned(), None));
        let epoch = Some(Epoch::from_millis(1_285_175_062_000));
        let target = Target::of(&config(&["lines"]), epoch, None).unwrap();
        assert_eq!(target.id(7), "012b3a672df0_7");
    }
}
