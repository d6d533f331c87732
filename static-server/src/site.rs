//! What is served: the built-in page or a directory; index pages, redirects and fallbacks are decided here.

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
pub enum Source {
    /// The built-in page.
    BuiltIn(BuiltIn),
    /// `--root`
    Directory(Directory),
}

/// The site of one worker.
#[derive(Debug)]
pub struct Site {
    source: Source,
    single_page: bool,
}

/// What a path leads to.
#[derive(Debug)]
pub enum Found {
    /// A file.
    Resource(Arc<Resource>),
    /// A directory that was asked for without its slash.
    Directory,
    /// Nothing that could be sent.
    Failed(OpenError),
}

/// The bytes of a representation, ready to be sent.
#[derive(Debug)]
pub enum Bytes {
    /// From memory.
    Memory(Arc<[u8]>),
    /// From an open file of the version that was announced.
    File(File),
}

impl Site {
    /// A site; `single_page` answers paths that name no asset with the root's index.
    pub fn new(source: Source, single_page: bool) -> Self {
        Site { source, single_page }
    }

    /// Follows a path. `wall` is in seconds since 1970.
    pub fn find(&mut self, path: &RequestPath, now: Instant, wall: i64) -> Found {
        let found = if path.is_directory() {
            let slash = if path.name().is_empty() { b"".as_slice() } else { b"/" };
            match self.load(&[path.name(), slash, INDEX].concat(), now, wall) {
                // A directory of that name is no index.
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
    pub fn not_found(&mut self, now: Instant, wall: i64) -> Option<Arc<Resource>> {
        match self.load(b"404.html", now, wall) {
            Found::Resource(resource) => Some(resource),
            _ => None,
        }
    }

    /// Gets at a representation's bytes; `None` if its file is another version by now: [`find`](Site::find) it again.
    pub fn bytes(&mut self, representation: &Representation) -> Option<Bytes> {
        match (&representation.body, &mut self.source) {
            (Body::Memory(bytes), _) => Some(Bytes::Memory(bytes.clone())),
            (Body::Disk(name, stamp), Source::Directory(directory)) => {
                directory.open(name, stamp).map(Bytes::File)
            }
            (Body::Disk(..), Source::BuiltIn(_)) => None,
        }
    }

    /// Forgets a path's file that turned out to be another version.
    pub fn forget(&mut self, path: &RequestPath) {
        if let Source::Directory(directory) = &mut self.source {
            directory.forget(path.name());
            directory.forget(&[path.name(), b"/", INDEX].concat());
            directory.forget(INDEX);
        }
    }

    fn load(&mut self, name: &[u8], now: Instant, wall: i64) -> Found {
        match &mut self.source {
            Source::BuiltIn(page) => {
                page.get(name).map_or(Found::Failed(OpenError::Missing), Found::Resource)
            }
            Source::Directory(directory) => match directory.load(name, now, wall) {
                Ok(Some(resource)) => Found::Resource(resource),
                Ok(None) => Found::Directory,
                Err(error) => Found::Failed(error),
            },
        }
    }
}

const INDEX: &[u8] = b"index.html";
