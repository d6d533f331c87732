//! What standard input is: lines for the stream, or nothing that anybody feeds.

use std::{io, os::fd::AsFd};

use rustix::{
    fs::{FileType, fstat, makedev},
    termios::isatty,
};

/// The null device, which also stands for an input that was closed: Rust's runtime opens it in that place.
const NULL: (u32, u32) = (1, 3);

/// True for a pipe, a socket or a file; false for a terminal, for `/dev/null` and for an input that is closed.
pub(crate) fn has_lines() -> bool {
    let stdin = io::stdin();
    let input = stdin.as_fd();
    let Ok(stat) = fstat(input) else { return false };
    let is_device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    !is_device || !(isatty(input) || stat.st_rdev == makedev(NULL.0, NULL.1))
}
