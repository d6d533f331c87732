//! The files of `--root`, through the cache. All workers share one.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use reactor::Pages;
use rustix::io::Errno;

use crate::cache::{Cache, Kept, Slot};
use crate::copies::{self, Copies};
use crate::encoding::Coding;
use crate::fields::SharedFields;
use crate::folder::{Folder, Folders, Sibling};
use crate::look::{FRESH, Look};
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
    folders: Folders,
    cache: Cache<Loaded>,
    copies: Copies,
    /// Counts the changes of files that we have seen. A deployment within the root writes the assets first and the page that
    /// names them last: a client that has got the one must get the others, too, so a change anywhere ends the trust in what
    /// was looked at before.
    changes: AtomicU64,
    shared: Arc<SharedFields>,
}

/// A file that was found in the cache.
pub(crate) type KnownFile = Kept<Loaded>;

#[derive(Debug)]
pub(crate) struct Loaded {
    resource: Arc<Resource>,
    stamps: Stamps,
    /// True if equal stamps mean the same answer.
    is_sure: bool,
    /// When it last agreed with the disk.
    look: Look,
    /// The stamp of its directory at that look, as in [`Folder::names`].
    names: Option<Stamp>,
    /// True once somebody has asked for it again since that look.
    was_asked_again: bool,
}

/// The stamp of a file, and what there is of its siblings, by coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamps {
    file: Stamp,
    siblings: [Sibling; Coding::ALL.len()],
}

impl Loaded {
    /// True if the next answer can have the same bytes: they are in memory, or in files of which an equal stamp says so. A young file
    /// is opened for each answer, and sent as it was then: another one may soon have its name, and even its inode.
    fn can_be_had_again(&self) -> bool {
        self.is_sure || self.resource.is_in_memory()
    }

    /// Looks whether it is still the answer, and notes so; nothing is opened. `wall` is in seconds since 1970.
    fn renew(&mut self, folder: &Folder, name: &[u8], wall: i64) -> bool {
        // The clock may have been set back before the modification, or has come to one that was in the future.
        let has_its_date = self.resource.identity.validators.modified == self.stamps.file.date(wall);
        let same_names = self.names.is_some() && self.names == folder.names;
        let is_same = self.is_sure
            && has_its_date
            && self.look.release == folder.look.release
            && folder.look(name) == Ok(Found::File(self.stamps.file))
            && look_at_siblings(folder, name, same_names.then_some(self.stamps.siblings))
                == self.stamps.siblings;
        if is_same {
            (self.look, self.names, self.was_asked_again) = (folder.look, folder.names, false);
        }
        is_same
    }
}

impl Directory {
    /// Serves the files beneath `root`, and keeps at most `cache_bytes` of ready answers; copies of large files that clients are
    /// still taking may be half as much again.
    pub(crate) fn new(root: Root, cache_bytes: usize, shared: Arc<SharedFields>) -> Self {
        let (cache, copies) = (Cache::new(cache_bytes), Copies::new(cache_bytes as u64 / 2));
        let (folders, changes) = (Folders::new(), AtomicU64::new(0));
        Directory { root, folders, cache, copies, changes, shared }
    }

    /// Closes the directories in which it has looked lately; true if one is open still.
    pub(crate) fn close_folders(&self, now: Instant) -> bool {
        self.folders.close(now)
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
        let now = self.begin_look(now);
        if place.as_ref().is_some_and(|loaded| loaded.can_be_had_again() && loaded.look.is_fresh(&now, FRESH))
        {
            return Ok(self.asked_again(place, name, &slot));
        }
        let read = self.folders.look(&self.root, name, (now, wall), |folder| {
            if place.as_mut().is_some_and(|loaded| loaded.renew(folder, name, wall)) {
                return Ok(None);
            }
            self.read(folder, name, wall).map(Some)
        });
        let Some(read) = read.transpose() else { return Ok(self.asked_again(place, name, &slot)) };
        if is_news(place.as_ref(), read.as_ref().ok().and_then(Option::as_ref)) {
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
        match read {
            Ok(Some(mut loaded)) => {
                let closed = loaded.resource.closed();
                let resource = std::mem::replace(&mut loaded.resource, closed);
                *place = Some(loaded);
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

    /// The file of this name, if it is in the cache.
    pub(crate) fn known(&self, name: &[u8]) -> Option<KnownFile> {
        self.cache.kept(name)
    }

    /// What [`load`](Directory::load) would return for a known file, if that is in the cache still, and neither the disk has to be
    /// looked at nor the file copied; and the look that showed it.
    pub(crate) fn recall(&self, file: &KnownFile, now: Instant) -> Option<(Arc<Resource>, Look)> {
        let slot = self.cache.slot_of(file)?;
        let place = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = place.as_ref().filter(|loaded| loaded.was_asked_again)?;
        let is_fresh = loaded.look.is_fresh(&self.begin_look(now), FRESH);
        is_fresh.then(|| (loaded.resource.clone(), loaded.look))
    }

    /// True if the bytes of what [`recall`](Directory::recall) returned with this look are still the answer: it takes no lock, and writes
    /// nothing that another worker reads. A worker that finds others counts a change before it answers with them.
    pub(crate) fn is_as_recalled(&self, file: &KnownFile, look: &Look, now: Instant) -> bool {
        self.cache.has_all_since(file) && look.is_fresh(&self.begin_look(now), FRESH)
    }

    /// A look that begins now.
    fn begin_look(&self, at: Instant) -> Look {
        // Counted before the look: a change that is seen meanwhile is later.
        let changes = self.changes.load(Ordering::SeqCst);
        Look { at, release: self.root.number(), changes }
    }

    /// What a slot holds, for the second request and later ones: its large files are copied, once after each look.
    fn asked_again(
        &self,
        mut place: MutexGuard<'_, Option<Loaded>>,
        name: &[u8],
        slot: &Arc<Slot<Loaded>>,
    ) -> Option<Arc<Resource>> {
        let loaded = place.as_mut()?;
        let is_first = !std::mem::replace(&mut loaded.was_asked_again, true);
        if is_first && let Some(copied) = self.copied(name, loaded) {
            loaded.resource = copied.clone();
            drop(place);
            self.cache.keep(name, slot, copied.cost());
            return Some(copied);
        }
        Some(loaded.resource.clone())
    }

    /// The same with copies of its large files in memory; `None` if there are no others than it has.
    fn copied(&self, name: &[u8], loaded: &Loaded) -> Option<Arc<Resource>> {
        let on_disk = loaded.resource.copyable();
        let cost = loaded.resource.cost().saturating_add(on_disk);
        // Of a version that may still change under the same stamp nobody could say what the copy is of.
        if on_disk == 0 || !loaded.is_sure || !self.cache.takes(name, cost) {
            return None;
        }
        let tree = self.root.release().tree;
        let mut resource = Resource::clone(&loaded.resource);
        let mut is_new = false;
        for representation in resource.all_mut() {
            if let Body::Disk { name, stamp, copy: copy @ None, .. } = &mut representation.body {
                *copy = self.copy(&tree, name, stamp);
                is_new |= copy.is_some();
            }
        }
        is_new.then(|| Arc::new(resource))
    }

    /// Copies the file of this name if it is the one with this stamp, and still is when that is done.
    fn copy(&self, tree: &Tree, name: &[u8], stamp: &Stamp) -> Option<Arc<Pages>> {
        if stamp.len > copies::MOST {
            return None;
        }
        let Ok(Opened::File(file, current)) = tree.open_file(name) else { return None };
        let copy = self.copies.copy(&file, stamp.len).ok()??;
        (current == *stamp && Stamp::of_file(&file).ok()? == *stamp).then_some(copy)
    }

    /// Opens the file of a body on disk; `None` if it is gone or has changed: then [`load`](Directory::load) it again.
    pub(crate) fn open(&self, name: &[u8], stamp: &Stamp) -> Option<File> {
        match self.root.release().tree.open_file(name) {
            Ok(Opened::File(file, current)) if current == *stamp => Some(file),
            _ => None,
        }
    }

    /// Drops a file that has changed from the cache.
    pub(crate) fn forget(&self, name: &[u8]) {
        self.cache.forget(name);
    }

    /// Reads the file and its siblings; `None` if it is a directory.
    fn read(&self, folder: &Folder, name: &[u8], wall: i64) -> Result<Option<Loaded>, OpenError> {
        let Some((body, file)) = read_one(folder, name)? else { return Ok(None) };
        let stamps = Stamps { file, siblings: look_at_siblings(folder, name, None) };
        let mut found = vec![(None, body, file)];
        for (coding, sibling) in Coding::ALL.into_iter().zip(stamps.siblings) {
            if matches!(sibling, Sibling::File(sibling) if is_offered(&sibling, &file, wall))
                // A sibling is an offer, which we do not make if it cannot be read, for whatever reason.
                && let Ok(Some((body, sibling))) = read_one(folder, &name_of_sibling(name, coding))
                && is_offered(&sibling, &file, wall)
            {
                found.push((Some(coding), body, sibling));
            }
        }
        let is_young = |sibling: &Sibling| matches!(sibling, Sibling::File(stamp) if !stamp.is_sure(wall));
        let is_sure = file.is_sure(wall) && !stamps.siblings.iter().any(is_young);
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
        let resource = Arc::new(Resource { identity, coded });
        let (look, names) = (folder.look, folder.names);
        Ok(Some(Loaded { resource, stamps, is_sure, look, names, was_asked_again: false }))
    }
}

/// True if what was read shows a change of the root: it differs from what we had, or is so young that a deployment may be
/// going on.
fn is_news(before: Option<&Loaded>, after: Option<&Loaded>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => {
            before.stamps != after.stamps || !after.resource.has_bytes_of(&before.resource)
        }
        (Some(_), None) => true,
        (None, Some(after)) => !after.is_sure,
        (None, None) => false,
    }
}

/// What there is of the siblings. `before` is what there was if no name came or went since: which were absent then are so now.
fn look_at_siblings(
    folder: &Folder,
    name: &[u8],
    before: Option<[Sibling; Coding::ALL.len()]>,
) -> [Sibling; Coding::ALL.len()] {
    if before.is_none() && folder.lacks_siblings() {
        return [Sibling::Absent; Coding::ALL.len()];
    }
    let mut siblings = before.unwrap_or([Sibling::Unusable; Coding::ALL.len()]);
    for (coding, sibling) in Coding::ALL.into_iter().zip(&mut siblings) {
        if *sibling != Sibling::Absent {
            *sibling = folder.look_at_sibling(&name_of_sibling(name, coding));
        }
    }
    siblings
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
fn read_one(folder: &Folder, name: &[u8]) -> Result<Option<(Body, Stamp)>, OpenError> {
    for tries_left in (0..TRIES).rev() {
        let Opened::File(file, stamp) = folder.open_file(name)? else { return Ok(None) };
        if stamp.len > LARGE {
            let file = Some(Arc::new(file));
            return Ok(Some((Body::Disk { name: name.to_owned(), stamp, copy: None, file }, stamp)));
        }
        match read_range(&file, 0, stamp.len) {
            // A file that never comes to rest, such as a log, is sent as long as it was; the later stamp says how young it is.
            Ok((bytes, after)) if after == stamp || tries_left == 0 => {
                return Ok(Some((Body::Memory(bytes), after)));
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

/// Reads exactly `len` bytes from `offset`, at most [`LARGE`], and the file's stamp behind that; `UnexpectedEof` if it has fewer.
pub(crate) fn read_range(file: &File, offset: u64, len: u64) -> io::Result<(Arc<[u8]>, Stamp)> {
    let length = usize::try_from(len.min(LARGE)).unwrap_or_default();
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, length).collect();
    // Nobody else has it yet.
    file.read_exact_at(Arc::get_mut(&mut bytes).unwrap_or_default(), offset)?;
    // A truncation shortens the file before it clears the rest of the last page: what was read beyond the length may be zeros.
    let after = Stamp::of_file(file)?;
    if after.len < offset.saturating_add(len) {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok((bytes, after))
}

#[cfg(test)]
mod tests;
