//! Whether a path still leads to the file that was found or opened there.

use std::{
    fs::{self, Metadata},
    io,
    os::{fd::AsFd, unix::fs::MetadataExt as _},
    path::Path,
};

/// One file among all of the machine, as long as it is open or has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// The device that holds the file.
    pub device: u64,
    /// The file's number on this device.
    pub inode: u64,
}

impl FileIdentity {
    /// The file that these metadata describe.
    pub fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// An open file; `None` if the system cannot say.
    pub fn of_open(file: impl AsFd) -> Option<Self> {
        let stat = rustix::fs::fstat(file).ok()?;
        Some(Self { device: stat.st_dev, inode: stat.st_ino })
    }

    /// What is at the path itself: a symbolic link, not what it leads to.
    ///
    /// # Errors
    /// Nothing is there, or a folder on the way cannot be searched.
    pub fn at(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|metadata| Self::of(&metadata))
    }
}
