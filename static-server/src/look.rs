//! Looks at the disk: when one was, and how long we trust what it showed.

use std::time::{Duration, Instant};

/// How long an answer is used without a look at its file.
pub(crate) const FRESH: Duration = Duration::from_millis(500);
/// How long a directory serves for looks at what is in it. Of a look in it we say that it is as old as the directory's, so that no
/// change stays unseen for longer than [`FRESH`].
pub(crate) const FOUND: Duration = Duration::from_millis(50);

/// A moment at which somebody looks at the disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) at: Instant,
    /// The number of the release that is served.
    pub(crate) release: u64,
    /// How many changes of files had been seen before, in whatever file.
    pub(crate) changes: u64,
}

impl Look {
    /// True if what this look showed may be used `now` without another one: it is not `trust` ago, and no other release and no
    /// change has been seen since.
    pub(crate) fn is_fresh(&self, now: &Look, trust: Duration) -> bool {
        let is_current = self.release == now.release && self.changes == now.changes;
        is_current && self.at.checked_add(trust).is_none_or(|until| now.at < until)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_trusted_for_half_a_second_in_its_release_until_something_changes() {
        let before = Look { at: Instant::now(), release: 7, changes: 3 };
        let is_fresh =
            |release, changes, age| before.is_fresh(&Look { at: before.at + age, release, changes }, FRESH);
        assert!(is_fresh(7, 3, FRESH / 2) && !is_fresh(7, 3, FRESH));
        assert!(!is_fresh(8, 3, FRESH / 2) && !is_fresh(6, 3, FRESH / 2) && !is_fresh(7, 4, FRESH / 2));
    }
}
