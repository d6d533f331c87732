//! The keys of an opening handshake, with which the server proves that it speaks the client's dialect.

use crate::Version;
use base64::{
    Engine, alphabet,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
};
use sha1::{Digest, Sha1};

/// RFC 4648 §3.5 sets the bits behind the last byte to zero, and lets a decoder choose whether it looks: these keys are
/// random numbers that nobody decodes for their meaning.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

#[derive(Clone, Copy, Debug)]
pub(super) enum Key<'h> {
    /// Draft 75 has none.
    None,
    /// The value of `Sec-WebSocket-Key`.
    Hybi(&'h [u8]),
    /// The numbers of `Sec-WebSocket-Key1` and `-Key2`.
    Hixie76(u32, u32),
}

/// True for a `Sec-WebSocket-Key` that this dialect allows.
pub(super) fn is_hybi_key(key: &[u8], version: Version) -> bool {
    match version {
        // RFC 6455 §4.2.1: "a base64-encoded ... value that, when decoded, is 16 bytes in length"
        // Such a value has 24 characters, two of them padding: the decoder wants room for 18 bytes.
        Version::Rfc6455 => LENIENT.decode_slice(key, &mut [0; 18]).is_ok_and(|len| len == 16),
        // Flash clients of 2011 sent longer ones.
        _ => !key.is_empty() && key.iter().all(u8::is_ascii_graphic),
    }
}

/// The value of `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2, item 5.4).
pub(super) fn accept_value(key: &[u8]) -> [u8; 28] {
    let digest =
        Sha1::new().chain_update(key).chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    let mut value = [0; 28];
    let written = STANDARD.encode_slice(digest, &mut value);
    debug_assert_eq!(written, Ok(value.len()), "20 bytes of SHA-1 are 28 of base64");
    value
}

/// The number that `Sec-WebSocket-Key1` or `-Key2` hides: its digits divided by its count of blanks
/// (draft-hixie-thewebsocketprotocol-76 §5.2).
///
/// `None` where the server must abort: no digits, no blank, a remainder, or a number beyond 32 bits.
pub(super) fn key_number(key: &[u8]) -> Option<u32> {
    let mut digits = key.iter().filter(|byte| byte.is_ascii_digit()).peekable();
    digits.peek()?;
    let number = digits
        .try_fold(0_u64, |number, &digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?;
    let blanks = key.split(|&byte| byte == b' ').skip(1).count() as u64;
    // The draft has the server abort on a count of zero (only a forged key has none) and on a remainder.
    if number.checked_rem(blanks)? != 0 {
        return None;
    }
    u32::try_from(number.checked_div(blanks)?).ok()
}
