//! Whether a source of given numbers still brings what there was before it began, as far as that can be known: pure.

use std::time::{Duration, Instant};

use super::progress::Filling;

/// A producer that has been silent for so long has no more for now.
const SILENCE: Duration = Duration::from_secs(1);
/// Newcomers wait no longer than this for one that does not say when it is caught up.
const LONGEST: Duration = Duration::from_secs(10);

/// What is known of that.
#[derive(Debug)]
pub(super) struct Settling {
    filling: Filling,
    /// When the first and the newest line came, as long as that matters.
    lines: Option<(Instant, Instant)>,
}

impl Settling {
    pub(super) fn new(filling: Filling) -> Self {
        Self { filling, lines: None }
    }

    pub(super) fn filling(&self) -> Filling {
        self.filling
    }

    /// A line with a number has come.
    pub(super) fn line_came(&mut self, now: Instant) {
        if self.filling == Filling::Yes {
            let first = self.lines.map_or(now, |(first, _)| first);
            self.lines = Some((first, now));
        }
    }

    /// The source has brought all there was; true if that is news.
    pub(super) fn catch_up(&mut self) -> bool {
        std::mem::replace(&mut self.filling, Filling::No) != Filling::No
    }

    /// Newcomers need wait no longer for a source that has not said that it is caught up; true if that is news. One that
    /// `is_connected` may just have nothing more to say.
    pub(super) fn settle(&mut self, is_connected: bool, now: Instant) -> bool {
        let Some((first, newest)) = self.lines.filter(|_| self.filling == Filling::Yes) else { return false };
        let is_silent = is_connected && now.saturating_duration_since(newest) >= SILENCE;
        let settles = is_silent || now.saturating_duration_since(first) >= LONGEST;
        if settles {
            self.filling = Filling::Settled;
        }
        settles
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
mod tests {
    use super::*;

    #[test]
    fn newcomers_wait_for_the_first_line_and_then_for_a_second_of_silence() {
        let (mut settling, start) = (Settling::new(Filling::Yes), Instant::now());
        assert!(!settling.settle(true, start + LONGEST * 2), "nothing has come");
        settling.line_came(start);
        settling.line_came(start + SILENCE / 2);
        assert!(!settling.settle(true, start + SILENCE));
        assert!(!settling.settle(false, start + SILENCE * 3 / 2), "the next producer may go on");
        assert!(settling.settle(true, start + SILENCE * 3 / 2));
        assert!(!settling.settle(true, start + SILENCE * 2), "once");
        assert_eq!(settling.filling(), Filling::Settled);
        assert!(settling.catch_up() && !settling.catch_up());
        assert_eq!(settling.filling(), Filling::No);
    }

    #[test]
    fn newcomers_wait_ten_seconds_at_most_for_lines_without_a_pause_or_a_producer_that_is_gone() {
        for is_connected in [false, true] {
            let (mut settling, start) = (Settling::new(Filling::Yes), Instant::now());
            settling.line_came(start);
            let mut now = start;
            while now < start + LONGEST {
                assert!(!settling.settle(is_connected, now));
                now += SILENCE / 2;
                settling.line_came(now);
            }
            assert!(settling.settle(is_connected, now));
        }
    }

    #[test]
    fn a_source_that_is_caught_up_has_nothing_to_settle() {
        let (mut settling, start) = (Settling::new(Filling::Yes), Instant::now());
        settling.line_came(start);
        assert!(settling.catch_up());
        assert!(!settling.settle(true, start + LONGEST));
        settling.line_came(start + LONGEST);
        assert!(!settling.settle(true, start + LONGEST * 2));
        assert_eq!(settling.filling(), Filling::No);
    }
}
