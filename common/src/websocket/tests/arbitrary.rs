//! Arbitrary bytes: no panic, and the same outcome in any pieces.

use super::*;
use proptest::prelude::*;

const VERSIONS: [Version; 5] =
    [Version::Hixie75, Version::Hixie76, Version::Hybi07, Version::Hybi08, Version::Rfc6455];

/// Bytes with enough structure to come far: masked frames of any kind, one after the other, with noise between them.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let one = (
        prop_oneof![4 => 0x80..0x83_u8, 4 => 0x00..0x03_u8, 4 => 0x88..0x8B_u8, 1 => any::<u8>()],
        proptest::collection::vec(prop_oneof![4 => 0x20..0x7F_u8, 1 => any::<u8>()], 0..140),
    )
        .prop_map(|(first, payload)| frame(first, &payload));
    let noise = proptest::collection::vec(any::<u8>(), 0..20);
    proptest::collection::vec(prop_oneof![8 => one, 1 => noise], 0..6).prop_map(|frames| frames.concat())
}

proptest! {
    #[test]
    fn frames_have_the_same_outcome_in_any_two_pieces(bytes in frames(), version in 0..5_usize, split in any::<prop::sample::Index>()) {
        let version = VERSIONS[version];
        let split = split.index(bytes.len() + 1);
        let whole = feed(&mut open(version, MessageLimits::default()), &[&bytes]);
        let pieces = feed(&mut open(version, MessageLimits::default()), &[&bytes[..split], &bytes[split..]]);
        prop_assert_eq!(whole, pieces);
    }

    // WS-06, WS-17
    #[test]
    fn whatever_arrives_one_close_is_sent_and_it_echoes_no_reason(bytes in frames()) {
        let mut socket = open(Version::Rfc6455, MessageLimits::default());
        let mut seen = feed(&mut socket, &[&bytes]);
        socket.close(CloseCode::NORMAL, "", &mut seen.out);
        let (mut rest, mut closes) = (&seen.out[..], 0);
        while let Ok(crate::Parsed::Complete { value, len }) = crate::frame::decode_header(rest) {
            closes += u32::from(value.opcode == Opcode::Close);
            if value.opcode == Opcode::Close {
                prop_assert!(value.payload_len <= 2);
            }
            rest = &rest[len + usize::try_from(value.payload_len).unwrap()..];
        }
        prop_assert_eq!((closes, rest.len()), (1, 0));
    }

    #[test]
    fn arbitrary_states_are_read_or_refused_and_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..100), input in frames()) {
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        if let Ok(mut socket) = WebSocket::from_bytes(&bytes) {
            feed(&mut socket, &[&input]);
        }
    }

    #[test]
    fn a_damaged_state_never_panics(place in 0..60_usize, value in any::<u8>(), input in frames()) {
        for version in VERSIONS {
            let mut socket = open(version, MessageLimits::default());
            feed(&mut socket, &[&frame(0x01, b"open")[..8]]);
            let mut bytes = socket.to_bytes();
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
            if let Ok(mut socket) = WebSocket::from_bytes(&bytes) {
                feed(&mut socket, &[&input]);
            }
        }
    }
}
