//! From a request to its answer, as data: the handler sends it.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use common::http::{Head, is_known_method, status_body};

use crate::conditional::{self, Outcome, Preconditions};
use crate::directory::{LARGE, read_range};
use crate::path::RequestPath;
use crate::range::{self, Selected};
use crate::representation::{Body, Representation};
use crate::response::SharedFields;
use crate::root::OpenError;
use crate::site::{Bytes, Found, Site};

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Header fields, laid out beforehand.
    pub(crate) block: Arc<[u8]>,
    /// `Content-Length`, also in an answer to HEAD, which has no body.
    pub(crate) length: Option<u64>,
    /// Header fields of this answer alone.
    pub(crate) further: Vec<(&'static str, String)>,
    pub(crate) payload: Payload,
    /// True if the connection ends with this answer.
    pub(crate) close: bool,
}

impl Answer {
    /// A 200 without fields and body.
    fn empty() -> Self {
        let (block, further) = (Arc::default(), Vec::new());
        Answer { status: 200, block, length: None, further, payload: Payload::None, close: false }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Payload {
    /// No body: HEAD, 204, 304.
    None,
    /// This range of these bytes.
    Memory(Arc<[u8]>, Range<usize>),
    /// A range of a file: offset and length in bytes.
    File(File, u64, u64),
}

/// Makes the answer to one request.
#[derive(Debug)]
pub(crate) struct Respond<'a> {
    pub(crate) site: &'a mut Site,
    pub(crate) shared: &'a SharedFields,
    pub(crate) now: Instant,
    /// Seconds since 1970.
    pub(crate) wall: i64,
}

/// The methods that we serve; every 405 names them.
const ALLOW: &str = "GET, HEAD, OPTIONS";
/// How often we look for a file that another process replaces while we read it.
const TRIES: usize = 3;

impl Respond<'_> {
    pub(crate) fn to(&mut self, head: &Head<'_>) -> Answer {
        match head.method {
            "GET" | "HEAD" | "OPTIONS" => {}
            // RFC 9110 §9.1: a method "that is unrecognized or not implemented … SHOULD respond with the 501 (Not
            // Implemented) status code"; one that is known "but not allowed for the target resource … 405".
            method => {
                let status = if is_known_method(method) { 405 } else { 501 };
                // §15.5.6: "The origin server MUST generate an Allow header field in a 405 response".
                return Answer {
                    close: true,
                    ..self.status_page(status, head, vec![("Allow", ALLOW.to_owned())])
                };
            }
        }
        // §10.1.1: "A server that receives an Expect field value containing a member other than 100-continue MAY respond
        // with a 417 (Expectation Failed) status code".
        if head.minor_version > 0
            && head.get_all("Expect").any(|value| !value.eq_ignore_ascii_case(b"100-continue"))
        {
            return Answer { close: true, ..self.status_page(417, head, Vec::new()) };
        }
        if head.method == "OPTIONS" && head.target == b"*" {
            return self.options();
        }
        let path = match RequestPath::parse(head.target) {
            Ok(path) => path,
            Err(error) if error.status() == 404 => return self.not_found(head),
            Err(error) => {
                return Answer { close: true, ..self.status_page(error.status(), head, Vec::new()) };
            }
        };
        if head.method == "OPTIONS" { self.options() } else { self.path(head, &path) }
    }

    fn path(&mut self, head: &Head<'_>, path: &RequestPath) -> Answer {
        let accept: Vec<&[u8]> = head.get_all("Accept-Encoding").collect();
        for _ in 0..TRIES {
            match self.site.find(path, self.now, self.wall) {
                Found::Resource(resource) => {
                    if let Some(answer) = self.representation(head, resource.choose(&accept)) {
                        return answer;
                    }
                    self.site.forget(path);
                }
                Found::Directory => {
                    let location = path.location_of_directory(head.query());
                    let further = vec![("Location", location), ("Cache-Control", "no-cache".to_owned())];
                    return self.status_page(301, head, further);
                }
                Found::Failed(OpenError::Missing) => return self.not_found(head),
                Found::Failed(error) => return self.failed(head, error),
            }
        }
        self.failed(head, OpenError::Busy)
    }

    /// Answers with a representation; `None` if its file has changed meanwhile.
    fn representation(&mut self, head: &Head<'_>, it: &Representation) -> Option<Answer> {
        let range = match conditional::evaluate(&preconditions(head), it.validators(), self.wall) {
            Outcome::NotModified => {
                let block = it.short_fields.clone();
                // RFC 9110 §15.4.5: "A 304 response is terminated by the end of the header section; it cannot contain
                // content or trailers."
                return Some(Answer { status: 304, block, ..Answer::empty() });
            }
            Outcome::Failed => return Some(self.status_page(412, head, Vec::new())),
            Outcome::Perform { range } => range,
        };
        // §14.2: "A server MUST ignore a Range header field received with a request method that is unrecognized or for
        // which range handling is not defined. For this specification, GET is the only method for which range
        // handling is defined."
        let ranges: Vec<&[u8]> =
            if range && head.method == "GET" { head.get_all("Range").collect() } else { Vec::new() };
        let mut answer =
            Answer { status: 200, block: it.fields.clone(), length: Some(it.len), ..Answer::empty() };
        let part = match range::select(&ranges, it.len) {
            Selected::Whole => 0..it.len,
            Selected::Part(part) => {
                answer.status = 206;
                answer.length = Some(part.end.saturating_sub(part.start));
                // §14.4: `bytes first-last/complete`
                let value = format!("bytes {}-{}/{}", part.start, part.end.saturating_sub(1), it.len);
                answer.further.push(("Content-Range", value));
                part
            }
            Selected::Unsatisfiable => {
                // §15.5.17: "SHOULD generate a Content-Range header field specifying the current length".
                return Some(self.status_page(
                    416,
                    head,
                    vec![("Content-Range", format!("bytes */{}", it.len))],
                ));
            }
        };
        if head.method == "HEAD" {
            return Some(answer);
        }
        answer.payload = payload(self.site.bytes(it)?, &part)?;
        Some(answer)
    }

    fn not_found(&mut self, head: &Head<'_>) -> Answer {
        let page = self.site.not_found(self.now, self.wall);
        if let Some(resource) = &page
            && let Body::Memory(bytes) = &resource.identity.body
        {
            let fields = [
                ("Content-Type", "text/html; charset=utf-8"),
                ("Cache-Control", "no-cache"),
                ("Content-Security-Policy", self.shared.policy.as_str()),
            ];
            let block = self.shared.block(&fields).into();
            let payload = if head.method == "HEAD" {
                Payload::None
            } else {
                Payload::Memory(bytes.clone(), 0..bytes.len())
            };
            return Answer {
                status: 404,
                block,
                length: Some(bytes.len() as u64),
                payload,
                ..Answer::empty()
            };
        }
        self.status_page(404, head, vec![("Cache-Control", "no-cache".to_owned())])
    }

    fn failed(&self, head: &Head<'_>, error: OpenError) -> Answer {
        let busy = error == OpenError::Busy;
        // RFC 9110 §15.6.4: "The server MAY send a Retry-After header field".
        self.status_page(
            error.status(),
            head,
            if busy { vec![("Retry-After", "1".to_owned())] } else { Vec::new() },
        )
    }

    fn options(&self) -> Answer {
        let block = self.shared.block(&[("Allow", ALLOW)]).into();
        // RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx
        // (Informational) or 204 (No Content)."
        Answer { status: 204, block, ..Answer::empty() }
    }

    /// A page of one line, which names the status.
    fn status_page(&self, status: u16, head: &Head<'_>, further: Vec<(&'static str, String)>) -> Answer {
        let body = status_body(status);
        let block = self.shared.block(&[("Content-Type", "text/plain; charset=utf-8")]);
        let length = Some(body.len() as u64);
        let bytes = 0..body.len();
        // RFC 9110 §9.3.2: "the server MUST NOT send content in the response" to HEAD.
        let payload = if head.method == "HEAD" {
            Payload::None
        } else {
            Payload::Memory(body.into_bytes().into(), bytes)
        };
        Answer { status, block: block.into(), length, further, payload, close: false }
    }
}

fn preconditions<'h>(head: &Head<'h>) -> Preconditions<'h> {
    let all = |name| head.get_all(name).collect();
    Preconditions {
        if_match: all("If-Match"),
        if_none_match: all("If-None-Match"),
        if_modified_since: all("If-Modified-Since"),
        if_unmodified_since: all("If-Unmodified-Since"),
        if_range: all("If-Range"),
    }
}

/// The bytes of a part. It reads a small part of a file at once, so that an answer in a queue holds no descriptor.
fn payload(bytes: Bytes, part: &Range<u64>) -> Option<Payload> {
    let len = part.end.saturating_sub(part.start);
    match bytes {
        Bytes::Memory(bytes) => {
            Some(Payload::Memory(bytes, usize::try_from(part.start).ok()?..usize::try_from(part.end).ok()?))
        }
        Bytes::File(file) if len <= LARGE => {
            let bytes: Arc<[u8]> = read_range(&file, part.start, len)?.into();
            let all = 0..bytes.len();
            Some(Payload::Memory(bytes, all))
        }
        Bytes::File(file) => Some(Payload::File(file, part.start, len)),
    }
}
