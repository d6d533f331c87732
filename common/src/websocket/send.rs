//! What the server sends beside messages: Ping and Close.

use super::{CloseCode, Opcode, Phase, WebSocket};
use crate::Version;
use crate::frame::header::{MAX_CONTROL_PAYLOAD, encode_frame};
use crate::frame::hixie;
use crate::framing;

impl WebSocket {
    /// Appends a whole text message. Nothing once either side has closed.
    pub fn text(&self, text: &str, out: &mut Vec<u8>) {
        if self.is_open() {
            framing::encode_notice(self.framing(), text, out);
        }
    }

    /// Appends a Ping with up to 125 bytes of `payload`; more is cut off. The hixie drafts have none.
    pub fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if self.is_open() && !self.version.is_hixie() {
            let payload = payload.get(..MAX_CONTROL_PAYLOAD).unwrap_or(payload);
            encode_frame(Opcode::Ping, payload, out);
        }
    }

    /// Begins the closing handshake, or answers a broken protocol: appends a Close with the code as the dialect has
    /// it. Draft 76 has neither code nor reason, and draft 75 no closing handshake at all.
    ///
    /// A second one, or one after the peer's was answered, appends nothing. A reason beyond 123 bytes is cut at a
    /// character.
    pub fn close(&mut self, code: CloseCode, reason: &str, out: &mut Vec<u8>) {
        self.phase = match self.phase {
            Phase::Open | Phase::Opening => Phase::Closing,
            Phase::Failed => Phase::Closed,
            // The opening is not over: no frame may be sent yet.
            Phase::AwaitingKey { .. } => {
                self.phase = Phase::Closed;
                return;
            }
            Phase::Closing | Phase::Closed => return,
        };
        if self.version == Version::Hixie75 {
            // Nothing can be said, and no answer will come: the end of the stream is the Close.
            self.phase = Phase::Closed;
        }
        let end = reason.floor_char_boundary(MAX_CONTROL_PAYLOAD - 2);
        let reason = reason.get(..end).unwrap_or_default();
        self.write_close(Some(code), reason, out);
    }

    /// The peer's Close arrived: ours is sent if it was not before.
    pub(super) fn reply_close(&mut self, code: Option<CloseCode>, out: &mut Vec<u8>) {
        if self.phase == Phase::Open {
            self.write_close(code, "", out);
        }
        self.phase = Phase::Closed;
    }

    fn write_close(&self, code: Option<CloseCode>, reason: &str, out: &mut Vec<u8>) {
        match self.version {
            Version::Hixie75 => {}
            Version::Hixie76 => out.extend_from_slice(&hixie::CLOSING),
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
