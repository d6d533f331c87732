//! The site: the built-in page or a directory, with index pages, redirects and fallbacks.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use crate::builtin::BuiltIn;
use crate::directory::Directory;
use crate::path::RequestPath;
use crate::representation::{Body, Representation, Resource};
use crate::root::OpenError;

/// Where the files come from.
#[derive(Debug)]
pub(crate) enum Content {
    BuiltIn(BuiltIn),
    /// `--root`
    Directory(Directory),
}

/// One worker's site.
#[derive(Debug)]
pub(crate) struct Site {
    content: Content,
    /// `--spa`
    single_page: bool,
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Found {
    Resource(Arc<Resource>),
    /// A directory whose path lacks the slash at its end.
    Directory,
    Failed(OpenError),
}

/// The bytes of a representation.
#[derive(Debug)]
pub(crate) enum Bytes {
    Memory(Arc<[u8]>),
    /// An open file, of the representation's version.
    File(File),
}

impl Site {
    /// With `single_page` the site answers paths that name no asset with the root's index.
    pub(crate) fn new(content: Content, single_page: bool) -> Self {
        Site { content, single_page }
    }

    /// Finds the resource of a path. `wall` is in seconds since 1970.
    pub(crate) fn find(&mut self, path: &RequestPath, now: Instant, wall: i64) -> Found {
        let found = if path.is_directory() {
            let slash = if path.name().is_empty() { b"".as_slice() } else { b"/" };
            match self.load(&[path.name(), slash, INDEX].concat(), now, wall) {
                // A directory with the name of the index is not an index.
                Found::Directory => Found::Failed(OpenError::Missing),
                found => found,
            }
        } else {
            self.load(path.name(), now, wall)
        };
        match found {
            Found::Failed(OpenError::Missing) if self.single_page && !path.has_extension() => {
                self.load(INDEX, now, wall)
            }
            found => found,
        }
    }

    /// The body of 404 answers, if the site has one in memory.
    pub(crate) fn not_found(&mut self, now: Instant, wall: i64) -> Option<Arc<Resource>> {
        match self.load(b"404.html", now, wall) {
            Found::Resource(resource) => Some(resource),
            _ => None,
        }
    }

    /// A representation's bytes; `None` if its file has changed: then [`find`](Site::find) the path again.
    pub(crate) fn bytes(&mut self, representation: &Representation) -> Option<Bytes> {
        match (&representation.body, &mut self.content) {
            (Body::Memory(bytes), _) => Some(Bytes::Memory(bytes.clone())),
            (Body::Disk(name, stamp), Content::Directory(directory)) => {
                directory.open(name, stamp).map(Bytes::File)
            }
            (Body::Disk(..), Content::BuiltIn(_)) => None,
        }
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
            Content::BuiltIn(page) => {
                page.get(name).map_or(Found::Failed(OpenError::Missing), Found::Resource)
            }
            Content::Directory(directory) => match directory.load(name, now, wall) {
                Ok(Some(resource)) => Found::Resource(resource),
                Ok(None) => Found::Directory,
                Err(error) => Found::Failed(error),
            },
        }
    }
}

const INDEX: &[u8] = b"index.html";
