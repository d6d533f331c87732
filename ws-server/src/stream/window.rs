//! How long lines wait for each other, so that they leave in one write to each client. Pure: time arrives as an argument.
//!
//! ```text
//!  few clients, or few lines   round ── --coalesce ──▶│ round
//!  many of both                │█ round █│── as long ─▶│█ round █│        a worker's core has as much time without rounds as with them
//! ```

use std::time::{Duration, Instant};

/// A window is at most so many times as long as `--coalesce`, however long its round took: 20 ms by default. Where rounds are longer
/// than that, what waits for the end of one gathers by itself.
const MOST: u32 = 4;

/// A round of so many batches was worth waiting for: the batches of a source that is not busy come one by one, and waiting would make
/// them late without many of them leaving together.
const WORTHWHILE: u32 = 4;

/// The time from the beginning of a broadcast round to that of the next one.
#[derive(Debug)]
pub(super) struct CoalescingWindow {
    /// `--coalesce`; without it, nothing waits.
    coalesce: Duration,
    /// Batches that have come and that no round has begun to send.
    waiting: u32,
    /// The newest round.
    round: Option<Round>,
}

#[derive(Clone, Copy, Debug)]
struct Round {
    began: Instant,
    /// From its beginning to its end; zero while it is under way.
    took: Duration,
    /// Batches that came since the round before.
    batches: u32,
}

impl CoalescingWindow {
    pub(super) fn new(coalesce: Duration) -> Self {
        Self { coalesce, waiting: 0, round: None }
    }

    /// Lines wait by this option from now on, those that are waiting included.
    pub(super) fn configure(&mut self, coalesce: Duration) {
        self.coalesce = coalesce;
    }

    /// A batch has come from the source.
    pub(super) fn count(&mut self) {
        self.waiting = self.waiting.saturating_add(1);
    }

    /// A round begins to send what has come.
    pub(super) fn begin_round(&mut self, now: Instant) {
        let batches = std::mem::take(&mut self.waiting);
        self.round = Some(Round { began: now, took: Duration::ZERO, batches });
    }

    /// The newest round has ended; `clock` says when, if it matters.
    pub(super) fn end_round(&mut self, clock: impl FnOnce() -> Instant) {
        if !self.coalesce.is_zero()
            && let Some(round) = &mut self.round
        {
            round.took = clock().saturating_duration_since(round.began);
        }
    }

    /// When the next round may begin at the earliest; `None`: at any time.
    pub(super) fn ends(&self) -> Option<Instant> {
        let round = self.round?;
        round.began.checked_add(self.length(round))
    }

    /// `--coalesce`, or twice what a worthwhile round took if that is longer, as far as [`MOST`] allows.
    fn length(&self, round: Round) -> Duration {
        if round.batches < WORTHWHILE {
            return self.coalesce;
        }
        let with_pause = round.took.saturating_mul(2);
        with_pause.min(self.coalesce.saturating_mul(MOST)).max(self.coalesce)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// The length of the window in milliseconds, after a round of so many batches that took so many milliseconds.
    fn length(coalesce: u32, batches: u32, took: u32) -> u128 {
        let (mut window, began) = (CoalescingWindow::new(MILLISECOND * coalesce), Instant::now());
        (0..batches).for_each(|_| window.count());
        window.begin_round(began);
        window.end_round(|| began + MILLISECOND * took);
        window.ends().unwrap().duration_since(began).as_millis()
    }

    #[test]
    fn a_stream_without_a_round_waits_for_nothing() {
        let mut window = CoalescingWindow::new(MILLISECOND);
        window.count();
        assert_eq!(window.ends(), None);
    }

    #[test]
    fn a_round_of_many_batches_is_followed_by_a_pause_as_long_as_it_was_up_to_a_bound() {
        for (took, wanted) in
            [(0, 5), (2, 5), (3, 6), (5, 10), (9, 18), (10, 20), (11, 20), (48, 20), (1000, 20)]
        {
            assert_eq!(length(5, 4, took), wanted, "after {took} ms");
        }
    }

    #[test]
    fn a_round_of_few_batches_makes_no_window_longer() {
        for batches in 0..4 {
            assert_eq!(length(5, batches, 10), 5, "{batches} batches");
        }
    }

    #[test]
    fn nothing_waits_where_the_option_is_0_and_no_window_is_too_long_to_be_reckoned() {
        assert_eq!(length(0, 100, 10), 0);
        let (mut window, now) = (CoalescingWindow::new(Duration::MAX), Instant::now());
        window.begin_round(now);
        assert_eq!(window.ends(), None);
    }

    #[test]
    fn a_round_that_is_under_way_or_carries_what_the_one_before_left_counts_for_itself() {
        let (mut window, start) = (CoalescingWindow::new(MILLISECOND * 5), Instant::now());
        (0..9).for_each(|_| window.count());
        window.begin_round(start);
        assert_eq!(window.ends(), Some(start + MILLISECOND * 5));
        window.count();
        window.end_round(|| start + MILLISECOND * 8);
        assert_eq!(window.ends(), Some(start + MILLISECOND * 16));
        let next = start + MILLISECOND * 16;
        window.begin_round(next);
        window.end_round(|| next + MILLISECOND * 8);
        assert_eq!(window.ends(), Some(next + MILLISECOND * 5), "one batch");
    }

    #[test]
    fn an_option_that_changes_holds_for_what_waits() {
        let (mut window, now) = (CoalescingWindow::new(MILLISECOND * 1000), Instant::now());
        window.begin_round(now);
        window.configure(MILLISECOND);
        assert_eq!(window.ends(), Some(now + MILLISECOND));
    }
}
