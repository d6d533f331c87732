//! The heads of HTTP streams and refusals, and their CORS fields.

use std::time::SystemTime;

use common::{
    admission::Admission,
    framing::{Framing, encode_opening, encode_retry},
    gap::Gap,
    http::{Head, Response, explained_response, format_date},
};

use super::permission::WRONG_TOKEN;
use crate::publish::Receipt;

/// The fields that a page of another origin may send. `Authorization` must be named: Fetch §3.2.5 does not let `*` stand for it.
const ALLOWED_FIELDS: &str =
    "Authorization, Cache-Control, Content-Type, Idempotency-Key, Last-Event-ID, Prefer";

/// A whole 503; `$fields` are whole lines.
macro_rules! no_room {
    ($fields:literal) => {
        concat!(
            "HTTP/1.1 503 Service Unavailable\r\n",
            "Server: datecast\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Content-Length: 24\r\n",
            "X-Content-Type-Options: nosniff\r\n",
            "Referrer-Policy: no-referrer\r\n",
            $fields,
            "Retry-After: 5\r\n",
            "Connection: close\r\n\r\n",
            "503 Service Unavailable\n"
        )
        .as_bytes()
    };
}

/// The answer to a newcomer that the limits leave no room for.
pub(crate) const NO_ROOM: &[u8] = no_room!("Access-Control-Allow-Origin: *\r\n");
const PRIVATE_NO_ROOM: &[u8] = no_room!("Cross-Origin-Resource-Policy: same-origin\r\n");

/// The same in the words of this server. They depend on no origin: the newcomer's request has not been read.
pub(crate) fn no_room(admission: &Admission) -> &'static [u8] {
    if admission.is_private() { PRIVATE_NO_ROOM } else { NO_ROOM }
}

const OTHER_BODY: &str = "these are not the lines that were published under this Idempotency-Key: take another key for other lines\n";

/// The fields that let a page of another origin read the answer, or keep it from loading it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cors<'h> {
    allowed: Option<&'h str>,
    by_list: bool,
    /// [`Admission::fields`].
    others: &'static [(&'static str, &'static str)],
}

impl<'h> Cors<'h> {
    /// The fields for the answer to this request.
    pub(crate) fn new(head: &Head<'h>, admission: &Admission) -> Self {
        let origin = admission.cors(head);
        let allowed = origin.and_then(|origin| std::str::from_utf8(origin).ok());
        Self { allowed, ..Self::without_request(admission) }
    }

    /// For an answer to bytes that are not a request, and so have no origin.
    pub(crate) fn without_request(admission: &Admission) -> Self {
        let is_open = admission.is_open();
        Self { allowed: is_open.then_some("*"), by_list: !is_open, others: admission.fields() }
    }

    /// The origin that the answer names; `None` also where it names every one.
    pub(crate) fn origin(self) -> Option<&'h str> {
        self.allowed.filter(|_| self.by_list)
    }

    /// The same with this one.
    pub(crate) fn for_origin(self, origin: Option<&'h str>) -> Self {
        Self { allowed: origin.or(self.allowed), ..self }
    }

    pub(super) fn fields(self) -> impl Iterator<Item = (&'static str, &'h str)> {
        let allowed = self.allowed.map(|origin| ("Access-Control-Allow-Origin", origin));
        // Fetch §3.2.3: a page may send cookies along only where the origin is named; `*` does not count then.
        let credentials =
            allowed.filter(|_| self.by_list).map(|_| ("Access-Control-Allow-Credentials", "true"));
        let vary = self.by_list.then_some(("Vary", "Origin"));
        [allowed, credentials, vary].into_iter().flatten().chain(self.others.iter().copied())
    }
}

/// What the response says before the stream over HTTP begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpOpening {
    pub(crate) framing: Framing,
    /// The connection's; `None` for a bounded read, to which no browser shall come back.
    pub(crate) id: Option<u64>,
    /// Milliseconds before a browser reconnects, at least.
    pub(crate) retry_ms: u64,
    /// What the client does not get of the messages that it asked for.
    pub(crate) gap: Option<Gap>,
}

/// Appends the head of a stream and what its framing begins with; for an event stream also how long to wait before reconnecting.
pub(crate) fn begin(opening: &HttpOpening, cors: Cors<'_>, wall: SystemTime, out: &mut Vec<u8>) {
    let HttpOpening { framing, id, retry_ms, .. } = *opening;
    write_head(framing, Some(opening), cors, wall, out);
    encode_opening(framing, out);
    if let Some(id) = id {
        encode_retry(framing, spread(retry_ms, id), out);
    }
}

/// Adds up to half of `retry_ms`, a different share for each id: a browser waits exactly this long before it reconnects, so
/// browsers that lost the server together would come back together.
fn spread(retry_ms: u64, id: u64) -> u64 {
    // Multiples of the golden ratio fall evenly, however many there are.
    let parts = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    retry_ms.saturating_add(retry_ms / 2 * parts / 1024)
}

pub(crate) fn head_only(framing: Framing, cors: Cors<'_>, wall: SystemTime, out: &mut Vec<u8>) {
    write_head(framing, None, cors, wall, out);
}

fn write_head(
    framing: Framing,
    opening: Option<&HttpOpening>,
    cors: Cors<'_>,
    wall: SystemTime,
    out: &mut Vec<u8>,
) {
    let mut head = Response::new(200, out)
        .header("Server", "datecast")
        .header("Date", format_date(wall))
        .header("Content-Type", format!("{}; charset=utf-8", framing.media_type()))
        .header("Cache-Control", "no-store")
        .header("X-Content-Type-Options", "nosniff")
        // A browser that shows the text asks for an icon, too, and would repeat the address there with its token.
        .header("Referrer-Policy", "no-referrer")
        // nginx would otherwise buffer the messages; the second one says the same to whatever knows draft-ietf-httpbis-incremental.
        .header("X-Accel-Buffering", "no")
        .header("Incremental", "?1");
    for (name, value) in framing.fields() {
        head = head.header(name, value);
    }
    for (name, value) in cors.fields() {
        head = head.header(name, value);
    }
    if let Some(HttpOpening { id, gap, .. }) = opening {
        if let Some(id) = id {
            head = head.header("X-Connection-Id", id.to_string());
        }
        // Between lines there is no place for it.
        if let Some(gap) = gap.filter(|_| !framing.tells_gaps()) {
            head = head.header("Datecast-Gap", gap.to_string());
        }
        head = head.header("Access-Control-Expose-Headers", "X-Connection-Id, Datecast-Gap");
    }
    if framing.is_chunked() {
        head = head.header("Transfer-Encoding", "chunked");
    }
    head.header("Connection", "close").finish();
}

/// Appends the answer to a browser's preflight; `methods` are those of the stream, in one list.
pub(crate) fn options(methods: &str, cors: Cors<'_>, wall: SystemTime, out: &mut Vec<u8>) {
    let mut head = Response::new(204, out)
        .header("Server", "datecast")
        .header("Date", format_date(wall))
        .header("Allow", methods);
    for (name, value) in cors.fields() {
        head = head.header(name, value);
    }
    head.header("Access-Control-Allow-Methods", methods)
        .header("Access-Control-Allow-Headers", ALLOWED_FIELDS)
        .header("Access-Control-Max-Age", "86400")
        .header("Connection", "close")
        .finish();
}

/// Appends an answer that says that there is nothing more, and ends an `EventSource`.
pub(crate) fn no_content(cors: Cors<'_>, wall: SystemTime, out: &mut Vec<u8>) {
    let mut head = Response::new(204, out).header("Server", "datecast").header("Date", format_date(wall));
    for (name, value) in cors.fields() {
        head = head.header(name, value);
    }
    head.header("Cache-Control", "no-store").header("Connection", "close").finish();
}

/// Appends the answer to a request that has published, or to one whose lines are not those of an earlier try under its key (`None`).
/// The connection is `kept` for another request, or ends; its client may be `old`, and speak HTTP/1.0.
pub(crate) fn receipt(
    status: u16,
    receipt: Option<&Receipt>,
    (kept, old): (bool, bool),
    cors: Cors<'_>,
    wall: SystemTime,
    out: &mut Vec<u8>,
) {
    let (media, body) = match receipt {
        Some(receipt) => ("application/json", receipt.json()),
        None => ("text/plain; charset=utf-8", OTHER_BODY.to_owned()),
    };
    let mut head = Response::new(status, out)
        .header("Server", "datecast")
        .header("Date", format_date(wall))
        .header("Content-Type", media)
        .header("Content-Length", body.len().to_string())
        .header("X-Content-Type-Options", "nosniff")
        // The same holds for the answer to a form.
        .header("Referrer-Policy", "no-referrer")
        .header("Cache-Control", "no-store");
    for (name, value) in cors.fields() {
        head = head.header(name, value);
    }
    match status {
        // RFC 9110 §15.5.2: "The server generating a 401 response MUST send a WWW-Authenticate header field".
        401 => head = head.header("WWW-Authenticate", WRONG_TOKEN),
        503 => head = head.header("Retry-After", "5"),
        _ => {}
    }
    // RFC 9112 §9.3: a connection of HTTP/1.0 is kept only where both sides say so.
    match (kept, old) {
        (false, _) => head.header("Connection", "close"),
        (true, true) => head.header("Connection", "keep-alive"),
        (true, false) => head,
    }
    .finish();
    out.extend_from_slice(body.as_bytes());
}

/// Appends a refusal that a page of an allowed origin can read; `body` is one line.
pub(crate) fn refuse<'a>(
    status: u16,
    body: &str,
    extra: &[(&'a str, &'a str)],
    cors: Cors<'a>,
    wall: SystemTime,
    out: &mut Vec<u8>,
) {
    let mut fields: Vec<(&str, &str)> = extra.to_vec();
    for field in cors.fields() {
        fields.push(field);
    }
    explained_response(status, body, wall, &fields, out);
}

#[cfg(test)]
mod tests {
    use common::http::HeadLimits;

    use super::*;

    #[test]
    fn the_prepared_refusals_have_a_true_length() {
        for answer in [NO_ROOM, PRIVATE_NO_ROOM] {
            let text = std::str::from_utf8(answer).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
        }
    }

    #[test]
    fn no_answer_that_a_browser_shows_lets_it_repeat_the_address() {
        let mut out = Vec::new();
        for (status, of) in [(200, crate::publish::Account::unkeyed().finish().ok()), (422, None)] {
            out.clear();
            receipt(status, of.as_ref(), (true, false), Cors::default(), SystemTime::UNIX_EPOCH, &mut out);
            assert!(
                String::from_utf8_lossy(&out).contains("\r\nReferrer-Policy: no-referrer\r\n"),
                "{status}"
            );
        }
        for answer in [NO_ROOM, PRIVATE_NO_ROOM] {
            let text = std::str::from_utf8(answer).unwrap();
            assert!(text.contains("\r\nReferrer-Policy: no-referrer\r\n"), "{text}");
        }
    }

    #[test]
    fn clients_that_lost_the_server_together_do_not_come_back_together() {
        let mut times: Vec<u64> = (1..=1000).map(|id| spread(2000, id)).collect();
        times.sort_unstable();
        assert!((2000..2010).contains(&times[0]) && (2990..3000).contains(&times[999]));
        for hundred in times.chunks(100) {
            assert!((80..=120).contains(&(hundred[99] - hundred[0])), "evenly: {hundred:?}");
        }
        assert_eq!((spread(0, 7), spread(1, 7)), (0, 1));
    }

    #[test]
    fn only_a_listed_origin_may_read_the_answer_with_its_cookies() {
        let fields = |args: &[&str], origin: &str| {
            let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{origin}\r\n");
            let head = Head::parse(request.as_bytes(), HeadLimits::default()).unwrap();
            let admission = crate::config::tests::config(args).unwrap().access.admission;
            Cors::new(&head, &admission)
                .fields()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
        };
        let list = &["--allow-origin", "https://a.example"][..];
        assert_eq!(
            fields(list, "Origin: https://a.example\r\n"),
            [
                "Access-Control-Allow-Origin: https://a.example",
                "Access-Control-Allow-Credentials: true",
                "Vary: Origin"
            ]
        );
        assert_eq!(fields(list, "Origin: https://b.example\r\n"), ["Vary: Origin"]);
        assert_eq!(fields(list, ""), ["Vary: Origin"]);
        assert_eq!(fields(&[], "Origin: https://a.example\r\n"), ["Access-Control-Allow-Origin: *"]);
    }

    #[test]
    fn an_event_stream_begins_with_its_head_and_the_retry_time() {
        let mut out = Vec::new();
        let opening = HttpOpening { framing: Framing::EventStream, id: Some(7), retry_ms: 2000, gap: None };
        begin(&opening, Cors::default(), SystemTime::UNIX_EPOCH, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "HTTP/1.1 200 OK\r\nServer: datecast\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
             Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nX-Accel-Buffering: no\r\nIncremental: ?1\r\nX-Connection-Id: 7\r\n\
             Access-Control-Expose-Headers: X-Connection-Id, Datecast-Gap\r\nConnection: close\r\n\r\nretry: 2326\n\n"
        );
    }
    #[test]
    fn only_the_head_of_lines_tells_of_a_gap() {
        let gap = Gap { missed: Some(3), new_stream: false, next: None };
        let field = "Datecast-Gap: {\"missed\":3,\"stream\":\"same\",\"next\":null}\r\n";
        for (framing, gap, is_told) in [
            (Framing::Lines, Some(gap), true),
            (Framing::LinesChunked, Some(gap), true),
            (Framing::Lines, None, false),
            (Framing::EventStream, Some(gap), false),
            (Framing::EventStreamChunked, Some(gap), false),
        ] {
            let mut out = Vec::new();
            let opening = HttpOpening { framing, id: Some(7), retry_ms: 2000, gap };
            begin(&opening, Cors::default(), SystemTime::UNIX_EPOCH, &mut out);
            assert_eq!(String::from_utf8(out).unwrap().contains(field), is_told, "{framing:?}");
        }
    }
}
