//! How long the body of a request is (RFC 9112 §6.3).

use super::{HeadError, list};
use crate::decimal::decimal;

/// How the end of the body that follows a head is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// No body: the next request may follow at once.
    None,
    /// This many bytes, more than 0.
    Length(u64),
    /// In chunks (RFC 9112 §7.1).
    Chunked,
}

impl Body {
    /// Decides by the values of all `Content-Length` and `Transfer-Encoding` fields. It refuses whatever two servers could
    /// read in two ways, because attackers smuggle requests with that.
    pub(super) fn of<'h>(
        minor_version: u8,
        lengths: impl Iterator<Item = &'h [u8]>,
        codings: impl Iterator<Item = &'h [u8]>,
    ) -> Result<Self, HeadError> {
        let (mut lengths, mut codings) = (lengths.peekable(), codings.peekable());
        match (lengths.peek().is_some(), codings.peek().is_some()) {
            (false, false) => Ok(Self::None),
            (true, false) => match only_length(lengths).ok_or(HeadError::BodyLength)? {
                0 => Ok(Self::None),
                length => Ok(Self::Length(length)),
            },
            // §6.3: "If a Transfer-Encoding header field is present in a request and the chunked transfer coding is not
            // the final encoding, ... the server MUST respond with the 400 (Bad Request) status code". No client sends
            // requests in other codings, so only chunked alone passes; HTTP/1.0 has no codings at all.
            (false, true) if minor_version > 0 && is_chunked(codings) => Ok(Self::Chunked),
            // §6.1: "A server MAY reject a request that contains both Content-Length and Transfer-Encoding"
            (_, true) => Err(HeadError::BodyLength),
        }
    }
}

/// The one length that all values say; `None` if they differ, or are no number.
fn only_length<'h>(values: impl Iterator<Item = &'h [u8]>) -> Option<u64> {
    // §6.3 lets a repeated length pass if "all values in the list are valid, and all values in the list are the same (in
    // which case, the message is processed with that single value used as the Content-Length field value)".
    let mut all = values.flat_map(|value| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    let first = all.next()?;
    if all.all(|value| value == first) { decimal(first) } else { None }
}

fn is_chunked<'h>(values: impl Iterator<Item = &'h [u8]>) -> bool {
    let mut codings = values.flat_map(list::elements);
    codings.next().is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}
