//! What all workers of ws-server start from: fresh, or where the previous process stopped.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use common::id::{Epoch, MessageId};

use crate::{
    broadcast::{Departures, NoticeBoard},
    config::Config,
    finish::Finish,
    hand_over::ProcessState,
    publish::SharedKeys,
    source::{Filling, Head, SourceProgress, SourceStates},
    stream::{ClockOrigin, EncodedBytes, Numbering, Numbers, StreamOptions},
};

/// What all workers start from; with it, they have the same dates and numbers.
#[derive(Debug)]
pub(crate) struct SharedStart {
    pub(crate) now: Instant,
    /// The id of the first line that will be read.
    pub(crate) first_line: MessageId,
    /// Slot 0 of every worker's clock.
    pub(crate) origin: ClockOrigin,
    /// How far the workers are with the source.
    pub(crate) progress: Arc<SourceProgress>,
    /// What the workers hold encoded.
    pub(crate) encoded_bytes: Arc<EncodedBytes>,
    /// What the clients of all workers hear beside the stream.
    pub(crate) board: Arc<NoticeBoard>,
    /// What the source is doing.
    pub(crate) states: SourceStates,
    /// Whether a stop waits for the end of the source.
    pub(crate) finish: Finish,
    /// What was published under which key.
    pub(crate) keys: SharedKeys,
    /// What the previous process handed over.
    pub(crate) previous: Option<ProcessState>,
}

impl SharedStart {
    pub(crate) fn new(
        config: &Config,
        workers: usize,
        mut previous: Option<ProcessState>,
        states: SourceStates,
        now: Instant,
        wall: SystemTime,
    ) -> Self {
        let options = &config.stream;
        let origin = ClockOrigin::new(now, wall, options.interval, options.align);
        if let Some(previous) = previous.as_mut().filter(|_| !config.leave_notices()) {
            previous.notices.departures = Departures::default();
        }
        let notices = previous.as_ref().map(|previous| &previous.notices);
        let board = Arc::new(NoticeBoard::new(workers, config.notices.notice_rate, notices));
        let first_line = first_line(options, previous.as_ref(), epoch_at(wall));
        if let Some(previous) = &previous {
            log_new_numbers(previous.numbering(), options.numbering());
        }
        let filling = filling(options, previous.as_ref());
        let progress = SourceProgress::new(workers, Head { filling, ..Head::at(first_line) });
        if let Some(previous) = &previous {
            states.resume(previous.source_state.clone());
        }
        // The numbers of another stream mean nothing in this one.
        let keys = previous.as_mut().filter(|previous| previous.epoch == first_line.epoch);
        let keys = keys.map(|previous| std::mem::take(&mut previous.keys)).unwrap_or_default();
        let keys = SharedKeys::new(keys, options.history(), &progress);
        let (encoded_bytes, finish) = (Arc::default(), Finish::default());
        Self { now, first_line, origin, progress, encoded_bytes, board, states, finish, keys, previous }
    }
}

/// The epoch of a stream that begins at this moment.
pub(crate) fn epoch_at(wall: SystemTime) -> Epoch {
    let since_1970 = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Epoch::from_millis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

/// The id of the first line: the stream of the previous process goes on if its numbers still count the same.
fn first_line(options: &StreamOptions, previous: Option<&ProcessState>, fresh: Epoch) -> MessageId {
    match previous {
        Some(previous) if previous.numbering() == options.numbering() => {
            MessageId { epoch: previous.epoch, number: previous.next_line }
        }
        // Nothing has been given yet.
        _ if options.numbers == Numbers::Given => MessageId::default(),
        // Greater than the one before, even if the wall clock was set back.
        Some(previous) => MessageId { epoch: fresh.max(previous.epoch.next()), number: 1 },
        None => MessageId { epoch: fresh, number: 1 },
    }
}

/// Says that the stream begins afresh because somebody else numbers its lines.
fn log_new_numbers(old: Numbering, new: Numbering) {
    let now = match (old, new) {
        (Numbering::Lines, Numbering::GivenLines) => "given, and were this server's own",
        (Numbering::GivenLines, Numbering::Lines) => "this server's own, and were given",
        _ => return,
    };
    log::warn!(
        "the numbers are now {now} before the restart (--numbers): clients are told that this is a new stream"
    );
}

/// Whether the source has still to bring what there is: the one of the previous process goes on with it, or has done so.
fn filling(options: &StreamOptions, previous: Option<&ProcessState>) -> Filling {
    if options.numbering() != Numbering::GivenLines {
        return Filling::No;
    }
    let given = previous.filter(|previous| previous.numbering() == options.numbering());
    given.and_then(|previous| previous.given.as_ref()).map_or(Filling::Yes, |given| given.filling)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::tests::config,
        publish::{Begin, Keys, ScopedKey},
        stream::Stream,
    };

    #[test]
    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
    fn a_stream_goes_on_only_where_its_numbers_count_the_same() {
        let fresh = Epoch::from_millis(2000);
        let schedule = |args: &[&str]| {
            let options = config(args).unwrap().stream;
            let now = Instant::now();
            let origin = ClockOrigin::new(now, SystemTime::UNIX_EPOCH, options.interval, false);
            let id = MessageId { epoch: fresh, number: 1 };
            (Stream::new(&options, id, origin, &Arc::default(), now).schedule(), options)
        };
        let kinds: [&[&[&str]]; 3] = [
            &[&[], &["--delivery", "ordered"], &["--interval", "2s"]],
            &[&["--source", "-"], &["--source", "fifo:/a"], &["--source", "-", "--delivery", "latest"]],
            &[&["--interval", "0"]],
        ];
        let each = || (0..).zip(kinds).flat_map(|(kind, all)| all.iter().map(move |args| (kind, *args)));
        for (old, before) in each() {
            for (new, after) in each() {
                for epoch in [1000, 2000, 3000].map(Epoch::from_millis) {
                    let (schedule, options) = schedule(before);
                    let source = options.source.to_string();
                    let previous =
                        ProcessState { epoch, schedule, source, next_line: 7, ..ProcessState::default() };
                    let first = first_line(&config(after).unwrap().stream, Some(&previous), fresh);
                    if old == new {
                        assert_eq!(first, MessageId { epoch, number: 7 }, "{before:?} to {after:?}");
                    } else {
                        // Even where the wall clock was set back.
                        assert!(first.epoch > epoch && first.number == 1, "{before:?} to {after:?}");
                    }
                }
            }
        }
        let first = first_line(&config(&[]).unwrap().stream, None, fresh);
        assert_eq!(first, MessageId { epoch: fresh, number: 1 });
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
    fn keys_are_known_as_long_as_the_stream_goes_on_and_its_history_has_their_lines() {
        let key = || ScopedKey { scope: None, key: "key".into() };
        let mut keys = Keys::new(10);
        let Begin::Run(mut account) = keys.begin(key(), 5) else { panic!("nobody has it") };
        account.line("a line").unwrap();
        let id = MessageId { epoch: Epoch::from_millis(1000), number: 6 };
        account.published(id, id);
        keys.end(account, 6);
        for (args, is_known) in [
            (&["--source", "fifo:/a"][..], true),
            (&["--source", "fifo:/a", "--history", "1"], true),
            (&["--source", "fifo:/a", "--history", "0"], false),
            (&["--source", "clock"], false),
        ] {
            let previous = ProcessState {
                epoch: id.epoch,
                source: "-".to_owned(),
                next_line: 7,
                keys: keys.clone(),
                ..ProcessState::default()
            };
            let (config, wall) = (config(args).unwrap(), SystemTime::UNIX_EPOCH);
            let states = SourceStates::default();
            let start = SharedStart::new(&config, 1, Some(previous), states, Instant::now(), wall);
            let Begin::Run(mut account) = start.keys.begin(key()) else { panic!("nobody has it") };
            assert_eq!(account.line("another line").is_err(), is_known, "{args:?}");
        }
    }
}
