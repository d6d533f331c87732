//! Leave notices: one for each connection that leaves, at most so many in any second, and one for all the rest.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use clap::ArgAction;
use daemon::value::on_off;

const SECOND: Duration = Duration::from_secs(1);

/// Which notices clients get, and how many.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Stream")]
pub(crate) struct NoticeOptions {
    /// Tells all others when a client leaves (`17 disconnected`): on or off [default: on for the clock, off for lines]
    #[arg(long, value_name = "ON|OFF", action = ArgAction::Set, value_parser = on_off)]
    pub(crate) leave_notices: Option<bool>,
    /// Leave notices that a client gets in a second; the rest is one `N disconnected`
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = "Limits")]
    pub(crate) notice_rate: usize,
}

/// Connections that left, as a worker reports them to all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Departures {
    /// The first of them; no more than a connection could get notices of.
    pub(crate) ids: Vec<u64>,
    /// How many more left.
    pub(crate) more: u64,
}

impl Departures {
    /// Adds one; past `most` ids only the count grows.
    pub(crate) fn push(&mut self, id: u64, most: usize) {
        if self.ids.len() < most {
            self.ids.push(id);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.more == 0
    }
}

/// The leave notices of all workers. All subscribers get the same ones, so one limit serves for each.
#[derive(Debug)]
pub(crate) struct LeaveNotices {
    per_second: usize,
    /// When the last notices went out, at most `per_second` of them.
    sent_at: VecDeque<Instant>,
    /// Departures without a notice yet.
    waiting: Departures,
}

impl LeaveNotices {
    /// At most `per_second` notices in any second; none at all with 0.
    pub(crate) fn new(per_second: usize) -> Self {
        Self { per_second, sent_at: VecDeque::new(), waiting: Departures::default() }
    }

    pub(crate) fn limit(&mut self, per_second: usize) {
        self.per_second = per_second;
    }

    pub(crate) fn add(&mut self, departures: &Departures) {
        if self.per_second == 0 {
            return; // nobody will ever hear of them
        }
        for id in &departures.ids {
            self.waiting.push(*id, self.per_second);
        }
        self.waiting.more = self.waiting.more.saturating_add(departures.more);
    }

    /// Goes on with the departures of the previous process, and with its use of the limit.
    pub(crate) fn resume(&mut self, departures: &Departures, sent_at: &[Instant]) {
        self.add(departures);
        self.sent_at.extend(sent_at);
    }

    /// When the notices of the last second went out.
    pub(crate) fn sent_at(&self) -> impl Iterator<Item = Instant> {
        self.sent_at.iter().copied()
    }

    /// The departures without a notice yet.
    pub(crate) fn waiting(&self) -> &Departures {
        &self.waiting
    }

    /// Gives `send` the texts that may go out now. The last one allowed carries the count of all that had no room.
    pub(crate) fn take_texts(&mut self, now: Instant, mut send: impl FnMut(String)) {
        while self.sent_at.front().is_some_and(|at| now.saturating_duration_since(*at) >= SECOND) {
            self.sent_at.pop_front();
        }
        while !self.waiting.is_empty() && self.sent_at.len() < self.per_second {
            let last = self.sent_at.len() + 1 == self.per_second;
            let all =
                u64::try_from(self.waiting.ids.len()).unwrap_or(u64::MAX).saturating_add(self.waiting.more);
            let text = if self.waiting.ids.is_empty() || (last && all > 1) {
                self.waiting = Departures::default();
                format!("{all} disconnected")
            } else {
                format!("{} disconnected", self.waiting.ids.remove(0))
            };
            self.sent_at.push_back(now);
            send(text);
        }
    }

    /// When the next notice may go out, if one waits.
    pub(crate) fn next(&self) -> Option<Instant> {
        if self.waiting.is_empty() || self.per_second == 0 {
            return None;
        }
        self.sent_at.front().and_then(|at| at.checked_add(SECOND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
    fn start() -> Instant {
        Instant::now()
    }

    fn departures(ids: impl IntoIterator<Item = u64>) -> Departures {
        let mut departures = Departures::default();
        ids.into_iter().for_each(|id| departures.push(id, 20));
        departures
    }

    fn said(notices: &mut LeaveNotices, now: Instant) -> Vec<String> {
        let mut texts = Vec::new();
        notices.take_texts(now, |text| texts.push(text));
        texts
    }

    #[test]
    fn a_few_departures_get_a_notice_each() {
        let mut notices = LeaveNotices::new(20);
        notices.add(&departures([7, 9]));
        assert_eq!(said(&mut notices, start()), ["7 disconnected", "9 disconnected"]);
        assert_eq!(notices.next(), None);
    }

    #[test]
    fn a_storm_is_twenty_notices_a_second_and_the_count_is_true() {
        let t0 = start();
        let mut notices = LeaveNotices::new(20);
        notices.add(&departures(1..=5000));
        let first = said(&mut notices, t0);
        assert_eq!(first.len(), 20);
        assert_eq!(first[18], "19 disconnected");
        assert_eq!(first[19], "4981 disconnected");
        notices.add(&departures([6000]));
        assert!(said(&mut notices, t0 + Duration::from_millis(999)).is_empty());
        assert_eq!(notices.next(), Some(t0 + SECOND));
        assert_eq!(said(&mut notices, t0 + SECOND), ["6000 disconnected"]);
    }

    #[test]
    fn no_second_ever_has_more_than_the_limit() {
        let t0 = start();
        let mut notices = LeaveNotices::new(20);
        let mut times = Vec::new();
        for step in 0..500 {
            let now = t0 + Duration::from_millis(step * 13);
            notices.add(&departures([step, step + 1000]));
            notices.take_texts(now, |_| times.push(now));
        }
        for window in times.windows(21) {
            assert!(window[20] - window[0] >= SECOND);
        }
    }

    #[test]
    fn with_a_limit_of_zero_nothing_is_sent() {
        let mut notices = LeaveNotices::new(0);
        notices.add(&departures([1]));
        assert!(said(&mut notices, start()).is_empty());
        assert_eq!(notices.next(), None);
    }
}
