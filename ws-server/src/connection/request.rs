//! What a request gets: a WebSocket, a stream over HTTP, or a refusal. Pure: a head in, an [`Answer`] out.

use common::{
    framing::Framing,
    handshake::{Detected, Offer, VERSIONS_OFFERED, detect},
    http::{Head, weighted},
};

use super::settings::Access;

/// What a client asks of the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamParams {
    /// The client has every message up to this sequence number: `Last-Event-ID`, or `?since=N`.
    pub(crate) since: Option<u64>,
    /// The client wants the sequence numbers in the texts: `?numbered=1`.
    pub(crate) numbered: bool,
}

#[derive(Debug)]
pub(crate) enum Answer<'h> {
    WebSocket(Offer<'h>),
    /// A stream over HTTP.
    HttpStream(Framing),
    /// The head of such a stream, without the stream.
    Head(Framing),
    /// The methods and headers that a page may use: the answer to a browser's preflight.
    Options,
    /// A status and further header fields.
    Refuse(u16, &'static [(&'static str, &'static str)]),
}

pub(crate) const METHODS: &[(&str, &str)] = &[("Allow", "GET, HEAD, OPTIONS")];

/// Decides by dialect, path and origin; path and origin apply to every way to the stream.
pub(crate) fn answer<'h>(head: &'h Head<'h>, access: &Access) -> Answer<'h> {
    let detected = match detect(head) {
        Ok(detected) => detected,
        Err(error) => return Answer::Refuse(error.status(), error.headers()),
    };
    if !access.serves(head.path()) {
        return Answer::Refuse(404, &[]);
    }
    let origin = match &detected {
        Detected::WebSocket(offer) => offer.origin,
        Detected::Http => head.get("Origin"),
    };
    if !access.origins.allows(origin) {
        return Answer::Refuse(403, &[]);
    }
    match detected {
        Detected::WebSocket(offer) if offer.version.is_hixie() && !access.legacy => {
            Answer::Refuse(426, VERSIONS_OFFERED)
        }
        Detected::WebSocket(offer) => Answer::WebSocket(offer),
        Detected::Http => http(head),
    }
}

fn http<'h>(head: &Head<'_>) -> Answer<'h> {
    // RFC 9110 §7.8: "A server MAY ignore a received Upgrade header field if it wishes to continue using the current
    // protocol", as it does where the field offers HTTP/2; but a client that wants a WebSocket could do nothing with a
    // stream. "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request."
    if head.method == "GET" && head.minor_version > 0 && head.has_token("Upgrade", "websocket") {
        return Answer::Refuse(426, VERSIONS_OFFERED);
    }
    match head.method {
        "GET" => Answer::HttpStream(framing(head)),
        "HEAD" => Answer::Head(framing(head)),
        "OPTIONS" => Answer::Options,
        _ => Answer::Refuse(405, METHODS),
    }
}

/// Events for a client that accepts them, else lines; in chunks since HTTP/1.1.
fn framing(head: &Head<'_>) -> Framing {
    match (accepts_events(head), head.minor_version > 0) {
        (true, true) => Framing::EventStreamChunked,
        (true, false) => Framing::EventStream,
        (false, true) => Framing::LinesChunked,
        (false, false) => Framing::Lines,
    }
}

fn accepts_events(head: &Head<'_>) -> bool {
    head.list("Accept").map(weighted).any(|(media, weight)| {
        // RFC 9110 §12.4.2: "a value of 0 means "not acceptable"".
        media.eq_ignore_ascii_case(b"text/event-stream") && weight != Some(0)
    })
}

impl StreamParams {
    /// Reads them from a request; a value that is not a number counts as absent.
    pub(crate) fn of(head: &Head<'_>) -> Self {
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
        let last_event = head.get("Last-Event-ID").and_then(number);
        let since = last_event.or_else(|| head.query_param("since").and_then(|text| number(&text)));
        let numbered = head.query_param("numbered").is_some_and(|value| &*value != b"0");
        Self { since, numbered }
    }
}

#[cfg(test)]
mod tests {
    use common::http::HeadLimits;

    use super::*;

    fn access(args: &[&str]) -> Access {
        crate::config::tests::config(args).unwrap().access
    }

    /// The answer in a word.
    fn answered(request: &str, access: &Access) -> String {
        let bytes = format!("{}\r\n\r\n", request.replace('\n', "\r\n"));
        let head = Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap();
        match answer(&head, access) {
            Answer::WebSocket(offer) => format!("{:?}", offer.version),
            Answer::HttpStream(framing) => format!("{framing:?}"),
            Answer::Head(framing) => format!("HEAD {framing:?}"),
            Answer::Options => "OPTIONS".to_owned(),
            Answer::Refuse(status, _) => status.to_string(),
        }
    }

    const SHELL: &str = "GET /echo HTTP/1.1\nHost: localhost\nConnection: Upgrade\nUpgrade: WebSocket";

    #[test]
    fn each_request_gets_what_it_asks_for() {
        let table = [
            (SHELL, "Hixie75"),
            ("GET / HTTP/1.1\nHost: a", "LinesChunked"),
            ("GET / HTTP/1.0", "Lines"),
            ("GET / HTTP/1.1\nHost: a\nAccept: text/html, text/event-stream;q=0.9", "EventStreamChunked"),
            ("GET / HTTP/1.0\nAccept: Text/Event-Stream", "EventStream"),
            ("HEAD / HTTP/1.1\nHost: a", "HEAD LinesChunked"),
            ("OPTIONS * HTTP/1.1\nHost: a", "OPTIONS"),
            ("POST / HTTP/1.1\nHost: a\nContent-Length: 3", "405"),
            ("GET / HTTP/1.1\nHost: a\nUpgrade: h2c\nConnection: Upgrade, HTTP2-Settings", "LinesChunked"),
            ("HEAD / HTTP/1.1\nHost: a\nUpgrade: h2c, TLS/1.0\nConnection: Upgrade", "HEAD LinesChunked"),
            ("GET / HTTP/1.1\nHost: a\nUpgrade: h2c, WebSocket\nConnection: Upgrade", "Hixie75"),
            (
                "GET / HTTP/1.1\nHost: a\nUpgrade: h2c\nUpgrade: ,websocket\nConnection: close\nConnection: ,UPGRADE",
                "Hixie75",
            ),
            ("GET / HTTP/1.1\nHost: a\nAccept: ,text/event-stream", "EventStreamChunked"),
            ("GET / HTTP/1.1\nHost: a\nAccept: text/html\nAccept: text/event-stream", "EventStreamChunked"),
            ("GET / HTTP/1.1\nHost: a\nAccept: text/event-stream; Q=0, */*", "LinesChunked"),
            ("GET / HTTP/1.1\nHost: a\nAccept: text/x;a=\", text/event-stream\"", "LinesChunked"),
            ("GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: keep-alive", "426"),
            ("GET / HTTP/1.0\nUpgrade: websocket", "Lines"),
        ];
        for (request, expected) in table {
            assert_eq!(answered(request, &access(&[])), expected, "{request}");
        }
    }

    #[test]
    fn a_path_outside_the_list_is_not_found_and_a_query_does_not_matter() {
        let access = access(&["--path", "/echo"]);
        assert_eq!(answered(SHELL, &access), "Hixie75");
        assert_eq!(answered("GET /echo?a=b HTTP/1.0", &access), "Lines");
        assert_eq!(answered("GET http://a/echo HTTP/1.1\nHost: b", &access), "LinesChunked");
        assert_eq!(answered("GET /%65cho HTTP/1.0", &access), "Lines");
        assert_eq!(answered("GET / HTTP/1.0", &access), "404");
        assert_eq!(answered("GET /echo/ HTTP/1.0", &access), "404");
    }

    #[test]
    fn without_legacy_the_drafts_get_the_versions_that_are_served() {
        assert_eq!(answered(SHELL, &access(&["--legacy", "off"])), "426");
    }

    #[test]
    fn the_params_are_numbers_or_absent() {
        let params = |request: &str| {
            let bytes = format!("GET {request}\r\n\r\n");
            StreamParams::of(&Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap())
        };
        assert_eq!(params("/ HTTP/1.0"), StreamParams::default());
        assert_eq!(
            params("/?since=12&numbered=1 HTTP/1.0"),
            StreamParams { since: Some(12), numbered: true }
        );
        assert_eq!(
            params("/?since=12 HTTP/1.0\r\nLast-Event-ID: 15"),
            StreamParams { since: Some(15), numbered: false }
        );
        assert_eq!(params("/?since=-1&numbered=0 HTTP/1.0\r\nLast-Event-ID: x"), StreamParams::default());
    }
}
