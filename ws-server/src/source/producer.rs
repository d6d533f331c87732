//! What the source reads from, as one process hands it to the next.

use std::os::fd::OwnedFd;

/// A descriptor that lines come from: a producer's, a FIFO, or the socket that producers connect to.
#[derive(Debug)]
pub(crate) struct Producer {
    pub(crate) descriptor: OwnedFd,
    /// The beginning of a line whose end has not come; `None` for a line that is too long already.
    pub(crate) partial: Option<Vec<u8>>,
    /// Messages before its next one are lost (`!gap`).
    pub(crate) is_after_gap: bool,
    /// It has been told which message is the newest.
    pub(crate) is_greeted: bool,
}
