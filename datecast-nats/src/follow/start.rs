//! Decides where to start: pure.

use std::cmp::Ordering;

use async_nats::jetstream::stream::Info;
use common::id::Epoch;

use super::greeting::Position;
use crate::epoch::epoch_of;

/// What a stream says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// `None` for a stream that was not made by `datecast-nats create`.
    pub(super) epoch: Option<Epoch>,
    /// The smallest number that it still has, or will give next.
    pub(super) first: u64,
    /// The greatest number that it has given; 0 if none.
    pub(super) last: u64,
    /// It copies another stream, and may be behind that one.
    pub(super) is_mirror: bool,
}

impl Facts {
    /// Picks them from what JetStream answers.
    pub(super) fn of(info: &Info) -> Self {
        let last = info.state.last_sequence;
        Self {
            epoch: epoch_of(&info.config),
            // A stream that never had a message says 0.
            first: info.state.first_sequence.max(1),
            last,
            is_mirror: info.config.mirror.is_some(),
        }
    }

    /// Which messages it has, in words.
    pub(super) fn extent(&self) -> String {
        let Self { first, last, .. } = self;
        if first > last { "it is empty".to_owned() } else { format!("it has {first} to {last}") }
    }

    /// The epoch of its ids: zeros where it has none.
    pub(super) fn id_epoch(&self) -> Epoch {
        self.epoch.unwrap_or_default()
    }
}

/// Where to start, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// With this number; after a gap if messages before it are gone that ws-server has not got.
    At { start: u64, after_gap: bool },
    /// ws-server has a number that the stream has not given yet. A mirror may still get it, and so may a server that has just started.
    Ahead { number: u64 },
    /// ws-server's epoch is greater: the stream is another one, or an older one.
    OtherStream,
}

/// Decides from what ws-server has, what the stream has, and how many messages a ws-server gets that has nothing of the stream.
pub(super) fn decide(position: Position, facts: &Facts, history: u64) -> Decision {
    let newest = || {
        let start = facts.last.saturating_add(1).saturating_sub(history).max(facts.first);
        Decision::At { start, after_gap: false }
    };
    match (position.epoch.cmp(&facts.id_epoch()), position.last) {
        (Ordering::Greater, _) => Decision::OtherStream,
        (Ordering::Less, _) | (Ordering::Equal, None) => newest(),
        (Ordering::Equal, Some(number)) if number > facts.last => Decision::Ahead { number },
        (Ordering::Equal, Some(number)) => {
            let next = number.saturating_add(1);
            Decision::At { start: next.max(facts.first), after_gap: facts.first > next }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(epoch: u64, first: u64, last: u64) -> Facts {
        Facts { epoch: Some(Epoch::from_millis(epoch)), first, last, is_mirror: false }
    }

    fn at(epoch: u64, last: Option<u64>) -> Position {
        Position { epoch: Epoch::from_millis(epoch), last }
    }

    fn start(start: u64) -> Decision {
        Decision::At { start, after_gap: false }
    }

    #[test]
    fn a_server_that_has_a_number_gets_the_next_one() {
        assert_eq!(decide(at(7, Some(50)), &facts(7, 1, 100), 10), start(51));
        assert_eq!(decide(at(7, Some(100)), &facts(7, 1, 100), 10), start(101), "nothing new");
        assert_eq!(decide(at(7, Some(50)), &facts(7, 51, 100), 10), start(51), "all that follows is there");
        let decision = decide(at(7, Some(50)), &facts(7, 52, 100), 10);
        assert_eq!(decision, Decision::At { start: 52, after_gap: true });
        let purged = decide(at(7, Some(50)), &facts(7, 101, 100), 10);
        assert_eq!(purged, Decision::At { start: 101, after_gap: true });
    }

    #[test]
    fn a_server_that_has_nothing_of_the_stream_gets_the_newest() {
        for position in [at(7, None), at(6, None), at(6, Some(1000)), at(0, None)] {
            assert_eq!(decide(position, &facts(7, 1, 100), 10), start(91));
            assert_eq!(decide(position, &facts(7, 95, 100), 10), start(95));
            assert_eq!(decide(position, &facts(7, 1, 100), 100), start(1));
            assert_eq!(decide(position, &facts(7, 1, 100), u64::MAX), start(1));
            assert_eq!(decide(position, &facts(7, 1, 100), 0), start(101), "only what comes");
            assert_eq!(decide(position, &facts(7, 1, 0), 10), start(1), "an empty stream");
        }
    }

    #[test]
    fn a_stream_says_that_it_is_empty() {
        let extent = |first, last| facts(7, first, last).extent();
        assert_eq!([extent(1, 0), extent(11, 10)], ["it is empty"; 2]);
        assert_eq!([extent(1, 1), extent(5, 10)], ["it has 1 to 1", "it has 5 to 10"]);
    }

    #[test]
    fn numbers_that_went_back_are_noticed() {
        assert_eq!(decide(at(7, Some(101)), &facts(7, 1, 100), 10), Decision::Ahead { number: 101 });
        assert_eq!(decide(at(8, Some(5)), &facts(7, 1, 100), 10), Decision::OtherStream);
        assert_eq!(decide(at(8, None), &facts(7, 1, 100), 10), Decision::OtherStream);
        let without = Facts { epoch: None, ..facts(0, 1, 100) };
        assert_eq!(decide(at(0, Some(101)), &without, 10), Decision::Ahead { number: 101 });
        assert_eq!(decide(at(0, Some(50)), &without, 10), start(51));
        assert_eq!(decide(at(7, Some(50)), &without, 10), Decision::OtherStream, "it had an epoch before");
    }
}
