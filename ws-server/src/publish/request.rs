//! What the head of a request to publish says. Pure: a head in, what it wants or why it gets nothing out.

use std::{fmt, sync::Arc};

use common::http::{Body, BodyReader, Head};

use super::key::{BadKey, parse};

/// What a request to publish says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// `Idempotency-Key`
    pub(crate) key: Option<Arc<str>>,
    /// How its body comes.
    pub(crate) body: BodyReader,
    /// It waits for 100 (Continue) before it sends the body.
    pub(crate) awaits_continue: bool,
    pub(crate) keep_alive: bool,
    pub(crate) is_old: bool,
}

/// Why a request is refused before its body is asked for; displayed as one sentence for the person who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Neither a length nor chunks.
    NoLength,
    /// `Content-Encoding`
    Encoded,
    /// `multipart/form-data`
    Form,
    /// `Expect` with anything but `100-continue`.
    Expectation,
    Key(BadKey),
}

impl Wanted {
    /// Reads the head of a POST or a PUT.
    ///
    /// # Errors
    /// What cannot be done.
    pub(crate) fn of(head: &Head<'_>) -> Result<Self, Unusable> {
        let body = head.body();
        // RFC 9110 §15.5.12: "the server refuses to accept the request without a defined Content-Length". Without any, a request
        // of HTTP/1.1 has no body (RFC 9112 §6.3), which is not what one that publishes means.
        if body == Body::None && head.get("Content-Length").is_none() {
            return Err(Unusable::NoLength);
        }
        if head.list("Content-Encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            return Err(Unusable::Encoded);
        }
        if head.get("Content-Type").is_some_and(is_form) {
            return Err(Unusable::Form);
        }
        let key = parse(head.get_all("Idempotency-Key")).map_err(Unusable::Key)?;
        let awaits_continue = awaits_continue(head)?;
        let (keep_alive, is_old) = (head.keep_alive(), head.minor_version == 0);
        Ok(Self { key, body: body.into(), awaits_continue, keep_alive, is_old })
    }
}

fn awaits_continue(head: &Head<'_>) -> Result<bool, Unusable> {
    // RFC 9110 §10.1.1: "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that expectation."
    if head.minor_version == 0 {
        return Ok(false);
    }
    // "A server that receives an Expect field value containing a member other than 100-continue MAY respond with a 417
    // (Expectation Failed) status code". "The Expect field value is case-insensitive."
    if head.list("Expect").any(|wish| !wish.eq_ignore_ascii_case(b"100-continue")) {
        return Err(Unusable::Expectation);
    }
    Ok(head.get("Expect").is_some_and(|wish| !wish.trim_ascii().is_empty()))
}

fn is_form(media_type: &[u8]) -> bool {
    let end = media_type.iter().position(|byte| *byte == b';').unwrap_or(media_type.len());
    media_type.get(..end).unwrap_or_default().trim_ascii().eq_ignore_ascii_case(b"multipart/form-data")
}

impl Unusable {
    /// The status of the answer.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::NoLength => 411,
            Self::Encoded | Self::Form => 415,
            Self::Expectation => 417,
            Self::Key(_) => 400,
        }
    }

    /// Header fields of the answer.
    pub(crate) fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // RFC 9110 §12.5.3: "A server that fails a request with a 415 status code due to an unsupported content coding SHOULD
            // include an Accept-Encoding header field".
            Self::Encoded => &[("Accept-Encoding", "identity")],
            _ => &[],
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLength => {
                "there is no body: it needs a Content-Length or chunks, as from curl -d 'a line' or curl -T FILE"
            }
            Self::Encoded => "the lines are taken as they are: send them without a Content-Encoding",
            Self::Form => {
                "the bytes of the body are the lines, not a form: send a file by curl --data-binary @FILE or curl -T FILE"
            }
            Self::Expectation => "only Expect: 100-continue is known here",
            Self::Key(bad) => return bad.fmt(f),
        })
    }
}

#[cfg(test)]
mod tests {
    use common::http::HeadLimits;

    use super::*;

    fn wanted(fields: &str) -> Result<Wanted, Unusable> {
        let (version, fields) = fields.strip_prefix("old ").map_or((1, fields), |fields| (0, fields));
        let head = format!("POST / HTTP/1.{version}\r\nHost: a\r\n{}\r\n\r\n", fields.replace('\n', "\r\n"));
        let head = head.replace("\r\n\r\n\r\n", "\r\n\r\n");
        Wanted::of(&Head::parse(head.as_bytes(), HeadLimits::default()).unwrap())
    }

    #[test]
    fn what_curl_sends_is_wanted() {
        let form = "Content-Length: 6\nContent-Type: application/x-www-form-urlencoded";
        let chunks = "Transfer-Encoding: chunked\nExpect: 100-continue";
        for (fields, body, awaits_continue, keep_alive) in [
            (form, Body::Length(6), false, true),
            (chunks, Body::Chunked, true, true),
            ("Content-Length: 0", Body::None, false, true),
            ("Content-Length: 6\nConnection: close\nExpect: 100-Continue", Body::Length(6), true, false),
            ("old Content-Length: 6", Body::Length(6), false, false),
            (
                "old Content-Length: 6\nConnection: keep-alive\nExpect: 100-continue",
                Body::Length(6),
                false,
                true,
            ),
            ("old Content-Length: 6\nExpect: more", Body::Length(6), false, false),
            ("Content-Length: 6\nContent-Encoding: identity\nExpect:", Body::Length(6), false, true),
            ("Content-Length: 6\nContent-Type: multipart/mixed", Body::Length(6), false, true),
        ] {
            let wanted = wanted(fields).unwrap();
            let got = (wanted.body, wanted.awaits_continue, wanted.keep_alive);
            assert_eq!(got, (body.into(), awaits_continue, keep_alive), "{fields}");
            assert_eq!((wanted.is_old, wanted.key), (fields.starts_with("old"), None), "{fields}");
        }
        let keyed = wanted("Content-Length: 1\nIdempotency-Key: \"a b\"").unwrap();
        assert_eq!(keyed.key.as_deref(), Some("a b"));
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_a_sentence_that_helps() {
        for (fields, status, help) in [
            ("Accept: */*", 411, "curl -d"),
            ("old Accept: */*", 411, "curl -d"),
            ("Content-Length: 1\nContent-Encoding: gzip", 415, "Content-Encoding"),
            ("Content-Length: 1\nContent-Encoding: identity, br", 415, "Content-Encoding"),
            ("Content-Length: 1\nContent-Type: Multipart/Form-Data ; boundary=x", 415, "--data-binary"),
            ("Content-Length: 1\nExpect: 100-continue, more", 417, "100-continue"),
            ("Content-Length: 1\nIdempotency-Key: 8e03978e", 400, "curl -H 'Idempotency-Key: \"8e03978e\"'"),
            ("Content-Length: 1\nIdempotency-Key: \"a\"\nIdempotency-Key: \"a\"", 400, "curl -H"),
        ] {
            let refusal = wanted(fields).unwrap_err();
            assert_eq!(refusal.status(), status, "{fields}");
            assert!(refusal.to_string().contains(help), "{refusal}");
        }
    }
}
