//! A file ready to send: its header fields, its validators, and where its bytes are.

use std::fs::File;
use std::sync::Arc;

use common::http::{Head, put_field};
use reactor::Pages;

use crate::conditional::Validators;
use crate::digits::Digits;
use crate::encoding::{self, Coding};
use crate::fields::SharedFields;
use crate::stamp::Stamp;
use crate::{cache_control, copies, csp, date, etag, mime};

/// A file and its precompressed siblings.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// The file itself, without a content coding.
    pub(crate) identity: Representation,
    pub(crate) coded: Vec<(Coding, Representation)>,
}

impl Resource {
    /// The representation that `Accept-Encoding` asks for.
    #[inline]
    pub(crate) fn choose(&self, head: &Head<'_>) -> &Representation {
        if self.coded.is_empty() { &self.identity } else { self.choose_coded(head) }
    }

    fn choose_coded(&self, head: &Head<'_>) -> &Representation {
        self.of(encoding::choose_for(head, |coding| self.coded.iter().any(|(theirs, _)| *theirs == coding)))
    }

    /// The representation in this coding; the file itself without one.
    pub(crate) fn of(&self, coding: Option<Coding>) -> &Representation {
        let sibling = self.coded.iter().find(|(theirs, _)| Some(*theirs) == coding);
        sibling.map_or(&self.identity, |(_, representation)| representation)
    }

    /// True if it has the same codings, and of each the same bytes, as far as these are in memory.
    pub(crate) fn has_bytes_of(&self, other: &Resource) -> bool {
        fn in_memory((coding, it): &(Coding, Representation)) -> (Coding, Option<&Arc<[u8]>>) {
            (*coding, it.body.memory())
        }
        self.identity.body.memory() == other.identity.body.memory()
            && self.coded.iter().map(in_memory).eq(other.coded.iter().map(in_memory))
    }

    /// True if none of its bytes are on disk alone.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.all().all(|it| it.body.memory().is_some())
    }

    /// Bytes of those of its files that are on disk, and of which there may be copies in memory.
    pub(crate) fn copyable(&self) -> usize {
        let on_disk = self
            .all()
            .filter(|it| matches!(it.body, Body::Disk { copy: None, .. }) && it.len <= copies::MOST);
        on_disk.map(|it| usize::try_from(it.len).unwrap_or(usize::MAX)).fold(0, usize::saturating_add)
    }

    /// The same for the cache, which keeps no file open.
    pub(crate) fn closed(self: &Arc<Self>) -> Arc<Self> {
        let is_open = |it: &Representation| matches!(it.body, Body::Disk { file: Some(_), .. });
        if !self.all().any(is_open) {
            return self.clone();
        }
        let mut closed = Resource::clone(self);
        for representation in closed.all_mut() {
            if let Body::Disk { file, .. } = &mut representation.body {
                *file = None;
            }
        }
        Arc::new(closed)
    }

    /// The file itself and its siblings.
    fn all(&self) -> impl Iterator<Item = &Representation> {
        std::iter::once(&self.identity).chain(self.coded.iter().map(|(_, coded)| coded))
    }

    /// All of them.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Representation> {
        std::iter::once(&mut self.identity).chain(self.coded.iter_mut().map(|(_, coded)| coded))
    }

    /// The memory that the resource takes in the cache, in bytes.
    pub(crate) fn cost(&self) -> usize {
        self.all().map(Representation::cost).fold(0, usize::saturating_add)
    }
}

/// One version of a file's bytes in one coding.
#[derive(Clone, Debug)]
pub(crate) struct Representation {
    pub(crate) validators: Validators,
    /// Length of the body in bytes.
    pub(crate) len: u64,
    /// The fields of 200, laid out; the last one is `Content-Length`.
    pub(crate) fields: Arc<[u8]>,
    /// How many bytes of these are the fields of 206, which has another length.
    pub(crate) part_fields: usize,
    /// How many bytes of these are the fields of 304.
    pub(crate) short_fields: usize,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Memory(Arc<[u8]>),
    /// In the file of this name beneath the root, as long as it has this stamp; perhaps in a copy of it, too.
    Disk {
        name: Vec<u8>,
        stamp: Stamp,
        copy: Option<Arc<Pages>>,
        /// The file itself, for the answer for which it was opened. What the cache keeps has none.
        file: Option<Arc<File>>,
    },
}

impl Body {
    /// Its bytes, where they are in memory.
    pub(crate) fn memory(&self) -> Option<&Arc<[u8]>> {
        match self {
            Body::Memory(bytes) => Some(bytes),
            Body::Disk { .. } => None,
        }
    }
}

/// The facts that determine the header fields of a representation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'f> {
    /// The name of the file without the ending of the coding: it determines type and caching.
    pub(crate) name: &'f [u8],
    /// `None` for the file itself.
    pub(crate) coding: Option<Coding>,
    /// True if there are siblings: the answer depends on `Accept-Encoding`.
    pub(crate) varies: bool,
    /// Last modification, seconds since 1970, if it can tell this version from the others.
    pub(crate) modified: Option<i64>,
    /// True if size and modification tell this version from the others.
    pub(crate) is_settled: bool,
}

impl Representation {
    /// Lays out the header fields once, for all answers with this representation.
    pub(crate) fn new(facts: Facts<'_>, body: Body, shared: &SharedFields) -> Self {
        let (etag, len) = match &body {
            Body::Memory(bytes) => (Some(etag::of_bytes(bytes, facts.coding)), bytes.len() as u64),
            Body::Disk { stamp, .. } => {
                let version = || etag::of_version(stamp.len, stamp.modified.0, facts.coding);
                (facts.is_settled.then(version), stamp.len)
            }
        };
        let content_type = mime::content_type(facts.name);
        let last_modified = facts.modified.and_then(date::format);
        // RFC 9110 §15.4.5: "The server generating a 304 response MUST generate any of the following header fields that
        // would have been sent in a 200 (OK) response to the same request: … Cache-Control, … ETag, … Vary".
        let caching = cache_control::for_file(facts.name, &content_type, &shared.immutable);
        let etag_field = etag.as_deref().map(|etag| ("ETag", etag));
        let vary = facts.varies.then_some(("Vary", "Accept-Encoding"));
        let mut fields = shared.block([("Cache-Control", caching)].into_iter().chain(etag_field).chain(vary));
        let short_fields = fields.len();
        let last_modified = last_modified.as_deref().map(|date| ("Last-Modified", date));
        let coding = facts.coding.map(|coding| ("Content-Encoding", coding.token()));
        let policy = shared.policy.as_deref().filter(|_| mime::is_document(&content_type));
        let policy = policy.map(|policy| (csp::FIELD, policy));
        let more = [("Content-Type", &*content_type), ("Accept-Ranges", "bytes")];
        shared.put(more.into_iter().chain(last_modified).chain(coding).chain(policy), &mut fields);
        let part_fields = fields.len();
        put_field("Content-Length", Digits::decimal(len).as_str().as_bytes(), &mut fields);
        let validators = Validators { etag, modified: facts.modified };
        Representation { validators, len, fields: fields.into(), part_fields, short_fields, body }
    }

    fn cost(&self) -> usize {
        let body = match &self.body {
            Body::Memory(bytes) => bytes.len(),
            Body::Disk { name, copy, .. } => {
                let copied =
                    copy.as_ref().map_or(0, |copy| usize::try_from(copy.len()).unwrap_or(usize::MAX));
                name.len().saturating_add(copied)
            }
        };
        // 256: the structure, and the overhead of a small allocation.
        body.saturating_add(self.fields.len()).saturating_add(256)
    }
}
