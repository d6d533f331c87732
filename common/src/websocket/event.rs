//! What a connection reports to its owner.

use crate::frame::{CloseCode, Opcode};

/// What [`WebSocket::receive`](super::WebSocket::receive) found in the input.
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
    /// The peer's closing handshake and its code, the last event. Our Close is in `out`, unless we sent it before.
    Closed(Option<CloseCode>),
}
