//! From a target to a file, and never out of the root (RFC 3986, RFC 9110 §4.2).

use crate::row::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    row("RFC 3986 §6.2.3", "the root", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", &["200"]),
    row("RFC 9110 §15.5.5", "a file that is not there", b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", &["404"]),
    row("RFC 3986 §3.4", "a query", b"GET /hello.txt?a=b&c=%20 HTTP/1.1\r\nHost: a\r\n\r\n", &["200"]),
    row(
        "RFC 3986 §2.1",
        "a letter percent-encoded",
        b"GET /%68ello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200"],
    ),
    row(
        "RFC 3986 §2.1",
        "a space percent-encoded",
        b"GET /with%20space.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200"],
    ),
    row("RFC 3986 §2.1", "lower-case hex", b"GET /%68%65llo.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["200"]),
    row(
        "RFC 3986 §2.1",
        "an incomplete escape",
        b"GET /hello%2 HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row(
        "RFC 3986 §2.1",
        "an escape without hex",
        b"GET /hello%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row(
        "RFC 9110 §15.4.2",
        "a folder without its slash",
        b"GET /sub HTTP/1.1\r\nHost: a\r\n\r\n",
        &["301", "308"],
    ),
    row("RFC 3986 §6.2.3", "a folder with its slash", b"GET /sub/ HTTP/1.1\r\nHost: a\r\n\r\n", &["200"]),
    row("RFC 9110 §15.5.5", "a file with a slash", b"GET /hello.txt/ HTTP/1.1\r\nHost: a\r\n\r\n", &["404"]),
    row(
        "RFC 3986 §5.2.4",
        "dots that stay inside",
        b"GET /sub/../hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404", "200"],
    ),
    row(
        "RFC 3986 §5.2.4",
        "dots out of the root",
        b"GET /../outside.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row(
        "RFC 3986 §5.2.4",
        "dots out of the root, deeper",
        b"GET /sub/../../outside.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row(
        "RFC 3986 §5.2.4",
        "encoded dots",
        b"GET /%2e%2e/outside.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row(
        "RFC 3986 §2.1",
        "an encoded slash",
        b"GET /..%2foutside.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row(
        "RFC 3986 §2.4",
        "dots encoded twice",
        b"GET /%252e%252e/outside.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row(
        "RFC 3629 §3",
        "overlong dots",
        b"GET /%c0%ae%c0%ae/outside.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row(
        "RFC 3986 §3.3",
        "dots and a parameter",
        b"GET /..;/outside.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row(
        "RFC 3986 §2.1",
        "a backslash",
        b"GET /..%5coutside.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row("RFC 3986 §3.3", "a name with a colon", b"GET /12:30.txt HTTP/1.1\r\nHost: a\r\n\r\n", &["200"]),
    row(
        "RFC 3986 §2.1",
        "a name with an encoded backslash",
        b"GET /a%5cb HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200"],
    ),
    row(
        "RFC 3986 §7.3",
        "an encoded NUL",
        b"GET /hello.txt%00.html HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row(
        "RFC 3986 §7.3",
        "an encoded line end",
        b"GET /hello%0d%0a.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404"],
    ),
    row(
        "RFC 3986 §3.3",
        "two slashes at the front",
        b"GET //example.com/%2f.. HTTP/1.1\r\nHost: a\r\n\r\n",
        &["400", "404", "301"],
    )
    .nginx(&["200"]),
    row("RFC 8615 §3", "a dotfile", b"GET /.git/config HTTP/1.1\r\nHost: a\r\n\r\n", &["404", "403"]),
    row(
        "RFC 3986 §7.3",
        "a symlink out of the root",
        b"GET /escape.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["404", "403"],
    ),
    row(
        "RFC 9110 §15.5.5",
        "a name of 300 bytes",
        b"GET /sub/{filler} HTTP/1.1\r\nHost: a\r\n\r\n",
        &["404", "414"],
    )
    .filler(300),
    row(
        "RFC 3986 §6.2.3",
        "a single dot segment",
        b"GET /./hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200", "400", "404"],
    ),
];
