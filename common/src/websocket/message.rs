//! The open message: its limits, and its text.

use super::utf8::Utf8;
use crate::frame::{Opcode, ProtocolError};

/// Bounds of what a peer may send; a message beyond them ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// The longest message in bytes; 0: no limit.
    pub max_message: u64,
    /// The most fragments of one message; 0: no limit.
    pub max_fragments: u32,
}

impl Default for MessageLimits {
    /// 16 KiB in 64 fragments.
    fn default() -> Self {
        Self { max_message: 16 * 1024, max_fragments: 64 }
    }
}

/// The message that is arriving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// Text or Binary while a message is open.
    pub(super) opcode: Option<Opcode>,
    /// Bytes that its frames announced.
    pub(super) len: u64,
    pub(super) fragments: u32,
    pub(super) utf8: Utf8,
}

impl Message {
    /// Counts a fragment of `len` bytes, before any of them has arrived.
    pub(super) fn add_fragment(&mut self, len: u64, limits: MessageLimits) -> Result<(), ProtocolError> {
        self.fragments = self.fragments.saturating_add(1);
        if limits.max_fragments > 0 && self.fragments > limits.max_fragments {
            return Err(ProtocolError::TooManyFragments);
        }
        self.add_len(len, limits)
    }

    pub(super) fn add_len(&mut self, len: u64, limits: MessageLimits) -> Result<(), ProtocolError> {
        self.len = self.len.saturating_add(len);
        if limits.max_message > 0 && self.len > limits.max_message {
            return Err(ProtocolError::MessageTooBig);
        }
        Ok(())
    }

    /// How many more bytes the message may have.
    pub(super) fn room(&self, limits: MessageLimits) -> u64 {
        if limits.max_message > 0 { limits.max_message.saturating_sub(self.len) } else { u64::MAX }
    }

    /// Validates a piece of the message; `fin` marks the last one. A piece that `is_ascii` for sure ends no open character, and needs no
    /// look where none is open.
    pub(super) fn validate(&mut self, chunk: &[u8], is_ascii: bool, fin: bool) -> Result<(), ProtocolError> {
        if self.opcode == Some(Opcode::Text) {
            if !(is_ascii && self.utf8.is_complete()) {
                self.utf8.feed(chunk)?;
            }
            if fin && !self.utf8.is_complete() {
                return Err(ProtocolError::InvalidUtf8);
            }
        }
        Ok(())
    }
}
