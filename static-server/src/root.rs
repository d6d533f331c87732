//! The root directory: we open every file beneath its descriptor, never by a joined path.

use std::fs::{File, Metadata};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use thiserror::Error;

use crate::walk;

#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    directory: OwnedFd,
    /// True if the kernel resolves names with `openat2`; where a filter refuses that call, we walk.
    by_kernel: bool,
}

/// What distinguishes two versions of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    /// Size in bytes.
    pub(crate) len: u64,
    /// Last modification: seconds since 1970, and nanoseconds.
    pub(crate) modified: (i64, i64),
    /// Last change of the inode: no program can set it back, unlike the modification.
    pub(crate) changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Asks `fstat` for the stamp of an open file.
    pub(crate) fn of_file(file: &File) -> std::io::Result<Self> {
        file.metadata().map(|metadata| Stamp::of(&metadata))
    }
}

#[derive(Debug)]
pub(crate) enum Opened {
    /// A regular file, with its stamp at the time of opening.
    File(File, Stamp),
    Directory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum OpenError {
    /// No such file, or one that we must not show: outside of the root, a FIFO, a device.
    #[error("no such file")]
    Missing,
    /// The daemon's user must not read it.
    #[error("permission denied")]
    Forbidden,
    /// No descriptor is free, or another process is renaming the tree: worth another try.
    #[error("busy")]
    Busy,
}

impl OpenError {
    pub(crate) fn status(self) -> u16 {
        match self {
            OpenError::Missing => 404,
            OpenError::Forbidden => 403,
            OpenError::Busy => 503,
        }
    }
}

impl From<Errno> for OpenError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ACCESS | Errno::PERM => OpenError::Forbidden,
            // We never call a file missing because descriptors are short.
            Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN | Errno::IO => OpenError::Busy,
            // NOENT, NOTDIR, NAMETOOLONG, LOOP, XDEV (it left the root), NXIO (a socket), …
            _ => OpenError::Missing,
        }
    }
}

impl Root {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let directory = open_directory(path)?;
        let by_kernel = match openat2(&directory, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), BENEATH)
        {
            Ok(_) => true,
            // A kernel before 5.6, or a filter of system calls: systemd's for RestrictSUIDSGID= refuses this one.
            Err(Errno::NOSYS) => false,
            Err(errno) => return Err(errno.into()),
        };
        Ok(Root { path: path.to_owned(), directory, by_kernel })
    }

    /// Opens the root's path again, which may be a symbolic link that a deployment has turned to the next release.
    pub(crate) fn refresh(&mut self) {
        // While a deployment replaces the link, or descriptors are short, we go on with the old directory.
        if let Ok(directory) = open_directory(&self.path) {
            self.directory = directory;
        }
    }

    /// Opens a name beneath the root; the empty name is the root itself.
    pub(crate) fn open_beneath(&self, name: &[u8]) -> Result<Opened, OpenError> {
        if name.is_empty() {
            return Ok(Opened::Directory);
        }
        // NONBLOCK: opening a FIFO must not wait for its writer. NOCTTY: nor may a terminal become ours.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mut tries = 0;
        let file = loop {
            match self.resolve(name, flags) {
                Ok(descriptor) => break File::from(descriptor),
                // openat2(2): EAGAIN "could not ensure that a ".." component didn't escape (due to a race condition)";
                // "Callers may choose to retry".
                Err(Errno::AGAIN) if tries < 3 => tries += 1,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        };
        let metadata = file.metadata().map_err(|_| OpenError::Busy)?;
        if metadata.is_dir() {
            Ok(Opened::Directory)
        } else if metadata.is_file() {
            let stamp = Stamp::of(&metadata);
            Ok(Opened::File(file, stamp))
        } else {
            Err(OpenError::Missing)
        }
    }

    fn resolve(&self, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        if self.by_kernel {
            openat2(&self.directory, name, flags, Mode::empty(), BENEATH)
        } else {
            walk::open_beneath(&self.directory, name, flags)
        }
    }
}

/// The kernel follows symbolic links that stay beneath the root, but never the magic ones of `/proc`.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

fn open_directory(path: &Path) -> std::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// `www` is the root; `secret` and `www-secret` lie beside it.
    fn tree() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let www = dir.path().join("www");
        std::fs::create_dir_all(www.join("a")).unwrap();
        std::fs::create_dir(dir.path().join("www-secret")).unwrap();
        std::fs::write(dir.path().join("secret"), "secret").unwrap();
        std::fs::write(dir.path().join("www-secret/file"), "secret").unwrap();
        std::fs::write(www.join("a/file"), "public").unwrap();
        let root = Root::open(&www).unwrap();
        (dir, root)
    }

    #[test]
    fn files_and_directories_in_the_root_are_opened() {
        let (_dir, root) = tree();
        assert!(matches!(root.open_beneath(b"a/file"), Ok(Opened::File(_, Stamp { len: 6, .. }))));
        assert!(matches!(root.open_beneath(b"a"), Ok(Opened::Directory)));
        assert!(matches!(root.open_beneath(b""), Ok(Opened::Directory)));
        assert_eq!(root.open_beneath(b"none").unwrap_err(), OpenError::Missing);
        assert_eq!(root.open_beneath(b"a/file/x").unwrap_err(), OpenError::Missing);
        assert_eq!(root.open_beneath(&[b'x'; 256]).unwrap_err(), OpenError::Missing);
        assert_eq!(root.open_beneath(&b"x/".repeat(3000)).unwrap_err(), OpenError::Missing);
    }

    #[test]
    fn nothing_outside_of_the_root_is_opened_whatever_the_name() {
        let (dir, root) = tree();
        let www = dir.path().join("www");
        symlink("../secret", www.join("up")).unwrap();
        symlink(dir.path().join("secret"), www.join("absolute")).unwrap();
        symlink(www.join("a/file"), www.join("absolute-inside")).unwrap();
        symlink("../../www-secret", www.join("a/beside")).unwrap();
        symlink("/proc/self/root", www.join("magic")).unwrap();
        symlink("loop", www.join("loop")).unwrap();
        for name in [
            "../secret",
            "a/../../secret",
            "/etc/passwd",
            "up",
            "absolute",
            "absolute-inside",
            "a/beside/file",
            "magic/etc/passwd",
            "loop",
        ] {
            assert_eq!(root.open_beneath(name.as_bytes()).unwrap_err(), OpenError::Missing, "{name}");
        }
        symlink("a/file", www.join("inside")).unwrap();
        symlink("../a", www.join("a/self")).unwrap();
        assert!(matches!(root.open_beneath(b"inside"), Ok(Opened::File(..))));
        assert!(matches!(root.open_beneath(b"a/self/file"), Ok(Opened::File(..))));
    }

    #[test]
    fn a_fifo_or_a_device_is_missing_and_does_not_block() {
        let (dir, root) = tree();
        let fifo = dir.path().join("www/fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(dir.path().join("www/socket")).unwrap();
        assert_eq!(root.open_beneath(b"fifo").unwrap_err(), OpenError::Missing);
        assert_eq!(root.open_beneath(b"socket").unwrap_err(), OpenError::Missing);
        drop(socket);
    }

    #[test]
    fn a_root_that_is_a_link_follows_its_next_target() {
        let dir = tempfile::tempdir().unwrap();
        for release in ["one", "two"] {
            std::fs::create_dir(dir.path().join(release)).unwrap();
            std::fs::write(
                dir.path().join(release).join("file"),
                release.repeat(if release == "one" { 1 } else { 2 }),
            )
            .unwrap();
        }
        let current = dir.path().join("current");
        symlink("one", &current).unwrap();
        let mut root = Root::open(&current).unwrap();
        std::fs::remove_file(&current).unwrap();
        root.refresh();
        assert!(matches!(root.open_beneath(b"file"), Ok(Opened::File(_, Stamp { len: 3, .. }))));
        symlink("two", &current).unwrap();
        root.refresh();
        assert!(matches!(root.open_beneath(b"file"), Ok(Opened::File(_, Stamp { len: 6, .. }))));
    }

    #[test]
    fn short_descriptors_and_permissions_are_not_called_missing() {
        assert_eq!(OpenError::from(Errno::MFILE).status(), 503);
        assert_eq!(OpenError::from(Errno::NFILE).status(), 503);
        assert_eq!(OpenError::from(Errno::AGAIN).status(), 503);
        assert_eq!(OpenError::from(Errno::ACCESS).status(), 403);
        assert_eq!(OpenError::from(Errno::XDEV).status(), 404);
    }
}
