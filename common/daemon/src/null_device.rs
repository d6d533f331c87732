//! `/dev/null`, which says that there is nothing to read.

use rustix::fs::{FileType, Stat, makedev};

/// True for the null device. It also stands for a descriptor that was closed: Rust's runtime opens it in that place.
pub fn is_null(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == makedev(1, 3)
}
