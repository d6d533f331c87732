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
    /// It gets the messages after this number,
    pub(crate) after: u64,
    /// up to this one; none if it is no greater.
    pub(crate) until: u64,
    /// The gap before them; `None` if nothing is missing.
    pub(crate) gap: Option<Gap>,
}

impl Extent {
    /// What there is after `since`, or from the oldest message on, up to `until`.
    pub(crate) fn part(self, since: Option<Since>, until: Since) -> Part {
        let first = self.oldest.saturating_sub(1);
        let gap = |after: u64, until: u64, missed, new_stream| {
            let number = after.saturating_add(1);
            let next = (number <= until).then_some(MessageId { epoch: self.epoch, number });
            Some(Gap { missed, new_stream, next })
        };
        // No message of this stream comes before the end of another one.
        let Some(until) = until.number_in(self.epoch) else {
            return Part { after: 0, until: 0, gap: gap(0, 0, None, true) };
        };
        let until = until.min(self.newest);
        let Some(since) = since else { return Part { after: first, until, gap: None } };
        match since.number_in(self.epoch) {
            None => Part { after: first, until, gap: gap(first, until, None, true) },
            Some(since) if since >= until => Part { after: until, until, gap: None },
            Some(since) => {
                let after = since.max(first).min(until);
                let missed = after.saturating_sub(since);
                let gap = if missed > 0 { gap(after, until, Some(missed), false) } else { None };
                Part { after, until, gap }
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
        let extent = Extent { epoch: NOW, oldest: 11, newest: 20, ahead: 20 };
        let Part { after, until, gap } = extent.part(since, until);
        ((after < until).then_some((after + 1, until)), gap.map(|gap| gap.to_string()))
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
        let extent = Extent { epoch: NOW, oldest: 1, newest: 0, ahead: 0 };
        for since in [None, Some(Since::Number(0)), Some(Since::Number(7))] {
            let Part { after, until, gap } = extent.part(since, Since::Number(9));
            assert!(after >= until && gap.is_none());
        }
    }
}
