//! Request heads: the scan in pieces, the parser, and httparse's verdict on the same bytes.

use common::http::{Body, Head, HeadError, HeadLimits, HeadScan, MAX_HEADERS, shown_target};

use crate::{allocation, input::Choices, pieces::in_any_pieces};

/// The defaults, and limits that a short input can reach.
const LIMITS: [HeadLimits; 3] = [
    HeadLimits { max_bytes: 32 * 1024, max_headers: MAX_HEADERS, max_target: 8 * 1024 },
    HeadLimits { max_bytes: 120, max_headers: 3, max_target: 24 },
    HeadLimits { max_bytes: 4, max_headers: 0, max_target: 1 },
];

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (limits, cut) = (choices.one_of(&LIMITS), usize::from(choices.byte()));
    let bytes = choices.rest();
    let scanned = in_any_pieces(bytes, cut, |pieces| scan(pieces, limits));
    let Ok(Some(len)) = scanned else {
        if scanned.is_ok() {
            assert!(bytes.len() < limits.max_bytes, "a head of this length waits for more");
        }
        return;
    };
    let bytes = &bytes[..len];
    assert!(bytes.ends_with(b"\r\n\r\n") && len <= limits.max_bytes);
    let parsed = allocation::none(|| Head::parse(bytes, limits));
    compare(bytes, parsed.as_ref());
    if let Ok(head) = parsed {
        check(&head);
    }
}

/// The scan of bytes that arrive in these pieces; what was scanned once is parsed as if it were scanned anew, and taken as if it were
/// scanned and parsed.
fn scan(pieces: &[&[u8]], limits: HeadLimits) -> Result<Option<usize>, HeadError> {
    let (mut scan, mut of_taken, mut arrived) = (HeadScan::default(), HeadScan::default(), Vec::new());
    for piece in pieces {
        arrived.extend_from_slice(piece);
        let mut taken = Head::unread();
        let outcome = taken.take(&mut of_taken, &arrived, limits);
        let found = scan.find(&arrived, limits);
        let Some(head) = found.inspect_err(|error| assert_eq!(outcome, Err(*error)))? else {
            assert_eq!(outcome, Ok(None));
            continue;
        };
        let (once, anew) = (Head::of_scanned(head, limits), Head::parse(&arrived[..head.end()], limits));
        assert_eq!(format!("{once:?}"), format!("{anew:?}"));
        let taken = outcome.map(|len| (len, &taken));
        assert_eq!(format!("{taken:?}"), format!("{:?}", once.as_ref().map(|once| (Some(head.end()), once))));
        return Ok(Some(head.end()));
    }
    Ok(None)
}

/// httparse reads what we read, and we refuse more than it does for our own reasons only.
fn compare(bytes: &[u8], ours: Result<&Head<'_>, &HeadError>) {
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut theirs = httparse::Request::new(&mut fields);
    match (ours, theirs.parse(bytes)) {
        (Ok(head), Ok(httparse::Status::Complete(len))) => {
            assert_eq!(len, bytes.len(), "httparse finds another end");
            assert_eq!(Some(head.method), theirs.method);
            assert_eq!(Some(head.target), theirs.path.map(str::as_bytes));
            assert_eq!(Some(head.minor_version), theirs.version);
            for field in theirs.headers.iter() {
                assert!(head.get_all(field.name).any(|value| value == field.value), "{}", field.name);
            }
        }
        // RFC 9110 §2.5 has a server read HTTP/1.2 as HTTP/1.1; httparse does not know it.
        (Ok(head), Err(httparse::Error::Version)) => assert_eq!(head.minor_version, 1),
        // RFC 9112 §3.2 leaves such a target to the server; httparse has it as a `str`.
        (Ok(head), Err(httparse::Error::Token)) if std::str::from_utf8(head.target).is_err() => {}
        (Ok(head), theirs) => panic!("httparse refuses {head:?}: {theirs:?}"),
        // Host, target, body and lengths are beyond httparse, and limits are ours.
        (Err(HeadError::RequestLine | HeadError::Field | HeadError::ControlByte), Ok(_)) => {
            panic!("httparse accepts what has a bad byte: {}", bytes.escape_ascii())
        }
        (Err(_), _) => {}
    }
}

/// What holds for every head that we accept.
fn check(head: &Head<'_>) {
    let (path, query) = (head.path(), head.query());
    assert!(!path.contains(&b'?') && !path.iter().any(u8::is_ascii_control));
    assert!(head.target.ends_with(query.unwrap_or(b"")));
    assert!(head.minor_version == 0 || head.host().is_some(), "HTTP/1.1 without a host");
    let shown = shown_target(head.target).to_string();
    assert!(shown.len() <= 512 + 6 && shown.chars().all(|c| c == '…' || matches!(c, ' '..='~')));
    if head.get("Transfer-Encoding").is_some() {
        assert!(head.body() == Body::Chunked && head.get("Content-Length").is_none(), "two ends of a body");
    }
    if head.has_token("Connection", "close") {
        assert!(!head.keep_alive());
    }
    for value in head.list("Accept") {
        assert!(!value.is_empty() && value.trim_ascii() == value);
    }
}
