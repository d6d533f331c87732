//! A connection encoded and decoded.

use super::*;

/// Connections, each with all that its peer sends.
fn conversations() -> Vec<(WebSocket, Vec<u8>)> {
    let hybi =
        [frame(0x01, "Hé".as_bytes()), frame(0x89, b"p"), frame(0x80, b"llo"), frame(0x88, b"\x03\xE8")]
            .concat();
    let hixie = b"\x80\x81\x02skipped bytes that are more than a hundred and thirty: ".to_vec();
    let hixie = [hixie, vec![b'.'; 100], b"\x00\xCE\xBA\xFF\x07not this\xFF\xFF\x00".to_vec()].concat();
    let keyed = [b"Tm[K T2u".to_vec(), hixie.clone()].concat();
    vec![
        (WebSocket::new(Version::Rfc6455, MessageLimits::default()), hybi.clone()),
        (WebSocket::new(Version::Hybi08, NO_LIMITS), hybi.clone()),
        (WebSocket::new(Version::Hybi07, NO_LIMITS), [hybi, frame(0x83, b"")].concat()),
        (WebSocket::new(Version::Hixie75, MessageLimits::default()), hixie),
        (WebSocket::awaiting_key(155_712_099, 173_347_027, NO_LIMITS), keyed),
        (open(Version::Rfc6455, NO_LIMITS), [frame(0x02, b"\xFF"), frame(0x80, b"\0")].concat()),
        (open(Version::Rfc6455, NO_LIMITS), frame(0x87, b"")),
    ]
}

#[test]
fn a_connection_goes_on_after_every_byte_as_if_nothing_had_happened() {
    for (start, bytes) in conversations() {
        let whole = feed(&mut start.clone(), &[&bytes]);
        for split in 0..=bytes.len() {
            let mut before = start.clone();
            let mut tail = bytes[..split].to_vec();
            let (mut input, mut out) = (&mut tail[..], Vec::new());
            while let Ok(Some(_)) = before.receive(&mut input, &mut out) {}
            let rest = [&input[..], &bytes[split..]].concat();
            let written = before.to_bytes();
            assert!(written.len() <= 100);
            let mut after = WebSocket::from_bytes(&written).unwrap();
            assert_eq!(after, before);
            out.extend(feed(&mut after, &[&rest]).out);
            assert_eq!(out, whole.out, "at {split}");
            // It ends as the uninterrupted one.
            let mut uninterrupted = start.clone();
            feed(&mut uninterrupted, &[&bytes]);
            assert_eq!(after, uninterrupted, "at {split}");
        }
    }
}

#[test]
fn a_closing_connection_is_read_back() {
    let mut socket = open(Version::Rfc6455, MessageLimits::default());
    socket.close(CloseCode::RESTART, "", &mut Vec::new());
    assert_eq!(WebSocket::from_bytes(&socket.to_bytes()), Ok(socket));
}

#[test]
fn damaged_bytes_are_refused() {
    let written = open(Version::Rfc6455, MessageLimits::default()).to_bytes();
    for end in 0..written.len() {
        assert_eq!(WebSocket::from_bytes(&written[..end]), Err(SnapshotError::Damaged));
    }
    assert_eq!(WebSocket::from_bytes(&[&written[..], &[0]].concat()), Err(SnapshotError::Damaged));
    assert_eq!(WebSocket::from_bytes(&[&[2], &written[1..]].concat()), Err(SnapshotError::Layout(2)));
    assert_eq!(WebSocket::from_bytes(&[&[1, 99], &written[2..]].concat()), Err(SnapshotError::Damaged));
}

#[test]
fn the_middle_of_a_frame_of_another_dialect_is_refused() {
    let state = |version, bytes: &[u8]| {
        let mut socket = open(version, NO_LIMITS);
        feed(&mut socket, &[bytes]);
        socket.to_bytes()
    };
    let (hybi, hixie) = (state(Version::Rfc6455, b""), state(Version::Hixie75, b""));
    let begun = frame(0x81, b"abc");
    for (bytes, of_other) in [
        (state(Version::Rfc6455, &begun[..7]), hixie[1]),
        (state(Version::Hixie75, b"\x00ab"), hybi[1]),
        (state(Version::Hixie75, b"\x80\x81"), hybi[1]),
        (state(Version::Hixie75, b"\x80\x05ab"), hybi[1]),
    ] {
        assert!(WebSocket::from_bytes(&bytes).is_ok_and(|socket| socket.is_amid_frame()));
        let mut mixed = bytes;
        mixed[1] = of_other;
        assert_eq!(WebSocket::from_bytes(&mixed), Err(SnapshotError::Damaged));
    }
}

#[test]
fn a_third_key_of_eight_bytes_is_not_awaited_any_more() {
    let state = |bytes: &[u8]| {
        let mut socket = WebSocket::awaiting_key(1, 2, NO_LIMITS);
        feed(&mut socket, &[bytes]);
        socket.to_bytes()
    };
    // Zeros leave nothing but their count.
    let (mut seven, none) = (state(&[0; 7]), state(b""));
    let count = (0..none.len()).find(|&at| seven[at] != none[at]).unwrap();
    assert!(WebSocket::from_bytes(&seven).is_ok());
    seven[count] = 8;
    assert_eq!(WebSocket::from_bytes(&seven), Err(SnapshotError::Damaged));
}
