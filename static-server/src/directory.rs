//! The files of `--root`, through the cache.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cache::{Cache, Cached, FRESH};
use crate::encoding::Coding;
use crate::representation::{Body, Facts, Representation, Resource};
use crate::response::Common;
use crate::root::{OpenError, Opened, Root, Stamp};

/// Files up to this many bytes are read into memory; larger ones go by `sendfile`.
pub const LARGE: u64 = 64 * 1024;
/// How often a file that changes while it is read is tried again.
const TRIES: usize = 3;
/// A file younger than this may change again without a new time stamp: it is read again, not believed.
const SETTLED: Duration = Duration::from_secs(2);

/// A served directory. Each worker has its own.
#[derive(Debug)]
pub struct Directory {
    root: Root,
    cache: Cache<Loaded>,
    common: Common,
    refreshed: Option<Instant>,
}

#[derive(Debug)]
struct Loaded {
    resource: Arc<Resource>,
    stamps: Stamps,
    settled: bool,
}

/// The file and its siblings, as the file system has them.
type Stamps = [Option<Stamp>; 1 + Coding::ALL.len()];

impl Directory {
    /// Serves the files beneath `root`, and keeps at most `cache_bytes` of ready answers.
    pub fn new(root: Root, cache_bytes: usize, common: Common) -> Self {
        Directory { root, cache: Cache::new(cache_bytes), common, refreshed: None }
    }

    /// The file of this name; `None` if it is a directory. `wall` is in seconds since 1970.
    ///
    /// # Errors
    /// [`OpenError`], as its variants say.
    pub fn load(&mut self, name: &[u8], now: Instant, wall: i64) -> Result<Option<Arc<Resource>>, OpenError> {
        match self.cache.get(name, now) {
            Cached::Fresh(loaded) => return Ok(Some(loaded.resource.clone())),
            Cached::Stale(loaded) => {
                self.refresh(now);
                if loaded.settled && self.stamps(name) == Ok(loaded.stamps) {
                    self.cache.renew(name, now);
                    return Ok(Some(loaded.resource.clone()));
                }
                self.cache.remove(name);
            }
            Cached::Nothing => self.refresh(now),
        }
        let Some(loaded) = self.read(name, wall)? else { return Ok(None) };
        let resource = loaded.resource.clone();
        self.cache.insert(name, Arc::new(loaded), resource.cost(), now);
        Ok(Some(resource))
    }

    /// Opens the file of a body on disk; `None` if it is gone or another version by now: [`load`](Directory::load) it again.
    pub fn open(&self, name: &[u8], stamp: &Stamp) -> Option<File> {
        match self.root.open_beneath(name) {
            Ok(Opened::File(file, current)) if current == *stamp => Some(file),
            _ => None,
        }
    }

    /// Forgets a file that turned out to be another version.
    pub fn forget(&mut self, name: &[u8]) {
        self.cache.remove(name);
    }

    fn refresh(&mut self, now: Instant) {
        if self.refreshed.is_none_or(|last| now.saturating_duration_since(last) >= FRESH) {
            self.root.refresh();
            self.refreshed = Some(now);
        }
    }

    /// The siblings' and the file's stamps, without reading them.
    fn stamps(&self, name: &[u8]) -> Result<Stamps, OpenError> {
        let mut stamps = Stamps::default();
        for (stamp, coding) in stamps.iter_mut().zip(codings()) {
            *stamp = self.open_sibling(name, coding)?.map(|(_, stamp)| stamp);
        }
        Ok(stamps)
    }

    /// Opens the file in one coding; `None` if there is no such sibling.
    fn open_sibling(&self, name: &[u8], coding: Option<Coding>) -> Result<Option<(File, Stamp)>, OpenError> {
        let opened = match coding {
            None => self.root.open_beneath(name),
            Some(coding) => self.root.open_beneath(&[name, coding.ending()].concat()),
        };
        match opened {
            Ok(Opened::File(file, stamp)) => Ok(Some((file, stamp))),
            Ok(Opened::Directory) => Ok(None),
            // A sibling is an offer: one that cannot be opened is not made.
            Err(OpenError::Missing | OpenError::Forbidden) if coding.is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the file and its siblings; `None` if it is a directory.
    fn read(&self, name: &[u8], wall: i64) -> Result<Option<Loaded>, OpenError> {
        let mut stamps = Stamps::default();
        let mut found = Vec::new();
        for (stamp, coding) in stamps.iter_mut().zip(codings()) {
            let Some((body, new)) = self.read_one(name, coding)? else {
                if coding.is_none() {
                    return Ok(None);
                }
                continue;
            };
            *stamp = Some(new);
            found.push((coding, body, new));
        }
        let [Some(plain), ..] = stamps else { return Ok(None) };
        // A sibling that is older than its file was forgotten when the file changed.
        found.retain(|(_, _, stamp)| stamp.modified >= plain.modified);
        let settled = found
            .iter()
            .all(|(_, _, stamp)| stamp.changed.0.saturating_add(SETTLED.as_secs().cast_signed()) < wall);
        let varies = found.len() > 1;
        let mut representations = found.into_iter().map(|(coding, body, stamp)| {
            // RFC 9110 §8.8.2.1: "An origin server with a clock MUST NOT generate a Last-Modified date that is later than
            // the server's time of message origination (Date, Section 6.6.1)."
            let modified = Some(stamp.modified.0.min(wall));
            (coding, Representation::new(Facts { name, coding, varies, modified }, body, &self.common))
        });
        let Some((None, plain)) = representations.next() else { return Ok(None) };
        let coded = representations.filter_map(|(coding, it)| coding.map(|coding| (coding, it))).collect();
        Ok(Some(Loaded { resource: Arc::new(Resource { plain, coded }), stamps, settled }))
    }

    /// The bytes of a small file, or where a large one is.
    fn read_one(&self, name: &[u8], coding: Option<Coding>) -> Result<Option<(Body, Stamp)>, OpenError> {
        for _ in 0..TRIES {
            let Some((file, stamp)) = self.open_sibling(name, coding)? else { return Ok(None) };
            if stamp.len > LARGE {
                let name = [name, coding.map_or(b"".as_slice(), Coding::ending)].concat();
                return Ok(Some((Body::Disk(name, stamp), stamp)));
            }
            if let Some(bytes) = read_range(&file, 0, stamp.len)
                && Stamp::of_file(&file).is_ok_and(|after| after == stamp)
            {
                return Ok(Some((Body::Memory(bytes.into()), stamp)));
            }
        }
        Err(OpenError::Busy)
    }
}

/// The file itself, then its siblings.
fn codings() -> impl Iterator<Item = Option<Coding>> {
    std::iter::once(None).chain(Coding::ALL.map(Some))
}

/// Reads exactly `len` bytes from `offset`, at most [`LARGE`]; `None` if the file has fewer.
pub fn read_range(file: &File, offset: u64, len: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len.min(LARGE)).ok()?];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}
