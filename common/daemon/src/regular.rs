//! Reading a file that may have been replaced since the daemon's start.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::OFlags;

/// Opens what is at this path for reading, and says what that is: the path may lead elsewhere at the next call. Opening does not
/// wait, as a FIFO would have it, and a terminal does not become ours.
///
/// # Errors
/// It cannot be opened.
pub fn open_at_once(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// Reads a regular file, or the first `most` bytes of a longer one. A FIFO at the path does not hold up the caller: opening
/// does not wait, and anything but a regular file is refused once it is open.
///
/// # Errors
/// It is not a regular file, or cannot be read.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_with_metadata(path, most).map(|(bytes, _)| bytes)
}

/// As [`read`], with what the file is: its mode, for example.
///
/// # Errors
/// As [`read`].
pub fn read_with_metadata(path: &Path, most: u64) -> io::Result<(Vec<u8>, Metadata)> {
    let (file, metadata) = open_at_once(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("this is not a regular file; name one"));
    }
    Ok((read_most(file, most)?, metadata))
}

/// As [`read`], of anything: it may wait.
///
/// # Errors
/// It cannot be read.
pub(super) fn read_any(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_most(File::open(path)?, most)
}

fn read_most(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound_and_nothing_else_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, fifo) = (folder.path().join("file"), folder.path().join("fifo"));
        std::fs::write(&file, "text").expect("written");
        assert_eq!(read(&file, 3).expect("read"), b"tex");
        mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).expect("made");
        for path in [&fifo, folder.path(), Path::new("/dev/zero")] {
            let error = read(path, 3).expect_err("not a file");
            assert_eq!(error.to_string(), "this is not a regular file; name one");
        }
    }
}
