//! The open message: its limits, and its text.

use super::{MessageLimits, Opcode, ProtocolError};
use crate::utf8::Utf8;

/// What is known of the message that is arriving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// Text or Binary while a message is open.
    pub(super) opcode: Option<Opcode>,
    /// Bytes that its frames announced.
    pub(super) len: u64,
    /// Its fragments.
    pub(super) fragments: u32,
    /// How far its text was judged.
    pub(super) utf8: Utf8,
}

impl Message {
    /// A fragment of `len` bytes begins; judged before a byte of it is there.
    pub(super) fn add_fragment(&mut self, len: u64, limits: MessageLimits) -> Result<(), ProtocolError> {
        self.fragments = self.fragments.saturating_add(1);
        if limits.max_fragments > 0 && self.fragments > limits.max_fragments {
            return Err(ProtocolError::TooManyFragments);
        }
        self.add_len(len, limits)
    }

    /// The message grows by `len` bytes.
    pub(super) fn add_len(&mut self, len: u64, limits: MessageLimits) -> Result<(), ProtocolError> {
        self.len = self.len.saturating_add(len);
        if limits.max_message > 0 && self.len > limits.max_message {
            return Err(ProtocolError::MessageTooBig);
        }
        Ok(())
    }

    /// Judges a piece of the message; `fin` says that it is the last.
    pub(super) fn check(&mut self, chunk: &[u8], fin: bool) -> Result<(), ProtocolError> {
        if self.opcode == Some(Opcode::Text) {
            self.utf8.feed(chunk)?;
            if fin && !self.utf8.is_complete() {
                return Err(ProtocolError::InvalidUtf8);
            }
        }
        Ok(())
    }
}
