//! Makes the answer to a request.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use common::http::{self, Head, is_known_method};

use crate::conditional::{self, Outcome};
use crate::directory::{LARGE, read_range};
use crate::fields::SharedFields;
use crate::known_targets::KnownTargets;
use crate::open_error::OpenError;
use crate::path::RequestPath;
use crate::range::{self, Selected};
use crate::ready::ReadyAnswer;
use crate::representation::{Body, Representation};
use crate::response::{Answer, FirstLines, Payload};
use crate::site::Site;
use crate::{cache_control, csp, elsewhere};

#[derive(Debug)]
pub(crate) struct Respond<'a> {
    pub(crate) site: &'a Site,
    pub(crate) shared: &'a SharedFields,
    pub(crate) targets: &'a mut KnownTargets,
    pub(crate) now: Instant,
    /// Seconds since 1970.
    pub(crate) wall: i64,
    /// Those of an answer in this second.
    pub(crate) first: &'a FirstLines,
    /// True if the connection goes on behind the answer.
    pub(crate) goes_on: bool,
}

/// The methods that we serve; every 405 names them.
const ALLOW: &str = "GET, HEAD, OPTIONS";
/// How often we look for a file that another process replaces while we read it.
const TRIES: usize = 3;

/// True for a request by HTTP/1.1 for the whole of something as it is now, which brings nothing along.
fn is_for_the_whole(head: &Head<'_>) -> bool {
    head.minor_version > 0
        && head.method == "GET"
        && head.body() == http::Body::None
        && head.get("Range").is_none()
        && head.get("Expect").is_none()
        && !conditional::has_some(head)
}

impl<'a> Respond<'a> {
    pub(crate) fn to(&mut self, head: &Head<'_>) -> Answer {
        let mut answer = self.answer(head);
        if head.method == "HEAD" {
            // RFC 9110 §9.3.2: "the server MUST NOT send content in the response" to HEAD.
            answer.payload = Payload::None;
        }
        answer
    }

    fn answer(&mut self, head: &Head<'_>) -> Answer {
        match head.method {
            "GET" | "HEAD" | "OPTIONS" => {}
            // RFC 9110 §9.1: a method "that is unrecognized or not implemented … SHOULD respond with the 501 (Not
            // Implemented) status code"; one that is known "but not allowed for the target resource … 405".
            method => {
                let status = if is_known_method(method) { 405 } else { 501 };
                // §15.5.6: "The origin server MUST generate an Allow header field in a 405 response".
                return self.status_page_with(status, &[("Allow", ALLOW)]).closing();
            }
        }
        if head.method == "OPTIONS" && head.target == b"*" {
            return self.options();
        }
        if let Some(answer) = self.known(head) {
            return answer;
        }
        let path = match RequestPath::parse(head.target) {
            Ok(path) => path,
            Err(error) if error.status() == 404 => return self.not_found(),
            Err(error) => return self.status_page(error.status()).closing(),
        };
        if head.method == "OPTIONS" {
            return self.options();
        }
        let answer = self.path(head, &path);
        if answer.status == 200 {
            self.targets.note(head.target, || self.site.known(&path));
        }
        answer
    }

    /// The answer with a file that this target has had before.
    fn known(&mut self, head: &Head<'_>) -> Option<Answer> {
        let (file, ready) = self.targets.file(head.target).filter(|_| head.method != "OPTIONS")?;
        let (resource, look) = self.site.recall(file, self.now)?;
        if self.goes_on && is_for_the_whole(head) {
            *ready = ReadyAnswer::made(&resource, look, head, self.first);
        }
        self.representation(head, resource.choose(head))
    }

    /// The answer to a request for nothing but the whole of a file, on a connection that goes on, if it is there already.
    pub(crate) fn ready(self, head: &Head<'_>) -> Option<&'a mut ReadyAnswer> {
        let (file, ready) = self.targets.file(head.target)?;
        let ready = ready.as_mut().filter(|ready| is_for_the_whole(head) && ready.is_for(head))?;
        self.site.is_as_recalled(file, ready.look(), self.now).then_some(ready)?.renewed(self.first)
    }

    fn path(&self, head: &Head<'_>, path: &RequestPath<'_>) -> Answer {
        for _ in 0..TRIES {
            match self.site.find(path, self.now, self.wall) {
                Ok(Some(resource)) => {
                    if let Some(answer) = self.representation(head, resource.choose(head)) {
                        return answer;
                    }
                    self.site.forget(path);
                }
                Ok(None) => {
                    let location = path.location_of_directory(head.query());
                    return self.status_page_with(301, &[("Location", &location)]);
                }
                Err(OpenError::Missing) => {
                    return self.elsewhere(head, path).unwrap_or_else(|| self.not_found());
                }
                Err(error) => return self.failed(error),
            }
        }
        self.failed(OpenError::Busy)
    }

    /// Leads a reader without scripts to the stream, if that is what the path names.
    fn elsewhere(&self, head: &Head<'_>, path: &RequestPath<'_>) -> Option<Answer> {
        let location = self.site.is_elsewhere(path).then(|| elsewhere::location(head))??;
        // RFC 9110 §15.4.8: 307, as it may be somewhere else once the page is told where.
        Some(self.status_page_with(307, &[("Location", &location)]))
    }

    /// Answers with a representation; `None` if its file has changed meanwhile.
    fn representation(&self, head: &Head<'_>, it: &Representation) -> Option<Answer> {
        let range = match conditional::evaluate(head, &it.validators, self.wall) {
            // RFC 9110 §15.4.5: "A 304 response is terminated by the end of the header section; it cannot contain
            // content or trailers."
            Outcome::NotModified => return Some(Answer::beginning(304, it.fields.clone(), it.short_fields)),
            Outcome::Failed => return Some(self.status_page(412)),
            Outcome::Perform { range } => range,
        };
        // §14.2: "A server MUST ignore a Range header field received with a request method that is unrecognized or for
        // which range handling is not defined. For this specification, GET is the only method for which range
        // handling is defined."
        let ranges = head.get_all("Range").filter(|_| range && head.method == "GET");
        let (mut answer, part) = match range::select(ranges, it.len) {
            Selected::Whole => (Answer::whole(it.fields.clone(), it.len), 0..it.len),
            Selected::Part(part) => {
                // §14.4: `bytes first-last/complete`
                let value = format!("bytes {}-{}/{}", part.start, part.end.saturating_sub(1), it.len);
                let length = part.end.saturating_sub(part.start);
                let answer = Answer::part(it.fields.clone(), it.part_fields, length);
                (answer.with("Content-Range", value), part)
            }
            Selected::Unsatisfiable => {
                // §15.5.17: "SHOULD generate a Content-Range header field specifying the current length".
                let value = format!("bytes */{}", it.len);
                return Some(self.status_page_with(416, &[("Content-Range", &value)]));
            }
        };
        if head.method != "HEAD" {
            answer.payload = self.payload(it, &part)?;
        }
        Some(answer)
    }

    /// The bytes of a part; `None` if the file has changed. It reads a small part of a file at once, so that an answer in a
    /// queue holds no descriptor.
    fn payload(&self, it: &Representation, part: &Range<u64>) -> Option<Payload> {
        let len = part.end.saturating_sub(part.start);
        match &it.body {
            Body::Memory(bytes) => {
                let part = usize::try_from(part.start).ok()?..usize::try_from(part.end).ok()?;
                Some(Payload::Memory(bytes.clone(), part))
            }
            Body::Disk { copy: Some(copy), .. } => Some(Payload::Pages(copy.clone(), part.start, len)),
            Body::Disk { name, stamp, copy: None, file } => {
                let file = match file {
                    Some(file) => file.clone(),
                    None => Arc::new(self.site.open(name, stamp)?),
                };
                if len > LARGE {
                    return Some(Payload::File(file, part.start, len));
                }
                let (bytes, _) = read_range(&file, part.start, len).ok()?;
                let all = 0..bytes.len();
                Some(Payload::Memory(bytes, all))
            }
        }
    }

    fn not_found(&self) -> Answer {
        let page = self.site.not_found(self.now, self.wall);
        if let Some(resource) = &page
            && resource.identity.len <= LARGE
            && let Body::Memory(bytes) = &resource.identity.body
        {
            let mut fields = vec![
                ("Content-Type", "text/html; charset=utf-8"),
                ("Cache-Control", cache_control::for_status(404)),
            ];
            fields.extend(self.shared.policy.as_deref().map(|policy| (csp::FIELD, policy)));
            return Answer::of_bytes(404, self.shared.block(fields).into(), bytes.clone());
        }
        self.status_page(404)
    }

    fn failed(&self, error: OpenError) -> Answer {
        // RFC 9110 §15.6.4: "The server MAY send a Retry-After header field".
        let fields: &[_] = if error == OpenError::Busy { &[("Retry-After", "1")] } else { &[] };
        self.status_page_with(error.status(), fields)
    }

    fn options(&self) -> Answer {
        // RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx
        // (Informational) or 204 (No Content)."
        Answer::new(204, self.shared.block([("Allow", ALLOW)]).into())
    }

    fn status_page(&self, status: u16) -> Answer {
        self.status_page_with(status, &[])
    }

    fn status_page_with(&self, status: u16, fields: &[(&str, &str)]) -> Answer {
        Answer::status_page(status, fields, self.shared)
    }
}
