//! The files of `--root`, through the cache. All workers share one.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use rustix::io::Errno;

use crate::cache::{Cache, Checked};
use crate::encoding::Coding;
use crate::fields::SharedFields;
use crate::open_error::OpenError;
use crate::representation::{Body, Facts, Representation, Resource};
use crate::root::Root;
use crate::stamp::Stamp;
use crate::tree::{Found, Opened, Tree};

/// We read files of up to this many bytes into memory, and send larger ones piece by piece.
pub(crate) const LARGE: u64 = 64 * 1024;
/// How often we read a file that changes meanwhile.
const TRIES: usize = 3;

/// A served directory.
#[derive(Debug)]
pub(crate) struct Directory {
    root: Root,
    cache: Cache<Loaded>,
    /// Counts the changes of files that we have seen. A deployment within the root writes the assets first and the page that
    /// names them last: a client that has got the one must get the others, too, so a change anywhere ends the trust in what
    /// was looked at before.
    changes: AtomicU64,
    shared: Arc<SharedFields>,
}

#[derive(Debug)]
struct Loaded {
    resource: Arc<Resource>,
    stamps: Stamps,
    /// True if equal stamps mean the same answer.
    is_sure: bool,
}

/// The stamps of a file and of its siblings, by coding; `None` for a sibling that cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamps {
    file: Stamp,
    siblings: [Option<Stamp>; Coding::ALL.len()],
}

impl Directory {
    /// Serves the files beneath `root`, and keeps at most `cache_bytes` of ready answers.
    pub(crate) fn new(root: Root, cache_bytes: usize, shared: Arc<SharedFields>) -> Self {
        Directory { root, cache: Cache::new(cache_bytes), changes: AtomicU64::new(0), shared }
    }

    /// The fields of its answers.
    pub(crate) fn shared(&self) -> &Arc<SharedFields> {
        &self.shared
    }

    /// The number of the release that we serve.
    pub(crate) fn release(&self) -> u64 {
        self.root.number()
    }

    /// Looks where the root leads now, and returns the number of that release.
    ///
    /// # Errors
    /// `Busy` if the root cannot be opened.
    pub(crate) fn look(&self) -> Result<u64, OpenError> {
        self.root.look().map(|release| release.number)
    }

    /// The file of this name; `None` if it is a directory. `wall` is in seconds since 1970.
    pub(crate) fn load(
        &self,
        name: &[u8],
        now: Instant,
        wall: i64,
    ) -> Result<Option<Arc<Resource>>, OpenError> {
        let slot = self.cache.slot(name);
        // Another worker may hold the slot while it looks at this very file.
        let mut place = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.root.number();
        // Read before the file: a change that is seen meanwhile counts as later than our look.
        let changes = self.changes.load(Ordering::SeqCst);
        if let Some(checked) = place.as_ref().filter(|checked| checked.is_fresh(current, changes, now)) {
            return Ok(Some(checked.value.resource.clone()));
        }
        // While the root cannot be opened, we go on with the last one.
        let release = self.root.look().unwrap_or_else(|_| self.root.release());
        if let Some(checked) = place.as_mut().filter(|checked| checked.release == release.number)
            && checked.value.is_sure
            && is_unchanged(&release.tree, name, &checked.value.stamps)
        {
            (checked.at, checked.changes) = (now, changes);
            return Ok(Some(checked.value.resource.clone()));
        }
        let read = self.read(&release.tree, name, wall);
        if is_news(place.as_ref().map(|checked| &*checked.value), read.as_ref().ok().and_then(Option::as_ref))
        {
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
        match read {
            Ok(Some(loaded)) => {
                let resource = loaded.resource.clone();
                *place = Some(Checked { value: Arc::new(loaded), at: now, release: release.number, changes });
                drop(place);
                self.cache.keep(name, &slot, resource.cost());
                Ok(Some(resource))
            }
            nothing => {
                *place = None;
                drop(place);
                self.cache.remove(name, &slot);
                nothing.map(|_| None)
            }
        }
    }

    /// Opens the file of a body on disk; `None` if it is gone or has changed: then [`load`](Directory::load) it again.
    ///
    /// With `may_grow`, for an answer without validators, more bytes behind the first ones are no change.
    pub(crate) fn open(&self, name: &[u8], stamp: &Stamp, may_grow: bool) -> Option<File> {
        match self.root.release().tree.open_file(name) {
            Ok(Opened::File(file, current))
                if current == *stamp || (may_grow && current.has_grown_from(stamp)) =>
            {
                Some(file)
            }
            _ => None,
        }
    }

    /// Drops a file that has changed from the cache.
    pub(crate) fn forget(&self, name: &[u8]) {
        self.cache.forget(name);
    }

    /// Reads the file and its siblings; `None` if it is a directory.
    fn read(&self, tree: &Tree, name: &[u8], wall: i64) -> Result<Option<Loaded>, OpenError> {
        let Some((body, file)) = read_one(tree, name)? else { return Ok(None) };
        let stamps = Stamps { file, siblings: look_at_siblings(tree, name) };
        let mut found = vec![(None, body, file)];
        for (coding, sibling) in Coding::ALL.into_iter().zip(stamps.siblings) {
            if sibling.is_some_and(|sibling| is_offered(&sibling, &file, wall))
                // A sibling is an offer, which we do not make if it cannot be read, for whatever reason.
                && let Ok(Some((body, sibling))) = read_one(tree, &name_of_sibling(name, coding))
                && is_offered(&sibling, &file, wall)
            {
                found.push((Some(coding), body, sibling));
            }
        }
        let mut all_stamps = stamps.siblings.iter().flatten().chain([&file]);
        let is_sure = all_stamps.all(|stamp| stamp.is_sure(wall));
        let varies = found.len() > 1;
        let mut representations = found.into_iter().map(|(coding, body, stamp)| {
            let facts = Facts {
                name,
                coding,
                varies,
                modified: stamp.date(wall),
                is_settled: stamp.is_settled(wall),
            };
            (coding, Representation::new(facts, body, &self.shared))
        });
        let Some((None, identity)) = representations.next() else { return Ok(None) };
        let coded = representations.filter_map(|(coding, it)| coding.map(|coding| (coding, it))).collect();
        Ok(Some(Loaded { resource: Arc::new(Resource { identity, coded }), stamps, is_sure }))
    }
}

/// True if what was read shows a change of the root: it differs from what we had, or is so young that a deployment may be
/// going on.
fn is_news(before: Option<&Loaded>, after: Option<&Loaded>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => before.stamps != after.stamps,
        (Some(_), None) => true,
        (None, Some(after)) => !after.is_sure,
        (None, None) => false,
    }
}

/// True if the file and its siblings still have these stamps; nothing is opened.
fn is_unchanged(tree: &Tree, name: &[u8], before: &Stamps) -> bool {
    tree.look(name) == Ok(Found::File(before.file)) && look_at_siblings(tree, name) == before.siblings
}

fn look_at_siblings(tree: &Tree, name: &[u8]) -> [Option<Stamp>; Coding::ALL.len()] {
    Coding::ALL.map(|coding| match tree.look(&name_of_sibling(name, coding)) {
        Ok(Found::File(stamp)) => Some(stamp),
        Ok(Found::Directory) | Err(_) => None,
    })
}

fn name_of_sibling(name: &[u8], coding: Coding) -> Vec<u8> {
    [name, coding.ending()].concat()
}

/// True if a sibling holds the content of the file, as far as its stamp tells.
fn is_offered(sibling: &Stamp, file: &Stamp, wall: i64) -> bool {
    // An older one holds the content from before the last change. The programs that compress set the file's own time in
    // whole seconds, so the rest of it says nothing. One that is empty or has just been written to may not be complete.
    sibling.modified.0 >= file.modified.0 && sibling.len > 0 && sibling.is_settled(wall)
}

/// Reads the bytes of a small file, and only the stamp of a large one; `None` if it is a directory.
fn read_one(tree: &Tree, name: &[u8]) -> Result<Option<(Body, Stamp)>, OpenError> {
    for tries_left in (0..TRIES).rev() {
        let Opened::File(file, stamp) = tree.open_file(name)? else { return Ok(None) };
        if stamp.len > LARGE {
            return Ok(Some((Body::Disk(name.to_owned(), stamp), stamp)));
        }
        let read = read_range(&file, 0, stamp.len).and_then(|bytes| Ok((bytes, Stamp::of_file(&file)?)));
        match read {
            // A file that never comes to rest, such as a log, is sent as long as it was; the later stamp says how young it is.
            Ok((bytes, after)) if after == stamp || tries_left == 0 => {
                return Ok(Some((Body::Memory(bytes.into()), after)));
            }
            // It became shorter meanwhile.
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
                return Err(OpenError::of(Errno::from_io_error(&error).unwrap_or(Errno::IO), name));
            }
            _ => {}
        }
    }
    Err(OpenError::Busy)
}

/// Reads exactly `len` bytes from `offset`, at most [`LARGE`]; `UnexpectedEof` if the file has fewer.
pub(crate) fn read_range(file: &File, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len.min(LARGE)).unwrap_or_default()];
    file.read_exact_at(&mut bytes, offset)?;
    // A truncation shortens the file before it clears the rest of the last page: what was read beyond the length may be zeros.
    if file.metadata()?.len() < offset.saturating_add(len) {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}
