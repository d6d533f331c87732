//! How a peer broke the protocol.

use super::CloseCode;
use crate::utf8::Utf8Error;

/// How a peer broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// An RSV bit is set, and no extension was negotiated.
    #[error("reserved bit set")]
    ReservedBit,
    /// Opcodes 3-7 and 11-15 mean nothing.
    #[error("reserved opcode {0}")]
    ReservedOpcode(u8),
    /// A control frame without FIN.
    #[error("fragmented control frame")]
    FragmentedControl,
    /// A control frame with more than 125 bytes.
    #[error("control frame of more than 125 bytes")]
    OversizedControl,
    /// A length in more bytes than it needs.
    #[error("length not in its shortest form")]
    NonMinimalLength,
    /// A length of 2^63 or more.
    #[error("length of 2^63 or more")]
    ImpossibleLength,
    /// A client's frame without a masking key.
    #[error("frame not masked")]
    Unmasked,
    /// A continuation where no message is open.
    #[error("continuation of nothing")]
    OrphanContinuation,
    /// A new message inside a fragmented one.
    #[error("new message inside a fragmented one")]
    UnfinishedMessage,
    /// A Close frame whose payload is one byte.
    #[error("close frame with half a code")]
    TruncatedCloseCode,
    /// A Close frame with a code that must not be on the wire.
    #[error("close code {0} must not be sent")]
    BadCloseCode(u16),
    /// A text, or the reason in a Close frame, that is not UTF-8.
    #[error("text is not UTF-8")]
    InvalidUtf8,
    /// A message longer than the limit.
    #[error("message too big")]
    MessageTooBig,
    /// A message in more fragments than the limit.
    #[error("message in too many fragments")]
    TooManyFragments,
    /// A length of a hixie frame that never ends.
    #[error("length without end")]
    EndlessLength,
}

impl ProtocolError {
    /// The code for the Close frame that reports this error (RFC 6455 §7.4.1).
    pub fn close_code(self) -> CloseCode {
        match self {
            // §8.1: "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream is not,
            // in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket Connection_."
            Self::InvalidUtf8 => CloseCode::INVALID_PAYLOAD,
            Self::MessageTooBig | Self::TooManyFragments => CloseCode::TOO_BIG,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl From<Utf8Error> for ProtocolError {
    fn from(_: Utf8Error) -> Self {
        Self::InvalidUtf8
    }
}
