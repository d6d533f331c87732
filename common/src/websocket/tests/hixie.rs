//! Frames of drafts 75 and 76.

use super::*;

const HIXIE: [Version; 2] = [Version::Hixie75, Version::Hixie76];

fn both(bytes: &[u8]) -> Seen {
    let [draft75, draft76] = HIXIE.map(|version| outcome(version, MessageLimits::default(), bytes));
    assert_eq!(draft75, draft76);
    draft76
}

#[test]
fn texts_arrive_whole_and_in_order() {
    let seen = both(b"\x00one\xFF\x00\xFF\x00\xCE\xBA\xFF");
    assert_eq!((seen.messages, seen.error), (vec![text("one"), text(""), text("κ")], None));
}

#[test]
fn frames_of_other_types_are_skipped() {
    // A length of two bytes (0x80 + 3), an empty one, and a text of type 7.
    let seen = both(b"\x80\x03abc\x00one\xFF\x81\x00\x07not this\xFF\x80\x80\x02xy\x00two\xFF");
    assert_eq!((seen.messages, seen.error), (vec![text("one"), text("two")], None));
    assert_eq!(seen.discarded, 4, "each costs the peer one frame of its rate");
}

#[test]
fn the_closing_handshake_is_of_draft_76_only() {
    let seen = outcome(Version::Hixie76, MessageLimits::default(), b"\x00a\xFF\xFF\x00\x00late\xFF\xFF\x00");
    assert_eq!((seen.messages, seen.closed, seen.out), (vec![text("a")], vec![None], vec![0xFF, 0x00]));
    let seen = outcome(Version::Hixie75, MessageLimits::default(), b"\x00a\xFF\xFF\x00\x00b\xFF");
    assert_eq!((seen.messages, seen.closed.len(), seen.out.len()), (vec![text("a"), text("b")], 0, 0));
}

// WS-25
#[test]
fn a_text_that_never_ends_is_refused_at_the_limit() {
    for kind in [0x00, 0x07] {
        let mut bytes = vec![b'x'; 16 * 1024 + 1];
        bytes[0] = kind;
        assert_eq!(outcome(Version::Hixie76, MessageLimits::default(), &bytes).error, None);
        bytes.push(b'x');
        assert_eq!(
            outcome(Version::Hixie76, MessageLimits::default(), &bytes).error,
            Some(ProtocolError::MessageTooBig)
        );
    }
}

#[test]
fn of_two_faults_the_one_whose_byte_comes_first_counts_however_the_bytes_are_cut() {
    let limits = MessageLimits { max_message: 4, ..MessageLimits::default() };
    for (bytes, error) in [
        (&b"\x00a\xC3(bcde\xFF"[..], ProtocolError::InvalidUtf8),
        (b"\x00a\xC3(\xFF", ProtocolError::InvalidUtf8),
        (b"\x00abcde\xC3(", ProtocolError::MessageTooBig),
        // The text might go on as one that is valid, but it may not go on.
        (b"\x00abc\xC3\xBC\xFF", ProtocolError::MessageTooBig),
    ] {
        assert_eq!(outcome(Version::Hixie76, limits, bytes).error, Some(error), "{}", bytes.escape_ascii());
    }
}

// WS-25
#[test]
fn a_length_that_never_ends_is_refused() {
    for byte in [0x80, 0xFF] {
        for limits in [MessageLimits::default(), NO_LIMITS] {
            let bytes: Vec<u8> = [0x80].into_iter().chain(std::iter::repeat_n(byte, 100)).collect();
            assert!(outcome(Version::Hixie75, limits, &bytes).error.is_some());
        }
    }
    // Zeros that lead nowhere: nine of them, and not a tenth.
    let zeros = |count| [&[0x80][..], &vec![0x80; count]].concat();
    assert_eq!(both(&zeros(9)).error, None);
    assert_eq!(both(&zeros(10)).error, Some(ProtocolError::EndlessLength));
    assert_eq!(both(b"\x80\x81\x80\x01").error, Some(ProtocolError::MessageTooBig));
    assert_eq!(both(b"\x80\x81\x80\x00").error, None);
}

// WS-12
#[test]
fn a_text_that_is_not_utf8_is_refused() {
    for bytes in [&b"\x00\xC0\x80\xFF"[..], b"\x00\xED\xA0\x80\xFF", b"\x00\xCE\xFF", b"\x00a\x80"] {
        assert_eq!(both(bytes).error, Some(ProtocolError::InvalidUtf8), "{bytes:02x?}");
    }
    // Also where there is no limit, and where the text is exactly as long as it may be.
    for limits in [NO_LIMITS, MessageLimits { max_message: 4, ..MessageLimits::default() }] {
        let seen = outcome(Version::Hixie76, limits, b"\x00abc\xCE\xFF");
        assert_eq!(seen.error, Some(ProtocolError::InvalidUtf8));
    }
}

#[test]
fn the_digests_of_draft_76_hold() {
    for (first, second, third, digest) in [
        (829_309_203, 259_970_620, b"^n:ds[4U", b"8jKS'y:G*Co,Wxa-"),
        (155_712_099, 173_347_027, b"Tm[K T2u", b"fQJ,fN/4F4!~K~MH"),
    ] {
        assert_eq!(&receive::digest(first, second, *third), digest);
    }
}

#[test]
fn pings_are_not_sent() {
    for version in HIXIE {
        let mut out = Vec::new();
        open(version, NO_LIMITS).ping(b"x", &mut out);
        assert!(out.is_empty());
        send_text(&open(version, NO_LIMITS), "x", &mut out);
        assert_eq!(out, b"\x00x\xFF");
    }
}
