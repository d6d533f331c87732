//! Who is told about whom leaving: at most so many notices in any second, the rest in one sentence.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

const SECOND: Duration = Duration::from_secs(1);

/// Connections that left, as one worker tells the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// The first of them by name; never more than anybody could be told.
    pub(crate) ids: Vec<u64>,
    /// How many more there were.
    pub(crate) more: u64,
}

impl Left {
    /// Adds one; past `most` names only the count grows.
    pub(crate) fn push(&mut self, id: u64, most: usize) {
        if self.ids.len() < most {
            self.ids.push(id);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Adds what another list has of the same departures.
    pub(crate) fn merge(&mut self, other: &Self) {
        for id in &other.ids {
            if !self.ids.contains(id) {
                self.ids.push(*id);
            }
        }
        self.more = self.more.max(other.more);
    }

    /// True if nobody left.
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.more == 0
    }
}

/// The notices of one worker. Everybody in the room gets the same ones, so one limit is the limit of each.
#[derive(Debug)]
pub(crate) struct Notices {
    per_second: usize,
    /// When the last notices were said, at most `per_second` of them.
    said: VecDeque<Instant>,
    /// Not yet said.
    waiting: Left,
}

impl Notices {
    /// At most `per_second` in any second; with 0 none is said.
    pub(crate) fn new(per_second: usize) -> Self {
        Self { per_second, said: VecDeque::new(), waiting: Left::default() }
    }

    /// Another limit, from now on.
    pub(crate) fn limit(&mut self, per_second: usize) {
        self.per_second = per_second;
    }

    /// Somebody left.
    pub(crate) fn add(&mut self, left: &Left) {
        for id in &left.ids {
            self.waiting.push(*id, self.per_second);
        }
        self.waiting.more = self.waiting.more.saturating_add(left.more);
    }

    /// Who was not told about yet.
    pub(crate) fn waiting(&self) -> &Left {
        &self.waiting
    }

    /// What may be said now, one text each. The last one allowed carries the count of all that had no room.
    pub(crate) fn say(&mut self, now: Instant, mut tell: impl FnMut(String)) {
        while self.said.front().is_some_and(|at| now.saturating_duration_since(*at) >= SECOND) {
            self.said.pop_front();
        }
        while !self.waiting.is_empty() && self.said.len() < self.per_second {
            let last = self.said.len() + 1 == self.per_second;
            let all =
                u64::try_from(self.waiting.ids.len()).unwrap_or(u64::MAX).saturating_add(self.waiting.more);
            let text = if self.waiting.ids.is_empty() || (last && all > 1) {
                self.waiting = Left::default();
                format!("{all} disconnected")
            } else {
                format!("{} disconnected", self.waiting.ids.remove(0))
            };
            self.said.push_back(now);
            tell(text);
        }
    }

    /// When there is something to say again.
    pub(crate) fn next(&self) -> Option<Instant> {
        if self.waiting.is_empty() || self.per_second == 0 {
            return None;
        }
        self.said.front().and_then(|at| at.checked_add(SECOND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
    fn start() -> Instant {
        Instant::now()
    }

    fn left(ids: impl IntoIterator<Item = u64>) -> Left {
        let mut left = Left::default();
        ids.into_iter().for_each(|id| left.push(id, 20));
        left
    }

    fn said(notices: &mut Notices, now: Instant) -> Vec<String> {
        let mut texts = Vec::new();
        notices.say(now, |text| texts.push(text));
        texts
    }

    #[test]
    fn lists_of_the_same_departures_are_one_list() {
        let mut all = left([1, 2]);
        all.merge(&left([2, 3]));
        all.merge(&Left { ids: vec![1], more: 4 });
        all.merge(&Left { ids: Vec::new(), more: 2 });
        assert_eq!(all, Left { ids: vec![1, 2, 3], more: 4 });
    }

    #[test]
    fn a_few_are_told_by_name() {
        let mut notices = Notices::new(20);
        notices.add(&left([7, 9]));
        assert_eq!(said(&mut notices, start()), ["7 disconnected", "9 disconnected"]);
        assert_eq!(notices.next(), None);
    }

    #[test]
    fn a_storm_is_twenty_notices_a_second_and_the_count_is_true() {
        let t0 = start();
        let mut notices = Notices::new(20);
        notices.add(&left(1..=5000));
        let first = said(&mut notices, t0);
        assert_eq!(first.len(), 20);
        assert_eq!(first[18], "19 disconnected");
        assert_eq!(first[19], "4981 disconnected");
        notices.add(&left([6000]));
        assert!(said(&mut notices, t0 + Duration::from_millis(999)).is_empty());
        assert_eq!(notices.next(), Some(t0 + SECOND));
        assert_eq!(said(&mut notices, t0 + SECOND), ["6000 disconnected"]);
    }

    #[test]
    fn no_second_ever_has_more_than_the_limit() {
        let t0 = start();
        let mut notices = Notices::new(20);
        let mut times = Vec::new();
        for step in 0..500 {
            let now = t0 + Duration::from_millis(step * 13);
            notices.add(&left([step, step + 1000]));
            notices.say(now, |_| times.push(now));
        }
        for window in times.windows(21) {
            assert!(window[20] - window[0] >= SECOND);
        }
    }

    #[test]
    fn with_a_limit_of_zero_nothing_is_said() {
        let mut notices = Notices::new(0);
        notices.add(&left([1]));
        assert!(said(&mut notices, start()).is_empty());
        assert_eq!(notices.next(), None);
    }
}
