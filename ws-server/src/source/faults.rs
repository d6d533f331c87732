//! Counts the lines that were not published as they came, and warns of them now and then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::lines::LineFaults;
use crate::pace::Pace;

/// Time between two warnings.
const QUIET: Duration = Duration::from_secs(10);

/// The faults of all lines so far; clones read the same numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultCounts(Arc<[AtomicU64; LineFaults::KINDS]>);

impl FaultCounts {
    fn add(&self, faults: LineFaults) {
        for (count, more) in self.0.iter().zip(faults.counts()) {
            count.fetch_add(more, Relaxed);
        }
    }

    pub(crate) fn get(&self) -> LineFaults {
        LineFaults::of_counts(self.0.each_ref().map(|count| count.load(Relaxed)))
    }
}

/// What the log says of them.
#[derive(Debug, Default)]
pub(super) struct FaultLog {
    counts: FaultCounts,
    /// What no warning has counted yet.
    unsaid: LineFaults,
    warnings: Pace,
}

impl FaultLog {
    pub(super) fn counts(&self) -> FaultCounts {
        self.counts.clone()
    }

    /// Counts these, and warns of all that no warning has counted.
    pub(super) fn add(&mut self, faults: LineFaults, now: Instant) {
        if faults == LineFaults::default() {
            return;
        }
        self.counts.add(faults);
        // Of lines at or below the newest nothing is said: of two producers with the same lines one is always later.
        self.unsaid.add(LineFaults { repeated: 0, ..faults });
        if self.unsaid != LineFaults::default() && self.warnings.is_due(QUIET, now) {
            self.say();
        }
    }

    /// Warns of all that no warning has counted: at the end of the process, which nothing follows that would.
    pub(super) fn say(&mut self) {
        let LineFaults {
            replaced,
            not_utf8,
            too_long,
            repeated: _,
            old_epoch,
            no_number,
            unknown_word,
            unfinished,
        } = std::mem::take(&mut self.unsaid);
        for (count, what) in [
            (replaced, "not UTF-8: U+FFFD stands for what was invalid (--invalid-utf8 drop drops them)"),
            (not_utf8, "dropped: not UTF-8 (--invalid-utf8 drop)"),
            (too_long, "dropped: longer than --max-line (a larger one is --max-line 256KiB)"),
            (old_epoch, "dropped: of an older stream, whose epoch is smaller than the present one"),
            (no_number, "dropped: without a number and a tab before the text (--numbers given)"),
            (unknown_word, "dropped: a word that ws-server does not know; it knows !caught-up and !gap"),
            (unfinished, "dropped: the producer was gone before the line end had come (--numbers given)"),
        ] {
            if count > 0 {
                log::warn!("{count} {} {what}", if count == 1 { "line" } else { "lines" });
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_counted_under_its_own_name_and_warned_of_now_and_then() {
        let mut log = FaultLog::default();
        let (counts, start) = (log.counts(), Instant::now());
        let one_each = LineFaults::of_counts([1, 2, 3, 4, 5, 6, 7, 8]);
        log.add(one_each, start);
        assert_eq!(log.unsaid, LineFaults::default());
        log.add(one_each, start + QUIET / 2);
        assert_eq!(log.unsaid, LineFaults { repeated: 0, ..one_each });
        log.add(one_each, start + QUIET);
        assert_eq!(log.unsaid, LineFaults::default());
        assert_eq!(counts.get(), LineFaults::of_counts([3, 6, 9, 12, 15, 18, 21, 24]));
    }

    #[test]
    fn a_line_of_which_nothing_is_said_puts_off_no_warning() {
        let (mut log, start) = (FaultLog::default(), Instant::now());
        log.add(LineFaults { repeated: 1, ..LineFaults::default() }, start);
        log.add(LineFaults { no_number: 1, ..LineFaults::default() }, start);
        assert_eq!(log.unsaid, LineFaults::default(), "it is said at once");
    }
}
