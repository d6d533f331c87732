//! Why a file cannot be had, from the kernel's error: not there, not ours to read, or not now.

use rustix::io::Errno;
use thiserror::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum OpenError {
    /// No such file, or one that we must not show: outside of the root, a FIFO, a device.
    #[error("no such file")]
    Missing,
    /// The daemon's user must not read it.
    #[error("permission denied")]
    Forbidden,
    /// The system cannot say, for now: worth another try.
    #[error("busy")]
    Busy,
}

impl OpenError {
    /// The error for a name that the kernel refused with `errno`; says in the log what an operator has to know.
    pub(crate) fn of(errno: Errno, name: &[u8]) -> Self {
        let error = OpenError::from(errno);
        if error == OpenError::Busy {
            log::warn!(reason = errno.raw_os_error(); "{}: {errno}; it is answered with 503 meanwhile", name.escape_ascii());
        }
        error
    }

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
            // The few errors that say of the name itself that no file of ours has it. XDEV: it leaves the root. ILSEQ: this
            // file system has no such names.
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::LOOP | Errno::XDEV | Errno::ILSEQ => {
                OpenError::Missing
            }
            Errno::ACCESS | Errno::PERM => OpenError::Forbidden,
            // A lack of descriptors or memory, a disk or a server of files that does not answer, and whatever else: a 404
            // would tell crawlers and caches that the site is gone.
            _ => OpenError::Busy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_not_there_is_404() {
        for (errno, status) in [
            (Errno::NOENT, 404),
            (Errno::NOTDIR, 404),
            (Errno::NAMETOOLONG, 404),
            (Errno::LOOP, 404),
            (Errno::XDEV, 404),
            (Errno::ILSEQ, 404),
            (Errno::ACCESS, 403),
            (Errno::PERM, 403),
            (Errno::MFILE, 503),
            (Errno::NFILE, 503),
            (Errno::NOMEM, 503),
            (Errno::AGAIN, 503),
            (Errno::INTR, 503),
            (Errno::IO, 503),
            (Errno::STALE, 503),
            (Errno::TIMEDOUT, 503),
            (Errno::NOTCONN, 503),
            (Errno::BUSY, 503),
            (Errno::NXIO, 503),
            (Errno::NODEV, 503),
            (Errno::HOSTDOWN, 503),
            (Errno::INVAL, 503),
            (Errno::from_raw_os_error(4000), 503),
        ] {
            assert_eq!(OpenError::of(errno, b"name").status(), status, "{errno}");
        }
    }
}
