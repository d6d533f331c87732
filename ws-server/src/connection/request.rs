//! What a request gets: a WebSocket, a stream over HTTP, or a refusal. Pure: a head in, an [`Answer`] out.

use std::{fmt, num::NonZeroU16};

use common::{
    admission::Deed,
    framing::Framing,
    handshake::{Detected, Offer, VERSIONS_OFFERED, detect},
    http::{Head, query_param, reason, shown_target},
    id::Since,
};

use super::{
    poll_request::{BadPoll, PollRequest},
    settings::Access,
    way::{Way, accepts_stream, way},
};

/// Bytes of a wrong value that an answer shows.
const SHOWN: usize = 64;
/// Seconds of the longest `?heartbeat=`.
const MAX_HEARTBEAT: u16 = 3600;

const NO_SINCE: &str = "this is no id of a message; say the id that came with the last one, such as 01932f5a0c2e_15, or its number";
const NO_UNTIL: &str =
    "this is no id of a message; say the id of the last one you want, such as 01932f5a0c2e_15, or its number";
const NO_HEARTBEAT: &str = "this is no number of seconds for a heartbeat; say a whole one from 1 to 3600";

/// What a client asks of the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamParams {
    /// The client has every message up to this one.
    pub(crate) since: Option<Since>,
    /// The last message that a bounded read wants; `None`: the stream goes on.
    pub(crate) until: Option<Since>,
    /// What the client wants before the texts of WebSocket messages.
    pub(crate) prefix: Prefix,
    /// Seconds without a word after which the client wants a sign of life.
    pub(crate) heartbeat: Option<NonZeroU16>,
}

/// What stands before the text of a WebSocket message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Prefix {
    #[default]
    Nothing,
    /// The sequence number and a tab: `?numbered=1`.
    Number,
    /// The id and a tab, and a tab before everything that is no message: `?ids=1`.
    Id,
}

/// A parameter whose value means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadParam {
    name: &'static str,
    value: String,
    /// What is wrong, and what would be right.
    hint: &'static str,
}

#[derive(Debug)]
pub(crate) enum Answer<'h> {
    WebSocket(Offer<'h>),
    /// A stream over HTTP.
    HttpStream(Framing),
    /// The head of such a stream, without the stream.
    Head(Framing),
    /// One answer, once there is something to say.
    Poll(PollRequest),
    /// A poll that cannot be read.
    BadPoll(BadPoll),
    /// Its body is lines for the stream.
    Publish,
    /// The methods and headers that a page may use: the answer to a browser's preflight.
    Options,
    /// A status and further header fields.
    Refuse(u16, &'static [(&'static str, &'static str)]),
}

const METHODS: &str = "GET, HEAD, OPTIONS";
const METHODS_WITH_LINES: &str = "GET, HEAD, OPTIONS, POST, PUT";

/// The methods that the stream has, in one list.
pub(crate) fn methods(access: &Access) -> &'static str {
    if access.takes_lines { METHODS_WITH_LINES } else { METHODS }
}

/// `Allow` of a 405.
fn allow(access: &Access) -> &'static [(&'static str, &'static str)] {
    if access.takes_lines { &[("Allow", METHODS_WITH_LINES)] } else { &[("Allow", METHODS)] }
}

/// What a 405 says: why, to one who would publish.
pub(crate) fn not_allowed(head: &Head<'_>, access: &Access) -> String {
    let is_in_vain = Deed::of(head) == Deed::Publish && !access.takes_lines;
    let why =
        if is_in_vain { ": this stream takes no lines by HTTP; one with --source http does" } else { "" };
    format!("405 {}{why}\n", reason(405))
}

/// True for a request that can mean nothing but the stream, at whatever path: an Upgrade to a WebSocket, one that accepts an
/// event stream or lines of JSON, and one that publishes or asks whether it may.
pub fn asks_for_stream(head: &Head<'_>) -> bool {
    let preflights = head.method == "OPTIONS"
        && head
            .get("Access-Control-Request-Method")
            .is_some_and(|method| Deed::of_method(method) == Deed::Publish);
    asks_for_websocket(head) || accepts_stream(head) || Deed::of(head) == Deed::Publish || preflights
}

/// Decides by dialect, for a request that is admitted to a path that is served.
pub(crate) fn answer<'h>(head: &'h Head<'h>, access: &Access) -> Answer<'h> {
    let detected = match detect(head) {
        Ok(detected) => detected,
        Err(error) => return Answer::Refuse(error.status(), error.headers()),
    };
    match detected {
        Detected::WebSocket(offer) if offer.version.is_hixie() && !access.legacy => {
            Answer::Refuse(426, VERSIONS_OFFERED)
        }
        Detected::WebSocket(offer) => Answer::WebSocket(offer),
        Detected::Http => http(head, access),
    }
}

fn http<'h>(head: &Head<'_>, access: &Access) -> Answer<'h> {
    // RFC 9110 §7.8: "A server MAY ignore a received Upgrade header field if it wishes to continue using the current
    // protocol", as it does where the field offers HTTP/2; but a client that wants a WebSocket could do nothing with a
    // stream. "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request."
    if asks_for_websocket(head) {
        return Answer::Refuse(426, VERSIONS_OFFERED);
    }
    match (head.method, way(head)) {
        ("GET" | "HEAD", Way::BadPoll(error)) => Answer::BadPoll(error),
        ("GET" | "HEAD", Way::Poll(request)) => Answer::Poll(request),
        ("GET", Way::Stream(framing)) => Answer::HttpStream(framing),
        ("HEAD", Way::Stream(framing)) => Answer::Head(framing),
        _ if access.takes_lines && Deed::of(head) == Deed::Publish => Answer::Publish,
        ("OPTIONS", _) => Answer::Options,
        _ => Answer::Refuse(405, allow(access)),
    }
}

fn asks_for_websocket(head: &Head<'_>) -> bool {
    head.method == "GET" && head.minor_version > 0 && head.has_token("Upgrade", "websocket")
}

impl StreamParams {
    /// Reads them from a request. `Last-Event-ID` counts first, as it is newer than the URL that a page gave to its
    /// `EventSource`; then `?since=`, then `?lastEventId=`, which stands for the header in libraries that play `EventSource`. An
    /// empty value counts as absent: the client has nothing yet.
    ///
    /// # Errors
    /// [`BadParam`] for `?since=`, `?until=` and `?heartbeat=` alone. The other two come from an `EventSource`, and HTML Standard §9.2.3 lets that give
    /// up for good at any status other than 200, so an id that cannot be read is one of an unknown stream.
    pub(crate) fn of(head: &Head<'_>) -> Result<Self, BadParam> {
        let lenient = |id: &[u8]| Since::parse(id).unwrap_or(Since::Unknown);
        let query = head.query(); // most requests have none
        let any = |name| query_param(query?, name);
        let param = |name| any(name).filter(|value| !value.is_empty());
        let last_event = head.get("Last-Event-ID").filter(|id| !id.is_empty());
        let strict = |name, hint| match param(name) {
            Some(id) => Since::parse(&id).map(Some).ok_or_else(|| BadParam::new(name, &id, hint)),
            None => Ok(None),
        };
        let until = strict("until", NO_UNTIL)?;
        let since = match last_event {
            Some(id) => Some(lenient(id)),
            None => strict("since", NO_SINCE)?.or_else(|| param("lastEventId").map(|id| lenient(&id))),
        };
        let wants = |name| any(name).is_some_and(|value| &*value != b"0");
        let prefix = match (wants("ids"), wants("numbered")) {
            (true, _) => Prefix::Id,
            (false, true) => Prefix::Number,
            (false, false) => Prefix::Nothing,
        };
        let heartbeat = match param("heartbeat") {
            Some(value) => {
                Some(seconds(&value).ok_or_else(|| BadParam::new("heartbeat", &value, NO_HEARTBEAT))?)
            }
            None => None,
        };
        Ok(Self { since, until, prefix, heartbeat })
    }
}

/// Whole seconds, at most an hour.
fn seconds(value: &[u8]) -> Option<NonZeroU16> {
    let digits =
        std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|seconds: &NonZeroU16| seconds.get() <= MAX_HEARTBEAT)
}

impl BadParam {
    fn new(name: &'static str, value: &[u8], hint: &'static str) -> Self {
        // Behind a wrong separator, another parameter may be a part of the value.
        Self { name, value: shown_target(value.get(..SHOWN).unwrap_or(value)).to_string(), hint }
    }
}

impl fmt::Display for BadParam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, hint } = self;
        write!(f, "{name}={value}: {hint}")
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
            Answer::Poll(PollRequest { callback: Some(name), .. }) => format!("script {name}"),
            Answer::Poll(PollRequest { wait, .. }) => format!("poll {}", wait.as_secs()),
            Answer::BadPoll(_) => "400".to_owned(),
            Answer::Publish => "publish".to_owned(),
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
            ("GET /?poll=5 HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket", "Hixie75"),
            ("GET /?callback=f&poll=5 HTTP/1.1\nHost: a\nAccept: text/event-stream", "script f"),
            ("GET /?poll=5 HTTP/1.1\nHost: a\nAccept: text/event-stream\nPrefer: wait=9", "poll 5"),
            ("HEAD / HTTP/1.0\nPrefer: wait=9", "poll 9"),
            ("GET /?poll=soon HTTP/1.0\nAccept: text/event-stream", "400"),
            ("OPTIONS /?poll=soon HTTP/1.0", "OPTIONS"),
        ];
        for (request, expected) in table {
            assert_eq!(answered(request, &access(&[])), expected, "{request}");
        }
    }

    #[test]
    fn a_stream_of_lines_by_http_takes_them_by_two_methods() {
        let access = access(&["--source", "http"]);
        for (request, expected) in [
            ("POST / HTTP/1.1\nHost: a\nContent-Length: 3", "publish"),
            ("PUT /?since=x HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", "publish"),
            ("POST / HTTP/1.0", "publish"),
            ("DELETE / HTTP/1.1\nHost: a", "405"),
            ("PATCH / HTTP/1.1\nHost: a\nContent-Length: 3", "405"),
            ("GET / HTTP/1.0", "Lines"),
            ("HEAD / HTTP/1.0", "HEAD Lines"),
        ] {
            assert_eq!(answered(request, &access), expected, "{request}");
        }
    }

    #[test]
    fn a_path_outside_the_list_is_not_found_and_a_query_does_not_matter() {
        let access = access(&["--path", "/echo"]);
        for (request, is_served) in [
            (SHELL, true),
            ("GET /echo?a=b HTTP/1.0", true),
            ("GET http://a/echo HTTP/1.1\nHost: b", true),
            ("GET /%65cho HTTP/1.0", true),
            ("GET / HTTP/1.0", false),
            ("GET /echo/ HTTP/1.0", false),
        ] {
            let bytes = format!("{}\r\n\r\n", request.replace('\n', "\r\n"));
            let head = Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap();
            assert_eq!(access.serves(&head), is_served, "{request}");
        }
    }

    #[test]
    fn without_legacy_the_drafts_get_the_versions_that_are_served() {
        assert_eq!(answered(SHELL, &access(&["--legacy", "off"])), "426");
    }

    fn params(request: &str) -> Result<StreamParams, BadParam> {
        let bytes = format!("GET {}\r\n\r\n", request.replace('\n', "\r\n"));
        StreamParams::of(&Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap())
    }

    #[test]
    fn the_header_counts_before_since_and_since_before_the_parameter_of_libraries() {
        let id = Since::parse(b"01932f5a0c2e_15");
        let table = [
            ("/ HTTP/1.0", None),
            ("/?since= HTTP/1.0\nLast-Event-ID: ", None),
            ("/?since=&lastEventId= HTTP/1.0", None),
            ("/?since=12 HTTP/1.0", Some(Since::Number(12))),
            ("/?since=01932f5a0c2e_15 HTTP/1.0", id),
            ("/?since=%30 HTTP/1.0", Some(Since::Number(0))),
            ("/?lastEventId=01932f5a0c2e_15 HTTP/1.0", id),
            ("/?lastEventId=12&since=13 HTTP/1.0", Some(Since::Number(13))),
            ("/?lastEventId=x HTTP/1.0", Some(Since::Unknown)),
            ("/?since=12&lastEventId=13 HTTP/1.0\nLast-Event-ID: 01932f5a0c2e_15", id),
            ("/ HTTP/1.0\nLast-Event-ID: 12", Some(Since::Number(12))),
            ("/?since=12 HTTP/1.0\nLast-Event-ID: x", Some(Since::Unknown)),
            ("/?since=x HTTP/1.0\nLast-Event-ID: -1", Some(Since::Unknown)),
            ("/?since=x HTTP/1.0\nLast-Event-ID: 18446744073709551616", Some(Since::Unknown)),
        ];
        for (request, since) in table {
            assert_eq!(params(request), Ok(StreamParams { since, ..StreamParams::default() }), "{request}");
        }
    }

    #[test]
    fn a_wrong_since_is_named_with_what_is_expected() {
        for (value, shown) in [
            ("abc", "since=abc: "),
            ("-1", "since=-1: "),
            ("+1", "since= 1: "),
            ("1.5", "since=1.5: "),
            ("18446744073709551616", "since=18446744073709551616: "),
            ("01932F5A0C2E_15", "since=01932F5A0C2E_15: "),
            ("%0d%0aSet-Cookie:a", "since=\\x0d\\x0aSet-Cookie:a: "),
            ("5;token=SECRET", "since=5;token=…: "),
        ] {
            let error = params(&format!("/?since={value} HTTP/1.0")).unwrap_err().to_string();
            assert!(error.starts_with(shown) && error.contains("01932f5a0c2e_15"), "{error}");
        }
        let long = params(&format!("/?since={} HTTP/1.0", "x".repeat(900))).unwrap_err().to_string();
        assert!(long.len() < 300, "{long}");
    }

    #[test]
    fn a_bound_is_a_number_or_an_id_and_a_wrong_one_is_named() {
        for (query, until) in [
            ("since=3", None),
            ("until=", None),
            ("until=7", Some(Since::Number(7))),
            ("since=3&until=01932f5a0c2e_15", Since::parse(b"01932f5a0c2e_15")),
        ] {
            assert_eq!(params(&format!("/?{query} HTTP/1.0")).unwrap().until, until, "{query}");
        }
        for value in ["x", "-1", "1.5", "01932F5A0C2E_15"] {
            for lenient in ["", "\nLast-Event-ID: 3"] {
                let error =
                    params(&format!("/?since=3&until={value} HTTP/1.0{lenient}")).unwrap_err().to_string();
                assert!(
                    error.starts_with(&format!("until={value}: ")) && error.contains("you want"),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn ids_win_over_numbers() {
        for (query, prefix) in [
            ("", Prefix::Nothing),
            ("ids=0&numbered=0", Prefix::Nothing),
            ("numbered=1", Prefix::Number),
            ("ids=0&numbered=1", Prefix::Number),
            ("ids=1", Prefix::Id),
            ("numbered=1&ids=1", Prefix::Id),
        ] {
            let params = params(&format!("/?{query} HTTP/1.0"));
            assert_eq!(params, Ok(StreamParams { prefix, ..StreamParams::default() }), "{query}");
        }
    }
}
