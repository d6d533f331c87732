//! A folder with a few files, and the daemon that serves it.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use harness::Daemon;

const STATIC_SERVER: &str = env!("CARGO_BIN_EXE_static-server");

/// The daemon over a folder with these files, each old enough to have validators.
pub(crate) fn site(files: &[(&str, &[u8])], arguments: &[&str]) -> (tempfile::TempDir, Daemon) {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        write_old(&dir.path().join(name), bytes, 0);
    }
    let root = ["--root", dir.path().to_str().unwrap()];
    let server = Daemon::start(STATIC_SERVER, &[&root, arguments].concat());
    (dir, server)
}

/// Writes a file that was last modified so many seconds after a moment of 2001: too old to change again unnoticed.
pub(crate) fn write_old(path: &Path, bytes: &[u8], second: u64) {
    fs::write(path, bytes).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + second)).unwrap();
}
