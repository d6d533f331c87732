//! The frames of drafts hixie-75 and -76 (§4.2 and §5.3): a type byte, then either text up to `FF` or a length.

use super::ProtocolError;

/// Both bytes of a frame of type `FF` without payload: the closing handshake of draft 76.
pub const CLOSING: [u8; 2] = [0xFF, 0x00];

/// What the input is in the middle of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inside {
    /// Between two frames.
    #[default]
    Nothing,
    /// In a text, up to `FF`; only texts of type `00` are delivered.
    Text {
        /// False for the types 01-7F, whose text is thrown away.
        delivered: bool,
    },
    /// In the length of a frame with the high bit set in its type.
    Length {
        /// The type was `FF`.
        closing: bool,
        /// The value of the length bytes so far.
        len: u64,
        /// Length bytes so far.
        count: u8,
    },
    /// In a payload that is thrown away, with this many bytes to come.
    Skipped(u64),
}

/// The most bytes that a length may have: more than this is 64 bits, or leading zeros without end.
const MAX_LENGTH_BYTES: u8 = 9;

impl Inside {
    /// Begins the frame of this type.
    #[must_use]
    pub fn begin(kind: u8) -> Self {
        if kind & 0x80 == 0 {
            Self::Text { delivered: kind == 0 }
        } else {
            Self::Length { closing: kind == 0xFF, len: 0, count: 0 }
        }
    }
}

/// Adds one byte to a length: seven bits of value, the high bit says that more follow.
///
/// # Errors
/// [`ProtocolError::EndlessLength`] where a length goes on for more bytes than 63 bits need.
pub fn add_length_byte(len: u64, count: u8, byte: u8) -> Result<u64, ProtocolError> {
    if count >= MAX_LENGTH_BYTES {
        return Err(ProtocolError::EndlessLength);
    }
    len.checked_mul(128)
        .and_then(|len| len.checked_add(u64::from(byte & 0x7F)))
        .ok_or(ProtocolError::EndlessLength)
}
