//! Tables of frames.

use super::{CloseCode, FrameHeader, Opcode, ProtocolError, decode_header, encode_header, mask};
use crate::{Parsed, Version};

/// Lengths around every edge of the encoding.
const LENGTHS: [u64; 15] = [
    0,
    1,
    124,
    125,
    126,
    127,
    128,
    0xFFFE,
    0xFFFF,
    0x1_0000,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX,
];

/// A second, independent reading of RFC 6455 §5.2: the outcome of these two bytes with this length behind them.
fn expected(first: u8, second: u8, len: u64) -> Result<FrameHeader, ProtocolError> {
    let (number, control) = (first & 15, first & 8 != 0);
    if first & 0b0111_0000 != 0 {
        return Err(ProtocolError::ReservedBit);
    }
    if matches!(number, 3..=7 | 11..=15) {
        return Err(ProtocolError::ReservedOpcode(number));
    }
    if control && first < 128 {
        return Err(ProtocolError::FragmentedControl);
    }
    let payload_len = match second & 127 {
        126 | 127 if control => return Err(ProtocolError::OversizedControl),
        126 if len < 126 => return Err(ProtocolError::NonMinimalLength),
        127 if len >> 63 == 1 => return Err(ProtocolError::ImpossibleLength),
        127 if len < 65536 => return Err(ProtocolError::NonMinimalLength),
        126 | 127 => len,
        short => short.into(),
    };
    let masking_key = (second >= 128).then_some([1, 2, 3, 4]);
    let opcode = Opcode::from_number(number).unwrap();
    Ok(FrameHeader { fin: first >= 128, opcode, masking_key, payload_len })
}

fn header_bytes(first: u8, second: u8, len: u64) -> Vec<u8> {
    let mut bytes = vec![first, second];
    match second & 127 {
        126 => bytes.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes()),
        127 => bytes.extend_from_slice(&len.to_be_bytes()),
        _ => {}
    }
    if second >= 128 {
        bytes.extend_from_slice(&[1, 2, 3, 4]);
    }
    bytes
}

// WS-08, WS-09, WS-11, WS-31
#[test]
fn a_close_code_is_written_as_its_number() {
    assert_eq!(
        (CloseCode::RESTART.to_string(), CloseCode::TOO_BIG.to_string()),
        ("1012".into(), "1009".into())
    );
}

#[test]
fn every_two_byte_head_is_decoded_or_refused_at_every_boundary_length() {
    for (first, second) in (0..=255_u8).flat_map(|first| (0..=255_u8).map(move |second| (first, second))) {
        for len in LENGTHS {
            if second & 127 == 126 && len > 0xFFFF {
                continue;
            }
            let bytes = header_bytes(first, second, len);
            let decoded = decode_header(&bytes);
            match expected(first, second, len) {
                Ok(value) => {
                    assert_eq!(decoded, Ok(Parsed::Complete { value, len: bytes.len() }), "{bytes:02x?}");
                }
                Err(error) => assert_eq!(decoded, Err(error), "{bytes:02x?}"),
            }
            if second & 127 < 126 {
                break;
            }
        }
    }
}

#[test]
fn a_header_in_single_bytes_is_partial_until_it_is_whole() {
    for (second, len) in [(5, 5), (126, 126), (127, 65536), (0x85, 5), (0xFE, 0xFFFF), (0xFF, 1 << 40)] {
        let bytes = header_bytes(0x82, second, len);
        for end in 0..bytes.len() {
            assert_eq!(decode_header(&bytes[..end]), Ok(Parsed::Partial));
        }
        assert!(matches!(decode_header(&bytes), Ok(Parsed::Complete { len, .. }) if len == bytes.len()));
    }
}

// WS-08: from the head alone
#[test]
fn faults_are_found_with_the_first_byte_that_shows_them() {
    assert_eq!(decode_header(&[0xC1]), Err(ProtocolError::ReservedBit));
    assert_eq!(decode_header(&[0x83]), Err(ProtocolError::ReservedOpcode(3)));
    assert_eq!(decode_header(&[0x09]), Err(ProtocolError::FragmentedControl));
    assert_eq!(decode_header(&[0x89, 0xFE]), Err(ProtocolError::OversizedControl));
    assert_eq!(decode_header(&[0x82, 0xFF, 0x80]), Err(ProtocolError::ImpossibleLength));
}

#[test]
fn an_encoded_header_decodes_to_itself() {
    for payload_len in LENGTHS.into_iter().filter(|len| len >> 63 == 0) {
        for (fin, masking_key) in [(true, None), (false, None), (true, Some([9, 8, 7, 6]))] {
            let value = FrameHeader { fin, opcode: Opcode::Binary, masking_key, payload_len };
            let mut bytes = Vec::new();
            encode_header(value, &mut bytes);
            assert_eq!(decode_header(&bytes), Ok(Parsed::Complete { value, len: bytes.len() }));
        }
    }
}

#[test]
fn masking_is_the_same_in_any_pieces() {
    let key = [0x37, 0xFA, 0x21, 0x3D];
    for len in 0..40_usize {
        let payload: Vec<u8> = (0..len).map(|index| u8::try_from(index * 7 % 256).unwrap()).collect();
        let naive: Vec<u8> = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        for split in 0..=len {
            let mut bytes = payload.clone();
            let (front, back) = bytes.split_at_mut(split);
            let is_ascii = mask(key, 0, front);
            let both_are = is_ascii & mask(key, split as u64, back);
            assert_eq!(bytes, naive, "{len} bytes at {split}");
            assert_eq!(both_are, naive.is_ascii(), "{len} bytes at {split}");
        }
    }
}

fn rfc_number(code: CloseCode) -> u16 {
    code.to_wire(Version::Rfc6455)
}

// WS-16, WS-27
#[test]
fn every_close_code_is_valid_or_not_by_its_dialect() {
    for code in 0..=u16::MAX {
        let known = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let rfc = CloseCode::from_wire(code, Version::Rfc6455);
        assert_eq!(rfc.map(rfc_number), known.then_some(code));
        for version in [Version::Hybi07, Version::Hybi08] {
            let old = CloseCode::from_wire(code, version);
            let number = if code == 1004 { Some(1009) } else { known.then_some(code) };
            assert_eq!(old.map(rfc_number), number, "{code} in {version:?}");
        }
        // An accepted code may be echoed: 1005, 1006 and 1015 never are.
        let echoed = rfc.map(|code| code.to_wire(Version::Rfc6455));
        assert!(!matches!(echoed, Some(0..=999 | 1004..=1006 | 1015..=2999 | 5000..)));
    }
    assert_eq!(CloseCode::TOO_BIG.to_wire(Version::Rfc6455), 1009);
    assert_eq!(CloseCode::TOO_BIG.to_wire(Version::Hybi07), 1004);
    assert_eq!(CloseCode::TOO_BIG.to_wire(Version::Hybi08), 1004);
}
