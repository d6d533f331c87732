//! A WebSocket against peers of every kind; it receives each byte string whole, byte by byte, and at every split.

mod arbitrary;
mod closing;
mod conversation;
mod hixie;
mod hybi;
mod snapshot;

use super::*;
use crate::Version;
use crate::frame::{CloseCode, FrameHeader, Opcode, ProtocolError, encode_header, mask};
use crate::framing;

/// The outcome of a peer's bytes, with the pieces of a message put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    messages: Vec<(Opcode, Vec<u8>)>,
    pings: Vec<Vec<u8>>,
    pongs: Vec<Vec<u8>>,
    closed: Vec<Option<u16>>,
    /// Frames that delivered nothing.
    discarded: usize,
    error: Option<ProtocolError>,
    out: Vec<u8>,
}

const NO_LIMITS: MessageLimits = MessageLimits { max_message: 0, max_fragments: 0 };

/// A connection whose opening is over.
fn open(version: Version, limits: MessageLimits) -> WebSocket {
    let mut socket = WebSocket::new(version, limits);
    assert_eq!(socket.receive(&mut &mut [][..], &mut Vec::new()), Ok(Some(Event::Opened)));
    socket
}

/// Feeds pieces as the reactor does: it passes the unconsumed tail again, with the next piece behind it.
fn feed(socket: &mut WebSocket, pieces: &[&[u8]]) -> Seen {
    let (mut seen, mut tail, mut message) = (Seen::default(), Vec::new(), Vec::new());
    for piece in pieces {
        tail.extend_from_slice(piece);
        let mut input = &mut tail[..];
        // Each event takes a byte, but for the opening and the failure.
        let mut events_left = input.len() + 2;
        loop {
            assert!(events_left > 0, "events without input");
            events_left -= 1;
            match socket.receive(&mut input, &mut seen.out) {
                Ok(Some(Event::Opened)) => {}
                Ok(Some(Event::Data { opcode, chunk, fin })) => {
                    message.extend_from_slice(chunk);
                    if fin {
                        seen.messages.push((opcode, std::mem::take(&mut message)));
                    }
                }
                Ok(Some(Event::Ping(payload))) => seen.pings.push(payload.to_vec()),
                Ok(Some(Event::Pong(payload))) => seen.pongs.push(payload.to_vec()),
                Ok(Some(Event::Closed(code))) => seen.closed.push(code.map(rfc_number)),
                Ok(Some(Event::Discarded)) => seen.discarded += 1,
                Ok(None) => break,
                Err(error) => assert_eq!(seen.error.replace(error), None, "a failed connection fails once"),
            }
        }
        tail = input.to_vec();
        assert!(tail.len() < 6 + 125 + 2, "more was left than one control frame: {}", tail.len());
    }
    seen
}

/// The outcome of these bytes, which is the same however they arrive.
fn outcome(version: Version, limits: MessageLimits, bytes: &[u8]) -> Seen {
    let whole = feed(&mut open(version, limits), &[bytes]);
    let singles: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(feed(&mut open(version, limits), &singles), whole, "byte by byte");
    // Long inputs are split around their beginning, where the headers are.
    for split in 0..bytes.len().min(300) {
        let (front, back) = bytes.split_at(split);
        assert_eq!(feed(&mut open(version, limits), &[front, back]), whole, "at {split}");
    }
    whole
}

/// A client's frame, masked; `first` is FIN, reserved bits and opcode.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let mut bytes = Vec::new();
    let opcode = Opcode::Binary;
    encode_header(
        FrameHeader { fin: true, opcode, masking_key: Some(key), payload_len: payload.len() as u64 },
        &mut bytes,
    );
    bytes[0] = first;
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    mask(key, 0, &mut bytes[start..]);
    bytes
}

fn rfc_number(code: CloseCode) -> u16 {
    code.to_wire(Version::Rfc6455)
}

/// Sends a text message, if the connection is open.
fn send_text(socket: &WebSocket, text: &str, out: &mut Vec<u8>) {
    if socket.is_open() {
        framing::encode_notice(socket.framing(), text, out);
    }
}

fn text(text: &str) -> (Opcode, Vec<u8>) {
    (Opcode::Text, text.as_bytes().to_vec())
}

#[test]
fn a_connection_owns_no_memory() {
    // WS-07, WS-08, WS-25: nothing that a peer sends or announces makes it grow.
    assert!(!std::mem::needs_drop::<WebSocket>());
    assert!(size_of::<WebSocket>() <= 128);
}
