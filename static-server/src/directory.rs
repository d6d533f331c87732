//! The files of `--root`, through the cache. All workers share one.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::io::Errno;

use crate::cache::{Cache, Slot};
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

#[derive(Debug)]
struct Loaded {
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
    /// Looks whether it is still the answer, and notes so; nothing is opened.
    fn renew(&mut self, folder: &Folder, name: &[u8]) -> bool {
        let same_names = self.names.is_some() && self.names == folder.names;
        let is_same = self.is_sure
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
        let (cache, copies) = (Cache::new(cache_bytes), Copies::new(cache_bytes / 2));
        let (folders, changes) = (Folders::new(), AtomicU64::new(0));
        Directory { root, folders, cache, copies, changes, shared }
    }

    /// Closes the directories in which it has looked lately.
    pub(crate) fn close_folders(&self) {
        self.folders.close();
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
        // Counted before the look: a change that is seen meanwhile is later.
        let changes = self.changes.load(Ordering::SeqCst);
        let now = Look { at: now, release: self.root.number(), changes };
        if place.as_ref().is_some_and(|loaded| loaded.look.is_fresh(&now, FRESH)) {
            return Ok(self.asked_again(place, name, &slot));
        }
        let read = self.folders.look(&self.root, name, (now, wall), |folder| {
            if place.as_mut().is_some_and(|loaded| loaded.renew(folder, name)) {
                return Ok(None);
            }
            self.read(folder, name, wall).map(Some)
        });
        let read = match read {
            Ok(None) => return Ok(self.asked_again(place, name, &slot)),
            Ok(Some(loaded)) => Ok(loaded),
            Err(error) => Err(error),
        };
        if is_news(place.as_ref(), read.as_ref().ok().and_then(Option::as_ref)) {
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
        match read {
            Ok(Some(loaded)) => {
                let resource = loaded.resource.clone();
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
            if let Body::Disk(name, stamp) = &representation.body
                && let Some(copy) = self.copy(&tree, name, stamp)
            {
                representation.body = Body::Memory(copy);
                is_new = true;
            }
        }
        is_new.then(|| Arc::new(resource))
    }

    /// Copies the file of this name if it is the one with this stamp, and still is when that is done.
    fn copy(&self, tree: &Tree, name: &[u8], stamp: &Stamp) -> Option<Arc<[u8]>> {
        if stamp.len > copies::MOST {
            return None;
        }
        let Ok(Opened::File(file, current)) = tree.open_file(name) else { return None };
        let copy = self.copies.read(&file, stamp.len).ok()??;
        (current == *stamp && Stamp::of_file(&file).ok()? == *stamp).then_some(copy)
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
        (Some(before), Some(after)) => before.stamps != after.stamps,
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
            return Ok(Some((Body::Disk(name.to_owned(), stamp), stamp)));
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
    let mut bytes = vec![0; usize::try_from(len.min(LARGE)).unwrap_or_default()];
    file.read_exact_at(&mut bytes, offset)?;
    // A truncation shortens the file before it clears the rest of the last page: what was read beyond the length may be zeros.
    let after = Stamp::of_file(file)?;
    if after.len < offset.saturating_add(len) {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok((bytes.into(), after))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // the cache wants to know the time
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::look::FOUND;

    /// Late enough that every file is settled, in seconds since 1970.
    const LATER: i64 = 1 << 40;
    const SIZE: usize = 100_000;

    fn directory(cache_bytes: usize) -> (tempfile::TempDir, Directory) {
        let dir = tempfile::tempdir().unwrap();
        for (name, size) in [("file", SIZE), ("file.gz", SIZE / 2), ("huge", 2 << 20)] {
            std::fs::write(dir.path().join(name), vec![b'1'; size]).unwrap();
        }
        let directory = Directory::new(Root::open(dir.path()).unwrap(), cache_bytes, Arc::default());
        (dir, directory)
    }

    /// True if the body is in memory; the tag.
    fn asked(directory: &Directory, name: &str, now: Instant, wall: i64) -> (bool, Option<String>) {
        let resource = directory.load(name.as_bytes(), now, wall).unwrap().unwrap();
        let Representation { body, validators, .. } = &resource.identity;
        (matches!(body, Body::Memory(_)), validators.etag.clone())
    }

    #[test]
    fn a_large_file_that_is_asked_for_again_is_copied_under_the_same_tag_until_it_changes() {
        let (dir, directory) = directory(1 << 20);
        let now = Instant::now();
        let (is_copied, tag) = asked(&directory, "file", now, LATER);
        assert!(!is_copied && tag.is_some());
        assert_eq!(asked(&directory, "file", now, LATER), (true, tag.clone()));
        assert_eq!(asked(&directory, "file", now + Duration::from_mins(1), LATER), (true, tag.clone()));
        let again = directory.load(b"file", now, LATER).unwrap().unwrap();
        let Body::Memory(copy) = &again.identity.body else { panic!("it is copied") };
        assert_eq!(copy.to_vec(), vec![b'1'; SIZE]);
        std::fs::write(dir.path().join("file"), vec![b'2'; SIZE + 1]).unwrap();
        let (is_copied, next) = asked(&directory, "file", now + Duration::from_mins(2), LATER);
        assert!(!is_copied && next != tag, "it is another one");
    }

    #[test]
    fn a_file_is_not_copied_while_it_is_young_nor_where_it_finds_no_room() {
        for (cache_bytes, name, wall) in
            [(1 << 20, "file", 0), (1 << 18, "file", LATER), (0, "file", LATER), (1 << 30, "huge", LATER)]
        {
            let (_dir, directory) = directory(cache_bytes);
            let now = Instant::now();
            for _ in 0..3 {
                assert!(!asked(&directory, name, now, wall).0, "{name}, {cache_bytes} at {wall}");
            }
        }
    }

    #[test]
    fn a_version_that_is_no_longer_there_is_not_copied_for_the_one_before() {
        let (dir, directory) = directory(1 << 20);
        let now = Instant::now();
        let (_, tag) = asked(&directory, "file", now, LATER);
        std::fs::write(dir.path().join("file"), vec![b'2'; SIZE]).unwrap();
        assert_eq!(asked(&directory, "file", now, LATER), (false, tag), "half a second is not over");
    }

    /// Sets the time of a directory's last modification back, so that a name that comes or goes in it sets another one for sure.
    fn set_back(path: &Path) {
        File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }

    /// The body, and whether there is a sibling.
    fn small(directory: &Directory, name: &str, now: Instant) -> Result<(String, bool), OpenError> {
        let resource = directory.load(name.as_bytes(), now, LATER)?.expect("a file");
        let Body::Memory(bytes) = &resource.identity.body else { panic!("it is small") };
        Ok((String::from_utf8_lossy(bytes).into_owned(), !resource.coded.is_empty()))
    }

    /// A root with a file in each of these folders, which holds the folder's name; `outside` lies beside the root.
    fn folders(names: &[&str]) -> (tempfile::TempDir, PathBuf, Directory) {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        for folder in names.iter().map(|name| root.join(name)).chain([outer.path().join("outside")]) {
            std::fs::create_dir_all(&folder).unwrap();
            for file in ["file", "other"] {
                std::fs::write(folder.join(file), folder.file_name().unwrap().as_encoded_bytes()).unwrap();
            }
        }
        let directory = Directory::new(Root::open(&root).unwrap(), 1 << 20, Arc::default());
        (outer, root, directory)
    }

    /// Puts one directory in the place of another.
    fn replace(root: &Path, old: &str, new: &str) {
        std::fs::rename(root.join(old), root.join("old")).unwrap();
        std::fs::rename(root.join(new), root.join(old)).unwrap();
    }

    #[test]
    fn a_sibling_that_comes_goes_or_is_found_behind_its_link_shows_at_the_next_look() {
        let (_outer, root, directory) = folders(&["a"]);
        let is_packed = |looks| small(&directory, "a/file", looks).unwrap().1;
        let mut now = Instant::now();
        symlink("../packed", root.join("a/file.br")).unwrap();
        set_back(&root.join("a"));
        for path in [root.join("a/file.gz"), root.join("packed")] {
            assert!(!is_packed(now));
            std::fs::write(&path, "packed").unwrap();
            now += FRESH;
            assert!(is_packed(now), "{}", path.display());
            std::fs::remove_file(path).unwrap();
            now += FRESH;
        }
    }

    #[test]
    fn a_directory_that_takes_the_place_of_another_shows_within_half_a_second() {
        let (_outer, root, directory) = folders(&["a", "b"]);
        let now = Instant::now();
        assert_eq!(small(&directory, "a/file", now).unwrap().0, "a");
        replace(&root, "a", "b");
        assert_eq!(small(&directory, "a/file", now + FRESH).unwrap().0, "b");
    }

    #[test]
    fn no_name_is_missing_that_another_directory_has_by_now() {
        let (_outer, root, directory) = folders(&["a", "b"]);
        std::fs::write(root.join("b/new"), "b").unwrap();
        let now = Instant::now();
        assert_eq!(small(&directory, "a/file", now).unwrap().0, "a");
        replace(&root, "a", "b");
        assert_eq!(small(&directory, "a/new", now).unwrap().0, "b");
        assert_eq!(small(&directory, "a/other", now).unwrap().0, "b");
    }

    #[test]
    fn a_look_in_a_directory_is_as_old_as_the_directory_s() {
        let (_outer, root, directory) = folders(&["a", "b"]);
        let now = Instant::now();
        small(&directory, "a/file", now).unwrap();
        assert_eq!(small(&directory, "a/other", now + FOUND / 2).unwrap().0, "a");
        replace(&root, "a", "b");
        assert_eq!(small(&directory, "a/other", now + FRESH).unwrap().0, "b");
    }

    #[test]
    fn a_directory_that_leaves_the_root_shows_nothing_more_though_a_link_leads_to_it() {
        let (outer, root, directory) = folders(&["a"]);
        let now = Instant::now();
        small(&directory, "a/file", now).unwrap();
        std::fs::rename(root.join("a"), outer.path().join("away")).unwrap();
        symlink("../away", root.join("a")).unwrap();
        assert_eq!(small(&directory, "a/file", now + FRESH), Err(OpenError::Missing));
        assert_eq!(small(&directory, "a/other", now + FRESH), Err(OpenError::Missing));
    }

    #[test]
    fn nothing_is_opened_in_a_directory_that_has_left_the_root() {
        let (outer, root, directory) = folders(&["a"]);
        let now = Instant::now();
        small(&directory, "a/file", now).unwrap();
        std::fs::rename(root.join("a"), outer.path().join("away")).unwrap();
        assert_eq!(small(&directory, "a/other", now), Err(OpenError::Missing));
        symlink("../outside/file", root.join("link")).unwrap();
        assert_eq!(small(&directory, "link", now), Err(OpenError::Missing));
    }

    #[test]
    fn a_change_that_is_seen_ends_the_trust_in_directories_that_were_found_before() {
        let (_outer, root, directory) = folders(&["a", "b"]);
        std::fs::write(root.join("page"), "first").unwrap();
        let now = Instant::now();
        assert_eq!(small(&directory, "page", now).unwrap().0, "first");
        let later = now + FRESH * 19 / 20;
        assert_eq!(small(&directory, "a/file", later).unwrap().0, "a");
        replace(&root, "a", "b");
        std::fs::write(root.join("page"), "the second").unwrap();
        assert_eq!(small(&directory, "a/file", later).unwrap().0, "a");
        assert_eq!(small(&directory, "page", now + FRESH).unwrap().0, "the second");
        assert_eq!(
            small(&directory, "a/other", now + FRESH).unwrap().0,
            "b",
            "who has the page gets what it names"
        );
    }
}
