//! Copies in memory of files that are too large to be read at once for whoever asks first.
//!
//! A client that takes its answer slowly keeps a copy alive after the cache has dropped it. So they have a bound of their own, which
//! counts those that anybody still has.

use std::fs::File;
use std::io;
use std::sync::{Arc, OnceLock};

use reactor::{PageStore, Pages};

/// The largest file of which there are copies, in bytes: to read it takes a fraction of a millisecond of a turn.
pub(crate) const MOST: u64 = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Copies {
    /// From the first copy on; `None` where the system has no such memory.
    store: OnceLock<Option<PageStore>>,
    max_bytes: u64,
}

impl Copies {
    /// Copies that take at most `max_bytes` of memory together; each of several workers may make its last one at the same time.
    pub(crate) fn new(max_bytes: u64) -> Self {
        Copies { store: OnceLock::new(), max_bytes }
    }

    /// Copies `len` bytes from the beginning of a file; `None` if too many are in use, or the system has no memory for copies.
    ///
    /// # Errors
    /// Those of [`PageStore::taken`] and [`PageStore::copy`].
    pub(crate) fn copy(&self, file: &File, len: u64) -> io::Result<Option<Arc<Pages>>> {
        let Some(store) = self.store.get_or_init(open_store) else { return Ok(None) };
        let has_room = store.taken()?.saturating_add(len) <= self.max_bytes;
        if has_room { store.copy(file, len).map(|copy| Some(Arc::new(copy))) } else { Ok(None) }
    }
}

/// Without it, large files are read anew for each answer.
fn open_store() -> Option<PageStore> {
    PageStore::new().inspect_err(|error| log::warn!("large files are not kept in memory: {error}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_still_has_counts_and_what_nobody_has_makes_room() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"0123456789").unwrap();
        let copies = Copies::new(1024 * 1024);
        let copy = || copies.copy(&file, 10).unwrap();
        let all: Vec<_> = (0..100_000).map_while(|_| copy()).collect();
        assert!(copy().is_none());
        let mut got = [0; 10];
        for copy in [&all[0], &all[all.len() - 1]] {
            copy.read(0, &mut got).unwrap();
            assert_eq!(&got, b"0123456789");
        }
        drop(all);
        assert!(copy().is_some());
        assert!(copies.copy(&file, 1024 * 1024 + 1).unwrap().is_none());
        assert_eq!(copies.copy(&file, 11).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
