//! A walk over subscribers that goes on over several turns while others subscribe and leave.

use std::ops::Range;

use common::framing::Framing;
use reactor::Token;

use super::subscribers::Subscribers;

/// Meets every subscriber that stays all the time at least once. It walks each list from its end, because removing a
/// subscriber moves the last one of its list forward.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    lists: Range<usize>,
    /// Places of the first list below this one are still to come.
    below: usize,
}

impl Cursor {
    /// Over the subscribers of one phase.
    pub(crate) fn phase(phase: usize) -> Self {
        Self { lists: Subscribers::lists_of(phase), below: usize::MAX }
    }

    /// Over all subscribers.
    pub(crate) fn all(subscribers: &Subscribers) -> Self {
        Self { lists: subscribers.all_lists(), below: usize::MAX }
    }

    /// The next subscribers of one list, at most so many, and their framing. They count as visited.
    pub(crate) fn next<'s>(
        &mut self,
        subscribers: &'s Subscribers,
        most: usize,
    ) -> Option<(&'s [Token], Framing)> {
        while !self.lists.is_empty() {
            let (list, framing) = subscribers.list(self.lists.start)?;
            let end = self.below.min(list.len());
            if end > 0 {
                self.below = end.saturating_sub(most);
                return Some((list.get(self.below..end)?, framing));
            }
            self.lists.start = self.lists.start.saturating_add(1);
            self.below = usize::MAX;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn token(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    fn indices(tokens: &[Token]) -> Vec<u32> {
        tokens.iter().map(|token| token.index).collect()
    }

    fn met(subscribers: &Subscribers, mut cursor: Cursor) -> Vec<u32> {
        std::iter::from_fn(|| cursor.next(subscribers, 2)).flat_map(|(tokens, _)| indices(tokens)).collect()
    }

    #[test]
    fn a_cursor_meets_every_subscriber_of_its_phase_with_its_framing() {
        let mut subscribers = Subscribers::new(3);
        subscribers.add(token(0), 1, Framing::Hybi);
        subscribers.add(token(1), 1, Framing::Lines);
        subscribers.add(token(2), 2, Framing::Hybi);
        let mut cursor = Cursor::phase(1);
        assert_eq!(cursor.next(&subscribers, 9), Some((&[token(0)][..], Framing::Hybi)));
        assert_eq!(cursor.next(&subscribers, 9), Some((&[token(1)][..], Framing::Lines)));
        assert_eq!(cursor.next(&subscribers, 9), None);
        assert_eq!(met(&subscribers, Cursor::all(&subscribers)), [0, 1, 2]);
        let next: Vec<_> = (0..=3).map(|phase| subscribers.next_phase(phase)).collect();
        assert_eq!(next, [Some(1), Some(1), Some(2), Some(1)], "behind the last phase comes the first one");
    }

    #[test]
    fn each_walk_meets_subscribers_in_the_same_order_so_that_their_dates_stay_an_interval_apart() {
        let mut subscribers = Subscribers::new(1);
        (0..5).for_each(|index| subscribers.add(token(index), 0, Framing::Hybi));
        let walk = || met(&subscribers, Cursor::phase(0));
        assert_eq!([walk(), walk()], [[3, 4, 1, 2, 0], [3, 4, 1, 2, 0]]);
    }

    #[test]
    fn a_late_removal_of_an_earlier_connection_changes_nothing() {
        let mut subscribers = Subscribers::new(1);
        subscribers.add(Token { index: 4, generation: 1 }, 0, Framing::Hixie);
        assert!(!subscribers.remove(Token { index: 4, generation: 0 }));
        assert!(!subscribers.remove(token(99)));
        assert_eq!(subscribers.next_phase(0), Some(0));
        assert!(subscribers.remove(Token { index: 4, generation: 1 }));
        assert_eq!(subscribers.next_phase(0), None);
    }

    proptest! {
        #[test]
        fn a_subscriber_that_stays_is_met_whatever_the_others_do(
            leavers in proptest::collection::vec((0_usize..40, 0_u32..60), 0..40),
            joiners in proptest::collection::vec((0_usize..40, 0_u32..20), 0..20),
        ) {
            let mut subscribers = Subscribers::new(2);
            for index in 0..60 {
                subscribers.add(token(index), index as usize % 2, Framing::ALL[index as usize % 3]);
            }
            let mut cursor = Cursor::all(&subscribers);
            let mut seen = BTreeSet::new();
            for step in 0..1000_usize {
                for (_, index) in leavers.iter().filter(|(at, _)| *at == step) {
                    subscribers.remove(token(*index));
                }
                for (_, index) in joiners.iter().filter(|(at, _)| *at == step) {
                    subscribers.add(token(100 + index), 0, Framing::Hybi);
                }
                let Some((tokens, _)) = cursor.next(&subscribers, 1 + step % 3) else { break };
                seen.extend(indices(tokens));
            }
            for index in 0..60 {
                let left = leavers.iter().any(|(_, leaver)| *leaver == index);
                prop_assert!(left || seen.contains(&index), "{index} was missed");
            }
        }
    }
}
