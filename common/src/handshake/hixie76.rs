//! The keys of draft-hixie-thewebsocketprotocol-76 §5.2.

/// The number that `Sec-WebSocket-Key1` or `-Key2` hides: its digits divided by its count of blanks.
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
