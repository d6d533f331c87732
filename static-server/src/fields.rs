//! The header fields that answers share, and those that the operator adds with `--header`.

use std::str::FromStr;

use common::http::{is_field_value, is_token, put_field};

use crate::glob::Glob;

/// Name and value of a `--header`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderField(pub(crate) String, pub(crate) String);

/// Fields that belong to the connection or end the message.
const FRAMING: &[&str] = &[
    "Connection",
    "Content-Length",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];
/// Fields that say what is true of one answer.
const DESCRIBING: &[&str] = &[
    "Accept-Ranges",
    "Allow",
    "Content-Encoding",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Last-Modified",
    "Location",
    "Retry-After",
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
        let is_in = |names: &[&str]| names.iter().any(|ours| ours.eq_ignore_ascii_case(name));
        if is_in(FRAMING) {
            return Err(format!(
                "{name} frames the message: the server sets it, and a wrong value breaks every client"
            ));
        }
        if is_in(DESCRIBING) {
            return Err(format!(
                "{name} describes one answer: the server sets it, and one value for all would be wrong"
            ));
        }
        Ok(HeaderField(name.to_owned(), value.to_owned()))
    }
}

/// Fields of every answer, made once from the options.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedFields {
    /// Those of `--header`: they join ours of the same name if it is [`VARY`], and else replace it in every answer.
    pub(crate) extra: Vec<HeaderField>,
    /// Those that the server in front adds to every answer.
    pub(crate) front: &'static [(&'static str, &'static str)],
    /// The Referrer-Policy of every answer, if there is one.
    pub(crate) referrer: Option<&'static str>,
    /// The Content-Security-Policy of documents, if they have one.
    pub(crate) policy: Option<String>,
    /// The files that never change.
    pub(crate) immutable: Vec<Glob>,
}

/// The one field of ours whose value is a list that the operator may add to.
const VARY: &str = "Vary";

/// Bytes of a block, as most are.
const BLOCK: usize = 384;

impl SharedFields {
    /// Lays out a block of fields, through the checked writer: ours, then those of `--header`.
    pub(crate) fn block<'f>(
        &'f self,
        fields: impl IntoIterator<Item = (&'f str, &'f str), IntoIter: Clone>,
    ) -> Vec<u8> {
        let every_answer = [("X-Content-Type-Options", "nosniff"), ("Server", "datecast")];
        let referrer = self.referrer.map(|policy| ("Referrer-Policy", policy));
        let ours = every_answer.into_iter().chain(self.front.iter().copied()).chain(referrer).chain(fields);
        let is_vary = |name: &str| name.eq_ignore_ascii_case(VARY);
        let mut out = Vec::with_capacity(BLOCK);
        self.put(ours.clone().filter(|(name, _)| !is_vary(name)), &mut out);
        for HeaderField(name, value) in self.extra.iter().filter(|HeaderField(name, _)| !is_vary(name)) {
            put_field(name, value.as_bytes(), &mut out);
        }
        let theirs = self.extra.iter().map(|HeaderField(name, value)| (name.as_str(), value.as_str()));
        let vary = ours.chain(theirs).filter(|(name, _)| is_vary(name)).map(|(_, value)| value);
        if let Some(vary) = join(vary) {
            put_field(VARY, vary.as_bytes(), &mut out);
        }
        out
    }

    /// Appends more fields of ours to a block, none of them [`VARY`].
    pub(crate) fn put<'f>(&self, fields: impl IntoIterator<Item = (&'f str, &'f str)>, out: &mut Vec<u8>) {
        for (name, value) in fields.into_iter().filter(|(name, _)| !self.replaces(name)) {
            put_field(name, value.as_bytes(), out);
        }
    }

    fn replaces(&self, name: &str) -> bool {
        self.extra.iter().any(|HeaderField(theirs, _)| theirs.eq_ignore_ascii_case(name))
    }
}

/// One list of the members of several, each once; `None` if there is no member.
fn join<'v>(values: impl Iterator<Item = &'v str>) -> Option<String> {
    let mut members: Vec<&str> = Vec::new();
    for member in values.flat_map(|value| value.split(',')).map(str::trim).filter(|member| !member.is_empty())
    {
        if !members.iter().any(|known| known.eq_ignore_ascii_case(member)) {
            members.push(member);
        }
    }
    // RFC 9110 §12.5.5: a list with the member "*" "signals that other aspects of the request might have played a role in
    // selecting the response representation": no other member adds to that.
    if members.contains(&"*") {
        return Some("*".to_owned());
    }
    (!members.is_empty()).then(|| members.join(", "))
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
            "transfer-encoding: chunked",
            "TE: trailers",
            "Date: now",
            "Content-Encoding: gzip",
            "a\0: b",
        ] {
            assert!(text.parse::<HeaderField>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn lists_join_and_other_fields_are_replaced() {
        let block = |extra: &[&str], ours: &[(&str, &str)]| {
            let extra = extra.iter().map(|text| text.parse().unwrap()).collect();
            String::from_utf8(SharedFields { extra, ..SharedFields::default() }.block(ours.iter().copied()))
                .unwrap()
        };
        let coded = [("Vary", "Accept-Encoding"), ("Cache-Control", "no-cache")];
        for (extra, ours, vary) in [
            (["Vary: Origin"].as_slice(), coded.as_slice(), Some("Accept-Encoding, Origin")),
            (
                &["vary: Origin, accept-encoding", "VARY: Cookie"],
                &coded,
                Some("Accept-Encoding, Origin, Cookie"),
            ),
            (&["Vary: *"], &coded, Some("*")),
            (&["Vary:"], &coded, Some("Accept-Encoding")),
            (&["Vary: Origin"], &[], Some("Origin")),
            (&[], &[], None),
        ] {
            let block = block(extra, ours);
            let mut lines = block.lines().filter_map(|line| line.strip_prefix("Vary: "));
            assert_eq!((lines.next(), lines.next()), (vary, None), "{extra:?}");
        }
        let block = block(&["cache-control: max-age=60", "server: mine", "X-Content-Type-Options:"], &coded);
        assert_eq!(
            block,
            "cache-control: max-age=60\r\nserver: mine\r\nX-Content-Type-Options: \r\nVary: Accept-Encoding\r\n"
        );
    }
}
