//! In which way a request reads the stream over HTTP. Pure: a head in, a [`Way`] out.

use common::{
    framing::Framing,
    http::{Head, weighted},
};

use super::poll_request::{BadPoll, PollRequest};

/// A way to read the stream over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A stream that goes on until one side ends it.
    Stream(Framing),
    /// One answer, once there is something to say.
    Poll(PollRequest),
    /// A poll that cannot be read.
    BadPoll(BadPoll),
}

type AskedBy = fn(&Head<'_>) -> Option<Way>;

/// The ways that a request asks for by its address or a field of its own; the first one counts. Without any, `Accept` decides.
const ASKED: &[AskedBy] = &[poll, document];

/// The ways that `Accept` may name: the heaviest counts, and of several the first.
const ACCEPTED: [(&[u8], Framing); 4] = [
    (EVENTS, Framing::EventStream),
    (NDJSON, Framing::Ndjson),
    (b"text/html", Framing::Html),
    (b"text/plain", Framing::Lines),
];

const EVENTS: &[u8] = b"text/event-stream";
const NDJSON: &[u8] = b"application/x-ndjson";
const DOCUMENT: &[u8] = b".html";

/// In which way a GET or HEAD reads; in chunks since HTTP/1.1.
pub(crate) fn way(head: &Head<'_>) -> Way {
    let asked = ASKED.iter().find_map(|asked_by| asked_by(head));
    match asked.unwrap_or_else(|| Way::Stream(accepted(head))) {
        Way::Stream(framing) if head.minor_version > 0 => Way::Stream(framing.chunked()),
        way => way,
    }
}

/// True for a request that accepts a form that nothing but the stream has.
pub(super) fn accepts_stream(head: &Head<'_>) -> bool {
    weight(head, EVENTS) > 0 || weight(head, NDJSON) > 0
}

/// The path without `.html` at its end; `None` without it.
pub(super) fn document_of(path: &[u8]) -> Option<&[u8]> {
    path.strip_suffix(DOCUMENT)
}

/// `?callback=`, `?poll=` and `Prefer: wait=`.
fn poll(head: &Head<'_>) -> Option<Way> {
    match PollRequest::of(head) {
        Ok(request) => request.map(Way::Poll),
        Err(error) => Some(Way::BadPoll(error)),
    }
}

/// A path that ends with `.html`.
fn document(head: &Head<'_>) -> Option<Way> {
    document_of(head.path()).map(|_| Way::Stream(Framing::Html))
}

/// Lines for a client that names no form: `*/*` is everything.
fn accepted(head: &Head<'_>) -> Framing {
    // Libraries that play `EventSource` leave a browser's text/html in front of it.
    let is_no_document = weight(head, EVENTS) > 0;
    let candidates = ACCEPTED.iter().filter(|(_, framing)| !(is_no_document && *framing == Framing::Html));
    let weighed = candidates.map(|(media, framing)| (weight(head, media), *framing));
    // The last one of the heaviest, from behind.
    let heaviest = weighed.rev().max_by_key(|(weight, _)| *weight);
    heaviest.filter(|(weight, _)| *weight > 0).map_or(Framing::Lines, |(_, framing)| framing)
}

/// How much a client wants a media type that it names, in thousandths. RFC 9110 §12.4.2: "a value of 0 means "not acceptable"".
fn weight(head: &Head<'_>, media: &[u8]) -> u16 {
    let named = head.list("Accept").map(weighted).filter(|(name, _)| name.eq_ignore_ascii_case(media));
    named.map(|(_, weight)| weight.unwrap_or(1000)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use common::http::HeadLimits;

    use super::*;

    fn way_of(request: &str) -> Way {
        let bytes = format!("{}\r\n\r\n", request.replace('\n', "\r\n"));
        way(&Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap())
    }

    #[test]
    fn the_heaviest_form_that_a_client_names_counts_and_of_several_the_first_of_the_table() {
        for (accept, framing) in [
            ("*/*", Framing::Lines),
            ("text/*, application/*", Framing::Lines),
            ("image/gif, image/jpeg, */*", Framing::Lines),
            ("text/plain", Framing::Lines),
            ("text/html, text/plain", Framing::Html),
            ("text/html;q=0.5, text/plain", Framing::Lines),
            ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", Framing::Html),
            ("TEXT/HTML", Framing::Html),
            ("application/x-ndjson", Framing::Ndjson),
            ("application/x-ndjson, text/html", Framing::Ndjson),
            ("application/x-ndjson;q=0.1, text/html;q=0.2", Framing::Html),
            ("application/x-ndjson, */*", Framing::Ndjson),
            ("application/json, */*", Framing::Lines),
            ("application/x-ndjson, text/event-stream", Framing::EventStream),
            ("application/x-ndjson, text/event-stream;q=0.5", Framing::Ndjson),
            ("text/html, text/event-stream;q=0.1", Framing::EventStream),
            ("text/html, text/event-stream;q=0", Framing::Html),
            ("text/html;q=0, text/plain;q=0", Framing::Lines),
            ("text/plain, text/event-stream;q=0.5", Framing::Lines),
            ("", Framing::Lines),
        ] {
            assert_eq!(
                way_of(&format!("GET / HTTP/1.0\nAccept: {accept}")),
                Way::Stream(framing),
                "{accept}"
            );
        }
        assert_eq!(way_of("GET / HTTP/1.0"), Way::Stream(Framing::Lines));
    }

    #[test]
    fn a_path_that_names_a_document_counts_before_what_is_accepted() {
        for (path, framing) in [
            ("/stream.html", Framing::Html),
            ("/a/b.html?since=3", Framing::Html),
            (".html", Framing::Html),
            ("/stream.htm", Framing::EventStream),
            ("/stream?x=.html", Framing::EventStream),
            ("/html", Framing::EventStream),
        ] {
            let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            let request = format!("GET {path} HTTP/1.0\nAccept: text/event-stream");
            assert_eq!(way_of(&request), Way::Stream(framing), "{path}");
        }
    }

    #[test]
    fn a_stream_comes_in_chunks_since_http_1_1() {
        for (accept, framing) in [
            ("*/*", Framing::LinesChunked),
            ("text/html", Framing::HtmlChunked),
            ("application/x-ndjson", Framing::NdjsonChunked),
            ("text/event-stream", Framing::EventStreamChunked),
        ] {
            let request = format!("GET / HTTP/1.1\nHost: a\nAccept: {accept}");
            assert_eq!(way_of(&request), Way::Stream(framing));
        }
    }
}
