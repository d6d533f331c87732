//! The stream as a document, for readers without scripts, where the page was told no address of it: on the host that they asked for, on the stream's own port.

use common::{host::Authority, http::Head};

/// What the page links to, beside itself; here it leads to the stream.
pub(crate) const DOCUMENT: &str = "stream.html";
/// The query of what there is now: a number that no message will have.
pub(crate) const AGAIN: &str = "until=999999999999999";
/// Where ws-server listens unless it is told otherwise.
const STREAM_PORT: u16 = 40132;

/// Where the document is for this client; `None` for one that has not said which host it asks for.
pub(crate) fn location(head: &Head<'_>) -> Option<String> {
    let asked = Authority::parse(head.host()?)?;
    // Whatever else stands there is not repeated in a field.
    let query = if head.query() == Some(AGAIN.as_bytes()) { format!("?{AGAIN}") } else { String::new() };
    Some(format!("http://{}:{STREAM_PORT}/{DOCUMENT}{query}", asked.host))
}

#[cfg(test)]
mod tests {
    use common::http::HeadLimits;

    use super::*;

    #[test]
    fn the_stream_is_on_the_host_that_the_client_asked_for() {
        for (host, expected) in [
            ("example.org", Some("http://example.org:40132/stream.html")),
            ("Example.ORG:8080", Some("http://example.org:40132/stream.html")),
            ("[::1]:8080", Some("http://[::1]:40132/stream.html")),
            ("192.0.2.7", Some("http://192.0.2.7:40132/stream.html")),
            ("a@b", None),
            ("a\"b", None),
        ] {
            let bytes = format!("GET /stream.html HTTP/1.0\r\nHost: {host}\r\n\r\n");
            let location =
                Head::parse(bytes.as_bytes(), HeadLimits::default()).ok().and_then(|head| location(&head));
            assert_eq!(location.as_deref(), expected, "{host}");
        }
        for (query, expected) in [
            (AGAIN, "http://h:40132/stream.html?until=999999999999999"),
            ("a=b", "http://h:40132/stream.html"),
        ] {
            let bytes = format!("GET /stream.html?{query} HTTP/1.0\r\nHost: h\r\n\r\n");
            let head = Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap();
            assert_eq!(location(&head).as_deref(), Some(expected));
        }
        let head = Head::parse(b"GET /stream.html HTTP/1.0\r\n\r\n", HeadLimits::default()).unwrap();
        assert_eq!(location(&head), None);
    }
}
