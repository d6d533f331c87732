//! The frames of drafts hixie-75 and -76 (§4.2 and §5.3): a type byte, then either text up to `FF` or a length.

use super::ProtocolError;

/// Both bytes of a frame of type `FF` without payload: the closing handshake of draft 76.
pub(crate) const CLOSING: [u8; 2] = [0xFF, 0x00];

/// Where in a frame the input stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Inside {
    /// Between two frames.
    #[default]
    Nothing,
    /// In a text, which ends with `FF`.
    Text {
        /// True for type 00; the receiver discards texts of the types 01-7F.
        delivered: bool,
    },
    /// In the length of a frame whose type has its high bit set.
    Length {
        /// True for type `FF`.
        closing: bool,
        /// The value of the length bytes so far.
        len: u64,
        /// How many length bytes have arrived.
        count: u8,
    },
    /// In a payload that the receiver discards; so many bytes are still to come.
    Skipped(u64),
}

/// The most bytes that a length may have: more of them are beyond 63 bits, or are leading zeros without end.
const MAX_LENGTH_BYTES: u8 = 9;

impl Inside {
    /// Where the input stands behind this type byte.
    pub(crate) fn begin(kind: u8) -> Self {
        if kind & 0x80 == 0 {
            Self::Text { delivered: kind == 0 }
        } else {
            Self::Length { closing: kind == 0xFF, len: 0, count: 0 }
        }
    }
}

/// Adds one byte to a length: seven bits of value, and a high bit that announces another byte.
///
/// # Errors
/// [`ProtocolError::EndlessLength`] where a length goes on for more bytes than 63 bits need.
pub(crate) fn add_length_byte(len: u64, count: u8, byte: u8) -> Result<u64, ProtocolError> {
    if count >= MAX_LENGTH_BYTES {
        return Err(ProtocolError::EndlessLength);
    }
    len.checked_mul(128)
        .and_then(|len| len.checked_add(u64::from(byte & 0x7F)))
        .ok_or(ProtocolError::EndlessLength)
}
