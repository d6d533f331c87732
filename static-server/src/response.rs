//! An answer as data, and its head in bytes: the handler sends both.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use common::http::{is_field_value, reason, status_body};
use reactor::Pages;

use crate::digits::Digits;
use crate::directory::LARGE;
use crate::fields::SharedFields;
use crate::{cache_control, date};

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Header fields, laid out beforehand: so many bytes from the beginning of these.
    block: (Arc<[u8]>, usize),
    /// `Content-Length` in bytes, also in an answer to HEAD; `None` for an answer without that field (204, 304).
    pub(crate) length: Option<u64>,
    /// True if the block has that field.
    is_length_laid_out: bool,
    /// Header fields of this answer alone.
    further: Vec<(&'static str, String)>,
    pub(crate) payload: Payload,
    /// True if the connection ends with this answer.
    pub(crate) close: bool,
}

#[derive(Debug)]
pub(crate) enum Payload {
    /// No body: HEAD, 204, 304.
    None,
    /// This range of these bytes.
    Memory(Arc<[u8]>, Range<usize>),
    /// A range of a copy: offset and length in bytes.
    Pages(Arc<Pages>, u64, u64),
    /// A range of a file: offset and length in bytes.
    File(Arc<File>, u64, u64),
}

impl Payload {
    /// True if it may take more than a turn or two to send.
    pub(crate) fn is_large(&self) -> bool {
        match self {
            Payload::None => false,
            Payload::Memory(_, range) => range.len() as u64 > LARGE,
            Payload::Pages(_, _, len) => *len > LARGE,
            Payload::File(..) => true,
        }
    }
}

impl Answer {
    /// An answer without a body, and so far without `Content-Length`.
    pub(crate) fn new(status: u16, block: Arc<[u8]>) -> Self {
        let block_len = block.len();
        Answer::beginning(status, block, block_len)
    }

    /// The same with the fields at the beginning of the block, which take so many bytes.
    pub(crate) fn beginning(status: u16, block: Arc<[u8]>, block_len: usize) -> Self {
        Answer {
            status,
            block: (block, block_len),
            length: None,
            is_length_laid_out: false,
            further: Vec::new(),
            payload: Payload::None,
            close: false,
        }
    }

    /// The whole of a representation, which has so many bytes, as the block says.
    pub(crate) fn whole(block: Arc<[u8]>, length: u64) -> Self {
        Answer { length: Some(length), is_length_laid_out: true, ..Answer::new(200, block) }
    }

    /// So many bytes of a representation, with the fields at the beginning of the block.
    pub(crate) fn part(block: Arc<[u8]>, block_len: usize, length: u64) -> Self {
        Answer { length: Some(length), ..Answer::beginning(206, block, block_len) }
    }

    /// An answer whose body is `bytes`, with their length as `Content-Length`.
    pub(crate) fn of_bytes(status: u16, block: Arc<[u8]>, bytes: Arc<[u8]>) -> Self {
        let all = 0..bytes.len();
        let (length, payload) = (Some(bytes.len() as u64), Payload::Memory(bytes, all));
        Answer { length, payload, ..Answer::new(status, block) }
    }

    /// A page of one line, which names the status, with these further fields.
    pub(crate) fn status_page(status: u16, further: &[(&str, &str)], shared: &SharedFields) -> Self {
        let caching = cache_control::for_status(status);
        let fields = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", caching)];
        let block = shared.block(fields.into_iter().chain(further.iter().copied()));
        Answer::of_bytes(status, block.into(), status_body(status).into_bytes().into())
    }

    /// Adds a header field to this answer alone; its name must be one that `--header` refuses.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.further.push((name, value.into()));
        self
    }

    pub(crate) fn closing(self) -> Self {
        Answer { close: true, ..self }
    }

    /// Appends the head: the first lines, the fields and the blank line. `old` is true for an HTTP/1.0 client.
    pub(crate) fn write_head(&self, first: &FirstLines, old: bool, out: &mut Vec<u8>) {
        first.put(self.status, out);
        let (block, len) = &self.block;
        out.extend_from_slice(block.get(..*len).unwrap_or(block));
        if let Some(length) = self.length.filter(|_| !self.is_length_laid_out) {
            put(out, &["Content-Length: ", Digits::decimal(length).as_str(), "\r\n"]);
        }
        for (name, value) in self.further.iter().filter(|(_, value)| is_field_value(value.as_bytes())) {
            put(out, &[name, ": ", value, "\r\n"]);
        }
        if self.close {
            // RFC 9112 §9.3: "a server that does not support persistent connections MUST send the "close" connection
            // option".
            put(out, &["Connection: close\r\n"]);
        } else if old {
            put(out, &["Connection: keep-alive\r\n"]);
        }
        put(out, &[END]);
    }
}

/// The blank line behind a head.
pub(crate) const END: &str = "\r\n";

/// The status line and `Date`, kept ready for a second.
#[derive(Debug, Default)]
pub(crate) struct FirstLines {
    /// In seconds since 1970.
    second: i64,
    /// Those of 200, or nothing so far.
    of_ok: String,
}

/// The status line of most answers.
const OK: &str = "HTTP/1.1 200 OK\r\n";

impl FirstLines {
    /// Makes them those of this second.
    #[inline]
    pub(crate) fn renew(&mut self, wall: i64) {
        if self.second != wall || self.of_ok.is_empty() {
            *self = Self::of_second(wall);
        }
    }

    #[cold]
    fn of_second(wall: i64) -> Self {
        // RFC 9110 §6.6.1: "An origin server without a clock … MUST NOT generate a Date header field."
        let date = date::format(wall).map(|date| format!("Date: {date}\r\n")).unwrap_or_default();
        FirstLines { second: wall, of_ok: format!("{OK}{date}") }
    }

    /// In seconds since 1970.
    pub(crate) fn second(&self) -> i64 {
        self.second
    }

    /// Those of an answer with 200; their length stays, unless the clock goes beyond the years that a date can have.
    pub(crate) fn of_ok(&self) -> &[u8] {
        self.of_ok.as_bytes()
    }

    fn put(&self, status: u16, out: &mut Vec<u8>) {
        if status == 200 {
            return put(out, &[&self.of_ok]);
        }
        let digits = Digits::decimal(status.into());
        let further = self.of_ok.strip_prefix(OK).unwrap_or_default();
        put(out, &["HTTP/1.1 ", digits.as_str(), " ", reason(status), "\r\n", further]);
    }
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::HeaderField;

    #[test]
    fn a_head_holds_the_block_and_one_blank_line() {
        let shared = SharedFields {
            extra: vec![HeaderField("Server".into(), "mine".into()), HeaderField("X-A".into(), "b".into())],
            ..SharedFields::default()
        };
        let block = shared.block([("ETag", "\"1\""), ("Bad", "a\r\nb")]);
        let answer = Answer { length: Some(3), ..Answer::new(206, block.into()) }
            .with("Content-Range", "bytes 0-2/9")
            .with("Location", "/\r\nX: y")
            .closing();
        let mut out = Vec::new();
        answer.write_head(&at(784_111_777), false, &mut out);
        assert_eq!(
            String::from_utf8_lossy(&out),
            "HTTP/1.1 206 Partial Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Content-Type-Options: nosniff\r\nETag: \"1\"\r\nServer: mine\r\nX-A: b\r\n\
             Content-Length: 3\r\nContent-Range: bytes 0-2/9\r\nConnection: close\r\n\r\n"
        );
    }

    fn at(second: i64) -> FirstLines {
        let mut first = FirstLines::default();
        first.renew(second);
        first
    }

    #[test]
    fn a_length_that_is_laid_out_stands_once_and_not_in_an_answer_of_a_part() {
        let block: Arc<[u8]> = b"A: b\r\nContent-Length: 10\r\n".as_slice().into();
        for (answer, status, length) in [
            (Answer::whole(block.clone(), 10), "200 OK", 10),
            (Answer::part(block, 6, 3), "206 Partial Content", 3),
        ] {
            let mut out = Vec::new();
            answer.write_head(&at(0), true, &mut out);
            assert_eq!(
                String::from_utf8_lossy(&out),
                format!(
                    "HTTP/1.1 {status}\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nA: b\r\nContent-Length: {length}\r\n\
                     Connection: keep-alive\r\n\r\n"
                )
            );
        }
    }

    #[test]
    fn the_date_is_that_of_its_second() {
        let mut first = at(59);
        for (second, date) in [(59, "00:00:59"), (60, "00:01:00"), (0, "00:00:00")] {
            first.renew(second);
            assert_eq!(first.of_ok, format!("{OK}Date: Thu, 01 Jan 1970 {date} GMT\r\n"));
        }
        first.renew(i64::MAX);
        assert_eq!(first.of_ok, OK, "a second without a date");
    }
}
