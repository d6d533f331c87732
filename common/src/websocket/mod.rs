//! A WebSocket connection as a pure state machine: bytes in, events and bytes out.
//!
//! ```text
//!             Opened                        Data, Ping, Pong
//!  Opening ───────────▶ Open ◀──────────────────────────────┐
//!  (draft 76: until      │ │ ───────────────────────────────┘
//!   the third key)       │ │
//!       peer's Close,    │ │ close(): ours is sent
//!       ours in reply    │ ▼
//!                        │ Closing ── peer's Close ──▶┐
//!                        └────────────────────────────┴──▶ Closed: all input is thrown away
//! ```
//!
//! It owns no buffer: a chunk of a message is unmasked in the caller's buffer and passed through. Between two calls it
//! is a few numbers that can be written down and read back ([`WebSocket::to_bytes`]).

// Callers loop over one buffer: the unconsumed rest is handed back through the reference they gave.
#![allow(clippy::mut_mut)]

mod hixie;
mod hybi;
mod message;
mod send;
mod snapshot;
#[cfg(test)]
mod tests;

pub use crate::frame::{CloseCode, Opcode, ProtocolError};
pub use snapshot::SnapshotError;

use crate::framing::Framing;
use crate::{Version, frame, handshake::hixie76};
use message::Message;

/// How much a peer may send at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// The longest message in bytes; 0: none.
    pub max_message: u64,
    /// The most fragments of one message; 0: none.
    pub max_fragments: u32,
}

impl Default for MessageLimits {
    /// 16 KiB in 64 fragments.
    fn default() -> Self {
        Self { max_message: 16 * 1024, max_fragments: 64 }
    }
}

/// What [`WebSocket::receive`] found in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'i> {
    /// The opening handshake is over. The first event of each connection; in draft 76 it comes when the third key has
    /// arrived, and the digest is in `out`.
    Opened,
    /// A piece of a message, unmasked; pieces of texts are checked UTF-8 but may end inside a character.
    Data {
        /// Text or Binary, for each piece of the message.
        opcode: Opcode,
        /// The bytes.
        chunk: &'i [u8],
        /// The last piece of its message.
        fin: bool,
    },
    /// The peer's Ping. Its Pong is in `out`; who wants to send fewer cuts it off again.
    Ping(&'i [u8]),
    /// The peer's Pong.
    Pong(&'i [u8]),
    /// The peer's closing handshake and its code. If ours was not sent before, it is in `out`. The last event.
    Closed(Option<CloseCode>),
}

/// One connection, after the answer to its opening handshake ([`crate::handshake::Offer::accept`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocket {
    version: Version,
    limits: MessageLimits,
    phase: Phase,
    message: Message,
    input: Input,
}

/// How far the connection's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Draft 76, before the third key is whole.
    AwaitingKey {
        first: u32,
        second: u32,
        third: [u8; 8],
        len: u8,
    },
    /// Answered, and `Opened` not reported yet.
    Opening,
    Open,
    /// We sent our Close and wait for the peer's.
    Closing,
    /// Both were sent, or the peer broke the protocol and we sent ours.
    Closed,
    /// The peer broke the protocol; ours can still be sent.
    Failed,
}

/// What the input is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Hixie(frame::hixie::Inside),
    Hybi(Option<hybi::OpenFrame>),
}

impl WebSocket {
    /// A connection whose opening handshake was answered.
    pub(crate) fn new(version: Version, limits: MessageLimits) -> Self {
        let input =
            if version.is_hixie() { Input::Hixie(frame::hixie::Inside::Nothing) } else { Input::Hybi(None) };
        Self { version, limits, phase: Phase::Opening, message: Message::default(), input }
    }

    /// A connection of draft 76 whose third key is still to come.
    pub(crate) fn awaiting_key(first: u32, second: u32, limits: MessageLimits) -> Self {
        let phase = Phase::AwaitingKey { first, second, third: [0; 8], len: 0 };
        Self { phase, ..Self::new(Version::Hixie76, limits) }
    }

    /// Takes the next event from the input. What was consumed is cut off its front; `None` says that it needs more
    /// bytes than there are: what is left is shown again with more behind it. What must be sent is appended to `out`.
    ///
    /// # Errors
    /// [`ProtocolError`] when the peer breaks the protocol or a limit. The caller sends its code with
    /// [`WebSocket::close`]; all further input is thrown away.
    pub fn receive<'i>(
        &mut self,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'i>>, ProtocolError> {
        match self.phase {
            Phase::AwaitingKey { .. } => {
                self.take_key(input);
                return Ok(self.finish_key(out));
            }
            Phase::Opening => {
                self.phase = Phase::Open;
                return Ok(Some(Event::Opened));
            }
            // RFC 6455 §5.5.1: after both Close frames "an endpoint ... considers the WebSocket connection closed";
            // §7.1.7: once failed, it "MUST NOT continue to attempt to process data".
            Phase::Closed | Phase::Failed => {
                *input = &mut [];
                return Ok(None);
            }
            Phase::Open | Phase::Closing => {}
        }
        let result = match self.input {
            Input::Hixie(inside) => self.receive_hixie(inside, input, out),
            Input::Hybi(open) => self.receive_hybi(open, input, out),
        };
        if result.is_err() {
            self.phase = if self.phase == Phase::Open { Phase::Failed } else { Phase::Closed };
            *input = &mut [];
        }
        result
    }

    /// The dialect.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The form that stream messages have on this connection.
    pub fn framing(&self) -> Framing {
        if self.version.is_hixie() { Framing::Hixie } else { Framing::Hybi }
    }

    /// True between the opening and either side's Close: messages may be sent.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// True while draft 76's third key is not whole.
    pub fn is_awaiting_key(&self) -> bool {
        matches!(self.phase, Phase::AwaitingKey { .. })
    }

    /// True in the middle of a frame from the peer.
    pub fn is_amid_frame(&self) -> bool {
        !matches!(self.input, Input::Hybi(None) | Input::Hixie(frame::hixie::Inside::Nothing))
    }

    /// Other limits, from the next frame on.
    pub fn limit(&mut self, limits: MessageLimits) {
        self.limits = limits;
    }

    /// True when neither side owes the other anything: the connection may be closed once `out` is flushed.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Collects the bytes of draft 76's third key.
    fn take_key(&mut self, input: &mut &mut [u8]) {
        let Phase::AwaitingKey { third, len, .. } = &mut self.phase else { return };
        let wanted = third.get_mut(usize::from(*len)..).unwrap_or_default();
        let taken = cut(input, wanted.len());
        for (place, byte) in wanted.iter_mut().zip(taken.iter()) {
            *place = *byte;
            *len += 1;
        }
    }

    /// Sends the digest once the third key is whole.
    fn finish_key(&mut self, out: &mut Vec<u8>) -> Option<Event<'static>> {
        let Phase::AwaitingKey { first, second, third, len: 8 } = self.phase else { return None };
        out.extend_from_slice(&hixie76::digest(first, second, third));
        self.phase = Phase::Open;
        Some(Event::Opened)
    }
}

/// Cuts `len` bytes off the front of the input; all of it if it has fewer.
fn cut<'i>(input: &mut &'i mut [u8], len: usize) -> &'i mut [u8] {
    let whole = std::mem::take(input);
    let len = len.min(whole.len());
    let (front, rest) = whole.split_at_mut(len);
    *input = rest;
    front
}
