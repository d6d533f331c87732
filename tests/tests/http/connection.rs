//! Persistence and pipelining (RFC 9112 §9).

use crate::row::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    row("RFC 9112 §9.3", "Connection: close", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &["200"]),
    row("RFC 9112 §9.3", "nothing is answered after Connection: close", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["200"]),
    row("RFC 9112 §9.3.2", "two requests at once", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n", &["200 404"]),
    row("RFC 9112 §9.3.2", "HEAD then GET keep in step", b"HEAD /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["200 200"]),
    row("RFC 9112 §9.3.2", "304 then GET keep in step", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["304 200"]),
    row("RFC 9112 §9.3.2", "416 then GET keep in step", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=9999-\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["416 200"]),
    row("RFC 9112 §9.3.2", "a large file, then a small one", b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["200 200"]),
    row("RFC 9112 §9.3.2", "ten at once", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["200 200 200 200 200 200 200 200 200 200"]),
    row("RFC 9112 §9.3", "1.0 closes", b"GET /hello.txt HTTP/1.0\r\nHost: a\r\n\r\nGET /hello.txt HTTP/1.0\r\nHost: a\r\n\r\n", &["200"]),
    row("RFC 9112 §9.3", "1.0 with keep-alive", b"GET /hello.txt HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\nGET /hello.txt HTTP/1.0\r\nHost: a\r\n\r\n", &["200 200", "200"]),
    row("RFC 9112 §9.3", "nothing is answered after a 400", b"GET /hello.txt HTTP/1.1\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["400"]),
    row("RFC 9112 §6.3", "the body of a GET is not the next request", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nBREW GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["200 200", "200"]),
    row("RFC 9112 §7.1", "a chunked body of a GET is not the next request", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nBREW \r\n0\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["200 200", "200", "400"]),
    row("RFC 9112 §7.1", "a chunk whose size is no number", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nBREW \r\n0\r\n\r\n", &["400", "200", "200 400"]),
    row("RFC 9112 §2.2", "an empty line between two requests", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["200 200", "200 400"]),
    row("RFC 9112 §9.6", "garbage behind a request", b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n\x01\x02\x03\r\n\r\n", &["200 400", "200"]),
];
