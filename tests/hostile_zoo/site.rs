//! The files that are served, and a folder for what a peer writes.

use std::{
    fs::{self, File},
    path::Path,
};

use tempfile::TempDir;

/// Removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Site(TempDir);

/// A gigabyte without a block on the disk.
const BIG: u64 = 1 << 30;

impl Site {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a folder for temporary files");
        fs::write(folder.path().join("index.html"), "<!DOCTYPE html><html><title>zoo</title></html>")
            .expect("written");
        let big = File::create(folder.path().join("big")).expect("created");
        big.set_len(BIG).expect("a sparse file");
        Self(folder)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.path().to_str().expect("a path of text")
    }

    pub(crate) fn file(&self, name: &str) -> impl AsRef<Path> {
        self.0.path().join(name)
    }
}
