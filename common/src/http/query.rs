//! The query of a request target.

use std::borrow::Cow;

/// The value of the first parameter of this name in the query `a=1&b=2`, percent-decoded (`+` is a blank); empty without a `=`.
pub fn query_param<'q>(query: &'q [u8], name: &str) -> Option<Cow<'q, [u8]>> {
    query.split(|&byte| byte == b'&').find_map(|pair| {
        let end = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (key, value) = pair.split_at_checked(end)?;
        (decode(key).as_ref() == name.as_bytes()).then(|| decode(value.get(1..).unwrap_or_default()))
    })
}

/// Percent-decodes a name or value of a query. A `%` without two hex digits behind it stands for itself.
pub(super) fn decode(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(value);
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) => {
                if let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low)) {
                    decoded.push(high << 4 | low);
                    rest = after;
                } else {
                    decoded.push(b'%');
                }
            }
            _ => decoded.push(byte),
        }
    }
    Cow::Owned(decoded)
}

pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
