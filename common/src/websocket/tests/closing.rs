//! Closing handshakes.

use super::*;

fn close_frame(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(0x88, &[&code.to_be_bytes()[..], reason].concat())
}

fn rfc(bytes: &[u8]) -> Seen {
    outcome(Version::Rfc6455, MessageLimits::default(), bytes)
}

#[test]
fn the_peers_close_is_answered_with_its_code() {
    let seen = rfc(&close_frame(1001, b"page left"));
    assert_eq!((seen.closed, seen.out.as_slice()), (vec![Some(1001)], &b"\x88\x02\x03\xE9"[..]));
    let seen = rfc(&frame(0x88, b""));
    assert_eq!((seen.closed, seen.out.as_slice()), (vec![None], &b"\x88\x00"[..]));
}

// WS-16
#[test]
fn all_65536_codes_get_their_answer() {
    for version in [Version::Rfc6455, Version::Hybi08, Version::Hybi07] {
        for code in 0..=u16::MAX {
            let seen = feed(&mut open(version, NO_LIMITS), &[&close_frame(code, b"")]);
            if let Some(known) = CloseCode::from_wire(code, version) {
                assert_eq!(seen.closed, [Some(rfc_number(known))]);
                assert_eq!(seen.out, [&[0x88, 2], &known.to_wire(version).to_be_bytes()[..]].concat());
            } else {
                assert_eq!((seen.error, seen.out.len()), (Some(ProtocolError::BadCloseCode(code)), 0));
            }
        }
    }
}

// WS-16
#[test]
fn half_a_code_and_a_reason_that_is_not_utf8_are_refused() {
    assert_eq!(rfc(&frame(0x88, b"\x03")).error, Some(ProtocolError::TruncatedCloseCode));
    assert_eq!(rfc(&close_frame(1000, b"\xFF")).error, Some(ProtocolError::InvalidUtf8));
    assert_eq!(ProtocolError::TruncatedCloseCode.close_code(), CloseCode::PROTOCOL_ERROR);
}

// WS-17
#[test]
fn input_after_the_peers_close_is_discarded_and_one_close_is_sent() {
    let bytes =
        [close_frame(1000, b""), frame(0x81, b"late"), frame(0x89, b"x"), close_frame(1000, b"")].concat();
    let seen = rfc(&bytes);
    assert_eq!((seen.messages.len(), seen.pings.len(), seen.closed), (0, 0, vec![Some(1000)]));
    assert_eq!(seen.out, b"\x88\x02\x03\xE8");
    let mut socket = open(Version::Rfc6455, NO_LIMITS);
    let mut out = feed(&mut socket, &[&bytes]).out;
    socket.close(CloseCode::NORMAL, "", &mut out);
    assert_eq!(out, b"\x88\x02\x03\xE8");
    assert!(!socket.is_open() && socket.is_closed());
}

// WS-17
#[test]
fn after_our_close_only_the_peers_close_is_an_event() {
    let mut socket = open(Version::Rfc6455, MessageLimits::default());
    let mut out = Vec::new();
    socket.close(CloseCode::GOING_AWAY, "bye", &mut out);
    socket.close(CloseCode::NORMAL, "again", &mut out);
    socket.ping(b"x", &mut out);
    send_text(&socket, "x", &mut out);
    assert_eq!(out, b"\x88\x05\x03\xE9bye");
    let bytes =
        [frame(0x81, b"on its way"), frame(0x89, b"x"), frame(0x01, b"y"), close_frame(1001, b"")].concat();
    for pieces in [vec![&bytes[..]], bytes.chunks(1).collect()] {
        let mut socket = socket.clone();
        let seen = feed(&mut socket, &pieces);
        assert_eq!((seen.messages.len(), seen.pings.len(), seen.closed), (0, 0, vec![Some(1001)]));
        assert!(seen.out.is_empty() && socket.is_closed());
    }
}

#[test]
fn after_a_protocol_error_one_close_is_sent_and_all_input_is_discarded() {
    let mut socket = open(Version::Rfc6455, MessageLimits::default());
    let mut seen = feed(&mut socket, &[&[frame(0x83, b""), frame(0x81, b"x")].concat()]);
    let error = seen.error.unwrap();
    socket.close(error.close_code(), "", &mut seen.out);
    socket.close(error.close_code(), "", &mut seen.out);
    assert_eq!(seen.out, b"\x88\x02\x03\xEA");
    assert_eq!(feed(&mut socket, &[&frame(0x81, b"x")]), Seen::default());
}

// WS-27
#[test]
fn too_big_is_1009_today_and_1004_in_drafts_07_and_08() {
    for (version, code) in [(Version::Rfc6455, 1009_u16), (Version::Hybi08, 1004), (Version::Hybi07, 1004)] {
        let mut out = Vec::new();
        open(version, NO_LIMITS).close(CloseCode::TOO_BIG, "", &mut out);
        assert_eq!(out[2..], code.to_be_bytes());
        assert_eq!(feed(&mut open(version, NO_LIMITS), &[&close_frame(code, b"")]).closed, [Some(1009)]);
    }
}

// WS-06
#[test]
fn the_peers_reason_goes_nowhere() {
    let seen = rfc(&close_frame(4000, b"<script>alert(1)</script>\r\n\0"));
    assert_eq!((seen.closed, seen.out.len()), (vec![Some(4000)], 4));
}

#[test]
fn a_long_reason_is_cut_at_a_character() {
    for lead in 0..4 {
        let reason = "x".repeat(lead) + &"é🎈".repeat(40);
        let mut out = Vec::new();
        open(Version::Rfc6455, NO_LIMITS).close(CloseCode::RESTART, &reason, &mut out);
        let sent = std::str::from_utf8(&out[4..]).unwrap();
        assert!(reason.starts_with(sent) && (120..=123).contains(&sent.len()), "{}", sent.len());
        assert_eq!(usize::from(out[1]), sent.len() + 2);
    }
}

#[test]
fn the_hixie_drafts_close_in_their_own_way() {
    let mut out = Vec::new();
    let mut draft76 = open(Version::Hixie76, NO_LIMITS);
    draft76.close(CloseCode::NORMAL, "unsaid", &mut out);
    assert_eq!(out, [0xFF, 0x00]);
    let seen = feed(&mut draft76, &[b"\x00late\xFF", &[0xFF, 0x00]]);
    assert_eq!((seen.messages.len(), seen.closed, seen.out.len()), (0, vec![None], 0));
    out.clear();
    let mut draft75 = open(Version::Hixie75, NO_LIMITS);
    draft75.close(CloseCode::NORMAL, "", &mut out);
    assert!(out.is_empty() && draft75.is_closed());
}

#[test]
fn nothing_is_sent_before_the_third_key_of_draft_76() {
    let mut socket = WebSocket::awaiting_key(1, 2, NO_LIMITS);
    let mut out = Vec::new();
    send_text(&socket, "x", &mut out);
    socket.ping(b"x", &mut out);
    socket.close(CloseCode::GOING_AWAY, "", &mut out);
    assert!(out.is_empty() && !socket.is_open() && socket.is_closed());
}
