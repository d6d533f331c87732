//! Frames of RFC 6455 and drafts 07, 08.

use super::*;

const HYBI: [Version; 3] = [Version::Rfc6455, Version::Hybi08, Version::Hybi07];

fn rfc(bytes: &[u8]) -> Seen {
    outcome(Version::Rfc6455, MessageLimits::default(), bytes)
}

fn error_of(bytes: &[u8]) -> Option<ProtocolError> {
    let seen = rfc(bytes);
    assert_eq!((seen.messages.len(), seen.closed.len()), (0, 0));
    seen.error
}

#[test]
fn messages_arrive_whole_and_in_order() {
    for version in HYBI {
        let bytes =
            [frame(0x81, b"one"), frame(0x82, &[0, 0xFF]), frame(0x81, b""), frame(0x81, "κ".as_bytes())];
        let seen = outcome(version, MessageLimits::default(), &bytes.concat());
        let expected = [text("one"), (Opcode::Binary, vec![0, 0xFF]), text(""), text("κ")];
        assert_eq!((seen.messages, seen.error, seen.out.len()), (expected.to_vec(), None, 0));
    }
}

#[test]
fn messages_of_boundary_lengths_arrive() {
    for len in [0, 1, 125, 126, 127, 65_535, 65_536, 65_537] {
        let payload = vec![b'x'; len];
        let seen = outcome(Version::Rfc6455, NO_LIMITS, &frame(0x81, &payload));
        assert_eq!(seen.messages, [(Opcode::Text, payload)]);
    }
}

#[test]
fn ping_between_fragments_is_answered() {
    let bytes = [
        frame(0x01, b"Hel"),
        frame(0x89, b"are you there"),
        frame(0x00, b""),
        frame(0x8A, b"unasked"),
        frame(0x00, b"l"),
        frame(0x80, b"o"),
    ];
    let seen = rfc(&bytes.concat());
    assert_eq!(seen.messages, [text("Hello")]);
    assert_eq!((seen.pings, seen.pongs), (vec![b"are you there".to_vec()], vec![b"unasked".to_vec()]));
    assert_eq!(seen.out, b"\x8A\x0Dare you there");
}

// WS-10
#[test]
fn an_unmasked_frame_never_reaches_the_application() {
    for first in [0x81, 0x82, 0x01, 0x89, 0x8A, 0x88] {
        let seen = rfc(&[first, 0x02, 0x03, 0xE8]);
        assert_eq!(seen, Seen { error: Some(ProtocolError::Unmasked), ..Seen::default() }, "{first:02x}");
    }
    // What is wrong with a length behind it came later, also where all of it is there.
    for head in [&[0x82, 0x7F][..], &[0x82, 0x7F, 0xFF, 0, 0, 0, 0, 0, 0, 0], &[0x82, 0x7E, 0, 1]] {
        assert_eq!(rfc(head).error, Some(ProtocolError::Unmasked));
    }
}

// WS-11, WS-31
#[test]
fn reserved_bits_and_opcodes_are_refused() {
    for bit in [0x40, 0x20, 0x10] {
        assert_eq!(error_of(&frame(0x81 | bit, b"x")), Some(ProtocolError::ReservedBit));
        assert_eq!(error_of(&frame(0x89 | bit, b"")), Some(ProtocolError::ReservedBit));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_eq!(error_of(&frame(0x80 | opcode, b"x")), Some(ProtocolError::ReservedOpcode(opcode)));
    }
}

// WS-11
#[test]
fn control_frames_are_whole_and_short() {
    for opcode in [8, 9, 10] {
        assert_eq!(error_of(&frame(opcode, b"")), Some(ProtocolError::FragmentedControl));
        assert_eq!(error_of(&frame(0x80 | opcode, &[0x20; 126])), Some(ProtocolError::OversizedControl));
    }
    assert_eq!(rfc(&frame(0x89, &[0x20; 125])).pings, [vec![0x20; 125]]);
}

// WS-11
#[test]
fn fragments_are_in_sequence() {
    assert_eq!(error_of(&frame(0x80, b"x")), Some(ProtocolError::OrphanContinuation));
    assert_eq!(error_of(&frame(0x00, b"x")), Some(ProtocolError::OrphanContinuation));
    for next in [0x81, 0x82, 0x01] {
        let bytes = [frame(0x01, b"x"), frame(next, b"y")].concat();
        assert_eq!(error_of(&bytes), Some(ProtocolError::UnfinishedMessage));
    }
    let after = [frame(0x81, b"x"), frame(0x80, b"y")].concat();
    assert_eq!(rfc(&after).error, Some(ProtocolError::OrphanContinuation));
}

// WS-09
#[test]
fn a_length_in_more_bytes_than_it_needs_is_refused() {
    for bytes in [&b"\x81\xFE\x00\x05\0\0\0\0"[..], b"\x81\xFE\x00\x7D", b"\x81\xFF\0\0\0\0\0\0\xFF\xFF"] {
        assert_eq!(error_of(bytes), Some(ProtocolError::NonMinimalLength));
    }
}

// WS-08
#[test]
fn a_length_beyond_the_limit_is_refused_from_the_head_alone() {
    for len in [16_385_u64, 1 << 31, 1 << 32, (1 << 63) - 1] {
        let mut bytes = Vec::new();
        let header =
            FrameHeader { fin: true, opcode: Opcode::Binary, masking_key: Some([0; 4]), payload_len: len };
        encode_header(header, &mut bytes);
        assert_eq!(error_of(&bytes), Some(ProtocolError::MessageTooBig), "{len}");
    }
    assert_eq!(error_of(b"\x82\xFF\x80\0\0\0\0\0\0\0"), Some(ProtocolError::ImpossibleLength));
    assert_eq!(error_of(b"\x82\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), Some(ProtocolError::ImpossibleLength));
}

// WS-07
#[test]
fn limits_of_a_message_hold_to_the_byte_and_fragment() {
    let limits = MessageLimits { max_message: 10, max_fragments: 3 };
    let result = |frames: &[Vec<u8>]| {
        let seen = outcome(Version::Rfc6455, limits, &frames.concat());
        (seen.messages.len(), seen.error)
    };
    let part = |first, len| frame(first, &vec![b'x'; len]);
    assert_eq!(result(&[part(0x81, 10), part(0x81, 10)]), (2, None));
    assert_eq!(result(&[part(0x81, 11)]), (0, Some(ProtocolError::MessageTooBig)));
    assert_eq!(result(&[part(0x01, 5), part(0x80, 5)]), (1, None));
    assert_eq!(result(&[part(0x01, 5), part(0x80, 6)]), (0, Some(ProtocolError::MessageTooBig)));
    assert_eq!(result(&[part(0x01, 1), part(0x00, 0), part(0x80, 1)]), (1, None));
    let four = [part(0x01, 1), part(0x00, 0), part(0x00, 1), part(0x80, 1)];
    assert_eq!(result(&four), (0, Some(ProtocolError::TooManyFragments)));
    for error in [ProtocolError::MessageTooBig, ProtocolError::TooManyFragments] {
        assert_eq!(error.close_code(), CloseCode::TOO_BIG);
    }
}

// WS-12
#[test]
fn text_that_is_not_utf8_is_refused_across_fragments() {
    for payload in [
        &b"\xC0\x80"[..],
        b"\xED\xA0\x80",
        b"\xF4\x90\x80\x80",
        b"\xE0\x80\x80",
        b"a\xFF",
        b"\xCE",
        b"\xE2\x82",
    ] {
        for split in 0..=payload.len() {
            let bytes = [frame(0x01, &payload[..split]), frame(0x80, &payload[split..])].concat();
            assert_eq!(error_of(&bytes), Some(ProtocolError::InvalidUtf8), "{payload:02x?} at {split}");
        }
    }
    assert_eq!(ProtocolError::InvalidUtf8.close_code(), CloseCode::INVALID_PAYLOAD);
    let interrupted = [frame(0x01, b"\xCE"), frame(0x00, b"a"), frame(0x80, b"\xBA")].concat();
    assert_eq!(error_of(&interrupted), Some(ProtocolError::InvalidUtf8));
    let good = "κόσμε🎈".as_bytes();
    for split in 0..=good.len() {
        let bytes = [frame(0x01, &good[..split]), frame(0x80, &good[split..])].concat();
        assert_eq!(rfc(&bytes).messages, [(Opcode::Text, good.to_vec())]);
    }
}

// WS-12: within the fragment, before its end has arrived
#[test]
fn text_that_is_not_utf8_is_refused_within_the_fragment() {
    let bytes = frame(0x81, b"abc\xFFmore to come");
    assert_eq!(
        feed(&mut open(Version::Rfc6455, NO_LIMITS), &[&bytes[..6 + 4]]).error,
        Some(ProtocolError::InvalidUtf8)
    );
}

#[test]
fn each_frame_that_delivers_nothing_is_an_event() {
    let empty_fragments = [frame(0x01, b""), frame(0x00, b""), frame(0x00, b"a"), frame(0x80, b"")].concat();
    let seen = outcome(Version::Rfc6455, NO_LIMITS, &empty_fragments);
    assert_eq!((seen.discarded, seen.messages), (2, vec![text("a")]));
}

#[test]
fn what_comes_after_our_close_is_an_event_each_but_no_message() {
    let late =
        [frame(0x81, b"late"), frame(0x89, b"?"), frame(0x8A, b"!"), frame(0x01, b""), frame(0x80, b"")];
    let mut socket = open(Version::Rfc6455, NO_LIMITS);
    socket.close(CloseCode::GOING_AWAY, "", &mut Vec::new());
    let seen = feed(&mut socket, &[&late.concat()]);
    assert_eq!((seen.discarded, seen.messages.len(), seen.pings.len(), seen.out.len()), (5, 0, 0, 0));
}
