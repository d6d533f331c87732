//! `openat2` with `RESOLVE_BENEATH`, component by component, for systems that refuse the call.
//!
//! systemd refuses it to every service with `RestrictSUIDSGID=`, which `DynamicUser=` includes: a filter of system calls
//! cannot look at the mode in its structure. Each step opens one name in an open directory and follows no link; we read a
//! link's target and walk that in the same way. `..` goes back to the directory that we came from and never asks the
//! file system, so no rename under us leads out.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, openat, readlinkat};
use rustix::io::Errno;

/// As many links as the kernel follows (`MAXSYMLINKS`, `path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// Opens `name` beneath `root` with the errors of `openat2(2)`: `XDEV` for a name that leads out of the root, `LOOP` for
/// too many links.
pub(crate) fn open_beneath(root: &impl AsFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut walk = Walk { root, inside: Vec::new(), ahead: Vec::new(), links: 0 };
    walk.go_on(name)?;
    while let Some(component) = walk.ahead.pop() {
        match component.as_slice() {
            b"." => {}
            b".." => drop(walk.inside.pop().ok_or(Errno::XDEV)?),
            name if walk.ahead.is_empty() => match walk.open(name, flags) {
                // open(2), O_PATH with O_NOFOLLOW: "the call returns a file descriptor referring to the symbolic link".
                Ok(file) if flags.contains(OFlags::PATH) && is_link(&file)? => walk.follow(name)?,
                // O_NOFOLLOW: "If the trailing component is a symbolic link, then the open fails, with the error ELOOP".
                Err(Errno::LOOP) => walk.follow(name)?,
                outcome => return outcome,
            },
            name => match walk.open(name, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC) {
                Ok(directory) => walk.inside.push(directory),
                // The name may be a link, which is not a directory either.
                Err(Errno::NOTDIR) => walk.follow(name)?,
                Err(errno) => return Err(errno),
            },
        }
    }
    // The name ended in `.` or `..`.
    walk.open(b".", flags)
}

fn is_link(file: &OwnedFd) -> Result<bool, Errno> {
    Ok(FileType::from_raw_mode(fstat(file)?.st_mode) == FileType::Symlink)
}

/// How far we have walked along a name.
struct Walk<'r, R> {
    root: &'r R,
    /// The directories between the root and here, the last one innermost.
    inside: Vec<OwnedFd>,
    /// The components still to come, the next one last.
    ahead: Vec<Vec<u8>>,
    links: usize,
}

impl<R: AsFd> Walk<'_, R> {
    /// Opens a name in the innermost directory, and follows no link.
    fn open(&self, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let here = self.inside.last().map_or_else(|| self.root.as_fd(), AsFd::as_fd);
        loop {
            match openat(here, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
                Err(Errno::INTR) => {}
                outcome => return outcome,
            }
        }
    }

    /// Puts the components of this link's target in front of those still to come.
    fn follow(&mut self, name: &[u8]) -> Result<(), Errno> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Errno::LOOP);
        }
        let here = self.inside.last().map_or_else(|| self.root.as_fd(), AsFd::as_fd);
        let target = match readlinkat(here, name, Vec::new()) {
            Ok(target) => target,
            // Not a link after all.
            Err(Errno::INVAL) => return Err(Errno::NOTDIR),
            Err(errno) => return Err(errno),
        };
        self.go_on(target.as_bytes())
    }

    /// Puts the components of `name` in front of those still to come.
    fn go_on(&mut self, name: &[u8]) -> Result<(), Errno> {
        // openat2(2), RESOLVE_BENEATH: "all absolute symbolic links, and absolute values of pathname" are "rejected".
        if name.first() == Some(&b'/') {
            return Err(Errno::XDEV);
        }
        // A name that ends in a slash names a directory.
        let name = if name.last() == Some(&b'/') { &[name, b"."].concat() } else { name };
        let components = name.split(|byte| *byte == b'/').filter(|component| !component.is_empty());
        self.ahead.extend(components.rev().map(<[u8]>::to_vec));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use rustix::fs::{ResolveFlags, openat2};

    use super::*;

    const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

    /// `www` is the root; `secret` lies beside it.
    fn tree() -> (tempfile::TempDir, File) {
        let dir = tempfile::tempdir().unwrap();
        let www = dir.path().join("www");
        fs::create_dir_all(www.join("a/b")).unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        fs::write(www.join("file"), "top").unwrap();
        fs::write(www.join("a/file"), "a").unwrap();
        fs::write(www.join("a/b/file"), "b").unwrap();
        for (link, target) in [
            ("in", "a/file"),
            ("dir", "a"),
            ("slash", "a/b/"),
            ("file-slash", "file/"),
            ("a/up", ".."),
            ("a/b/far", "../../file"),
            ("a/b/out", "../../../secret"),
            ("out", "../secret"),
            ("out-and-in", "../www/file"),
            ("absolute", "/etc/passwd"),
            ("proc", "/proc/self/root"),
            ("loop", "loop"),
            ("here", "."),
            ("dangling", "nothing"),
        ] {
            symlink(target, www.join(link)).unwrap();
        }
        for (link, target) in (0..41).map(|n| (format!("chain{n}"), format!("chain{}", n + 1))) {
            symlink(target, www.join(link)).unwrap();
        }
        fs::write(www.join("chain41"), "end").unwrap();
        (dir, File::open(www).unwrap())
    }

    /// The content, `directory`, or the error.
    fn described(outcome: Result<OwnedFd, Errno>) -> Result<String, Errno> {
        let mut file = File::from(outcome?);
        if file.metadata().unwrap().is_dir() {
            return Ok("directory".to_owned());
        }
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    #[test]
    fn the_walk_and_openat2_agree_on_every_name() {
        let (_dir, root) = tree();
        let parts = ["a", "b", "file", "up", "..", ".", "", "dir", "slash", "far", "out", "here", "none"];
        let mut names: Vec<String> = parts.iter().map(ToString::to_string).collect();
        for first in parts {
            for second in parts {
                names.push(format!("{first}/{second}"));
                names.extend(parts.iter().map(|third| format!("{first}/{second}/{third}")));
            }
        }
        let single = [
            "in",
            "file-slash",
            "out-and-in",
            "absolute",
            "proc",
            "proc/etc/passwd",
            "loop",
            "loop/x",
            "dangling",
        ];
        names.extend(single.iter().map(ToString::to_string));
        names.extend(
            ["chain0", "chain1", "chain2", "chain40", "/", "//", "/file"].iter().map(ToString::to_string),
        );
        names.retain(|name| !name.is_empty());
        let by_kernel = |name: &str, flags| {
            let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            loop {
                // openat2(2): EAGAIN behind a `..` while anybody on this machine renames something.
                match openat2(&root, name, flags, Mode::empty(), beneath) {
                    Err(Errno::AGAIN) => {}
                    outcome => return outcome,
                }
            }
        };
        let look = OFlags::PATH | OFlags::CLOEXEC;
        let looked_at = |outcome: Result<OwnedFd, Errno>| {
            outcome.and_then(|file| Ok((fstat(&file)?.st_ino, is_link(&file)?)))
        };
        for name in names {
            let kernel = described(by_kernel(&name, FLAGS));
            if kernel == Err(Errno::NOSYS) {
                return;
            }
            assert_eq!(described(open_beneath(&root, name.as_bytes(), FLAGS)), kernel, "{name}");
            let kernel = looked_at(by_kernel(&name, look));
            assert_eq!(looked_at(open_beneath(&root, name.as_bytes(), look)), kernel, "a look at {name}");
        }
    }

    #[test]
    fn a_name_that_leads_out_of_the_root_is_refused() {
        let (_dir, root) = tree();
        for name in [
            "../secret",
            "a/../../secret",
            "out",
            "a/b/out",
            "out-and-in",
            "absolute",
            "proc/etc",
            "/file",
            "a/up/up/../..",
        ] {
            let outcome = open_beneath(&root, name.as_bytes(), FLAGS);
            assert!(matches!(outcome, Err(Errno::XDEV | Errno::NOENT)), "{name}: {outcome:?}");
        }
    }
}
