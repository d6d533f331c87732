//! Response heads: a status line, a block of fields from the cache, and the fields of this answer alone.

use common::http::{Response, is_field_value, reason};

use crate::header_field::HeaderField;

/// The fields that all answers share.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedFields {
    /// Those of `--header`, which replace ours of the same name.
    pub(crate) extra: Vec<HeaderField>,
    /// The Content-Security-Policy of documents.
    pub(crate) policy: String,
}

impl SharedFields {
    /// Lays out a block of fields, through the checked writer: ours, then those of `--header`.
    pub(crate) fn block(&self, fields: &[(&str, &str)]) -> Vec<u8> {
        let replaced =
            |name: &str| self.extra.iter().any(|HeaderField(theirs, _)| theirs.eq_ignore_ascii_case(name));
        let mut out = Vec::new();
        let mut writer = Response::new(200, &mut out).header("X-Content-Type-Options", "nosniff");
        if !replaced("Server") {
            writer = writer.header("Server", "datecast");
        }
        for (name, value) in fields.iter().filter(|(name, _)| !replaced(name)) {
            writer = writer.header(name, value);
        }
        for HeaderField(name, value) in &self.extra {
            writer = writer.header(name, value);
        }
        writer.finish();
        // The fields only, without the status line and the blank line.
        let begin = out.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        out.get(begin..out.len().saturating_sub(2)).unwrap_or_default().to_vec()
    }
}

/// The status line of one answer, and the fields that frame its message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) status: u16,
    /// `Date`.
    pub(crate) date: &'a str,
    /// `Content-Length` in bytes; `None` for an answer without that field (204, 304).
    pub(crate) length: Option<u64>,
    pub(crate) connection: Persistence,
}

/// Whether the connection stays open after an answer (RFC 9112 §9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// It does, which is the default of HTTP/1.1.
    Keep,
    /// It does, and the answer says so to an HTTP/1.0 client.
    KeepOld,
    /// "a server that does not support persistent connections MUST send the "close" connection option".
    Close,
}

/// Appends a whole head: the status line, `block`, the further fields and the blank line.
pub(crate) fn write_head(out: &mut Vec<u8>, line: Line<'_>, block: &[u8], further: &[(&str, &str)]) {
    put(
        out,
        &["HTTP/1.1 ", &line.status.to_string(), " ", reason(line.status), "\r\nDate: ", line.date, "\r\n"],
    );
    out.extend_from_slice(block);
    if let Some(length) = line.length {
        put(out, &["Content-Length: ", &length.to_string(), "\r\n"]);
    }
    for (name, value) in further.iter().filter(|(_, value)| is_field_value(value.as_bytes())) {
        put(out, &[name, ": ", value, "\r\n"]);
    }
    match line.connection {
        Persistence::Keep => {}
        Persistence::KeepOld => put(out, &["Connection: keep-alive\r\n"]),
        Persistence::Close => put(out, &["Connection: close\r\n"]),
    }
    put(out, &["\r\n"]);
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_holds_the_block_and_one_blank_line() {
        let shared = SharedFields {
            extra: vec![HeaderField("Server".into(), "mine".into()), HeaderField("X-A".into(), "b".into())],
            ..SharedFields::default()
        };
        let block = shared.block(&[("ETag", "\"1\""), ("Bad", "a\r\nb")]);
        let line = Line { status: 206, date: "D", length: Some(3), connection: Persistence::Close };
        let mut out = Vec::new();
        write_head(&mut out, line, &block, &[("Content-Range", "bytes 0-2/9"), ("Location", "/\r\nX: y")]);
        assert_eq!(
            String::from_utf8_lossy(&out),
            "HTTP/1.1 206 Partial Content\r\nDate: D\r\nX-Content-Type-Options: nosniff\r\nETag: \"1\"\r\nServer: mine\r\nX-A: b\r\n\
             Content-Length: 3\r\nContent-Range: bytes 0-2/9\r\nConnection: close\r\n\r\n"
        );
    }
}
