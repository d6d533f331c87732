//! What we know of a file's version without reading it, and how far that can be trusted.

use std::fs::File;

use daemon::FileIdentity;
use rustix::fs::{Stat, fstat};
use rustix::io::Errno;

/// What distinguishes two versions of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    file: FileIdentity,
    /// Size in bytes.
    pub(crate) len: u64,
    /// Last modification: seconds since 1970, and nanoseconds.
    pub(crate) modified: (i64, i64),
    /// Last change of the inode: no program can set it back, unlike the modification.
    changed: (i64, i64),
}

/// A file younger than this, in seconds, may be written again within the second of its last modification. Two, because the
/// kernel stamps files by a clock that lags by some milliseconds.
const SETTLED: i64 = 2;

impl Stamp {
    pub(crate) fn of(stat: &Stat) -> Self {
        // The kernel's types differ between machines; none of these values is too large for ours.
        let nanoseconds = |count| i64::try_from(count).unwrap_or_default();
        Stamp {
            file: FileIdentity { device: stat.st_dev, inode: stat.st_ino },
            len: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
        }
    }

    /// Asks `fstat` for the stamp of an open file.
    pub(crate) fn of_file(file: &File) -> Result<Self, Errno> {
        fstat(file).map(|stat| Stamp::of(&stat))
    }

    /// True if no other version of the file has its second of modification: that second is over. A time in the future was set
    /// by a program or another clock; then the inode's last change counts.
    pub(crate) fn is_settled(&self, wall: i64) -> bool {
        let is_over = |second: i64| second.saturating_add(SETTLED) <= wall;
        is_over(self.modified.0) || (self.modified.0 > wall && is_over(self.changed.0))
    }

    /// The second of the last modification, if it can distinguish versions and is not in the future.
    pub(crate) fn date(&self, wall: i64) -> Option<i64> {
        (self.modified.0 <= wall && self.is_settled(wall)).then_some(self.modified.0)
    }

    /// True if an equal stamp means equal bytes: a younger file may change again within one tick of the kernel's clock.
    pub(crate) fn is_sure(&self, wall: i64) -> bool {
        self.is_settled(wall) && self.changed.0.saturating_add(SETTLED) < wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(modified: i64, changed: i64) -> Stamp {
        Stamp {
            file: FileIdentity { device: 1, inode: 2 },
            len: 3,
            modified: (modified, 0),
            changed: (changed, 0),
        }
    }

    #[test]
    fn a_version_is_settled_when_its_second_is_over() {
        for (modified, changed, settled, date, sure) in [
            (100, 100, false, None, false),
            (99, 99, false, None, false),
            (98, 98, true, Some(98), false),
            (97, 97, true, Some(97), true),
            (50, 100, true, Some(50), false),
            (101, 101, false, None, false),
            (500, 100, false, None, false),
            (500, 97, true, None, true),
        ] {
            let stamp = stamp(modified, changed);
            let got = (stamp.is_settled(100), stamp.date(100), stamp.is_sure(100));
            assert_eq!(got, (settled, date, sure), "modified {modified}, changed {changed}");
        }
    }
}
