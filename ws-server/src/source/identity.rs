//! Whether a path still leads to the file that was opened there.

use std::{
    fs::Metadata,
    os::{fd::AsFd, unix::fs::MetadataExt},
};

/// One file among all of the machine, as long as it is open or has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// Of an open file.
    pub(super) fn of_open(file: impl AsFd) -> Option<Self> {
        let stat = rustix::fs::fstat(file).ok()?;
        Some(Self { device: stat.st_dev, inode: stat.st_ino })
    }
}
