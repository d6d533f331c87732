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

/// The most bytes around a part: the size of a chunk in 16 digits, and two line ends.
const MOST_AROUND: usize = 20;

impl Envelope {
    /// Appends what `content` appends, and what is around it.
    pub(super) fn wrap(self, out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        content(out);
        let end = out.len();
        let len = end.saturating_sub(start);
        // What goes before it is known only now: it is written behind it, and turned to the front without another buffer.
        self.begin(len, out);
        let before = out.len().saturating_sub(end);
        if let Some(part) = out.get_mut(start..) {
            part.rotate_right(before);
        }
        self.end(out);
    }

    /// As [`Envelope::wrap`], for content whose length is known before: each byte is copied once.
    pub(super) fn wrap_parts(self, parts: [&[u8]; 2], out: &mut Vec<u8>) {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        out.reserve(len.saturating_add(MOST_AROUND));
        self.begin(len, out);
        for part in parts {
            out.extend_from_slice(part);
        }
        self.end(out);
    }

    /// Appends what stands before content of `len` bytes.
    fn begin(self, len: usize, out: &mut Vec<u8>) {
        match self {
            Self::Hybi => {
                let payload_len = len as u64;
                let header = FrameHeader { fin: true, opcode: Opcode::Text, masking_key: None, payload_len };
                encode_header(header, out);
            }
            Self::Hixie => out.push(0x00),
            Self::Bare => {}
            Self::Chunk => {
                let _infallible = write!(out, "{len:x}\r\n");
            }
        }
    }

    /// Appends what stands behind it.
    fn end(self, out: &mut Vec<u8>) {
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
