//! What standard input is: lines for the stream, or nothing that anybody feeds.

use std::{io, os::fd::AsFd};

use rustix::{fs::fstat, termios::isatty};

/// True for a pipe, a socket or a file; false for a terminal, for `/dev/null` and for an input that is closed.
pub(crate) fn has_lines() -> bool {
    let stdin = io::stdin();
    let input = stdin.as_fd();
    fstat(input).is_ok_and(|stat| !isatty(input) && !daemon::is_null(&stat))
}
