//! What the RFCs let a server ignore or tell it to accept, ws-server ignores or accepts; it stays strict where a loose
//! reading would help an attacker. Each row is a request as raw bytes, with the sentence that decides.

use harness::Daemon;

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

/// A section, what is special, the request and the status of its answer.
type Row = (&'static str, &'static str, &'static str, u16);

const ROWS: &[Row] = &[
    // RFC 9110 §7.8: "A server MAY ignore a received Upgrade header field"
    (
        "9110 §7.8",
        "h2c, as curl --http2 offers it",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n",
        200,
    ),
    ("9110 §7.8", "TLS", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n", 200),
    (
        "9110 §7.8",
        "an empty Upgrade",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade:\r\n\r\n",
        200,
    ),
    (
        "9110 §7.8",
        "an Upgrade of HTTP/1.0",
        "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        200,
    ),
    (
        "9110 §7.8",
        "a WebSocket without its Connection",
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        426,
    ),
    // RFC 9110 §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list elements"
    (
        "9110 §5.6.1",
        "empty elements",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: , keep-alive,, Upgrade\r\nUpgrade: ,WebSocket ,\r\n{key}\r\n",
        101,
    ),
    (
        "9110 §5.3",
        "lists over several lines",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n{key}\r\n",
        101,
    ),
    (
        "9110 §7.8",
        "several protocols",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket, h2c\r\n{key}\r\n",
        101,
    ),
    (
        "6455 §9.1",
        "unknown extensions",
        "{ws}Sec-WebSocket-Extensions: a;b=\"c\";d, ,permessage-deflate\r\nSec-WebSocket-Extensions: e\r\n{key}\r\n",
        101,
    ),
    (
        "6455 §11.3.4",
        "subprotocols nobody knows",
        "{ws}Sec-WebSocket-Protocol: a,,b\r\nSec-WebSocket-Protocol: c\r\n{key}\r\n",
        101,
    ),
    (
        "9110 §5.5",
        "white space around a value",
        "{ws}Sec-WebSocket-Version:  13\t\r\nSec-WebSocket-Key:\tdGhlIHNhbXBsZSBub25jZQ== \r\n\r\n",
        101,
    ),
    (
        "4648 §3.5",
        "a key whose last bits are not zero",
        "{ws}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZf==\r\n\r\n",
        101,
    ),
    ("6455 §11.3.1", "two keys", "{ws}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{key}\r\n", 400),
    (
        "6455 §4.2.1",
        "a key of 15 bytes",
        "{ws}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n\r\n",
        400,
    ),
    ("6455 §4.1", "a Content-Length of 0", "{ws}Content-Length: 0\r\n{key}\r\n", 101),
    ("6455 §4.1", "a body where frames begin", "{ws}Content-Length: 3\r\n{key}\r\nabc", 400),
    // The request line
    ("9112 §2.2", "empty lines before the request", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ("9112 §3.2.2", "the absolute form", "GET http://b/?x HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ("9112 §3.2.2", "the absolute form without a path", "GET HTTP://b:80 HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ("9112 §3.2.4", "OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204),
    ("9110 §2.5", "a higher minor version", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 200),
    ("9112 §9.3", "HTTP/1.0 that wants to stay", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200),
    ("9110 §9.3.2", "HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ("3986 §2.1", "escapes in the query", "GET /?%6eumbered=%31&other=%zz HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ("9112 §2.2", "bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", 400),
    ("9112 §3.2", "a fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    // Fields
    ("9112 §3.2", "an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200),
    ("9112 §3.2", "a Host with an IPv6 address", "GET / HTTP/1.1\r\nHost: [::1]:40132\r\n\r\n", 200),
    (
        "3986 §3.2.2",
        "a Host with an underscore and a final dot",
        "GET / HTTP/1.1\r\nHost: a_b.example.:80\r\n\r\n",
        200,
    ),
    ("9110 §10.1.1", "an unknown expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 200),
    (
        "9110 §10.1.1",
        "100-continue",
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue, , 100-continue\r\n\r\n",
        200,
    ),
    (
        "9110 §5.5",
        "bytes above 0x7f",
        "GET / HTTP/1.1\r\nHost: a\r\nCookie: caf\u{e9}\r\nCookie: b\r\n\r\n",
        200,
    ),
    (
        "9110 §10.1.4",
        "TE and Trailer",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: trailers, deflate;q=0.5\r\nTrailer: x\r\n\r\n",
        200,
    ),
    (
        "9112 §6.3",
        "a length said twice",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\nContent-Length: 1\r\n\r\nx",
        200,
    ),
    (
        "9112 §7.1",
        "a chunked body",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        200,
    ),
    (
        "9112 §6.3",
        "two lengths",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        400,
    ),
    (
        "9112 §6.1",
        "a length and a coding",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("9112 §5.1", "white space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400),
    ("9112 §5.2", "a folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", 400),
];

#[test]
fn each_request_is_served_unless_that_would_harm_somebody() {
    let server = Daemon::start(WS_SERVER, &["--interval", "0"]);
    for (section, name, request, status) in ROWS {
        let request = request
            .replace("{ws}", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
            .replace("{key}", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
        let mut client = server.connect();
        client.send(request);
        let head = client.head();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "RFC {section}, {name}: {head}");
    }
}

#[test]
fn what_a_client_accepts_is_read_as_a_list_with_weights() {
    let server = Daemon::start(WS_SERVER, &["--interval", "0"]);
    for (accept, media) in [
        ("Accept: ,text/event-stream", "text/event-stream"),
        ("Accept: text/html\r\nAccept: Text/Event-Stream;q=0.1", "text/event-stream"),
        ("Accept: text/event-stream ; charset=utf-8 ; Q=1.0", "text/event-stream"),
        ("Accept: text/event-stream;q=0, */*", "text/plain"),
        ("Accept: text/x;a=\", text/event-stream, \"", "text/plain"),
        ("Accept: */*", "text/plain"),
    ] {
        let head = server.request(&format!("GET / HTTP/1.1\nHost: a\n{}", accept.replace('\r', ""))).head();
        assert!(head.contains(&format!("Content-Type: {media}")), "{accept}: {head}");
    }
}

#[test]
fn a_head_with_many_cookies_and_a_long_target_is_served_in_one_piece_or_many() {
    let server = Daemon::start(WS_SERVER, &["--interval", "0"]);
    let target = "x".repeat(8191);
    let cookies = "c".repeat(24_000);
    let request = format!("GET /{target} HTTP/1.1\r\nHost: a\r\nCookie: {cookies}\r\n\r\n");
    for pieces in [1, 7, 40] {
        let mut client = server.connect();
        for piece in request.as_bytes().chunks(request.len().div_ceil(pieces)) {
            client.send(piece);
        }
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 "), "{pieces}: {head}");
    }
}

#[test]
fn a_path_is_served_in_whatever_encoding_it_comes() {
    let server = Daemon::start(WS_SERVER, &["--interval", "0", "--path", "/stra\u{df}e"]);
    for (path, status) in
        [("/stra%C3%9Fe", 200), ("/%73tra%c3%9fe", 200), ("/stra\u{df}e?x", 200), ("/strasse", 404)]
    {
        let head = server.request(&format!("GET {path} HTTP/1.1\nHost: a")).head();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
    }
}
