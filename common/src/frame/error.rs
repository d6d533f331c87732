//! How a peer broke the protocol.

use super::CloseCode;

/// How a peer broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "a message says what its variant means")]
pub enum ProtocolError {
    /// An RSV bit is set, and no extension was negotiated.
    #[error("reserved bit set")]
    ReservedBit,
    #[error("reserved opcode {0}")]
    ReservedOpcode(u8),
    #[error("fragmented control frame")]
    FragmentedControl,
    #[error("control frame of more than 125 bytes")]
    OversizedControl,
    #[error("length not in its shortest form")]
    NonMinimalLength,
    #[error("length of 2^63 or more")]
    ImpossibleLength,
    #[error("frame not masked")]
    Unmasked,
    #[error("continuation of nothing")]
    OrphanContinuation,
    #[error("new message inside a fragmented one")]
    UnfinishedMessage,
    #[error("close frame with half a code")]
    TruncatedCloseCode,
    #[error("close code {0} must not be sent")]
    BadCloseCode(u16),
    /// A text, or the reason in a Close frame, that is not UTF-8.
    #[error("text is not UTF-8")]
    InvalidUtf8,
    #[error("message too big")]
    MessageTooBig,
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
