//! Where a client that already has a part of the stream goes on, and which gap comes before.

use common::{
    gap::Gap,
    id::{Epoch, MessageId, Since},
};

/// The messages that a resuming client can get.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) epoch: Epoch,
    /// The number of the oldest one; `next` if there is none.
    pub(crate) oldest: u64,
    /// One more than the number of the newest message that there is.
    pub(crate) next: u64,
    /// The largest number that a client can get next: another worker may be ahead.
    pub(crate) ahead: u64,
}

/// The largest number of a date that a client can get next while it is `next` here: the turn of the worker that sent the one
/// before may have begun later than this one.
pub(crate) fn date_ahead(next: u64) -> u64 {
    next.saturating_add(1)
}

/// A client's place in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resumption {
    /// The client gets the messages from this number on.
    pub(crate) next: u64,
    /// The gap before them; `None` if the client misses nothing.
    pub(crate) gap: Option<Gap>,
}

impl Extent {
    /// The place of a client that says what it has.
    pub(crate) fn resume(self, since: Since) -> Resumption {
        let (number, missed, new_stream) = match since.next_in(self.epoch) {
            None => (self.oldest, None, true),
            // Its number was never given: it counts for nothing, so the client gets all that is there.
            Some(next) if next > self.ahead => (self.oldest, None, false),
            Some(next) => (next.max(self.oldest), Some(self.oldest.saturating_sub(next)), false),
        };
        let next = (number < self.next).then_some(MessageId { epoch: self.epoch, number });
        let gap = (missed != Some(0)).then_some(Gap { missed, new_stream, next });
        Resumption { next: number, gap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Epoch = Epoch::from_millis(2000);

    /// What a stream of the messages 11 to 20 answers.
    fn resumed(since: Since) -> (u64, Option<String>) {
        let extent = Extent { epoch: NOW, oldest: 11, next: 21, ahead: 21 };
        let Resumption { next, gap } = extent.resume(since);
        (next, gap.map(|gap| gap.to_string()))
    }

    fn gap(missed: &str, stream: &str, next: &str) -> String {
        format!(r#"{{"missed":{missed},"stream":"{stream}","next":{next}}}"#)
    }

    #[test]
    fn every_number_of_this_stream_has_its_place_whether_it_comes_with_the_epoch_or_without() {
        let eleven = "\"0000000007d0_11\"";
        for (number, next, told) in [
            (0, 11, Some(gap("10", "same", eleven))),
            (7, 11, Some(gap("3", "same", eleven))),
            (9, 11, Some(gap("1", "same", eleven))),
            (10, 11, None),
            (11, 12, None),
            (15, 16, None),
            (19, 20, None),
            (20, 21, None),
            (21, 11, Some(gap("null", "same", eleven))),
            (u64::MAX, 11, Some(gap("null", "same", eleven))),
        ] {
            for since in [Since::Number(number), Since::Id(MessageId { epoch: NOW, number })] {
                assert_eq!(resumed(since), (next, told.clone()), "{since:?}");
            }
        }
    }

    #[test]
    fn any_number_of_another_stream_gets_all_that_is_there() {
        let told = Some(gap("null", "new", "\"0000000007d0_11\""));
        for number in [0, 7, 10, 15, 20, 21] {
            for epoch in [1999, 2001, 0] {
                let since = Since::Id(MessageId { epoch: Epoch::from_millis(epoch), number });
                assert_eq!(resumed(since), (11, told.clone()));
            }
        }
        assert_eq!(resumed(Since::Unknown), (11, told));
    }

    #[test]
    fn where_nothing_is_there_the_next_message_is_not_known() {
        let extent = Extent { epoch: NOW, oldest: 21, next: 21, ahead: 21 };
        let told = |since| extent.resume(since).gap.map(|gap| gap.to_string());
        assert_eq!(told(Since::Unknown), Some(gap("null", "new", "null")));
        assert_eq!(told(Since::Number(15)), Some(gap("5", "same", "null")));
        assert_eq!(told(Since::Number(20)), None);
        assert_eq!(told(Since::Number(21)), Some(gap("null", "same", "null")));
    }

    #[test]
    fn a_client_of_a_worker_that_was_ahead_missed_nothing() {
        let extent = Extent { epoch: NOW, oldest: 20, next: 21, ahead: date_ahead(21) };
        assert_eq!(extent.resume(Since::Number(21)), Resumption { next: 22, gap: None });
    }
}
