//! The site: the built-in page or a directory, with index pages and fallbacks.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use crate::builtin::BuiltIn;
use crate::directory::Directory;
use crate::path::RequestPath;
use crate::representation::Resource;
use crate::root::{OpenError, Stamp};

#[derive(Debug)]
pub(crate) enum Content {
    BuiltIn(BuiltIn),
    /// `--root`
    Directory(Directory),
}

#[derive(Debug)]
pub(crate) struct Site {
    content: Content,
    /// `--spa`
    single_page: bool,
}

/// A resource; `None` for a directory.
type Found = Result<Option<Arc<Resource>>, OpenError>;

impl Site {
    /// With `single_page` the site answers paths that name no asset with the root's index.
    pub(crate) fn new(content: Content, single_page: bool) -> Self {
        Site { content, single_page }
    }

    /// Finds the resource of a path; `None` if that is a directory, and the path lacks the slash at its end. `wall` is in
    /// seconds since 1970.
    pub(crate) fn find(&mut self, path: &RequestPath, now: Instant, wall: i64) -> Found {
        let found = if path.is_directory() {
            let slash = if path.name().is_empty() { b"".as_slice() } else { b"/" };
            let index = self.load(&[path.name(), slash, INDEX].concat(), now, wall);
            // A directory with the name of the index is not an index.
            index.and_then(|resource| resource.ok_or(OpenError::Missing)).map(Some)
        } else {
            self.load(path.name(), now, wall)
        };
        match found {
            Err(OpenError::Missing) if self.single_page && !path.has_extension() => {
                self.load(INDEX, now, wall)
            }
            found => found,
        }
    }

    /// The page of 404 answers, if the site has one.
    pub(crate) fn not_found(&mut self, now: Instant, wall: i64) -> Option<Arc<Resource>> {
        self.load(b"404.html", now, wall).ok().flatten()
    }

    /// Opens the file of a body on disk; `None` if it has changed: then [`find`](Site::find) the path again.
    pub(crate) fn open(&self, name: &[u8], stamp: &Stamp) -> Option<File> {
        let Content::Directory(directory) = &self.content else { return None };
        directory.open(name, stamp)
    }

    /// Drops a path's file, which has changed, from the cache.
    pub(crate) fn forget(&mut self, path: &RequestPath) {
        if let Content::Directory(directory) = &mut self.content {
            directory.forget(path.name());
            directory.forget(&[path.name(), b"/", INDEX].concat());
            directory.forget(INDEX);
        }
    }

    fn load(&mut self, name: &[u8], now: Instant, wall: i64) -> Found {
        match &mut self.content {
            Content::BuiltIn(page) => page.get(name).map(Some).ok_or(OpenError::Missing),
            Content::Directory(directory) => directory.load(name, now, wall),
        }
    }
}

const INDEX: &[u8] = b"index.html";
