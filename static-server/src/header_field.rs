//! The header fields that the operator adds with `--header`.

use std::str::FromStr;

use common::http::{is_field_value, is_token};

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
