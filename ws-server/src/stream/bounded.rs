//! A bounded read: which part of the history a client gets that says where it ends (`?until=`), and which gap comes before.
//!
//! It never waits for what does not exist yet: a bound beyond the newest message means that one.

use common::{
    gap::Gap,
    id::{MessageId, Since},
};

use super::resume::Extent;

/// The part of the history that a bounded read gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// It gets the messages from this number on,
    pub(crate) next: u64,
    /// up to the one before this; none if it is no greater.
    pub(crate) end: u64,
    /// The gap before them; `None` if nothing is missing.
    pub(crate) gap: Option<Gap>,
}

impl Extent {
    /// What there is after `since`, or from the oldest message on, up to `until`.
    pub(crate) fn part(self, since: Option<Since>, until: Since) -> Part {
        let gap = |number: u64, end: u64, missed, new_stream| {
            let next = (number < end).then_some(MessageId { epoch: self.epoch, number });
            Some(Gap { missed, new_stream, next })
        };
        // No message of this stream comes before the end of another one.
        let Some(end) = until.next_in(self.epoch) else {
            return Part { next: 0, end: 0, gap: gap(0, 0, None, true) };
        };
        let (oldest, end) = (self.oldest, end.min(self.next));
        let Some(since) = since else { return Part { next: oldest, end, gap: None } };
        match since.next_in(self.epoch) {
            None => Part { next: oldest, end, gap: gap(oldest, end, None, true) },
            Some(next) if next >= end => Part { next: end, end, gap: None },
            Some(next) => {
                let from = next.max(oldest).min(end);
                let missed = from.saturating_sub(next);
                let gap = if missed > 0 { gap(from, end, Some(missed), false) } else { None };
                Part { next: from, end, gap }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use common::id::Epoch;

    use super::*;

    const NOW: Epoch = Epoch::from_millis(2000);
    const BEFORE: Epoch = Epoch::from_millis(1999);

    /// What a stream of the messages 11 to 20 answers: the first and the last number, and the gap.
    fn part(since: Option<Since>, until: Since) -> (Option<(u64, u64)>, Option<String>) {
        let extent = Extent { epoch: NOW, oldest: 11, next: 21, ahead: 21 };
        let Part { next, end, gap } = extent.part(since, until);
        ((next < end).then(|| (next, end - 1)), gap.map(|gap| gap.to_string()))
    }

    fn told(missed: &str, stream: &str, next: &str) -> String {
        format!(r#"{{"missed":{missed},"stream":"{stream}","next":{next}}}"#)
    }

    #[test]
    fn numbers_and_ids_bound_the_same_part() {
        let eleven = "\"0000000007d0_11\"";
        for (since, until, numbers, gap) in [
            (Some(12), 15, Some((13, 15)), None),
            (Some(10), 20, Some((11, 20)), None),
            (Some(19), 20, Some((20, 20)), None),
            // Beyond the newest: what there is.
            (Some(15), 21, Some((16, 20)), None),
            (Some(15), u64::MAX, Some((16, 20)), None),
            // The history does not go back so far.
            (Some(7), 15, Some((11, 15)), Some(told("3", "same", eleven))),
            (Some(0), 11, Some((11, 11)), Some(told("10", "same", eleven))),
            (Some(0), 10, None, Some(told("10", "same", "null"))),
            (Some(3), 5, None, Some(told("2", "same", "null"))),
            // Nothing was asked for.
            (Some(15), 15, None, None),
            (Some(15), 12, None, None),
            (Some(20), 30, None, None),
            (Some(25), 30, None, None),
            (Some(0), 0, None, None),
            // Without a beginning: the oldest that is kept.
            (None, 15, Some((11, 15)), None),
            (None, 99, Some((11, 20)), None),
            (None, 10, None, None),
        ] {
            let id = |number| Since::Id(MessageId { epoch: NOW, number });
            for (since, until) in [
                (since.map(Since::Number), Since::Number(until)),
                (since.map(id), id(until)),
                (since.map(id), Since::Number(until)),
            ] {
                assert_eq!(part(since, until), (numbers, gap.clone()), "{since:?} {until:?}");
            }
        }
    }

    #[test]
    fn an_id_of_another_stream_before_the_part_means_all_there_is() {
        for since in [Since::Unknown, Since::Id(MessageId { epoch: BEFORE, number: 15 })] {
            let gap = Some(told("null", "new", "\"0000000007d0_11\""));
            assert_eq!(part(Some(since), Since::Number(15)), (Some((11, 15)), gap));
            assert_eq!(part(Some(since), Since::Number(9)), (None, Some(told("null", "new", "null"))));
        }
    }

    #[test]
    fn a_bound_of_another_stream_ends_before_the_first_message() {
        let until = Since::Id(MessageId { epoch: BEFORE, number: 15 });
        for since in [None, Some(Since::Number(12)), Some(until)] {
            assert_eq!(part(since, until), (None, Some(told("null", "new", "null"))));
        }
    }

    #[test]
    fn a_stream_without_messages_has_no_part() {
        let extent = Extent { epoch: NOW, oldest: 1, next: 1, ahead: 1 };
        for since in [None, Some(Since::Number(0)), Some(Since::Number(7))] {
            let Part { next, end, gap } = extent.part(since, Since::Number(9));
            assert!(next >= end && gap.is_none());
        }
    }
}
