//! Named pipes.

use std::path::Path;

use rustix::fs::{CWD, Mode, mkfifoat};

/// Makes a FIFO that its owner may read and write.
pub fn make_fifo(path: &Path) {
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).expect("a folder that takes a FIFO");
}
