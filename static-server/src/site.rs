//! The site: the built-in page or a directory, with index pages and fallbacks.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use crate::builtin::BuiltIn;
use crate::directory::{Directory, KnownFile};
use crate::fields::SharedFields;
use crate::look::Look;
use crate::open_error::OpenError;
use crate::path::RequestPath;
use crate::representation::Resource;
use crate::stamp::Stamp;

#[derive(Debug)]
pub(crate) enum Content {
    BuiltIn(BuiltIn),
    /// `--root`
    Directory(Directory),
    /// The built-in page behind the files of `--root`: what these lack, it has.
    Overlay(Directory, BuiltIn),
}

impl Content {
    /// The files of `--root`.
    fn directory(&self) -> Option<&Directory> {
        match self {
            Content::BuiltIn(_) => None,
            Content::Directory(directory) | Content::Overlay(directory, _) => Some(directory),
        }
    }

    /// The fields of the answers that no file gives: those of the root's files where there is one.
    pub(crate) fn shared(&self) -> &Arc<SharedFields> {
        match self {
            Content::BuiltIn(page) => page.shared(),
            Content::Directory(directory) | Content::Overlay(directory, _) => directory.shared(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Site {
    content: Content,
    /// `--spa`
    single_page: bool,
}

/// A resource; `None` for a directory.
type Found = Result<Option<Arc<Resource>>, OpenError>;

/// The name of a directory's index.
fn index_of(path: &RequestPath<'_>) -> Vec<u8> {
    let slash = if path.name().is_empty() { b"".as_slice() } else { b"/" };
    [path.name(), slash, INDEX].concat()
}

/// How often we look again while deployments turn the root.
const TRIES: usize = 3;

impl Site {
    /// With `single_page` the site answers paths that name no asset with the root's index.
    pub(crate) fn new(content: Content, single_page: bool) -> Self {
        Site { content, single_page }
    }

    /// True if it opens files to answer.
    pub(crate) fn has_files(&self) -> bool {
        self.content.directory().is_some()
    }

    /// Closes the directories in which it has looked for files lately; true if one is open still.
    pub(crate) fn close_folders(&self, now: Instant) -> bool {
        self.content.directory().is_some_and(|directory| directory.close_folders(now))
    }

    /// Finds the resource of a path; `None` if that is a directory, and the path lacks the slash at its end. `wall` is in
    /// seconds since 1970.
    pub(crate) fn find(&self, path: &RequestPath<'_>, now: Instant, wall: i64) -> Found {
        for _ in 0..TRIES {
            let release = self.release();
            let found = self.find_named(path, now, wall);
            if !matches!(found, Err(OpenError::Missing)) {
                return found;
            }
            let fallback = if self.single_page && !path.has_extension() {
                self.load(INDEX, now, wall)
            } else {
                Err(OpenError::Missing)
            };
            // The client may know the name from the next release: we say that it is missing, or is a route of the
            // application, only of the release that is there after the search.
            match self.look() {
                Ok(current) if current == release => return fallback,
                Ok(_) => {}
                // Without its root we cannot say that a site lacks a name.
                Err(error) => return fallback.map_err(|_| error),
            }
        }
        Err(OpenError::Busy)
    }

    /// The file of `--root` that has the name of the path, if it is in the cache.
    pub(crate) fn known(&self, path: &RequestPath<'_>) -> Option<KnownFile> {
        let directory = self.content.directory()?;
        if path.is_directory() { directory.known(&index_of(path)) } else { directory.known(path.name()) }
    }

    /// What [`find`](Site::find) would return for the path of a known file, if that is in the cache still and the disk has not to be
    /// looked at; and the look that showed it.
    pub(crate) fn recall(&self, file: &KnownFile, now: Instant) -> Option<(Arc<Resource>, Look)> {
        self.content.directory()?.recall(file, now)
    }

    /// True if the bytes of what [`recall`](Site::recall) returned with this look are still the answer.
    pub(crate) fn is_as_recalled(&self, file: &KnownFile, look: &Look, now: Instant) -> bool {
        self.content.directory().is_some_and(|directory| directory.is_as_recalled(file, look, now))
    }

    /// Finds what has the name of the path, without a fallback.
    fn find_named(&self, path: &RequestPath<'_>, now: Instant, wall: i64) -> Found {
        if !path.is_directory() {
            return self.load(path.name(), now, wall);
        }
        let index = self.load(&index_of(path), now, wall)?;
        // A directory with the name of the index is not an index.
        index.ok_or(OpenError::Missing).map(Some)
    }

    /// The page of 404 answers, if the site has one.
    pub(crate) fn not_found(&self, now: Instant, wall: i64) -> Option<Arc<Resource>> {
        self.load(b"404.html", now, wall).ok().flatten()
    }

    /// True for the stream's document where the built-in page does not know where that is.
    pub(crate) fn is_elsewhere(&self, path: &RequestPath<'_>) -> bool {
        match &self.content {
            Content::BuiltIn(page) | Content::Overlay(_, page) => {
                !path.is_directory() && page.is_elsewhere(path.name())
            }
            Content::Directory(_) => false,
        }
    }

    /// Opens the file of a body on disk; `None` if it has changed: then [`find`](Site::find) the path again.
    pub(crate) fn open(&self, name: &[u8], stamp: &Stamp) -> Option<File> {
        self.content.directory()?.open(name, stamp)
    }

    /// Drops a path's file, which has changed, from the cache.
    pub(crate) fn forget(&self, path: &RequestPath<'_>) {
        if let Some(directory) = self.content.directory() {
            directory.forget(path.name());
            directory.forget(&[path.name(), b"/", INDEX].concat());
            directory.forget(INDEX);
        }
    }

    /// The number of the release that all workers serve.
    fn release(&self) -> u64 {
        self.content.directory().map_or(0, Directory::release)
    }

    /// The number of the release to which the root leads right now.
    fn look(&self) -> Result<u64, OpenError> {
        self.content.directory().map_or(Ok(0), Directory::look)
    }

    fn load(&self, name: &[u8], now: Instant, wall: i64) -> Found {
        match &self.content {
            Content::BuiltIn(page) => page.get(name).map(Some).ok_or(OpenError::Missing),
            Content::Directory(directory) => directory.load(name, now, wall),
            Content::Overlay(directory, page) => match directory.load(name, now, wall) {
                Err(OpenError::Missing) => page.get(name).map(Some).ok_or(OpenError::Missing),
                // A directory has the name of a file of the page: it is no file that could take its place.
                Ok(None) => Ok(page.get(name)),
                found => found,
            },
        }
    }
}

const INDEX: &[u8] = b"index.html";
