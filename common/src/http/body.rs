//! How long the body of a request is (RFC 9112 §6.3).

use super::HeadError;
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
    /// Decides by the values of `Content-Length` and `Transfer-Encoding`. It refuses whatever two servers could read in
    /// two ways, because attackers smuggle requests with that.
    pub(super) fn of(
        minor_version: u8,
        length: Option<&[u8]>,
        coding: Option<&[u8]>,
    ) -> Result<Self, HeadError> {
        match (length, coding) {
            (None, None) => Ok(Self::None),
            (Some(length), None) => match decimal(length).ok_or(HeadError::BodyLength)? {
                0 => Ok(Self::None),
                length => Ok(Self::Length(length)),
            },
            // §6.3: "If a Transfer-Encoding header field is present in a request and the chunked transfer coding is not
            // the final encoding, ... the server MUST respond with the 400 (Bad Request) status code". No client sends
            // requests in other codings, so only chunked alone passes; HTTP/1.0 has no codings at all.
            (None, Some(coding)) if minor_version > 0 && coding.eq_ignore_ascii_case(b"chunked") => {
                Ok(Self::Chunked)
            }
            // §6.1: "A server MAY reject a request that contains both Content-Length and Transfer-Encoding"
            (_, Some(_)) => Err(HeadError::BodyLength),
        }
    }
}
