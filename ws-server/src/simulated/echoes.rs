//! What a client sends, back to itself.

use common::frame::{Opcode, encode_frame};

use super::*;

/// Pieces of a client's messages, in frames whose masking key is 0: first byte and payload.
fn sent(pieces: &[(u8, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (first, payload) in pieces {
        let len = u16::try_from(payload.len()).unwrap();
        match u8::try_from(len) {
            Ok(short @ 0..126) => bytes.extend([*first, 0x80 | short]),
            _ => bytes.extend([*first, 0xFE, len.to_be_bytes()[0], len.to_be_bytes()[1]]),
        }
        bytes.extend([0; 4]);
        bytes.extend_from_slice(payload.as_bytes());
    }
    bytes
}

#[test]
fn an_echo_is_the_whole_message_in_whatever_pieces_it_has_come() {
    let long = "0123456789".repeat(300);
    let pieces = sent(&[
        (0x81, "whole"),
        (0x01, "grüß"),
        (0x00, ""),
        (0x80, "e"),
        (0x02, ""),
        (0x80, "bytes"),
        (0x81, ""),
        (0x81, &long),
        (0x82, "\u{ff}"),
    ]);
    for (query, tab) in [("", ""), ("ids=1", "\t")] {
        let mut expected = Vec::new();
        for (opcode, payload) in [
            (Opcode::Text, format!("{tab}whole")),
            (Opcode::Text, format!("{tab}grüße")),
            (Opcode::Binary, "bytes".to_owned()),
            (Opcode::Text, tab.to_owned()),
            (Opcode::Text, format!("{tab}{long}")),
            (Opcode::Binary, "\u{ff}".to_owned()),
        ] {
            encode_frame(opcode, payload.as_bytes(), &mut expected);
        }
        for size in [1, 7, 64, 1000, usize::MAX] {
            let mut world = world(1, &["--source", "-", "--on-message", "echo"]);
            let peer = world.connect();
            world.send(peer, &modern(query));
            world.settle();
            world.read(peer, usize::MAX);
            let mut echoes = Vec::new();
            for part in pieces.chunks(size) {
                world.send(peer, part);
                world.settle();
                echoes.extend(world.read(peer, usize::MAX));
            }
            assert!(echoes == expected, "{query}, {size} bytes at a time");
        }
    }
}
