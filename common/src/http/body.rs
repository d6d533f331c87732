//! How long the body of a request is (RFC 9112 §6.3).

use super::{Head, HeadError};

/// The body that follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// None: the next request may follow at once.
    None,
    /// This many bytes, more than 0.
    Length(u64),
    /// In chunks (RFC 9112 §7.1).
    Chunked,
}

/// Judges `Content-Length` and `Transfer-Encoding`; what could be read in two ways is refused, as requests are
/// smuggled with it.
pub(super) fn of(head: &Head<'_>) -> Result<Body, HeadError> {
    let length = head.get_only("Content-Length").map_err(|_| HeadError::BodyLength)?;
    let encoding = head.get_only("Transfer-Encoding").map_err(|_| HeadError::BodyLength)?;
    match (length, encoding) {
        (None, None) => Ok(Body::None),
        (Some(length), None) => match parse_length(length).ok_or(HeadError::BodyLength)? {
            0 => Ok(Body::None),
            length => Ok(Body::Length(length)),
        },
        // §6.3: "If a Transfer-Encoding header field is present in a request and the chunked transfer coding is not
        // the final encoding, ... the server MUST respond with the 400 (Bad Request) status code". Nobody sends
        // requests in other codings; chunked alone is accepted, and not in HTTP/1.0, which has none.
        (None, Some(coding)) if head.minor_version > 0 && coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(Body::Chunked)
        }
        // §6.1: "A server MAY reject a request that contains both Content-Length and Transfer-Encoding"
        (_, Some(_)) => Err(HeadError::BodyLength),
    }
}

/// Digits only: no sign, no list, nothing beyond 64 bits.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}
