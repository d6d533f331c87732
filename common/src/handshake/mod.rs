//! Opening handshakes of every WebSocket dialect, told apart in one fixed order.
//!
//! ```text
//!  GET, HTTP/1.1, Upgrade: websocket, Connection: upgrade?  ── no ──▶ Detected::Http
//!    │ yes
//!    ├─ Sec-WebSocket-Version or -Key?  ──▶ 13, 8, 7: hybi;  any other: 426
//!    ├─ Sec-WebSocket-Key1 and -Key2?   ──▶ draft 76;        only one: 400
//!    └─ none of them                    ──▶ draft 75
//! ```

mod accept;
mod detect;
pub mod hixie76;
pub mod hybi;
#[cfg(test)]
mod tests;

pub use crate::Version;
pub use detect::detect;

use crate::http::{Head, HeadError};

/// What a request head asks for.
#[derive(Clone, Debug)]
pub enum Detected<'h> {
    /// A WebSocket; [`Offer::accept`] answers it.
    WebSocket(Offer<'h>),
    /// Ordinary HTTP: it gets an ordinary answer.
    Http,
}

/// A valid opening handshake of a client, not answered yet.
#[derive(Clone, Debug)]
pub struct Offer<'h> {
    /// The dialect.
    pub version: Version,
    /// The origin of the page, as sent; `None` from what is no browser.
    pub origin: Option<&'h [u8]>,
    head: &'h Head<'h>,
    key: Key<'h>,
}

/// What proves to the client that the server understood its dialect.
#[derive(Clone, Copy, Debug)]
enum Key<'h> {
    /// Draft 75 has none.
    None,
    /// `Sec-WebSocket-Key`, as sent.
    Hybi(&'h [u8]),
    /// The numbers of `Sec-WebSocket-Key1` and `-Key2`.
    Hixie76(u32, u32),
}

/// Why an opening handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The request's head is at fault.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A dialect that nobody speaks here.
    #[error("unsupported WebSocket version")]
    UnsupportedVersion,
    /// Fields of two dialects, or half of one's.
    #[error("mixed or missing keys")]
    MixedKeys,
    /// A key that its dialect does not allow.
    #[error("bad key")]
    BadKey,
    /// A value that would be echoed holds a control byte.
    #[error("control byte in a value")]
    ControlByte,
    /// A WebSocket request has no body.
    #[error("handshake with a body")]
    Body,
}

impl HandshakeError {
    /// The status of the answer; the connection is closed after it.
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

/// What goes with a 426: which versions are served.
///
/// RFC 9110 §15.5.22: "The server MUST send an Upgrade header field in a 426 response"; RFC 6455 §4.4 has the list.
/// `Connection` names the field, as RFC 9110 §7.8 wants it; the `close` of
/// [`crate::http::error_response`] is a line of its own.
pub const VERSIONS_OFFERED: &[(&str, &str)] =
    &[("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13, 8, 7")];
