//! Receiving frames of drafts 75 and 76.

use super::Event;
use super::input::{Input, cut};
use super::message::Message;
use super::socket::{Phase, WebSocket};
use crate::Version;
use crate::frame::hixie::{Inside, add_length_byte};
use crate::frame::{Opcode, ProtocolError};

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
                    inside = Inside::begin(cut(input, 1).first().copied().unwrap_or_default());
                    self.message = Message { opcode: Some(Opcode::Text), ..Message::default() };
                }
                Inside::Text { delivered } => {
                    let (chunk, fin) = self.take_text(delivered, input)?;
                    inside = if fin { Inside::Nothing } else { inside };
                    self.input = Input::Hixie(inside);
                    if delivered && self.phase == Phase::Open && (fin || !chunk.is_empty()) {
                        return Ok(Some(Event::Data { opcode: Opcode::Text, chunk, fin }));
                    }
                }
                Inside::Length { closing, len, count } => {
                    let byte = cut(input, 1).first().copied().unwrap_or_default();
                    let len = add_length_byte(len, count, byte)?;
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
        self.message.add_len(chunk.len() as u64, self.limits)?;
        if delivered {
            self.message.validate(chunk, end.is_some())?;
        }
        Ok((chunk, end.is_some()))
    }
}
