//! The directories in which files were looked at lately: a look at a file is one system call where its directory is known.
//!
//! A directory is found beneath the root, as a file is. A look in it takes a name without a slash and follows no link, so that it
//! leads nowhere else; what is a link is looked up from the root. Such a look says whether what we have is still so, and what is to
//! be opened: whatever is opened is found beneath the root anew.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Instant;

use rustix::fs::{AtFlags, FileType, Stat, statat};
use rustix::io::{Errno, retry_on_intr};

use crate::cache::Cache;
use crate::listing::Listings;
use crate::look::{FOUND, Look};
use crate::open_error::OpenError;
use crate::root::{Release, Root};
use crate::stamp::Stamp;
use crate::tree::{Found, Opened};

/// At most 64 directories are open, by what one takes at least in a [`Cache`].
const MAX_BYTES: usize = 64 * 128;

/// A directory as it was found.
#[derive(Debug)]
pub(crate) struct Folder {
    release: Release,
    directory: File,
    /// When it was found.
    pub(crate) look: Look,
    /// Its stamp: names come and go only with another one. `None` while it is so young that they may do so under the same one.
    pub(crate) names: Option<Stamp>,
    /// True if it has no packed sibling, once that is known.
    lacks_siblings: OnceLock<bool>,
    listings: Arc<Listings>,
}

/// What there is of a name beside a file's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sibling {
    /// No such name.
    Absent,
    /// Something that cannot be had, such as a link that leads nowhere, or a directory.
    Unusable,
    /// A regular file.
    File(Stamp),
}

impl Folder {
    fn find(
        root: &Root,
        name: &[u8],
        (now, wall): (Look, i64),
        listings: &Arc<Listings>,
    ) -> Result<Self, OpenError> {
        // While the root cannot be opened, we go on with the last one.
        let release = root.look().unwrap_or_else(|_| root.release());
        let directory = release.tree.directory(name)?;
        let stamp = Stamp::of_file(&directory).map_err(|errno| OpenError::of(errno, name))?;
        let look = Look { release: release.number, ..now };
        let names = stamp.is_sure(wall).then_some(stamp);
        let lacks_siblings = OnceLock::new();
        Ok(Folder { release, directory, look, names, lacks_siblings, listings: listings.clone() })
    }

    /// True if it has no packed sibling, as far as that is known.
    pub(crate) fn lacks_siblings(&self) -> bool {
        let Some(names) = self.names else { return false };
        if let Some(known) = self.lacks_siblings.get() {
            return *known;
        }
        let found = self.listings.go_on(&self.directory, names, self.look.at);
        found.is_some_and(|found| *self.lacks_siblings.get_or_init(|| found))
    }

    /// Looks at the file of this name, which begins at the root.
    pub(crate) fn look(&self, name: &[u8]) -> Result<Found, OpenError> {
        self.found(name, self.entry(name))
    }

    /// Looks at a file that may be missing beside another one.
    pub(crate) fn look_at_sibling(&self, name: &[u8]) -> Sibling {
        match self.entry(name) {
            Err(Errno::NOENT) => Sibling::Absent,
            entry => match self.found(name, entry) {
                Ok(Found::File(stamp)) => Sibling::File(stamp),
                Ok(Found::Directory) | Err(_) => Sibling::Unusable,
            },
        }
    }

    /// Opens the file of this name for reading, once a look has shown that it is one.
    pub(crate) fn open_file(&self, name: &[u8]) -> Result<Opened, OpenError> {
        self.release.tree.open_file_behind(name, || self.look(name))
    }

    fn found(&self, name: &[u8], entry: Result<Option<Stat>, Errno>) -> Result<Found, OpenError> {
        match entry {
            Ok(Some(stat)) => Found::of(&stat),
            Ok(None) => self.release.tree.look(name),
            Err(errno) => Err(OpenError::of(errno, name)),
        }
    }

    /// What has the last component of this name; `None` if that may lead out of the directory.
    fn entry(&self, name: &[u8]) -> Result<Option<Stat>, Errno> {
        let (_, last) = split(name);
        if matches!(last, b"" | b"." | b"..") {
            return Ok(None);
        }
        let stat = retry_on_intr(|| statat(&self.directory, last, AtFlags::SYMLINK_NOFOLLOW))?;
        Ok((FileType::from_raw_mode(stat.st_mode) != FileType::Symlink).then_some(stat))
    }
}

/// The name of the directory, empty for the root, and the last component.
fn split(name: &[u8]) -> (&[u8], &[u8]) {
    let slash = name.iter().rposition(|&byte| byte == b'/');
    let parts = slash.and_then(|at| Some((name.get(..at)?, name.get(at + 1..)?)));
    parts.unwrap_or((b"", name))
}

/// The directories that were found lately. All workers share them.
#[derive(Debug)]
pub(crate) struct Folders {
    cache: Cache<Arc<Folder>>,
    listings: Arc<Listings>,
    /// The number of the release to which they belong: once it is replaced, we keep nothing of it open.
    release: AtomicU64,
}

impl Folders {
    pub(crate) fn new() -> Self {
        Folders { cache: Cache::new(MAX_BYTES), listings: Arc::default(), release: AtomicU64::new(0) }
    }

    /// Closes all of them: while one is open, nothing that is mounted above it can be unmounted. True if one is open still,
    /// as its listing goes on.
    pub(crate) fn close(&self, now: Instant) -> bool {
        self.cache.clear();
        self.listings.close_left(now)
    }

    /// What `look` makes of the directory of the file with this name. Another one may have taken the place of a directory that was
    /// found for an earlier request: before a name counts as one that cannot be had, `look` gets the one that is there now.
    pub(crate) fn look<T>(
        &self,
        root: &Root,
        name: &[u8],
        (now, wall): (Look, i64),
        mut look: impl FnMut(&Folder) -> Result<T, OpenError>,
    ) -> Result<T, OpenError> {
        let (name, _) = split(name);
        let slot = self.cache.slot(name);
        // The lock is held while the directory is looked for, so that nobody puts an earlier one in the place of a later.
        let mut place = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = place.clone().filter(|folder| folder.look.is_fresh(&now, FOUND)) {
            drop(place);
            if let Ok(found) = look(&folder) {
                return Ok(found);
            }
            place = slot.lock().unwrap_or_else(PoisonError::into_inner);
        }
        let found = Folder::find(root, name, (now, wall), &self.listings);
        match found.map(Arc::new) {
            Ok(folder) => {
                let release = folder.look.release;
                if self.release.swap(release, Ordering::SeqCst) != release {
                    self.cache.clear();
                    self.listings.close();
                }
                *place = Some(folder.clone());
                drop(place);
                self.cache.keep(name, &slot, 0);
                look(&folder)
            }
            Err(error) => {
                *place = None;
                drop(place);
                self.cache.remove(name, &slot);
                Err(error)
            }
        }
    }
}
