//! The files of `--root`, through the cache.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cache::{Cache, Cached, FRESH};
use crate::encoding::Coding;
use crate::fields::SharedFields;
use crate::representation::{Body, Facts, Representation, Resource};
use crate::root::{OpenError, Opened, Root, Stamp};

/// We read files of up to this many bytes into memory, and send larger ones by `sendfile`.
pub(crate) const LARGE: u64 = 64 * 1024;
/// How often we read a file that changes meanwhile.
const TRIES: usize = 3;
/// A file younger than this may change again without a new time stamp, so we do not trust its stamp but read it again.
const SETTLED: Duration = Duration::from_secs(2);

/// A served directory. Each worker has its own.
#[derive(Debug)]
pub(crate) struct Directory {
    root: Root,
    cache: Cache<Loaded>,
    shared: Arc<SharedFields>,
    /// When we last opened the root again.
    refreshed: Option<Instant>,
}

#[derive(Debug)]
struct Loaded {
    resource: Arc<Resource>,
    stamps: Stamps,
    /// False if the file was so young that its stamp may not tell the next change.
    settled: bool,
}

/// The stamps of the file and its siblings; `None` for a sibling that does not exist.
type Stamps = [Option<Stamp>; 1 + Coding::ALL.len()];

impl Directory {
    /// Serves the files beneath `root`, and keeps at most `cache_bytes` of ready answers.
    pub(crate) fn new(root: Root, cache_bytes: usize, shared: Arc<SharedFields>) -> Self {
        Directory { root, cache: Cache::new(cache_bytes), shared, refreshed: None }
    }

    /// The file of this name; `None` if it is a directory. `wall` is in seconds since 1970.
    pub(crate) fn load(
        &mut self,
        name: &[u8],
        now: Instant,
        wall: i64,
    ) -> Result<Option<Arc<Resource>>, OpenError> {
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

    /// Opens the file of a body on disk; `None` if it is gone or has changed: then [`load`](Directory::load) it again.
    pub(crate) fn open(&self, name: &[u8], stamp: &Stamp) -> Option<File> {
        match self.root.open_beneath(name) {
            Ok(Opened::File(file, current)) if current == *stamp => Some(file),
            _ => None,
        }
    }

    /// Drops a file that has changed from the cache.
    pub(crate) fn forget(&mut self, name: &[u8]) {
        self.cache.remove(name);
    }

    fn refresh(&mut self, now: Instant) {
        if self.refreshed.is_none_or(|last| now.saturating_duration_since(last) >= FRESH) {
            self.root.refresh();
            self.refreshed = Some(now);
        }
    }

    /// The current stamps of the file and its siblings, without reading their bytes.
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
            // A sibling is an offer, which we do not make if we cannot open it.
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
        let [Some(identity), ..] = stamps else { return Ok(None) };
        // An older sibling holds the content from before the last change of the file.
        found.retain(|(_, _, stamp)| stamp.modified >= identity.modified);
        let settled = found
            .iter()
            .all(|(_, _, stamp)| stamp.changed.0.saturating_add(SETTLED.as_secs().cast_signed()) < wall);
        let varies = found.len() > 1;
        let mut representations = found.into_iter().map(|(coding, body, stamp)| {
            // RFC 9110 §8.8.2.1: "An origin server with a clock MUST NOT generate a Last-Modified date that is later than
            // the server's time of message origination (Date, Section 6.6.1)."
            let modified = Some(stamp.modified.0.min(wall));
            (coding, Representation::new(Facts { name, coding, varies, modified }, body, &self.shared))
        });
        let Some((None, identity)) = representations.next() else { return Ok(None) };
        let coded = representations.filter_map(|(coding, it)| coding.map(|coding| (coding, it))).collect();
        Ok(Some(Loaded { resource: Arc::new(Resource { identity, coded }), stamps, settled }))
    }

    /// Reads the bytes of a small file, and only the stamp of a large one.
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
pub(crate) fn read_range(file: &File, offset: u64, len: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len.min(LARGE)).ok()?];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}
