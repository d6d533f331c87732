//! Copies in memory of files that are too large to be read at once for whoever asks first.
//!
//! A client that takes its answer slowly keeps a copy alive after the cache has dropped it. So they have a bound of their own, which
//! counts those that anybody still has.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use reactor::{PageStore, Pages};

/// The largest file of which there are copies, in bytes: to read it takes a fraction of a millisecond of a turn.
pub(crate) const MOST: u64 = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Copies {
    /// From the first copy on; `None` where the system has no such memory.
    store: OnceLock<Option<PageStore>>,
    alive: Mutex<Vec<Weak<Pages>>>,
    max_bytes: u64,
}

impl Copies {
    /// Copies of at most `max_bytes` together.
    pub(crate) fn new(max_bytes: u64) -> Self {
        Copies { store: OnceLock::new(), alive: Mutex::default(), max_bytes }
    }

    /// Copies `len` bytes from the beginning of a file; `None` if too many are in use, or the system has no memory for copies.
    ///
    /// # Errors
    /// Those of [`PageStore::copy`].
    pub(crate) fn copy(&self, file: &File, len: u64) -> io::Result<Option<Arc<Pages>>> {
        if !self.has_room(len) {
            return Ok(None);
        }
        let Some(store) = self.store.get_or_init(open_store) else { return Ok(None) };
        let copy = Arc::new(store.copy(file, len)?);
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&copy));
        Ok(Some(copy))
    }

    fn has_room(&self, len: u64) -> bool {
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        alive.retain(|copy| copy.strong_count() > 0);
        let bytes: u64 = alive.iter().filter_map(Weak::upgrade).map(|copy| copy.len()).sum();
        bytes.saturating_add(len) <= self.max_bytes
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
        let copies = Copies::new(20);
        let copy = || copies.copy(&file, 10).unwrap();
        let (first, second) = (copy().unwrap(), copy().unwrap());
        let mut got = [0; 10];
        for copy in [&first, &second] {
            copy.read(0, &mut got).unwrap();
            assert_eq!(&got, b"0123456789");
        }
        assert!(copy().is_none(), "both are in use");
        drop(first);
        assert!(copy().is_some());
        assert!(copies.copy(&file, 11).unwrap().is_none(), "beside the second one");
        drop(second);
        assert_eq!(copies.copy(&file, 11).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
