//! The limit of open descriptors (`RLIMIT_NOFILE`): the ceiling of every limit on connections.

use std::{os::fd::RawFd, sync::OnceLock};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Pid, Resource, getrlimit, prlimit, setrlimit};

/// The soft limit that this process began with; `None`: no limit.
static INHERITED: OnceLock<Option<u64>> = OnceLock::new();

/// Descriptors for which the process has a table from the start: 8 bytes of the kernel's memory for each.
const TABLE: usize = 32 * 1024;

/// Raises the soft limit to the hard one, and gives the process its table of descriptors; if the system refuses, it goes on with what
/// it has. To be called before the process has a second thread.
///
/// Linux doubles the table when it is full. With several threads each doubling waits until no processor reads the old table any
/// more (`expand_fdtable` in `fs/file.c`), often for 10 ms and more: all newcomers would wait for it, and a process that adopts
/// thousands of connections eight times.
pub(super) fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    _ = INHERITED.set(limit.current);
    limit.current = limit.maximum;
    _ = setrlimit(Resource::Nofile, limit);
    let last = TABLE.min(self::limit()).saturating_sub(1);
    // The copy has the last place of the table, and is closed at once.
    _ = RawFd::try_from(last).map(|last| fcntl_dupfd_cloexec(std::io::stderr(), last));
}

/// Gives a child process the soft limit that this process began with.
pub fn give_back(child: Pid) {
    if let Some(inherited) = INHERITED.get() {
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = *inherited;
        // It fails only if the child has ended already, or runs as another user.
        _ = prlimit(Some(child), Resource::Nofile, limit);
    }
}

/// Returns the hard limit: the number of descriptors that may be open at once.
pub fn limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Without a limit, a million (Linux's own default ceiling, `fs.nr_open`).
    limit.maximum.or(limit.current).and_then(|n| usize::try_from(n).ok()).unwrap_or(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raising_reaches_the_limit() {
        let limit = limit();
        raise();
        let now = getrlimit(Resource::Nofile).current.and_then(|n| usize::try_from(n).ok());
        assert_eq!(now.unwrap_or(1 << 20), limit);
        // proc(5): "FDSize: Number of file descriptor slots currently allocated."
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("FDSize:")).unwrap();
        assert!(size.trim().parse::<usize>().unwrap() >= TABLE.min(limit), "{size}");
    }
}
