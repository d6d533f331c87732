//! What is around a part of a stream on the wire.

use crate::frame::{FrameHeader, Opcode, encode_header};
use std::io::Write as _;

/// What is around each part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Envelope {
    /// A text frame of RFC 6455 and drafts 07, 08: header and text.
    Hybi,
    /// A text frame of drafts 75 and 76: `00`, text, `FF`.
    Hixie,
    /// Nothing, to the end of the stream (HTTP/1.0).
    Bare,
    /// One HTTP chunk (RFC 9112 §7.1).
    Chunk,
}

impl Envelope {
    /// Appends what `content` appends, and what is around it.
    pub(super) fn wrap(self, out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        content(out);
        let end = out.len();
        let len = end.saturating_sub(start);
        // What goes before it is known only now: it is written behind it, and turned to the front without another buffer.
        match self {
            Self::Hybi => {
                let payload_len = len as u64;
                let header = FrameHeader { fin: true, opcode: Opcode::Text, masking_key: None, payload_len };
                encode_header(header, out);
            }
            Self::Hixie => out.push(0x00),
            Self::Bare => return,
            Self::Chunk => {
                let _infallible = write!(out, "{len:x}\r\n");
            }
        }
        let before = out.len().saturating_sub(end);
        if let Some(part) = out.get_mut(start..) {
            part.rotate_right(before);
        }
        match self {
            // UTF-8 holds no `FF`, so the text cannot end the frame early.
            Self::Hixie => out.push(0xFF),
            Self::Chunk => out.extend_from_slice(b"\r\n"),
            Self::Hybi | Self::Bare => {}
        }
    }

    /// As [`Envelope::wrap`], but appends nothing if there is no content.
    pub(super) fn wrap_some(self, out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        content(&mut bytes);
        if !bytes.is_empty() {
            self.wrap(out, |out| out.extend_from_slice(&bytes));
        }
    }
}
