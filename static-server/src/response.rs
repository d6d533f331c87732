//! Response heads: a status line, a ready block of fields, and what differs from answer to answer.

use common::http::{Response, is_field_value, reason};

/// What is the same for every answer of this process.
#[derive(Clone, Debug, Default)]
pub struct Common {
    /// `--header`: name and value, checked; they replace ours of the same name.
    pub extra: Vec<(String, String)>,
    /// The Content-Security-Policy of documents.
    pub policy: String,
}

impl Common {
    /// Lays out a block of fields once, through the checked writer: ours, then those of `--header`.
    pub fn block(&self, fields: &[(&str, &str)]) -> Vec<u8> {
        let replaced = |name: &str| self.extra.iter().any(|(theirs, _)| theirs.eq_ignore_ascii_case(name));
        let mut out = Vec::new();
        let mut writer = Response::new(200, &mut out).header("X-Content-Type-Options", "nosniff");
        if !replaced("Server") {
            writer = writer.header("Server", "datecast");
        }
        for (name, value) in fields.iter().filter(|(name, _)| !replaced(name)) {
            writer = writer.header(name, value);
        }
        for (name, value) in &self.extra {
            writer = writer.header(name, value);
        }
        writer.finish();
        // Only the fields: without the status line, and without the blank line.
        let begin = out.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        out.get(begin..out.len().saturating_sub(2)).unwrap_or_default().to_vec()
    }
}

/// What differs from answer to answer.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The status.
    pub status: u16,
    /// The date, as HTTP has it.
    pub date: &'a str,
    /// `Content-Length` in bytes; `None` for answers that have none (204, 304).
    pub length: Option<u64>,
    /// What the client is told about the connection.
    pub connection: Persistence,
}

/// Whether the connection stays open after an answer (RFC 9112 §9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It does, as HTTP/1.1 expects.
    Keep,
    /// It does, and an HTTP/1.0 client has to be told.
    KeepOld,
    /// "a server that does not support persistent connections MUST send the "close" connection option".
    Close,
}

/// Appends a whole head: the line, the ready block, further fields, the blank line.
pub fn write_head(out: &mut Vec<u8>, line: Line<'_>, block: &[u8], further: &[(&str, &str)]) {
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

/// The body of an answer that is no file: the status in words, and nothing that the client sent.
pub fn plain_body(status: u16) -> String {
    format!("{status} {}\n", reason(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_holds_the_block_and_one_blank_line() {
        let common = Common {
            extra: vec![("Server".into(), "mine".into()), ("X-A".into(), "b".into())],
            ..Common::default()
        };
        let block = common.block(&[("ETag", "\"1\""), ("Bad", "a\r\nb")]);
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
