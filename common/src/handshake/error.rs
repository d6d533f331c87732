//! Why the server refuses an opening handshake.

use crate::http::HeadError;

/// Why the server refuses an opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The request's head is malformed, or repeats a field.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A dialect that this server does not speak.
    #[error("unsupported WebSocket version")]
    UnsupportedVersion,
    /// Fields of two dialects, or only half of the fields of one.
    #[error("mixed or missing keys")]
    MixedKeys,
    /// A key that its dialect does not allow.
    #[error("bad key")]
    BadKey,
    /// A control byte in a value that the answer would echo.
    #[error("control byte in a value")]
    ControlByte,
    /// A body, which no WebSocket request may have.
    #[error("handshake with a body")]
    Body,
}

impl HandshakeError {
    /// The status of the answer, after which the server closes the connection.
    pub fn status(self) -> u16 {
        match self {
            Self::Head(error) => error.status(),
            Self::UnsupportedVersion => 426,
            Self::MixedKeys | Self::BadKey | Self::ControlByte | Self::Body => 400,
        }
    }

    /// Header fields that the answer must have.
    pub fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::UnsupportedVersion => VERSIONS_OFFERED,
            _ => &[],
        }
    }
}

/// The header fields of a 426, which name the versions that the server speaks.
///
/// RFC 9110 §15.5.22: "The server MUST send an Upgrade header field in a 426 response"; RFC 6455 §4.4 has the list.
/// `Connection` names the field, as RFC 9110 §7.8 wants it; the `close` of
/// [`crate::http::error_response`] is a line of its own.
pub const VERSIONS_OFFERED: &[(&str, &str)] =
    &[("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13, 8, 7")];
