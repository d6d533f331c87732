//! What is around a part of a stream on the wire.

use crate::frame::{FrameHeader, Opcode, encode_header};

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
        let len = out.len().saturating_sub(start);
        let mut before = Vec::new();
        match self {
            Self::Hybi => {
                let payload_len = len as u64;
                let header = FrameHeader { fin: true, opcode: Opcode::Text, masking_key: None, payload_len };
                encode_header(header, &mut before);
            }
            // UTF-8 holds no `FF`, so the text cannot end the frame early.
            Self::Hixie => {
                before.push(0x00);
                out.push(0xFF);
            }
            Self::Bare => return,
            Self::Chunk => {
                before.extend_from_slice(format!("{len:x}\r\n").as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
        out.splice(start..start, before);
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
