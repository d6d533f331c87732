//! Copies in memory of files that are too large to be read at once for whoever asks first.
//!
//! A client that takes its answer slowly keeps a copy alive after the cache has dropped it. So they have a bound of their own, which
//! counts those that anybody still has.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The largest file of which there are copies, in bytes: to read it takes a tenth of a millisecond of a turn.
pub(crate) const MOST: u64 = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Copies {
    alive: Mutex<Vec<Weak<[u8]>>>,
    max_bytes: usize,
}

impl Copies {
    /// Copies of at most `max_bytes` together.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Copies { alive: Mutex::default(), max_bytes }
    }

    /// Reads `len` bytes from the beginning of a file; `None` if too many are in use.
    ///
    /// # Errors
    /// Those of `pread(2)`; `UnexpectedEof` if the file has fewer bytes.
    pub(crate) fn read(&self, file: &File, len: u64) -> io::Result<Option<Arc<[u8]>>> {
        let Some(len) = usize::try_from(len).ok().filter(|len| self.has_room(*len)) else { return Ok(None) };
        let mut copy: Arc<[u8]> = std::iter::repeat_n(0, len).collect();
        if let Some(bytes) = Arc::get_mut(&mut copy) {
            file.read_exact_at(bytes, 0)?;
        }
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&copy));
        Ok(Some(copy))
    }

    fn has_room(&self, len: usize) -> bool {
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        alive.retain(|copy| copy.strong_count() > 0);
        let bytes: usize = alive.iter().filter_map(Weak::upgrade).map(|copy| copy.len()).sum();
        bytes.saturating_add(len) <= self.max_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_still_has_counts_and_what_nobody_has_makes_room() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"0123456789").unwrap();
        let copies = Copies::new(20);
        let read = || copies.read(&file, 10).unwrap();
        let (first, second) = (read().unwrap(), read().unwrap());
        assert_eq!((&first[..], &second[..]), (b"0123456789".as_slice(), b"0123456789".as_slice()));
        assert!(read().is_none(), "both are in use");
        drop(first);
        assert!(read().is_some());
        assert_eq!(copies.read(&file, 11).unwrap(), None, "beside the second one");
        drop(second);
        assert_eq!(copies.read(&file, 11).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
