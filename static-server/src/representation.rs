//! A file as it is answered: its ready header fields, its validators, and where its bytes are.

use std::sync::Arc;

use crate::conditional::Validators;
use crate::encoding::{self, Coding};
use crate::response::Common;
use crate::root::Stamp;
use crate::{cache_control, date, etag, mime};

/// A file and its precompressed siblings.
#[derive(Debug)]
pub struct Resource {
    /// The file itself.
    pub plain: Representation,
    /// The siblings that exist.
    pub coded: Vec<(Coding, Representation)>,
}

impl Resource {
    /// The representation that `Accept-Encoding` asks for.
    pub fn choose(&self, accept: &[&[u8]]) -> &Representation {
        let sibling = |coding| self.coded.iter().find(|(theirs, _)| *theirs == coding);
        encoding::choose(accept, |coding| sibling(coding).is_some())
            .and_then(sibling)
            .map_or(&self.plain, |(_, representation)| representation)
    }

    /// What the resource costs in the cache, in bytes.
    pub fn cost(&self) -> usize {
        let siblings: usize = self.coded.iter().map(|(_, representation)| representation.cost()).sum();
        self.plain.cost().saturating_add(siblings)
    }
}

/// One version of a file's bytes in one coding.
#[derive(Debug)]
pub struct Representation {
    etag: String,
    modified: Option<i64>,
    /// Length in bytes.
    pub len: u64,
    /// The fields of 200 and 206, laid out.
    pub fields: Arc<[u8]>,
    /// The fields of 304, laid out.
    pub short_fields: Arc<[u8]>,
    /// The bytes.
    pub body: Body,
}

/// Where a representation's bytes are.
#[derive(Debug)]
pub enum Body {
    /// In memory.
    Memory(Arc<[u8]>),
    /// In the file of this name beneath the root, as long as it has this stamp.
    Disk(Vec<u8>, Stamp),
}

/// What the fields of a representation are made from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    /// The name of the file without the ending of the coding: it says type and caching.
    pub name: &'f [u8],
    /// The coding, if it is a sibling.
    pub coding: Option<Coding>,
    /// True if there are siblings: the answer depends on `Accept-Encoding`.
    pub varies: bool,
    /// Last modification, seconds since 1970.
    pub modified: Option<i64>,
}

impl Representation {
    /// Lays out the fields.
    pub fn new(facts: Facts<'_>, body: Body, common: &Common) -> Self {
        let (etag, len) = match &body {
            // Over the bytes: even two versions within one tick of the file system's clock differ.
            Body::Memory(bytes) => (etag::strong(bytes), bytes.len() as u64),
            Body::Disk(_, stamp) => (etag::strong(stamp), stamp.len),
        };
        let content_type = mime::content_type(facts.name);
        let last_modified = facts.modified.and_then(date::format);
        // RFC 9110 §15.4.5: "The server generating a 304 response MUST generate any of the following header fields that
        // would have been sent in a 200 (OK) response to the same request: … Cache-Control, … ETag, … Vary".
        let mut fields =
            vec![("ETag", etag.as_str()), ("Cache-Control", cache_control::for_name(facts.name))];
        if facts.varies {
            fields.push(("Vary", "Accept-Encoding"));
        }
        let short_fields = common.block(&fields).into();
        fields.push(("Content-Type", &content_type));
        fields.push(("Accept-Ranges", "bytes"));
        fields.extend(last_modified.as_deref().map(|date| ("Last-Modified", date)));
        fields.extend(facts.coding.map(|coding| ("Content-Encoding", coding.token())));
        if mime::is_document(&content_type) {
            fields.push(("Content-Security-Policy", &common.policy));
        }
        let fields = common.block(&fields).into();
        Representation { modified: facts.modified, len, fields, short_fields, body, etag }
    }

    /// What tells its versions apart.
    pub fn validators(&self) -> Validators<'_> {
        Validators { etag: self.etag.as_bytes(), modified: self.modified }
    }

    fn cost(&self) -> usize {
        let body = match &self.body {
            Body::Memory(bytes) => bytes.len(),
            Body::Disk(name, _) => name.len(),
        };
        // The structure, two small allocations' overhead.
        body.saturating_add(self.fields.len()).saturating_add(self.short_fields.len()).saturating_add(256)
    }
}
