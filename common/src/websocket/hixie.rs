//! Receiving frames of drafts 75 and 76 (§4.2 and §5.3): a type byte, then either text up to `FF` or a length.

use super::message::Message;
use super::receive::{Event, cut};
use super::socket::{Input, Inside, ReadyState, WebSocket};
use crate::Version;
use crate::frame::{Opcode, ProtocolError};

/// The most bytes of a length, seven bits each: more of them are beyond 63 bits, or are leading zeros without end.
const MAX_LENGTH_BYTES: u8 = 9;

impl WebSocket {
    pub(super) fn receive_hixie<'i>(
        &mut self,
        mut inside: Inside,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'i>>, ProtocolError> {
        while !input.is_empty() {
            match inside {
                Inside::Nothing => {
                    let kind = cut(input, 1).first().copied().unwrap_or_default();
                    inside = if kind & 0x80 == 0 {
                        Inside::Text { delivered: kind == 0 }
                    } else {
                        Inside::Length { closing: kind == 0xFF, len: 0, count: 0 }
                    };
                    self.message = Message { opcode: Some(Opcode::Text), ..Message::default() };
                }
                Inside::Text { delivered } => {
                    let (chunk, fin) = self.take_text(delivered, input)?;
                    inside = if fin { Inside::Nothing } else { inside };
                    self.input = Input::Hixie(inside);
                    if delivered && self.ready_state == ReadyState::Open && (fin || !chunk.is_empty()) {
                        return Ok(Some(Event::Data { opcode: Opcode::Text, chunk, fin }));
                    }
                    if fin {
                        return Ok(Some(Event::Discarded));
                    }
                }
                Inside::Length { closing, len, count } => {
                    let byte = cut(input, 1).first().copied().unwrap_or_default();
                    // Seven bits of value, and a high bit that announces another byte.
                    let len = len.checked_mul(128).filter(|_| count < MAX_LENGTH_BYTES);
                    let len = len.ok_or(ProtocolError::EndlessLength)? | u64::from(byte & 0x7F);
                    // Refuses a length beyond the limit before any byte of the payload has arrived.
                    Message::default().add_len(len, self.limits)?;
                    inside = match (byte & 0x80 == 0, len) {
                        (false, _) => Inside::Length { closing, len, count: count + 1 },
                        // Draft 76 §5.3: type FF and length 0 is the closing handshake. Draft 75 has none.
                        (true, 0) if closing && self.version == Version::Hixie76 => {
                            self.reply_close(None, out);
                            *input = &mut [];
                            return Ok(Some(Event::Closed(None)));
                        }
                        (true, 0) => Inside::Nothing,
                        (true, len) => Inside::Skipped(len),
                    };
                }
                Inside::Skipped(left) => {
                    let skipped = cut(input, usize::try_from(left).unwrap_or(usize::MAX)).len() as u64;
                    inside = if skipped == left { Inside::Nothing } else { Inside::Skipped(left - skipped) };
                }
            }
            self.input = Input::Hixie(inside);
            if let Inside::Nothing = inside {
                return Ok(Some(Event::Discarded));
            }
        }
        Ok(None)
    }

    /// Takes the part of a text that has arrived, and the `FF` behind it; true if that was there.
    fn take_text<'i>(
        &mut self,
        delivered: bool,
        input: &mut &'i mut [u8],
    ) -> Result<(&'i [u8], bool), ProtocolError> {
        let end = input.iter().position(|&byte| byte == 0xFF);
        let chunk: &[u8] = cut(input, end.unwrap_or(usize::MAX));
        cut(input, usize::from(end.is_some()));
        if delivered {
            // Of two faults the one whose byte comes first, however the bytes were cut.
            let room = usize::try_from(self.message.room(self.limits)).unwrap_or(usize::MAX);
            match chunk.get(..room) {
                Some(allowed) if allowed.len() < chunk.len() => {
                    self.message.validate(allowed, false, false)?;
                }
                _ => self.message.validate(chunk, false, end.is_some())?,
            }
        }
        self.message.add_len(chunk.len() as u64, self.limits)?;
        Ok((chunk, end.is_some()))
    }
}
