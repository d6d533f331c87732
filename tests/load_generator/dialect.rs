//! The ways to ask for the stream, and the marks of a right answer.

use crate::answers::CALLBACK;

/// One way to ask for the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Rfc6455,
    Hybi08,
    Hybi07,
    Hixie76,
    Hixie75,
    /// Server-sent events over HTTP/1.1, in chunks.
    EventsChunked,
    /// Server-sent events over HTTP/1.0, to the end of the stream.
    Events,
    /// Lines over HTTP/1.1, in chunks.
    LinesChunked,
    /// Lines over HTTP/1.0, to the end of the stream.
    Lines,
    /// RFC 6455 with the id of each message (`?ids=1`).
    Ids,
    /// Lines of JSON over HTTP/1.1, in chunks.
    Json,
    /// Long polls on one connection, one after the other.
    Poll,
    /// The same, as scripts.
    Jsonp,
}

/// The key of RFC 6455 §1.3 and its answer. All clients use this one: only the answer counts here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// The keys of the example in draft 76 §1.2, and their answer.
const KEYS: &str = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
const THIRD_KEY: &str = "^n:ds[4U";
const DIGEST: &[u8] = b"8jKS'y:G*Co,Wxa-";

impl Dialect {
    pub(crate) const ALL: [Self; 9] = [
        Self::Rfc6455,
        Self::Hybi08,
        Self::Hybi07,
        Self::Hixie76,
        Self::Hixie75,
        Self::EventsChunked,
        Self::Events,
        Self::LinesChunked,
        Self::Lines,
    ];
    /// With those that tell ids and gaps in a way of their own.
    pub(crate) const WITH_IDS: [Self; 13] = {
        let [a, b, c, d, e, f, g, h, i] = Self::ALL;
        [a, b, c, d, e, f, g, h, i, Self::Ids, Self::Json, Self::Poll, Self::Jsonp]
    };

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rfc6455 => "rfc6455",
            Self::Hybi08 => "hybi-08",
            Self::Hybi07 => "hybi-07",
            Self::Hixie76 => "hixie-76",
            Self::Hixie75 => "hixie-75",
            Self::EventsChunked => "events-1.1",
            Self::Events => "events-1.0",
            Self::LinesChunked => "lines-1.1",
            Self::Lines => "lines-1.0",
            Self::Ids => "ids",
            Self::Json => "json-1.1",
            Self::Poll => "poll",
            Self::Jsonp => "jsonp",
        }
    }

    /// True for RFC 6455 and its drafts, which share their frames.
    pub(crate) fn is_hybi(self) -> bool {
        matches!(self, Self::Rfc6455 | Self::Hybi08 | Self::Hybi07 | Self::Ids)
    }

    /// It has the frames of drafts 75 and 76.
    pub(crate) fn is_hixie(self) -> bool {
        matches!(self, Self::Hixie76 | Self::Hixie75)
    }

    pub(crate) fn is_events(self) -> bool {
        matches!(self, Self::EventsChunked | Self::Events)
    }

    /// Each message, or several, is an answer to a request of its own.
    pub(crate) fn is_poll(self) -> bool {
        matches!(self, Self::Poll | Self::Jsonp)
    }

    /// It tells its client how many messages are missing.
    pub(crate) fn tells_gaps(self) -> bool {
        self.is_events() || self.is_poll() || matches!(self, Self::Ids | Self::Json)
    }

    pub(crate) fn is_chunked(self) -> bool {
        matches!(self, Self::EventsChunked | Self::LinesChunked | Self::Json)
    }

    pub(crate) fn request(self) -> String {
        self.request_since(None)
    }

    /// The request, of a client that goes on behind the message with this id.
    pub(crate) fn request_since(self, id: Option<&str>) -> String {
        let (polls, calls) = ("?poll=25", format!("?poll=25&callback={CALLBACK}"));
        let query = match (self, id) {
            (Self::Poll, None) => polls.to_owned(),
            (Self::Poll, Some(id)) => format!("{polls}&since={id}"),
            (Self::Jsonp, None) => calls,
            (Self::Jsonp, Some(id)) => format!("{calls}&since={id}"),
            (Self::Ids, None) => "?ids=1".to_owned(),
            (Self::Ids, Some(id)) => format!("?ids=1&since={id}"),
            (_, None) => String::new(),
            (_, Some(id)) => format!("?since={id}"),
        };
        let hybi = |version: u8, origin: &str| {
            format!(
                "GET /{query} HTTP/1.1\r\nHost: localhost:40132\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: {version}\r\n{origin}: http://localhost\r\n\r\n"
            )
        };
        let hixie = |keys: &str, body: &str| {
            format!(
                "GET /{query} HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: localhost:40132\r\n\
                 Origin: http://localhost\r\n{keys}\r\n{body}"
            )
        };
        let plain = |minor: u8, accept: &str| {
            format!("GET /{query} HTTP/1.{minor}\r\nHost: localhost:40132\r\nAccept: {accept}\r\n\r\n")
        };
        match self {
            Self::Rfc6455 | Self::Ids => hybi(13, "Origin"),
            Self::Hybi08 => hybi(8, "Sec-WebSocket-Origin"),
            Self::Hybi07 => hybi(7, "Sec-WebSocket-Origin"),
            Self::Hixie76 => hixie(KEYS, THIRD_KEY),
            Self::Hixie75 => hixie("", ""),
            Self::EventsChunked => plain(1, "text/event-stream"),
            Self::Events => plain(0, "text/event-stream"),
            Self::LinesChunked | Self::Poll | Self::Jsonp => plain(1, "*/*"),
            Self::Json => plain(1, "application/x-ndjson"),
            Self::Lines => plain(0, "*/*"),
        }
    }

    /// How many bytes of the answer to the handshake follow its head.
    pub(crate) fn after_head(self) -> usize {
        if self == Self::Hixie76 { DIGEST.len() } else { 0 }
    }

    /// What is wrong with an answer to the handshake, if anything is.
    pub(crate) fn fault(self, head: &[u8], after: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(head);
        let status = text.split(' ').nth(1).unwrap_or_default();
        let upgraded = self.is_hybi() || self.is_hixie();
        if status != if upgraded { "101" } else { "200" } {
            return Some(format!("status {status}"));
        }
        let right = match self {
            Self::Rfc6455 | Self::Hybi08 | Self::Hybi07 | Self::Ids => text.contains(ACCEPT),
            Self::Hixie76 => after == DIGEST,
            Self::Hixie75 => text.contains("WebSocket-Origin: http://localhost"),
            other => other.is_chunked() == text.contains("Transfer-Encoding: chunked"),
        };
        (!right).then(|| "a wrong opening handshake".to_owned())
    }
}
