//! Sending control frames: Ping and Close.

use super::socket::{ReadyState, WebSocket};
use crate::Version;
use crate::frame::{CloseCode, MAX_CONTROL_PAYLOAD, Opcode, encode_frame};

impl WebSocket {
    /// Appends a Ping with the first 125 bytes of `payload`; nothing in the hixie drafts, which have no Ping.
    pub fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if self.is_open() && !self.version.is_hixie() {
            let payload = payload.get(..MAX_CONTROL_PAYLOAD).unwrap_or(payload);
            encode_frame(Opcode::Ping, payload, out);
        }
    }

    /// Begins the closing handshake, or ends a connection whose peer broke the protocol: appends a Close with the
    /// dialect's number for the code. Draft 76 has neither code nor reason, and draft 75 no closing handshake at all.
    ///
    /// A second call, or one after our reply to the peer's Close, appends nothing. The reason ends with the last whole
    /// character within 123 bytes.
    pub fn close(&mut self, code: CloseCode, reason: &str, out: &mut Vec<u8>) {
        self.ready_state = match self.ready_state {
            ReadyState::Open | ReadyState::Opening => ReadyState::Closing,
            ReadyState::Failed => ReadyState::Closed,
            // No frame may go out before the opening is over.
            ReadyState::AwaitingKey { .. } => {
                self.ready_state = ReadyState::Closed;
                return;
            }
            ReadyState::Closing | ReadyState::Closed => return,
        };
        if self.version == Version::Hixie75 {
            // The draft has no Close: the end of the stream takes its place.
            self.ready_state = ReadyState::Closed;
        }
        let end = reason.floor_char_boundary(MAX_CONTROL_PAYLOAD - 2);
        let reason = reason.get(..end).unwrap_or_default();
        self.write_close(Some(code), reason, out);
    }

    /// Answers the peer's Close, unless we sent ours before.
    pub(super) fn reply_close(&mut self, code: Option<CloseCode>, out: &mut Vec<u8>) {
        if self.ready_state == ReadyState::Open {
            self.write_close(code, "", out);
        }
        self.ready_state = ReadyState::Closed;
    }

    fn write_close(&self, code: Option<CloseCode>, reason: &str, out: &mut Vec<u8>) {
        match self.version {
            Version::Hixie75 => {}
            // A frame of type `FF` without payload.
            Version::Hixie76 => out.extend_from_slice(&[0xFF, 0x00]),
            Version::Hybi07 | Version::Hybi08 | Version::Rfc6455 => {
                let mut payload = Vec::with_capacity(2 + reason.len());
                if let Some(code) = code {
                    payload.extend_from_slice(&code.to_wire(self.version).to_be_bytes());
                    payload.extend_from_slice(reason.as_bytes());
                }
                encode_frame(Opcode::Close, &payload, out);
            }
        }
    }
}
