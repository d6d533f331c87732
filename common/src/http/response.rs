//! Response heads, written through one checked writer.

use super::{format_date, is_token, plain_run};
use std::time::SystemTime;

/// Appends a response head (RFC 9112 §4) to a buffer.
///
/// ```
/// let mut out = Vec::new();
/// common::http::Response::new(204, &mut out).header("Server", "datecast").finish();
/// assert_eq!(out, b"HTTP/1.1 204 No Content\r\nServer: datecast\r\n\r\n");
/// ```
#[derive(Debug)]
#[must_use = "only `finish` completes the head"]
pub struct Response<'o> {
    out: &'o mut Vec<u8>,
}

/// Bytes of a head, as most are: the buffer is made once, and does not grow with each field.
const HEAD: usize = 512;

impl<'o> Response<'o> {
    /// Appends the status line; a status has three digits.
    pub fn new(status: u16, out: &'o mut Vec<u8>) -> Self {
        out.reserve(HEAD);
        let mut head = Self { out };
        head.put(b"HTTP/1.1 ");
        let digits = [100, 10, 1].map(|unit| b'0' + u8::try_from(status / unit % 10).unwrap_or_default());
        head.put(&digits);
        head.put(b" ");
        head.put(reason(status).as_bytes());
        head.put(b"\r\n");
        head
    }

    /// Appends whole lines that were written down with the program: the status line, and fields that each answer of this kind has.
    pub fn beginning(lines: &'static [u8], out: &'o mut Vec<u8>) -> Self {
        debug_assert!(lines.starts_with(b"HTTP/1.1 ") && lines.ends_with(b"\r\n"), "whole lines");
        out.reserve(HEAD);
        out.extend_from_slice(lines);
        Self { out }
    }

    /// Appends a header field, as [`put_field`] does.
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        put_field(name, value.as_ref(), self.out);
        self
    }

    /// Appends the blank line; the body may follow in the buffer.
    pub fn finish(mut self) {
        self.put(b"\r\n");
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

/// Appends a header field, unless its value holds a control byte or its name is not a token: bytes from a peer cannot begin a
/// line of their own. A caller that would rather answer 400 asks [`is_field_value`] first.
pub fn put_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    if is_field_value(value) && is_token(name) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
}

/// True for bytes without a control byte: they may be the value of a header field (RFC 9110 §5.5, except that we refuse
/// tabs, too).
pub fn is_field_value(value: &[u8]) -> bool {
    plain_run::<b' ', 0x7F>(value) == value.len()
}

/// Appends a whole error response, whose body is [`status_body`]. The caller must close the connection after it.
///
/// `wall` becomes `Date`; `extra` are further header fields, such as `Allow` or `Retry-After`.
pub fn error_response(status: u16, wall: SystemTime, extra: &[(&str, &str)], out: &mut Vec<u8>) {
    explained_response(status, &status_body(status), wall, extra, out);
}

/// Appends a whole error response with a body of its own: one line that says what is wrong, and what would be right.
pub fn explained_response(
    status: u16,
    body: &str,
    wall: SystemTime,
    extra: &[(&str, &str)],
    out: &mut Vec<u8>,
) {
    let mut head = Response::new(status, out)
        .header("Server", "datecast")
        .header("Date", format_date(wall))
        .header("Content-Type", "text/plain; charset=utf-8")
        .header("Content-Length", body.len().to_string())
        .header("X-Content-Type-Options", "nosniff")
        // The address may hold a token, also a wrong one.
        .header("Referrer-Policy", "no-referrer")
        .header("Cache-Control", "no-store")
        .header("Connection", "close");
    for (name, value) in extra {
        head = head.header(name, value);
    }
    head.finish();
    out.extend_from_slice(body.as_bytes());
}

/// Takes the body off the answer that begins at `from` in the buffer, for a request whose method is HEAD. RFC 9110 §9.3.2: "The
/// HEAD method is identical to GET except that the server MUST NOT send content in the response".
pub fn remove_body(out: &mut Vec<u8>, from: usize) {
    let answer = out.get(from..).unwrap_or_default();
    if let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
        out.truncate(from.saturating_add(end).saturating_add(4));
    }
}

/// The body of an answer about a status: its number and reason in one line, and nothing that the peer sent.
pub fn status_body(status: u16) -> String {
    format!("{status} {}\n", reason(status))
}

/// The reason phrase of a status (RFC 9110 §15, RFC 6585).
pub fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}
