//! How many descriptors this process may have: the ceiling of every limit on connections.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one; a refusal leaves it as it is.
pub fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    _ = setrlimit(Resource::Nofile, limit);
}

/// How many descriptors may be open at once, the limit once raised.
pub fn limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Without a limit, a million (Linux's own default ceiling, `fs.nr_open`).
    limit.maximum.or(limit.current).and_then(|n| usize::try_from(n).ok()).unwrap_or(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raising_reaches_the_limit_that_was_told() {
        let told = limit();
        raise();
        let now = getrlimit(Resource::Nofile).current.and_then(|n| usize::try_from(n).ok());
        assert_eq!(now.unwrap_or(1 << 20), told);
    }
}
