//! The header fields that answers share, and those that the operator adds with `--header`.

use std::str::FromStr;

use common::http::{Response, is_field_value, is_token};

use crate::glob::Glob;

/// Name and value of a `--header`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderField(pub(crate) String, pub(crate) String);

/// Fields that describe a message or a file: a wrong value would break every client.
const OURS: &[&str] = &[
    "Accept-Ranges",
    "Allow",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Keep-Alive",
    "Last-Modified",
    "Location",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "X-Content-Type-Options",
];

impl FromStr for HeaderField {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("expected `Name: value`")?;
        let value = value.trim_matches([' ', '\t']);
        if !is_token(name) {
            return Err(format!("{name:?} is not the name of a header field"));
        }
        if !is_field_value(value.as_bytes()) || !value.is_ascii() {
            return Err("the value holds a byte that a header field must not contain".to_owned());
        }
        if OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
            return Err(format!("the server itself sets {name}"));
        }
        Ok(HeaderField(name.to_owned(), value.to_owned()))
    }
}

/// Fields of every answer, made once from the options.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedFields {
    /// Those of `--header`, which replace ours of the same name.
    pub(crate) extra: Vec<HeaderField>,
    /// The Content-Security-Policy of documents.
    pub(crate) policy: String,
    /// The files that never change.
    pub(crate) immutable: Vec<Glob>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_header_fields_are_taken() {
        let field: HeaderField = "Referrer-Policy:  no-referrer ".parse().unwrap();
        assert_eq!(field, HeaderField("Referrer-Policy".into(), "no-referrer".into()));
        assert!("X-Empty:".parse::<HeaderField>().is_ok());
    }

    #[test]
    fn header_fields_that_would_break_an_answer_are_refused() {
        for text in [
            "",
            "x",
            ": x",
            "a b: c",
            "a: b\r\nc: d",
            "a: \u{e9}",
            "content-length: 1",
            "Connection: close",
            "a\0: b",
        ] {
            assert!(text.parse::<HeaderField>().is_err(), "{text:?}");
        }
    }
}
