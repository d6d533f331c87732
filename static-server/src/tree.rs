//! One directory and all beneath it: we open every file beneath its descriptor, never by a joined path.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use daemon::FileIdentity;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2};
use rustix::io::Errno;

use crate::open_error::OpenError;
use crate::stamp::Stamp;
use crate::walk;

#[derive(Debug)]
pub(crate) struct Tree {
    directory: OwnedFd,
    /// True if the kernel resolves names with `openat2`; where a filter refuses that call, we walk.
    by_kernel: bool,
    identity: FileIdentity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A regular file.
    File(Stamp),
    Directory,
}

impl Found {
    /// What these metadata describe. A FIFO, a socket or a device is missing.
    pub(crate) fn of(stat: &Stat) -> Result<Self, OpenError> {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Ok(Found::Directory),
            FileType::RegularFile => Ok(Found::File(Stamp::of(stat))),
            _ => Err(OpenError::Missing),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Opened {
    /// A regular file, with its stamp at the time of opening.
    File(File, Stamp),
    Directory,
}

/// How often we open a name that another process replaces meanwhile.
const TRIES: usize = 3;
/// The kernel follows symbolic links that stay beneath the root, but never the magic ones of `/proc`.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);
/// For a look: the descriptor names a file, and neither opens it nor needs the right to read it (open(2), `O_PATH`).
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

impl Tree {
    /// Opens the directory to which a path leads. It need not be readable: a name beneath needs only the right to search.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let directory = rustix::fs::open(path, LOOK | OFlags::DIRECTORY, Mode::empty())?;
        let by_kernel = match openat2(&directory, ".", LOOK, Mode::empty(), BENEATH) {
            Ok(_) => true,
            // A kernel before 5.6, or a filter of system calls: systemd's for RestrictSUIDSGID= refuses this one, and those
            // of some containers with EPERM.
            Err(Errno::NOSYS | Errno::PERM) => {
                walk::open_beneath(&directory, b".", LOOK)?;
                false
            }
            Err(errno) => return Err(errno.into()),
        };
        let directory = File::from(directory);
        let identity = FileIdentity::of(&directory.metadata()?);
        Ok(Tree { directory: directory.into(), by_kernel, identity })
    }

    /// The same directory where the system refuses `openat2`.
    #[cfg(test)]
    pub(crate) fn walking(self) -> Self {
        Tree { by_kernel: false, ..self }
    }

    /// True if this path leads to the same directory: one system call, where opening it takes several. The open descriptor keeps
    /// another directory from having its inode.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|metadata| FileIdentity::of(&metadata) == self.identity)
    }

    /// True if both are the same directory.
    pub(crate) fn is_same(&self, other: &Tree) -> bool {
        self.identity == other.identity
    }

    /// Looks at what has this name; the empty name is the directory itself. A FIFO, a socket or a device is missing, and
    /// notices nothing of the look.
    pub(crate) fn look(&self, name: &[u8]) -> Result<Found, OpenError> {
        if name.is_empty() {
            return Ok(Found::Directory);
        }
        Found::of(&stat(&self.resolve(name, LOOK)?, name)?)
    }

    /// Finds the directory of this name, as a place to look from: that takes no right to read it.
    pub(crate) fn directory(&self, name: &[u8]) -> Result<File, OpenError> {
        self.resolve(if name.is_empty() { b"." } else { name }, LOOK | OFlags::DIRECTORY)
    }

    /// Opens the file of this name for reading, once a look has shown that it is one.
    pub(crate) fn open_file(&self, name: &[u8]) -> Result<Opened, OpenError> {
        self.open_file_behind(name, || self.look(name))
    }

    /// The same with a look of the caller's.
    pub(crate) fn open_file_behind(
        &self,
        name: &[u8],
        look: impl Fn() -> Result<Found, OpenError>,
    ) -> Result<Opened, OpenError> {
        for _ in 0..TRIES {
            if look()? == Found::Directory {
                return Ok(Opened::Directory);
            }
            // NONBLOCK and NOCTTY: should another process put a FIFO or a terminal here right now, we neither wait for its
            // writer nor make it ours.
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            let file = self.resolve(name, flags)?;
            if let Ok(Found::File(stamp)) = Found::of(&stat(&file, name)?) {
                return Ok(Opened::File(file, stamp));
            }
        }
        Err(OpenError::Busy)
    }

    fn resolve(&self, name: &[u8], flags: OFlags) -> Result<File, OpenError> {
        let mut tries = 0;
        loop {
            let outcome = if self.by_kernel {
                openat2(&self.directory, name, flags, Mode::empty(), BENEATH)
            } else {
                walk::open_beneath(&self.directory, name, flags)
            };
            match outcome {
                Ok(descriptor) => return Ok(File::from(descriptor)),
                // openat2(2): EAGAIN "could not ensure that a ".." component didn't escape (due to a race condition)";
                // "Callers may choose to retry".
                Err(Errno::AGAIN) if tries < TRIES => tries += 1,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(OpenError::of(errno, name)),
            }
        }
    }
}

fn stat(file: &File, name: &[u8]) -> Result<Stat, OpenError> {
    fstat(file).map_err(|errno| OpenError::of(errno, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, RenameFlags};

    /// `www` is the root; `secret` and `www-secret` lie beside it.
    fn site() -> (tempfile::TempDir, Tree) {
        let dir = tempfile::tempdir().unwrap();
        let www = dir.path().join("www");
        std::fs::create_dir_all(www.join("a")).unwrap();
        std::fs::create_dir(dir.path().join("www-secret")).unwrap();
        std::fs::write(dir.path().join("secret"), "secret").unwrap();
        std::fs::write(dir.path().join("www-secret/file"), "secret").unwrap();
        std::fs::write(www.join("a/file"), "public").unwrap();
        let tree = Tree::open(&www).unwrap();
        (dir, tree)
    }

    #[test]
    fn files_and_directories_in_the_root_are_opened() {
        let (_dir, tree) = site();
        assert!(matches!(tree.open_file(b"a/file"), Ok(Opened::File(_, Stamp { len: 6, .. }))));
        assert!(matches!(tree.open_file(b"a"), Ok(Opened::Directory)));
        assert!(matches!(tree.open_file(b""), Ok(Opened::Directory)));
        assert!(matches!(tree.look(b"a/file"), Ok(Found::File(Stamp { len: 6, .. }))));
        assert_eq!(tree.open_file(b"none").unwrap_err(), OpenError::Missing);
        assert_eq!(tree.open_file(b"a/file/x").unwrap_err(), OpenError::Missing);
        assert_eq!(tree.open_file(&[b'x'; 256]).unwrap_err(), OpenError::Missing);
        assert_eq!(tree.open_file(&b"x/".repeat(3000)).unwrap_err(), OpenError::Missing);
    }

    #[test]
    fn nothing_outside_of_the_root_is_opened_whatever_the_name() {
        let (dir, tree) = site();
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
            assert_eq!(tree.open_file(name.as_bytes()).unwrap_err(), OpenError::Missing, "{name}");
        }
        symlink("a/file", www.join("inside")).unwrap();
        symlink("../a", www.join("a/self")).unwrap();
        assert!(matches!(tree.open_file(b"inside"), Ok(Opened::File(..))));
        assert!(matches!(tree.open_file(b"a/self/file"), Ok(Opened::File(..))));
    }

    #[test]
    fn a_fifo_or_a_device_is_missing_and_does_not_block() {
        let (dir, tree) = site();
        let fifo = dir.path().join("www/fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(dir.path().join("www/socket")).unwrap();
        assert_eq!(tree.open_file(b"fifo").unwrap_err(), OpenError::Missing);
        assert_eq!(tree.open_file(b"socket").unwrap_err(), OpenError::Missing);
        drop(socket);
    }

    /// Exchanges a link inwards with a link outwards, and moves a directory out of the root and back.
    fn turn(outer: &Path) {
        let [inwards, outwards, moving, away] =
            ["www/flip", "www/flop", "www/moving", "away"].map(|name| outer.join(name));
        rustix::fs::renameat_with(CWD, &inwards, CWD, &outwards, RenameFlags::EXCHANGE).unwrap();
        rustix::fs::rename(&moving, &away).unwrap();
        rustix::fs::rename(&away, &moving).unwrap();
    }

    // ST-06, also where the walk takes the place of `openat2`.
    #[test]
    fn a_link_or_a_directory_that_moves_while_it_is_opened_never_leads_out() {
        let (dir, by_kernel) = site();
        let www = dir.path().join("www");
        std::fs::create_dir(www.join("moving")).unwrap();
        symlink("a", www.join("flip")).unwrap();
        symlink("../www-secret", www.join("flop")).unwrap();
        symlink("..", www.join("moving/up")).unwrap();
        let trees = [by_kernel, Tree::open(&www).unwrap().walking()];
        let seen = std::thread::scope(|scope| {
            let turns = scope.spawn(|| (0..50_000).for_each(|_| turn(dir.path())));
            let mut seen = [[0; 2]; 2];
            while !turns.is_finished() {
                for (tree, seen) in trees.iter().zip(&mut seen) {
                    for name in
                        ["flip/file", "moving/up/a/file", "moving/up/secret", "moving/up/www-secret/file"]
                    {
                        match tree.open_file(name.as_bytes()) {
                            Ok(Opened::File(mut file, _)) => {
                                let mut text = String::new();
                                file.read_to_string(&mut text).unwrap();
                                assert_eq!(text, "public", "{name}");
                                seen[0] += 1;
                            }
                            Ok(Opened::Directory) => panic!("{name}"),
                            Err(_) => seen[1] += 1,
                        }
                    }
                }
            }
            seen
        });
        assert!(seen.iter().flatten().all(|count| *count > 0), "files and refusals were met: {seen:?}");
    }
}
