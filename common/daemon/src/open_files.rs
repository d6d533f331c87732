//! The limit of open descriptors (`RLIMIT_NOFILE`): the ceiling of every limit on connections.

use std::sync::OnceLock;

use rustix::process::{Pid, Resource, getrlimit, prlimit, setrlimit};

/// The soft limit that this process began with; `None`: no limit.
static INHERITED: OnceLock<Option<u64>> = OnceLock::new();

/// Raises the soft limit to the hard one; if the system refuses, the soft limit stays.
pub(super) fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    _ = INHERITED.set(limit.current);
    limit.current = limit.maximum;
    _ = setrlimit(Resource::Nofile, limit);
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
    }
}
