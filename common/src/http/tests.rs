//! Tables of request heads.

use super::*;
use proptest::prelude::*;
use std::time::UNIX_EPOCH;

const LIMITS: HeadLimits = HeadLimits { max_bytes: 8192, max_headers: 64, max_target: 4096 };

/// Scans and parses these bytes as they would arrive in these pieces; `None` while the head is not whole.
fn arrive(bytes: &[u8], ends: impl IntoIterator<Item = usize>) -> Result<Option<usize>, HeadError> {
    arrive_within(bytes, ends, LIMITS)
}

/// The same within these limits. What is scanned and parsed and what is taken at once is the same with each piece.
fn arrive_within(
    bytes: &[u8],
    ends: impl IntoIterator<Item = usize>,
    limits: HeadLimits,
) -> Result<Option<usize>, HeadError> {
    let (mut scan, mut of_taken) = (HeadScan::default(), HeadScan::default());
    for end in ends {
        let mut taken = Head::unread();
        let outcome = taken.take(&mut of_taken, &bytes[..end], limits);
        let found = scan.find_end(&bytes[..end], limits);
        let parsed = found.and_then(|len| len.map(|len| Head::parse(&bytes[..len], limits)).transpose());
        assert_eq!(outcome, parsed.as_ref().map_err(|error| *error).and(found), "{}", bytes.escape_ascii());
        if let Some(parsed) = parsed? {
            assert_eq!(parts(&taken), parts(&parsed), "{}", bytes.escape_ascii());
            return Ok(outcome.unwrap());
        }
    }
    Ok(None)
}

/// All that a head says.
fn parts<'h>(head: &Head<'h>) -> impl PartialEq + std::fmt::Debug + use<'h> {
    let fields = head.named_fields().map(|(name, value)| (name.to_owned(), value.to_vec()));
    let line = (head.method, head.target, head.minor_version, head.body());
    (line, fields.collect::<Vec<_>>(), head.has_field_beginning("If-"))
}

/// The outcome, which is the same whole, byte by byte, and at every split.
fn outcome(bytes: &[u8]) -> Result<Option<usize>, HeadError> {
    let whole = arrive(bytes, [bytes.len()]);
    assert_eq!(arrive(bytes, 1..=bytes.len()), whole, "byte by byte: {:?}", bytes.escape_ascii().to_string());
    for split in 0..bytes.len() {
        assert_eq!(arrive(bytes, [split, bytes.len()]), whole, "at {split}: {}", bytes.escape_ascii());
    }
    whole
}

fn status(bytes: &[u8]) -> u16 {
    match outcome(bytes) {
        Ok(Some(_)) => 200,
        Ok(None) => 0,
        Err(error) => error.status(),
    }
}

// ST-21
#[test]
fn a_field_is_found_however_its_name_is_written() {
    for names in [
        ["Host", "If-Match", "Connection"],
        ["hOST", "if-match", "connection"],
        ["HOST", "IF-MATCH", "CONNECTION"],
    ] {
        let [host, condition, connection] = names;
        let bytes =
            format!("GET / HTTP/1.1\r\n{host}: a\r\n{condition}: *\r\n{connection}: x, Close\r\n\r\n");
        let head = Head::parse(bytes.as_bytes(), LIMITS).unwrap();
        assert_eq!((head.get("Host"), head.get("Horse")), (Some(b"a".as_slice()), None));
        assert!(head.has_field_beginning("If-") && !head.has_field_beginning("If-None"));
        assert!(
            head.has_token("Connection", "close")
                && !head.has_token("Connection", "keep-alive")
                && !head.keep_alive()
        );
    }
}

// ST-21, ST-23
#[test]
fn heads_are_accepted_or_refused_by_rfc_9112() {
    let table: &[(u16, &str)] = &[
        (200, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (200, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (200, "GET / HTTP/1.0\r\n\r\n"),
        (200, "GET / HTTP/1.9\r\nHost: a\r\n\r\n"),
        (200, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        (200, "GET http://a:80/x?y HTTP/1.1\r\nHost: b\r\n\r\n"),
        (200, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        (200, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
        (200, "get / HTTP/1.1\r\nHost: a\r\n\r\n"), // an unknown method: the server's 501
        (200, "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"),
        (200, "GET / HTTP/1.1\r\nHost: [v1.a+b]\r\n\r\n"),
        (200, "GET / HTTP/1.1\r\nHost: a_b.example.:8080\r\n\r\n"),
        (200, "GET / HTTP/1.1\r\nHost: a:\r\n\r\n"),
        (200, "GET / HTTP/1.1\r\nHost:\t a \t\r\nX: \u{e9}\tb\r\n\r\n"),
        (200, "\r\n\r\n\r\nGET /\u{e9}?\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n"),
        (200, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (200, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n"),
        (0, "GET / HTTP/1.1\r\nHost: a\r\n"),
        // the request line
        (400, "GET / \r\n\r\n"),
        (400, "GET /\r\n\r\n"), // HTTP/0.9
        (400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        (400, "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET / http/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET / HTTP/1\r\nHost: a\r\n\r\n"),
        (400, "GET / HTTP/1.11\r\nHost: a\r\n\r\n"),
        (400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        (505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
        (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (501, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\nHost: a\r\n\r\n"),
        // the target
        (400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET x HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "CONNECT a/b:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: []\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: [a/b]\r\n\r\n"),
        (400, "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"),
        // Host
        (400, "GET / HTTP/1.1\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        (400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
        // fields
        (400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\x1bc\r\n\r\n"),
        (400, "GET / HTTP/1.1\nHost: a\n\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
        // the body's length
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (200, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"),
        (200, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 05\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x, x\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,\r\n\r\n"),
        (200, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , Chunked ,\r\n\r\n"),
        (400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ];
    for (expected, request) in table {
        assert_eq!(status(request.as_bytes()), *expected, "{}", request.escape_debug());
    }
}

// WS-33
#[test]
fn other_protocols_are_refused_with_their_first_bytes() {
    let beginnings: [&[u8]; 12] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // TLS
        b"\x80\x2e\x01\x00\x02",                         // SSL 2
        b"PRI * HTTP/2.0\r\n",                           // HTTP/2
        b"SSH-2.0-OpenSSH_9.2\r\n",                      // SSH
        b"EHLO example.com\r\n",                         // SMTP
        b"USER anonymous\r\n",                           // FTP
        b"*1\r\n$4\r\nPING\r\n",                         // Redis
        b"\x03\x00\x00\x13\x0e\xe0",                     // RDP
        b"\x00\x00\x00\x85\xffSMB",                      // SMB
        b"\x10\x16\x00\x04MQTT",                         // MQTT
        b"{\"id\":1,\"method\":\"mining.subscribe\"}\n", // a miner
        b"<policy-file-request/>\0",                     // Flash: ws-server looks for it first
    ];
    for beginning in beginnings {
        assert!(
            matches!(outcome(beginning), Err(error) if error.status() >= 400),
            "{}",
            beginning.escape_ascii()
        );
    }
}

// WS-33: without waiting for the end of a line, or of the head
#[test]
fn a_fault_is_found_with_its_first_byte() {
    for (beginning, error) in [
        ("{", HeadError::RequestLine),
        (" ", HeadError::RequestLine),
        ("GET  ", HeadError::RequestLine),
        ("GET / HTTP/1.1 ", HeadError::RequestLine),
        ("GET / HTTP/1.11", HeadError::RequestLine),
        ("GET / HTTP/2.0\r\n", HeadError::Version),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \x1b", HeadError::ControlByte),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \n", HeadError::ControlByte),
        ("GET / HTTP/1.1\r\nHost: a\rb", HeadError::ControlByte),
    ] {
        assert_eq!(outcome(beginning.as_bytes()), Err(error), "{beginning:?}");
        assert_eq!(outcome(&beginning.as_bytes()[..beginning.len() - 1]), Ok(None), "{beginning:?}");
    }
    let fields = format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(65));
    assert_eq!(outcome(fields.as_bytes()), Err(HeadError::TooManyFields));
}

// ST-24, WS-19, WS-20
#[test]
fn limits_hold_to_the_byte() {
    let target =
        |len: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(len - 1)).into_bytes();
    assert_eq!(arrive(&target(4096), [target(4096).len()]).unwrap(), Some(target(4096).len()));
    assert_eq!(arrive(&target(4097), [target(4097).len()]), Err(HeadError::TargetTooLong));

    let fields = |count: usize| {
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count - 1)).into_bytes()
    };
    assert_eq!(arrive(&fields(64), [fields(64).len()]).unwrap(), Some(fields(64).len()));
    assert_eq!(arrive(&fields(65), [fields(65).len()]), Err(HeadError::TooManyFields));

    let head = |len: usize| {
        let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(len - frame)).into_bytes()
    };
    assert_eq!(arrive(&head(8192), 1..=8192).unwrap(), Some(8192));
    assert_eq!(arrive(&head(8193), 1..=8193), Err(HeadError::TooLong));
    // Without its end, too: the scan does not wait for bytes that it will refuse.
    assert_eq!(arrive(&head(9000), [8191]), Ok(None));
    assert_eq!(arrive(&head(9000), [8192]), Err(HeadError::TooLong));
    let endless = format!("GET /{}", "x".repeat(65536));
    assert_eq!(arrive(endless.as_bytes(), [endless.len()]), Err(HeadError::TargetTooLong));
}

// ST-21, ST-24: a head that comes whole is read in one pass, which has the limits and the line ends of the scan.
#[test]
fn a_head_that_comes_at_once_is_held_to_each_limit_and_each_line_end() {
    let text = b"GET /ab HTTP/1.1\r\nHost: a\r\nX: \r\nY: b\t\r\n\r\n";
    let limits = HeadLimits { max_bytes: text.len(), max_headers: 3, max_target: 3 };
    let within = |limits| arrive_within(text, [text.len()], limits);
    assert_eq!(within(limits), Ok(Some(text.len())));
    let max_bytes = text.len() - 1;
    assert_eq!(within(HeadLimits { max_bytes, ..limits }), Err(HeadError::TooLong));
    assert_eq!(within(HeadLimits { max_headers: 2, ..limits }), Err(HeadError::TooManyFields));
    assert_eq!(within(HeadLimits { max_target: 2, ..limits }), Err(HeadError::TargetTooLong));
    for at in (0..text.len()).filter(|&at| text[at] == b'\r') {
        let bytes = [&text[..at], &text[at + 1..]].concat();
        assert_eq!(outcome(&bytes), Err(HeadError::ControlByte), "a bare LF at {at}");
    }
}

// WS-19: the work is linear in the bytes, however they arrive
#[test]
fn the_scan_never_looks_at_a_byte_again() {
    let mut bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(60)).into_bytes();
    let mut scan = HeadScan::default();
    for end in 1..bytes.len() {
        assert_eq!(scan.find_end(&bytes[..end], LIMITS), Ok(None));
        // A scan that looked at a complete line again would stumble over this.
        if bytes[..end].ends_with(b"\r\n") {
            bytes[..end].fill(0);
        }
    }
    assert_eq!(scan.find_end(&bytes, LIMITS), Ok(Some(bytes.len())));
}

#[test]
fn a_second_request_behind_the_head_is_left_alone() {
    let both = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(outcome(both), Ok(Some("GET / HTTP/1.1\r\nHost: a\r\n\r\n".len())));
}

#[test]
fn a_request_line_is_the_same_whether_it_has_come_whole_or_in_pieces() {
    for (text, line) in [
        ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", ("GET", "/a", 1)),
        ("\r\n\r\nPUT /b HTTP/1.0\r\n\r\n", ("PUT", "/b", 0)),
    ] {
        for split in 0..text.len() {
            let mut scan = HeadScan::default();
            assert!(scan.find(&text.as_bytes()[..split], LIMITS).unwrap().is_none());
            let scanned = scan.find(text.as_bytes(), LIMITS).unwrap().unwrap();
            let head = Head::of_scanned(scanned, LIMITS).unwrap();
            let target = std::str::from_utf8(head.target).unwrap();
            assert_eq!((head.method, target, head.minor_version), line, "at {split}");
        }
    }
}

fn head(text: &str) -> Head<'_> {
    Head::parse(text.as_bytes(), LIMITS).unwrap()
}

#[test]
fn all_fields_of_a_head_are_read_however_many_there_are() {
    for count in 1..=MAX_HEADERS {
        let fields: Vec<_> = (1..count).map(|number| format!("X-{number}: {number}\r\n")).collect();
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", fields.concat());
        let head = head(&text);
        assert_eq!(head.count, count);
        for number in 1..count {
            let value = number.to_string();
            assert_eq!(head.get(&format!("x-{number}")), Some(value.as_bytes()), "of {count}");
        }
    }
}

#[test]
fn every_status_that_a_server_sends_has_its_phrase() {
    // RFC 9110 §15, RFC 6585
    for (status, phrase) in [
        (101, "Switching Protocols"),
        (200, "OK"),
        (204, "No Content"),
        (206, "Partial Content"),
        (301, "Moved Permanently"),
        (302, "Found"),
        (304, "Not Modified"),
        (307, "Temporary Redirect"),
        (308, "Permanent Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (406, "Not Acceptable"),
        (408, "Request Timeout"),
        (409, "Conflict"),
        (411, "Length Required"),
        (412, "Precondition Failed"),
        (413, "Content Too Large"),
        (414, "URI Too Long"),
        (415, "Unsupported Media Type"),
        (416, "Range Not Satisfiable"),
        (417, "Expectation Failed"),
        (422, "Unprocessable Content"),
        (426, "Upgrade Required"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (500, "Internal Server Error"),
        (501, "Not Implemented"),
        (503, "Service Unavailable"),
        (505, "HTTP Version Not Supported"),
        (599, "Unknown"),
    ] {
        assert_eq!(reason(status), phrase);
    }
}

#[test]
fn the_parts_of_a_head_are_found() {
    let head = head(
        "GET /a%20b?x=1&since=4%32&empty&plus=a+b HTTP/1.1\r\nhOsT: a:80\r\nConnection: keep-alive, Upgrade\r\n\
         Accept: x\r\nACCEPT: y\r\n\r\n",
    );
    assert_eq!((head.path(), head.query().map(<[u8]>::len)), (&b"/a%20b"[..], Some(29)));
    assert_eq!(head.query_param("since").as_deref(), Some(&b"42"[..]));
    assert_eq!(head.query_param("empty").as_deref(), Some(&b""[..]));
    assert_eq!(head.query_param("plus").as_deref(), Some(&b"a b"[..]));
    assert_eq!(head.query_param("none"), None);
    assert_eq!(head.host(), Some(&b"a:80"[..]));
    assert!(head.has_token("connection", "upgrade") && head.has_token("connection", "Keep-Alive"));
    assert!(!head.has_token("connection", "up") && !head.has_token("upgrade", "upgrade"));
    assert_eq!(head.get_all("accept").collect::<Vec<_>>(), [b"x", b"y"]);
    assert_eq!(head.get_only("accept"), Err(HeadError::Field));
    assert!(head.keep_alive());
}

#[test]
fn the_host_in_an_absolute_target_wins() {
    let absolute = head("GET HTTP://real:1/p?q HTTP/1.1\r\nHost: other\r\n\r\n");
    assert_eq!(
        (absolute.host(), absolute.path(), absolute.query()),
        (Some(&b"real:1"[..]), &b"/p"[..], Some(&b"q"[..]))
    );
    assert_eq!(head("GET http://real HTTP/1.1\r\nHost: a\r\n\r\n").path(), b"/");
}

#[test]
fn the_version_decides_whether_a_connection_is_kept() {
    assert!(head("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive());
    assert!(!head("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n").keep_alive());
    assert!(!head("GET / HTTP/1.0\r\n\r\n").keep_alive());
    assert!(head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive());
}

#[test]
fn bodies_are_announced() {
    assert_eq!(head("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").body(), Body::None);
    assert_eq!(head("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n").body(), Body::Length(7));
    assert_eq!(head("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n").body(), Body::Chunked);
}

#[test]
fn a_percent_without_two_digits_stands_for_itself() {
    for (encoded, decoded) in [("%41", "A"), ("%4", "%4"), ("%", "%"), ("%zz%20", "%zz "), ("%252e", "%2e")] {
        assert_eq!(query::decode(encoded.as_bytes()).as_ref(), decoded.as_bytes());
    }
}

// ST-11
#[test]
fn a_header_value_with_a_control_byte_is_left_out_whole() {
    for value in ["a\r\nSet-Cookie: x", "a\n", "\0", "a\x7f", "\t"] {
        let mut out = Vec::new();
        Response::new(200, &mut out).header("X", value).header("Bad Name", "y").finish();
        assert_eq!(out, b"HTTP/1.1 200 OK\r\n\r\n");
    }
}

#[test]
fn an_error_response_is_whole_and_announces_the_close() {
    let mut out = Vec::new();
    error_response(426, UNIX_EPOCH, crate::handshake::VERSIONS_OFFERED, &mut out);
    let text = String::from_utf8(out).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
    assert!(head.contains("\r\nSec-WebSocket-Version: 13, 8, 7") && head.contains("\r\nConnection: close"));
    assert!(head.contains("\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"));
}

#[test]
fn an_answer_to_head_has_no_body_and_what_stands_before_it_stays() {
    let mut out = b"HTTP/1.1 200 OK\r\n\r\nbody".to_vec();
    let begin = out.len();
    error_response(404, UNIX_EPOCH, &[], &mut out);
    remove_body(&mut out, begin);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n\r\nbodyHTTP/1.1 404 Not Found\r\n"), "{text}");
    assert!(text.contains("\r\nContent-Length: 14\r\n") && text.ends_with("\r\n\r\n"), "{text}");
}

proptest! {
    // WS-20, WS-21, ST-16
    #[test]
    fn arbitrary_bytes_never_panic_and_have_the_same_outcome_in_pieces(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), split in 0..200_usize,
    ) {
        let split = split.min(bytes.len());
        prop_assert_eq!(arrive(&bytes, [split, bytes.len()]), arrive(&bytes, [bytes.len()]));
        let _ = (query::decode(&bytes), query::query_param(&bytes, "a"), parse_date(&bytes, std::time::UNIX_EPOCH));
    }

    // WS-20, WS-21, ST-16: among them heads that are right, within each limit, and some that differ from one in a byte or a line's end
    #[test]
    fn a_head_that_comes_at_once_is_taken_as_one_that_comes_in_pieces(
        line in r"(GET|HEAD|get) (/|\*|http://a/|)[!-~]{0,9}[ \t]?[ ]HTTP/1\.[01]",
        fields in proptest::collection::vec(
            (r"(X|Host|Content-Length|if-match|X:|X y|)", r":[ \t]{0,2}(a|7|a b\t|\x80| |a\x7f|)[ \t]{0,2}"), 0..28,
        ),
        end in r"(\r\n|\r\n|\r\n|\n|\r|\r\r\n)", at in 0..40_usize, split in 0..200_usize,
        max_headers in 0..30_usize, max_target in 1..12_usize, short in 0..3_usize,
    ) {
        let fields = fields.iter().map(|(name, value)| format!("{name}{value}"));
        let mut lines: Vec<String> = std::iter::once(line).chain(["Host: a".into()]).chain(fields).collect();
        lines.push(String::new());
        let end_of = |number| if number == at { &*end } else { "\r\n" };
        let head = lines.iter().enumerate().map(|(number, line)| format!("{line}{}", end_of(number)));
        let bytes = format!("{}GET / HTTP", head.collect::<String>()).into_bytes();
        let limits = HeadLimits { max_bytes: (bytes.len() - 8 - short).min(8192), max_headers, max_target };
        let split = split.min(bytes.len());
        let whole = arrive_within(&bytes, [bytes.len()], limits);
        prop_assert_eq!(arrive_within(&bytes, [split, bytes.len()], limits), whole);
        prop_assert_eq!(arrive_within(&bytes, 0..=bytes.len(), limits), whole);
    }

    #[test]
    fn requests_with_arbitrary_fields_never_panic(
        target in "[ -~]{0,20}", name in "[ -~]{0,12}", value in "[\\x00-\\xff]{0,30}",
    ) {
        let request = format!("GET /{target} HTTP/1.1\r\nHost: a\r\n{name}: {value}\r\n\r\n");
        if let Ok(head) = Head::parse(request.as_bytes(), LIMITS) {
            let _ = (head.path(), head.query_param("x"), head.has_token(&name, "x"), head.keep_alive());
            prop_assert_eq!(head.count, 2);
        }
    }
}

#[test]
fn debug_shows_no_value_of_a_field_and_no_token() {
    let text =
        "GET /a?token=SECRET HTTP/1.1\r\nHost: a\r\nCookie: b=SECRET\r\nAuthorization: Bearer SECRET\r\n\r\n";
    let shown = format!("{:?}", Head::parse(text.as_bytes(), HeadLimits::default()).unwrap());
    assert!(
        shown.contains("/a?token=…") && shown.contains("Authorization") && !shown.contains("SECRET"),
        "{shown}"
    );
}

#[test]
fn a_head_is_parsed_only_whole_and_alone() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert!(Head::parse(head, LIMITS).is_ok());
    let more = [&head[..], b"x"].concat();
    for bytes in [&more, &head[..head.len() - 1], b""] {
        assert_eq!(Head::parse(bytes, LIMITS).err(), Some(HeadError::RequestLine));
    }
    let exact = HeadLimits { max_bytes: head.len(), max_headers: 1, ..LIMITS };
    assert!(Head::parse(head, exact).is_ok());
    assert_eq!(
        Head::parse(head, HeadLimits { max_bytes: head.len() - 1, ..LIMITS }).err(),
        Some(HeadError::TooLong)
    );
    assert_eq!(
        Head::parse(head, HeadLimits { max_headers: 0, ..LIMITS }).err(),
        Some(HeadError::TooManyFields)
    );
}

#[test]
fn each_fault_of_a_head_has_its_status() {
    for (error, status) in [
        (HeadError::RequestLine, 400),
        (HeadError::Target, 400),
        (HeadError::ControlByte, 400),
        (HeadError::Field, 400),
        (HeadError::Host, 400),
        (HeadError::BodyLength, 400),
        (HeadError::TargetTooLong, 414),
        (HeadError::TooLong, 431),
        (HeadError::TooManyFields, 431),
        (HeadError::Method, 501),
        (HeadError::Version, 505),
    ] {
        assert_eq!(error.status(), status, "{error}");
    }
}

#[test]
fn a_method_that_exists_is_known_by_its_exact_name() {
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] {
        assert!(is_known_method(method));
        assert!(!is_known_method(&method.to_lowercase()));
    }
    assert!(!is_known_method("BREW") && !is_known_method(""));
}

#[test]
fn a_word_of_the_request_line_is_refused_at_the_first_byte_beyond_its_bound() {
    for (bytes, bound, error) in [
        ("M".repeat(33), 32, HeadError::Method),
        (format!("GET {}", "/".repeat(4097)), 4 + 4096, HeadError::TargetTooLong),
        ("GET / HTTP/1.11".to_owned(), 6 + 8, HeadError::RequestLine),
    ] {
        let mut scan = HeadScan::default();
        assert_eq!(scan.find_end(&bytes.as_bytes()[..bound], LIMITS), Ok(None), "{bytes}");
        assert_eq!(scan.find_end(bytes.as_bytes(), LIMITS), Err(error), "{bytes}");
    }
}

#[test]
fn a_head_beyond_its_bound_says_whether_the_target_is_too_long() {
    let limits = HeadLimits { max_bytes: 20, ..LIMITS };
    for (bytes, error) in [
        ("M".repeat(20), HeadError::TooLong),
        (format!("GET /{}", "a".repeat(15)), HeadError::TargetTooLong),
        (format!("GET /{} HTTP", "a".repeat(10)), HeadError::TooLong),
        ("GET / HTTP/1.1\r\nA: b".to_owned(), HeadError::TooLong),
    ] {
        assert_eq!(bytes.len(), 20);
        assert_eq!(HeadScan::default().find_end(bytes.as_bytes(), limits), Err(error), "{bytes}");
    }
}

#[test]
fn a_tab_stands_in_fields_only() {
    let scan = |bytes: &[u8]| HeadScan::default().find_end(bytes, LIMITS);
    assert_eq!(scan(b"GET /\t"), Err(HeadError::ControlByte));
    assert_eq!(scan(b"GET / HTTP/1.1\r\nA:\tb"), Ok(None));
}

#[test]
fn a_connect_names_no_resource() {
    let head = head("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
    assert_eq!((head.path(), head.query()), (&b""[..], None));
}
