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
pub(crate) struct FaultCounts(Arc<[AtomicU64; 3]>);

impl FaultCounts {
    fn add(&self, faults: LineFaults) {
        let [replaced, not_utf8, too_long] = &*self.0;
        replaced.fetch_add(faults.replaced, Relaxed);
        not_utf8.fetch_add(faults.not_utf8, Relaxed);
        too_long.fetch_add(faults.too_long, Relaxed);
    }

    pub(crate) fn get(&self) -> LineFaults {
        let [replaced, not_utf8, too_long] = &*self.0;
        LineFaults {
            replaced: replaced.load(Relaxed),
            not_utf8: not_utf8.load(Relaxed),
            too_long: too_long.load(Relaxed),
        }
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
        let LineFaults { replaced, not_utf8, too_long } = &mut self.unsaid;
        *replaced = replaced.saturating_add(faults.replaced);
        *not_utf8 = not_utf8.saturating_add(faults.not_utf8);
        *too_long = too_long.saturating_add(faults.too_long);
        if !self.warnings.is_due(QUIET, now) {
            return;
        }
        let LineFaults { replaced, not_utf8, too_long } = std::mem::take(&mut self.unsaid);
        for (count, what) in [
            (replaced, "not UTF-8: U+FFFD stands for what was invalid (--invalid-utf8 drop drops them)"),
            (not_utf8, "dropped: not UTF-8 (--invalid-utf8 drop)"),
            (too_long, "dropped: longer than --max-line (a larger one is --max-line 256KiB)"),
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
        let one_each = LineFaults { replaced: 1, not_utf8: 2, too_long: 3 };
        log.add(one_each, start);
        assert_eq!(log.unsaid, LineFaults::default());
        log.add(one_each, start + QUIET / 2);
        assert_eq!(log.unsaid, one_each);
        log.add(one_each, start + QUIET);
        assert_eq!(log.unsaid, LineFaults::default());
        assert_eq!(counts.get(), LineFaults { replaced: 3, not_utf8: 6, too_long: 9 });
    }
}
