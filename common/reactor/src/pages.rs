//! Bytes in memory that the kernel sends as they are: what is written to a socket it copies, of a file it sends the pages.
//!
//! sendfile(2): "callers must ensure the transferred portions of the file referred to by `in_fd` remain unmodified until the reader
//! on the other end of `out_fd` has consumed the transferred data". For a file that others can open nobody can ensure that. These
//! pages are in a memory file (`memfd_create(2)`) of which nobody else has a descriptor, at places of which none is used twice.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create, sendfile};
use rustix::process::{Resource, getrlimit};

/// Places begin at a multiple of this, the largest page that memory files are made of anywhere (arm64 with pages of 64 KiB; there are
/// large ones where `/sys/kernel/mm/transparent_hugepage/shmem_enabled` says so): a page has bytes of one copy only, and goes with it
/// as a whole. Of a page that stays, the kernel fills with zeros what is given back, though it may be on its way to a client.
const PLACE: u64 = 512 * 1024 * 1024;
/// So many bytes are copied at a time.
const PIECE: usize = 64 * 1024;

/// A memory file for copies of files, each in a place of its own. It has one descriptor, however many copies there are.
#[derive(Debug)]
pub struct PageStore {
    memory: Arc<File>,
    /// Where the next copy begins.
    next: AtomicU64,
}

/// A copy in a [`PageStore`]; its memory is given back when nobody has it any more.
#[derive(Debug)]
pub struct Pages {
    memory: Arc<File>,
    start: u64,
    len: u64,
}

impl PageStore {
    /// A store without a copy, which takes a descriptor and no memory yet.
    ///
    /// # Errors
    /// Those of `memfd_create(2)`; `FileTooLarge` where files have a limit of length (`RLIMIT_FSIZE`): a write beyond it would end
    /// the process.
    pub fn new() -> io::Result<Self> {
        if getrlimit(Resource::Fsize).current.is_some() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let memory = File::from(memfd_create("pages", MemfdFlags::CLOEXEC)?);
        Ok(PageStore { memory: Arc::new(memory), next: AtomicU64::new(0) })
    }

    /// Bytes of memory that all its copies take, whole pages of whatever size.
    ///
    /// # Errors
    /// Those of `fstat(2)`.
    pub fn taken(&self) -> io::Result<u64> {
        Ok(self.memory.metadata()?.blocks().saturating_mul(512)) // stat(3type): "st_blocks  Number of 512 B blocks allocated"
    }

    /// Copies `len` bytes from the beginning of a file.
    ///
    /// # Errors
    /// Those of `pread(2)` and `pwrite(2)`; `UnexpectedEof` if the file has fewer bytes.
    pub fn copy(&self, file: &File, len: u64) -> io::Result<Pages> {
        let start = self.next.fetch_add(len.next_multiple_of(PLACE), Ordering::Relaxed);
        let pages = Pages { memory: self.memory.clone(), start, len }; // gives back what was written, should the rest fail
        let mut piece = vec![0; PIECE];
        let mut done = 0;
        while done < len {
            let left = usize::try_from(len - done).unwrap_or(usize::MAX).min(PIECE);
            let bytes = piece.get_mut(..left).unwrap_or_default();
            file.read_exact_at(bytes, done)?;
            self.memory.write_all_at(bytes, start + done)?;
            done += left as u64;
        }
        Ok(pages)
    }
}

impl Pages {
    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads the bytes from `offset` on, as many as the buffer has.
    ///
    /// # Errors
    /// Those of `pread(2)`; `UnexpectedEof` if there are fewer.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.len.saturating_sub(offset) < buffer.len() as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.memory.read_exact_at(buffer, self.start.saturating_add(offset))
    }

    /// Sends at most `len` bytes from `offset` on to a socket; 0 behind the last one.
    pub(super) fn send(&self, socket: impl AsFd, offset: u64, len: usize) -> io::Result<usize> {
        let len = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(len);
        let mut from = self.start.saturating_add(offset);
        Ok(sendfile(socket, &*self.memory, Some(&mut from), len)?)
    }
}

impl Drop for Pages {
    /// Pages that are on their way to a client stay as they are until it has them: the hole that is left gets new ones, and no copy
    /// has its place again.
    fn drop(&mut self) {
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let len = self.len.next_multiple_of(PLACE);
        if len > 0
            && let Err(error) = fallocate(&*self.memory, hole, self.start, len)
        {
            log::warn!("cannot give back the memory of a copy: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn each_copy_has_its_own_bytes_and_what_nobody_has_takes_no_memory() {
        let store = PageStore::new().unwrap();
        assert_eq!(store.taken().unwrap(), 0);
        let long: Vec<u8> = (0..=250).cycle().take(PIECE + 10_000).collect();
        let (first, second) =
            (store.copy(&file(&long), long.len() as u64), store.copy(&file(b"0123456789"), 10));
        let (first, second) = (first.unwrap(), second.unwrap());
        let mut got = vec![0; long.len() - 7];
        first.read(7, &mut got).unwrap();
        assert_eq!(got, &long[7..]);
        let mut got = [0; 4];
        second.read(6, &mut got).unwrap();
        assert_eq!(&got, b"6789");
        assert_eq!(second.read(7, &mut got).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let all = store.taken().unwrap();
        assert!(all > long.len() as u64, "{all}");
        drop(first);
        assert!((10..=all / 2).contains(&store.taken().unwrap()), "the second one is left");
        second.read(6, &mut got).unwrap();
        assert_eq!(&got, b"6789");
        drop(second);
        assert_eq!(store.taken().unwrap(), 0);
    }

    /// How large pages are is a setting of the machine. Where `shmem_enabled` is `always`, the test behind the next one shows it too.
    #[test]
    fn no_two_copies_share_even_the_largest_page() {
        let store = PageStore::new().unwrap();
        let copies = [0, 1, 2].map(|_| store.copy(&file(b"0123456789"), 10).unwrap());
        let pages = copies.each_ref().map(|copy| copy.start / (512 * 1024 * 1024));
        assert_eq!(pages, [0, 1, 2]);
        assert!(copies.iter().all(|copy| copy.start % (512 * 1024 * 1024) == 0));
    }

    #[test]
    fn a_file_that_is_shorter_than_it_was_leaves_nothing_behind() {
        let store = PageStore::new().unwrap();
        let short = file(&vec![b'x'; PIECE + 10]);
        assert_eq!(store.copy(&short, PIECE as u64 + 11).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(store.taken().unwrap(), 0);
    }

    #[test]
    fn what_is_on_its_way_is_what_it_was_though_the_copy_is_gone_and_others_came() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let store = PageStore::new().unwrap();
        let pages = store.copy(&file(&vec![b'a'; 20_000]), 20_000).unwrap();
        let _neighbour = store.copy(&file(&vec![b'b'; 20_000]), 20_000).unwrap();
        assert_eq!(pages.send(&server, 100, 30_000).unwrap(), 19_900, "no byte of a neighbour");
        assert_eq!(pages.send(&server, 20_000, 1).unwrap(), 0);
        drop(pages);
        let others: Vec<Pages> =
            (0..8).map(|_| store.copy(&file(&vec![b'b'; 20_000]), 20_000).unwrap()).collect();
        drop(server);
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert!(got.len() == 19_900 && got.iter().all(|byte| *byte == b'a'));
        drop(others);
    }
}
