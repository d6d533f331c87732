//! Receiving frames of RFC 6455 and drafts 07, 08.

use super::message::Message;
use super::receive::{Event, cut};
use super::socket::{Input, OpenFrame, ReadyState, WebSocket};
use crate::Parsed;
use crate::frame::{CloseCode, FrameHeader, Opcode, ProtocolError, decode_header, encode_frame, mask};

/// A piece of a message: its opcode, the bytes, and whether it is the last.
type Piece<'i> = (Opcode, &'i [u8], bool);

impl WebSocket {
    pub(super) fn receive_hybi<'i>(
        &mut self,
        mut open: Option<OpenFrame>,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'i>>, ProtocolError> {
        loop {
            if let Some(frame) = open {
                let Some((opcode, chunk, fin)) = self.take_payload(frame, input)? else { return Ok(None) };
                // After our Close we still validate messages, but do not report them.
                if self.ready_state == ReadyState::Open && (fin || !chunk.is_empty()) {
                    return Ok(Some(Event::Data { opcode, chunk, fin }));
                }
                if let Input::Hybi(None) = self.input {
                    return Ok(Some(Event::Discarded));
                }
            }
            // The second byte already shows that a frame is not masked, whatever is wrong with a length behind it.
            if let Some(&[first, second]) = input.first_chunk() {
                decode_header(&[first, second])?;
                if second & 0x80 == 0 {
                    return Err(ProtocolError::Unmasked);
                }
            }
            let (header, header_len) = match decode_header(input)? {
                Parsed::Complete { value, len } => (value, len),
                Parsed::Partial => return Ok(None),
            };
            // RFC 6455 §5.1: "The server MUST close the connection upon receiving a frame that is not masked."
            let key = header.masking_key.ok_or(ProtocolError::Unmasked)?;
            if header.opcode.is_control() {
                // At most 125 bytes: the caller's buffer holds them until all have arrived.
                let len = usize::try_from(header.payload_len).unwrap_or(usize::MAX);
                if input.len() - header_len < len {
                    return Ok(None);
                }
                cut(input, header_len);
                let payload = cut(input, len);
                mask(key, 0, payload);
                return self.take_control(header.opcode, payload, out).map(Some);
            }
            self.begin_frame(header)?;
            cut(input, header_len);
            open = Some(OpenFrame { fin: header.fin, key, taken: 0, len: header.payload_len });
            self.input = Input::Hybi(open);
        }
    }

    /// Checks the header of a data frame against the open message (RFC 6455 §5.4).
    fn begin_frame(&mut self, header: FrameHeader) -> Result<(), ProtocolError> {
        match (header.opcode, self.message.opcode) {
            (Opcode::Continuation, None) => return Err(ProtocolError::OrphanContinuation),
            (Opcode::Continuation, Some(_)) => {}
            // §5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another message"
            (_, Some(_)) => return Err(ProtocolError::UnfinishedMessage),
            (opcode, None) => self.message = Message { opcode: Some(opcode), ..Message::default() },
        }
        self.message.add_fragment(header.payload_len, self.limits)
    }

    /// Takes the part of a data frame's payload that has arrived; `None` if that is nothing.
    fn take_payload<'i>(
        &mut self,
        frame: OpenFrame,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Piece<'i>>, ProtocolError> {
        let left = frame.len - frame.taken;
        if left > 0 && input.is_empty() {
            return Ok(None);
        }
        let chunk = cut(input, usize::try_from(left).unwrap_or(usize::MAX));
        let is_ascii = mask(frame.key, frame.taken, chunk);
        let taken = frame.taken + chunk.len() as u64;
        let frame_ended = taken == frame.len;
        let fin = frame.fin && frame_ended;
        self.message.validate(chunk, is_ascii, fin)?;
        self.input = Input::Hybi((!frame_ended).then_some(OpenFrame { taken, ..frame }));
        let opcode = self.message.opcode.unwrap_or(Opcode::Binary);
        if fin {
            self.message = Message::default();
        }
        Ok(Some((opcode, chunk, fin)))
    }

    /// Answers a whole control frame.
    fn take_control<'i>(
        &mut self,
        opcode: Opcode,
        payload: &'i [u8],
        out: &mut Vec<u8>,
    ) -> Result<Event<'i>, ProtocolError> {
        match opcode {
            Opcode::Close => {
                let code = self.parse_close(payload)?;
                // §5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame, the
                // endpoint MUST send a Close frame in response."
                self.reply_close(code, out);
                Ok(Event::Closed(code))
            }
            // Nothing may follow our Close, not even a Pong.
            _ if self.ready_state != ReadyState::Open => Ok(Event::Discarded),
            Opcode::Ping => {
                // §5.5.3: "A Pong frame sent in response to a Ping frame must have identical "Application data""
                encode_frame(Opcode::Pong, payload, out);
                Ok(Event::Ping(payload))
            }
            _ => Ok(Event::Pong(payload)),
        }
    }

    /// The code of a Close frame, whose reason must be UTF-8 (RFC 6455 §5.5.1).
    fn parse_close(&self, payload: &[u8]) -> Result<Option<CloseCode>, ProtocolError> {
        match payload {
            [] => Ok(None),
            // §5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer"
            [_] => Err(ProtocolError::TruncatedCloseCode),
            [high, low, reason @ ..] => {
                let number = u16::from_be_bytes([*high, *low]);
                let code = CloseCode::from_wire(number, self.version);
                let code = code.ok_or(ProtocolError::BadCloseCode(number))?;
                std::str::from_utf8(reason).map_err(|_| ProtocolError::InvalidUtf8)?;
                Ok(Some(code))
            }
        }
    }
}
