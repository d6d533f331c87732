//! Which requests ask for the stream. All others are for the site.

use common::http::{Head, is_path_within, is_same_path};
use ws_server::asks_for_stream;

/// Where the stream is for requests that could mean a file, too.
const STREAM: &[u8] = b"/stream";
/// Where it is a document.
const DOCUMENT: &[u8] = b"/stream.html";

/// True for `/stream` and what is below it, for its document, and at any path for a request that can mean nothing but the stream.
pub(crate) fn is_for_stream(head: &Head<'_>) -> bool {
    let path = without_empty_steps(head.path());
    is_path_within(STREAM, path) || is_same_path(DOCUMENT, path) || asks_for_stream(head)
}

/// The path without steps at its beginning that lead nowhere, which do not matter to the site either: a proxy may send `//stream`
/// where its own path ends with a slash and ours begins with one.
fn without_empty_steps(mut path: &[u8]) -> &[u8] {
    while let Some(rest) = path.strip_prefix(b"/").map(|rest| rest.strip_prefix(b".").unwrap_or(rest))
        && rest.starts_with(b"/")
    {
        path = rest;
    }
    path
}

#[cfg(test)]
mod tests {
    use common::http::HeadLimits;

    use super::*;

    #[test]
    fn a_path_an_upgrade_or_the_media_type_asks_for_the_stream() {
        for (request, expected) in [
            ("GET /stream HTTP/1.1\r\nHost: a", true),
            ("GET /stream?since=12 HTTP/1.0", true),
            ("GET /stream/x HTTP/1.0", true),
            ("GET //stream?since=12 HTTP/1.0", true),
            ("GET /.///./stream/x HTTP/1.0", true),
            ("GET http://a/stream HTTP/1.1\r\nHost: a", true),
            ("OPTIONS /stream HTTP/1.1\r\nHost: a", true),
            ("POST /stream HTTP/1.1\r\nHost: a", true),
            ("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream", true),
            ("GET / HTTP/1.1\r\nHost: a\r\nAccept: application/x-ndjson", true),
            ("GET / HTTP/1.1\r\nHost: a\r\nAccept: application/x-ndjson;q=0, */*", false),
            ("GET /stream.html HTTP/1.1\r\nHost: a", true),
            ("GET //stream.html?since=3 HTTP/1.0", true),
            ("GET /stream/x.html HTTP/1.0", true),
            ("GET /streams.html HTTP/1.0", false),
            ("GET /stream.html/ HTTP/1.0", false),
            ("GET /x.html HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: Upgrade", true),
            ("POST / HTTP/1.1\r\nHost: a", true),
            ("PUT /x.txt HTTP/1.1\r\nHost: a", true),
            ("OPTIONS / HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Method: POST", true),
            ("OPTIONS / HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Method: GET", false),
            ("DELETE / HTTP/1.1\r\nHost: a", false),
            ("GET / HTTP/1.1\r\nHost: a", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html, */*", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html, text/event-stream;q=0", false),
            ("GET /streams HTTP/1.0", false),
            ("GET //streams HTTP/1.0", false),
            ("GET /../stream HTTP/1.0", false),
            ("GET /x//stream HTTP/1.0", false),
            ("GET /?stream HTTP/1.0", false),
            ("OPTIONS * HTTP/1.1\r\nHost: a", false),
        ] {
            let bytes = format!("{request}\r\n\r\n");
            let head = Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap();
            assert_eq!(is_for_stream(&head), expected, "{request}");
        }
    }
}
