//! The keys of draft-hixie-thewebsocketprotocol-76 §5.2.

use md5::{Digest, Md5};

/// The number that `Sec-WebSocket-Key1` or `-Key2` hides: its digits divided by its count of blanks.
///
/// `None` where the connection is aborted: no digits, no blank, a remainder, or a number beyond 32 bits.
pub fn key_number(key: &[u8]) -> Option<u32> {
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

/// The 16 bytes that end the server's handshake: MD5 of both numbers, big-endian, and the third key.
pub fn digest(first: u32, second: u32, third: [u8; 8]) -> [u8; 16] {
    Md5::new()
        .chain_update(first.to_be_bytes())
        .chain_update(second.to_be_bytes())
        .chain_update(third)
        .finalize()
        .into()
}
