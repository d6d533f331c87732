//! The request line, and what is no HTTP at all (RFC 9112 §2 and §3).

use crate::row::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    row("RFC 9112 §3", "a GET", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["200"]),
    row("RFC 9112 §3", "a HEAD", b"HEAD /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["200"]),
    row(
        "RFC 9112 §3",
        "an empty line before the request line",
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200"],
    ),
    row(
        "RFC 9112 §3",
        "a lower-case method",
        b"get /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["405", "501", "400"],
    ),
    row("RFC 9112 §3", "an unknown method", b"BREW /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["405", "501"])
        .nginx(&["405"]),
    row(
        "RFC 9112 §3",
        "a method that is no token",
        b"G(T /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "405", "501"],
    ),
    row("RFC 9112 §3", "an empty method", b" /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["400"]),
    row(
        "RFC 9112 §3",
        "two spaces after the method",
        b"GET  /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400"],
    )
    .nginx(&["400", "200"]),
    row(
        "RFC 9112 §3",
        "two spaces before the version",
        b"GET /hello.txt  HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400"],
    )
    .nginx(&["400", "200"]),
    row("RFC 9112 §3", "a tab for the space", b"GET	/hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["400"]),
    row(
        "RFC 9112 §3.2",
        "a space in the target",
        b"GET /with space.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400"],
    )
    .nginx(&["400", "200"]),
    row("RFC 9112 §3", "no version (HTTP/0.9)", b"GET /hello.txt\r\n\r\n", &["400", "505"])
        .nginx(&["not a status line: \"Hello, stream!\\n\"", "a head without an end"]),
    row("RFC 9112 §2.3", "a version without a number", b"GET / HTTP/\r\nHost: a\r\n\r\n", &["400", "505"]),
    row("RFC 9112 §2.3", "HTTP in lower case", b"GET / http/1.1\r\nHost: a\r\n\r\n", &["400", "505"]),
    row("RFC 9110 §15.6.6", "version 2.0", b"GET /hello.txt HTTP/2.0\r\nHost: a\r\n\r\n", &["505", "400"]),
    row("RFC 9110 §15.6.6", "version 3.0", b"GET /hello.txt HTTP/3.0\r\nHost: a\r\n\r\n", &["505", "400"]),
    row(
        "RFC 9112 §2.3",
        "version 1.2: a higher minor is 1.1 to us",
        b"GET /hello.txt HTTP/1.2\r\nHost: a\r\n\r\n",
        &["200"],
    ),
    row(
        "RFC 9112 §2.3",
        "a version of two digits",
        b"GET /hello.txt HTTP/1.10\r\nHost: a\r\n\r\n",
        &["400", "505"],
    )
    .nginx(&["400", "200", "505"]),
    row("RFC 9112 §2.3", "version 1.0", b"GET /hello.txt HTTP/1.0\r\nHost: a\r\n\r\n", &["200"]),
    row("RFC 9112 §2.3", "version 1.0 without Host", b"GET /hello.txt HTTP/1.0\r\n\r\n", &["200"]),
    row("RFC 9112 §2.2", "bare LF as line end", b"GET /hello.txt HTTP/1.1\nHost: a\n\n", &["400"])
        .nginx(&["200"]),
    row(
        "RFC 9112 §2.2",
        "a bare CR in the request line",
        b"GET /hello\r.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400"],
    ),
    row(
        "RFC 9110 §5.5",
        "a NUL in the request line",
        b"GET /hello\0.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400"],
    ),
    row("RFC 9110 §9.3.2", "HEAD of what is not there", b"HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n", &["404"]),
    row(
        "RFC 9110 §9.3.7",
        "OPTIONS of a file",
        b"OPTIONS /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200", "204"],
    )
    .nginx(&["405"]),
    row("RFC 9110 §9.3.7", "OPTIONS * ", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &["200", "204"])
        .nginx(&["400"]),
    row("RFC 9112 §3.2.4", "GET *", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", &["400", "404"]),
    row(
        "RFC 9110 §9.3.6",
        "CONNECT",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "405", "501"],
    ),
    row(
        "RFC 9110 §15.5.6",
        "POST",
        b"POST /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        &["405"],
    ),
    row(
        "RFC 9110 §15.5.6",
        "POST whose body never comes",
        b"POST /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
        &["405"],
    ),
    row(
        "RFC 9110 §15.5.6",
        "PUT",
        b"PUT /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        &["405"],
    ),
    row("RFC 9110 §15.5.6", "DELETE", b"DELETE /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["405"]),
    row(
        "RFC 9110 §15.5.6",
        "PATCH",
        b"PATCH /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        &["405", "501"],
    ),
    row("RFC 9110 §9.3.8", "TRACE", b"TRACE /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["405", "501"]),
    row(
        "RFC 9112 §3.2.2",
        "the absolute form",
        b"GET http://a/hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200"],
    ),
    row(
        "RFC 9112 §3.2.2",
        "the absolute form with a port and a query",
        b"GET http://a:80/hello.txt?x=1 HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200"],
    ),
    row(
        "RFC 9112 §3.2.2",
        "the absolute form without a path",
        b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200"],
    ),
    row(
        "RFC 9112 §3.2.2",
        "the absolute form with user information",
        b"GET http://u:p@a/hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "200"],
    ),
    row(
        "RFC 9112 §3.2.1",
        "a target without a slash",
        b"GET hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400"],
    ),
    row(
        "RFC 9112 §3.2",
        "a fragment in the target",
        b"GET /hello.txt#part HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400"],
    )
    .nginx(&["200"]),
    row(
        "RFC 9110 §15.5.15",
        "a target of 8,000 bytes",
        b"GET /{filler} HTTP/1.1\r\nHost: a\r\n\r\n",
        &["404"],
    )
    .filler(8000),
    row(
        "RFC 9110 §15.5.15",
        "a target of 8,200 bytes",
        b"GET /{filler} HTTP/1.1\r\nHost: a\r\n\r\n",
        &["414"],
    )
    .filler(8200),
    row(
        "RFC 9110 §15.5.15",
        "a target of 70,000 bytes",
        b"GET /{filler} HTTP/1.1\r\nHost: a\r\n\r\n",
        &["414"],
    )
    .filler(70000),
    row(
        "RFC 9113 §3.4",
        "the preface of HTTP/2",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &["400", "505", "501", "405"],
    ),
    row(
        "RFC 8446 §4.1.2",
        "a TLS ClientHello",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        &["400", "closed"],
    ),
    row("RFC 4253 §4.2", "an SSH banner", b"SSH-2.0-OpenSSH_9.2\r\n", &["400", "closed"]),
    row("RFC 9112 §3", "nothing but the end", b"", &["closed"]),
    row(
        "RFC 9112 §8",
        "a head that ends early",
        b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n",
        &["closed", "400", "408"],
    ),
];
