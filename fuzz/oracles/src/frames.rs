//! Frames of every version, from client to server: whole, in pieces, and across a hand-over between two pieces.

use common::frame::{CloseCode, MAX_CONTROL_PAYLOAD, Opcode, ProtocolError, decode_header};
use common::http::{Head, HeadLimits};
use common::websocket::{Event, MessageLimits, WebSocket};
use common::{Parsed, Version, handshake};

use crate::{allocation, input::Choices, pieces::in_any_pieces};

const LIMITS: [MessageLimits; 3] = [
    MessageLimits { max_message: 16 * 1024, max_fragments: 64 },
    MessageLimits { max_message: 20, max_fragments: 3 },
    MessageLimits { max_message: 0, max_fragments: 0 },
];

/// What a connection made of a peer's bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    messages: Vec<(Opcode, Vec<u8>)>,
    pings: Vec<Vec<u8>>,
    pongs: Vec<Vec<u8>>,
    discarded: usize,
    closed: Option<Option<CloseCode>>,
    error: Option<ProtocolError>,
    state: Vec<u8>,
    out: Vec<u8>,
}

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let request = choices.one_of(&REQUESTS);
    let limits = choices.one_of(&LIMITS);
    let (cut, we_close) = (usize::from(choices.byte()), choices.byte() % 4 == 3);
    let bytes = choices.rest();
    let mut socket = open(request, limits);
    if we_close {
        socket.close(CloseCode::GOING_AWAY, "restart", &mut Vec::new());
    }
    check(&socket, bytes, cut, limits);
}

/// What holds for every connection that gets these bytes.
pub fn check(socket: &WebSocket, bytes: &[u8], cut: usize, limits: MessageLimits) {
    let seen = in_any_pieces(bytes, cut, |pieces| feed(socket, pieces));
    for (opcode, message) in &seen.messages {
        assert!(limits.max_message == 0 || message.len() as u64 <= limits.max_message);
        assert!(*opcode != Opcode::Text || std::str::from_utf8(message).is_ok(), "a text that is not UTF-8");
    }
    check_output(socket, &seen.out);
}

/// Each request that opens a version, with an empty body.
const REQUESTS: [&str; 5] = [
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "Sec-WebSocket-Version: 7\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n",
    "",
];

/// A connection whose opening handshake is answered.
fn open(request: &str, limits: MessageLimits) -> WebSocket {
    let head =
        format!("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n{request}\r\n");
    let head = Head::parse(head.as_bytes(), HeadLimits::default()).expect("a request");
    let Ok(handshake::Detected::WebSocket(offer)) = handshake::detect(&head) else { panic!("no offer") };
    offer.accept(false, None, &[], limits, &mut Vec::new())
}

/// Feeds the pieces as the reactor does: what is left is passed again, with the next piece behind it. Between two pieces the
/// connection goes to another process and comes back.
fn feed(socket: &WebSocket, pieces: &[&[u8]]) -> Seen {
    let (mut socket, mut seen) = (socket.clone(), Seen::default());
    let (mut tail, mut message) = (Vec::new(), Vec::new());
    for piece in pieces {
        tail.extend_from_slice(piece);
        let mut input = &mut tail[..];
        receive_all(&mut socket, &mut input, &mut message, &mut seen);
        tail = input.to_vec();
        // A control frame waits whole, and so does a header.
        assert!(tail.len() < 14 + MAX_CONTROL_PAYLOAD, "{} bytes wait", tail.len());
        let bytes = socket.to_bytes();
        assert!(bytes.len() <= 100);
        assert_eq!(WebSocket::from_bytes(&bytes).as_ref(), Ok(&socket), "a state comes back as it was");
        socket = WebSocket::from_bytes(&bytes).expect("its own state");
    }
    if let Some(error) = seen.error {
        // What a failed connection was amid does not count any more.
        socket.close(error.close_code(), "", &mut seen.out);
        assert!(socket.is_closed(), "a connection whose peer broke the protocol ends with our Close");
    } else {
        seen.state = socket.to_bytes();
    }
    seen
}

/// Receives until the connection wants more bytes, or has failed.
fn receive_all(socket: &mut WebSocket, input: &mut &mut [u8], message: &mut Vec<u8>, seen: &mut Seen) {
    let mut out = Vec::with_capacity(2 * (MAX_CONTROL_PAYLOAD + 2));
    loop {
        let (before, was_waiting) = (input.len(), socket.is_awaiting_key());
        out.clear();
        let event = allocation::within(256, || socket.receive(input, &mut out));
        seen.out.extend_from_slice(&out);
        match event {
            Ok(None) => {
                let is_over = seen.closed.is_some();
                assert!(!is_over || input.is_empty(), "bytes behind the peer's Close are dropped");
                return;
            }
            Ok(Some(Event::Opened)) => assert!(was_waiting || before == input.len()),
            Ok(Some(event)) => {
                assert!(seen.closed.is_none(), "an event behind the peer's Close");
                let ended =
                    matches!(event, Event::Data { fin: true, .. } | Event::Discarded | Event::Closed(_));
                record(event, message, seen);
                // Each call consumes, or ends a frame whose last byte came before.
                assert!(input.len() < before || ended, "an event without progress");
            }
            Err(error) => {
                assert!(input.is_empty(), "a failed connection keeps input");
                assert!(seen.error.replace(error).is_none(), "a second error");
                return;
            }
        }
    }
}

fn record(event: Event<'_>, message: &mut Vec<u8>, seen: &mut Seen) {
    match event {
        Event::Data { opcode, chunk, fin } => {
            message.extend_from_slice(chunk);
            if fin {
                seen.messages.push((opcode, std::mem::take(message)));
            }
        }
        Event::Ping(payload) => seen.pings.push(payload.to_vec()),
        Event::Pong(payload) => seen.pongs.push(payload.to_vec()),
        Event::Discarded => seen.discarded += 1,
        Event::Closed(code) => assert!(seen.closed.replace(code).is_none(), "two Closes"),
        Event::Opened => {}
    }
}

/// Everything that we sent is what the dialect allows: digest, pongs, one Close at the end.
fn check_output(socket: &WebSocket, out: &[u8]) {
    match socket.version() {
        Version::Hixie75 => assert!(out.is_empty()),
        Version::Hixie76 => {
            let after = out.get(if out.len() >= 16 { 16.. } else { 0.. }).unwrap_or_default();
            assert!(matches!(after, [] | [0xFF, 0x00]), "{}", out.escape_ascii());
        }
        Version::Hybi07 | Version::Hybi08 | Version::Rfc6455 => check_hybi(out),
    }
}

fn check_hybi(mut out: &[u8]) {
    while !out.is_empty() {
        let Ok(Parsed::Complete { value, len }) = decode_header(out) else {
            panic!("not a frame: {}", out.escape_ascii())
        };
        assert!(value.fin && value.masking_key.is_none());
        let end = len + usize::try_from(value.payload_len).expect("a short frame");
        let payload = out.get(len..end).expect("a whole frame");
        match value.opcode {
            Opcode::Pong => {}
            Opcode::Close => {
                assert_eq!(end, out.len(), "a frame behind our Close");
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                // RFC 6455 §7.4.1: 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close control frame".
                assert!(!matches!(code, Some(0..=999 | 1005 | 1006 | 1015 | 5000..)), "{code:?}");
            }
            other => panic!("we send {other:?} unasked"),
        }
        out = &out[end..];
    }
}
