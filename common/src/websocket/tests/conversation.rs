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
