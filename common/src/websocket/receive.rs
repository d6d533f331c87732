//! Receiving: the next event from the input.

use super::socket::{Input, ReadyState, WebSocket};
use crate::frame::{CloseCode, Opcode, ProtocolError};
use md5::{Digest, Md5};

/// What [`WebSocket::receive`] found in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'i> {
    /// The opening handshake is over. Every connection reports this first; in draft 76 when the third key has arrived,
    /// and then the digest is in `out`.
    Opened,
    /// A piece of a message, unmasked. Pieces of texts are valid UTF-8, but may end inside a character.
    Data {
        /// Text or Binary, the same for each piece of the message.
        opcode: Opcode,
        /// The bytes, in the caller's buffer.
        chunk: &'i [u8],
        /// True in the last piece of a message.
        fin: bool,
    },
    /// The peer's Ping. Its Pong is in `out`; a caller that wants to send fewer of them cuts it off again.
    Ping(&'i [u8]),
    /// The peer's Pong.
    Pong(&'i [u8]),
    /// The end of a frame that delivers nothing: an empty fragment, what a draft tells us to discard, or anything after our
    /// Close. It costs the peer no more than others, so the caller counts it.
    Discarded,
    /// The peer's closing handshake and its code, the last event. Our Close is in `out`, unless we sent it before.
    Closed(Option<CloseCode>),
}

impl WebSocket {
    /// Takes the next event from the input and cuts what it consumed off the front. `None` means that it needs more
    /// bytes: the caller passes what is left again, with more behind it. Replies go to `out`.
    ///
    /// # Errors
    /// [`ProtocolError`] when the peer breaks the protocol or exceeds a limit. The caller sends its code with
    /// [`WebSocket::close`]; this method discards all further input.
    pub fn receive<'i>(
        &mut self,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'i>>, ProtocolError> {
        match self.ready_state {
            ReadyState::AwaitingKey { .. } => return Ok(self.receive_key(input, out)),
            ReadyState::Opening => {
                self.ready_state = ReadyState::Open;
                return Ok(Some(Event::Opened));
            }
            // RFC 6455 §5.5.1: after both Close frames "an endpoint ... considers the WebSocket connection closed";
            // §7.1.7: once failed, it "MUST NOT continue to attempt to process data".
            ReadyState::Closed | ReadyState::Failed => {
                *input = &mut [];
                return Ok(None);
            }
            ReadyState::Open | ReadyState::Closing => {}
        }
        let result = match self.input {
            Input::Hixie(inside) => self.receive_hixie(inside, input, out),
            Input::Hybi(open) => self.receive_hybi(open, input, out),
        };
        if result.is_err() {
            self.ready_state =
                if self.ready_state == ReadyState::Open { ReadyState::Failed } else { ReadyState::Closed };
            *input = &mut [];
        }
        result
    }

    /// Collects the bytes of the third key; appends the digest once all eight have arrived.
    fn receive_key(&mut self, input: &mut &mut [u8], out: &mut Vec<u8>) -> Option<Event<'static>> {
        let ReadyState::AwaitingKey { first, second, third, len } = &mut self.ready_state else {
            return None;
        };
        let wanted = third.get_mut(usize::from(*len)..).unwrap_or_default();
        let taken = cut(input, wanted.len());
        for (place, byte) in wanted.iter_mut().zip(taken.iter()) {
            *place = *byte;
            *len += 1;
        }
        if *len < 8 {
            return None;
        }
        out.extend_from_slice(&digest(*first, *second, *third));
        self.ready_state = ReadyState::Open;
        Some(Event::Opened)
    }
}

/// Cuts `len` bytes off the front of the input; all of it if it has fewer.
pub(super) fn cut<'i>(input: &mut &'i mut [u8], len: usize) -> &'i mut [u8] {
    let whole = std::mem::take(input);
    let len = len.min(whole.len());
    let (front, rest) = whole.split_at_mut(len);
    *input = rest;
    front
}

/// The 16 bytes that end the server's handshake: MD5 of both numbers, big-endian, and the third key
/// (draft-hixie-thewebsocketprotocol-76 §5.2).
pub(super) fn digest(first: u32, second: u32, third: [u8; 8]) -> [u8; 16] {
    Md5::new()
        .chain_update(first.to_be_bytes())
        .chain_update(second.to_be_bytes())
        .chain_update(third)
        .finalize()
        .into()
}
