//! From the first byte of the request to the closing handshake, in every dialect, through the whole core.

use super::*;
use crate::handshake::{Detected, detect};
use crate::http::{Head, HeadLimits, HeadScan};

/// A server that receives the bytes of one connection in these pieces.
fn serve(pieces: &[&[u8]]) -> Seen {
    let (mut scan, mut before) = (HeadScan::default(), Vec::new());
    for (index, piece) in pieces.iter().enumerate() {
        before.extend_from_slice(piece);
        let Some(len) = scan.find_end(&before, HeadLimits::default()).unwrap() else { continue };
        let head = Head::parse(&before[..len], HeadLimits::default()).unwrap();
        let Ok(Detected::WebSocket(offer)) = detect(&head) else { panic!("no offer") };
        let mut answer = Vec::new();
        let mut socket = offer.accept(false, Some(1), &[], MessageLimits::default(), &mut answer);
        let rest: Vec<&[u8]> =
            [&before[len..]].into_iter().chain(pieces[index + 1..].iter().copied()).collect();
        let mut seen = feed(&mut socket, &rest);
        assert!(socket.is_closed());
        seen.out = [answer, seen.out].concat();
        return seen;
    }
    panic!("no head")
}

fn request(fields: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n{fields}\r\n")
        .into_bytes()
}

// WS-24, WS-34
#[test]
fn everything_at_once_is_the_same_as_in_any_two_pieces() {
    let hybi = [frame(0x01, b"he"), frame(0x80, b"llo"), frame(0x88, b"\x03\xE8")].concat();
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let keys = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
    for (request, rest, end) in [
        (request(&format!("Sec-WebSocket-Version: 13\r\n{key}")), hybi.clone(), &b"\x88\x02\x03\xE8"[..]),
        (request(&format!("Sec-WebSocket-Version: 8\r\n{key}")), hybi.clone(), b"\x88\x02\x03\xE8"),
        (request(&format!("Sec-WebSocket-Version: 7\r\n{key}")), hybi, b"\x88\x02\x03\xE8"),
        (request(keys), b"^n:ds[4U\x00hello\xFF\xFF\x00".to_vec(), b"\r\n\r\n8jKS'y:G*Co,Wxa-\xFF\x00"),
    ] {
        let bytes = [request, rest].concat();
        let whole = serve(&[&bytes]);
        assert_eq!((&whole.messages[..], whole.closed.len(), whole.error), (&[text("hello")][..], 1, None));
        assert!(whole.out.starts_with(b"HTTP/1.1 101 ") && whole.out.ends_with(end));
        for split in 0..=bytes.len() {
            let (front, back) = bytes.split_at(split);
            assert_eq!(serve(&[front, back]), whole, "at {split}");
        }
        assert_eq!(serve(&bytes.chunks(1).collect::<Vec<_>>()), whole);
    }
}

#[test]
fn a_ping_holds_at_most_125_bytes_and_exists_in_hybi_only() {
    let payload = [b'x'; 126];
    for (version, frames) in [(Version::Rfc6455, true), (Version::Hybi07, true), (Version::Hixie76, false)] {
        let (mut socket, mut out) = (open(version, NO_LIMITS), Vec::new());
        socket.ping(b"", &mut out);
        assert_eq!(out, if frames { &b"\x89\x00"[..] } else { b"" });
        socket.ping(&payload, &mut out);
        assert_eq!(out.len(), if frames { 2 + 2 + 125 } else { 0 });
        socket.close(CloseCode::NORMAL, "", &mut out);
        let len = out.len();
        socket.ping(b"", &mut out);
        assert_eq!(out.len(), len, "nothing follows our Close");
    }
}

#[test]
fn new_limits_hold_from_the_next_frame_on() {
    let three = frame(0x82, b"abc");
    let mut socket = open(Version::Rfc6455, MessageLimits { max_message: 3, max_fragments: 0 });
    assert_eq!(feed(&mut socket, &[&three]).error, None);
    socket.limit(MessageLimits { max_message: 2, max_fragments: 0 });
    assert_eq!(feed(&mut socket, &[&three]).error, Some(ProtocolError::MessageTooBig));
}

#[test]
fn a_connection_knows_whether_a_frame_has_begun() {
    for (version, bytes) in
        [(Version::Rfc6455, frame(0x81, b"abc")), (Version::Hixie76, b"\x00abc\xFF".to_vec())]
    {
        let mut socket = open(version, NO_LIMITS);
        assert!(!socket.is_amid_frame());
        let (front, back) = bytes.split_at(bytes.len() - 2);
        feed(&mut socket, &[front]);
        assert!(socket.is_amid_frame(), "{version:?}");
        feed(&mut socket, &[back]);
        assert!(!socket.is_amid_frame(), "{version:?}");
    }
}

#[test]
fn a_connection_is_closed_when_both_have_said_so_and_not_before() {
    let (mut socket, mut out) = (open(Version::Rfc6455, NO_LIMITS), Vec::new());
    assert!(socket.is_open() && !socket.is_closed());
    socket.close(CloseCode::NORMAL, "", &mut out);
    assert!(!socket.is_open() && !socket.is_closed());
    feed(&mut socket, &[&frame(0x88, b"")]);
    assert!(socket.is_closed());
}
