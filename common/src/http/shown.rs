//! A request target as a log line shows it.

use std::fmt;

use super::query::decode;

/// The most bytes that a line shows, but for the mark behind them.
const LONGEST: usize = 512;

/// Shows a request target with `…` in the place of every token in it, and with the backslash and everything outside printable ASCII
/// as `\xNN`; of a long one the beginning.
///
/// It hides more than [`presented`](crate::token::presented) would take: a name in capitals, one behind a semicolon, a query whose `?` somebody
/// has encoded. A token at a wrong place is still somebody's token.
pub fn shown_target(target: &[u8]) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        let (mut rest, mut left, mut may_begin) = (target, LONGEST, true);
        while !rest.is_empty() {
            let hidden = if may_begin { token_name(rest) } else { None };
            let (piece, after) =
                rest.split_at_checked(hidden.unwrap_or_else(|| unit(rest).1)).unwrap_or((rest, &[]));
            may_begin = is_separator(piece);
            for &byte in piece {
                let is_plain = matches!(byte, 0x20..=0x7e if byte != b'\\');
                let Some(next) = left.checked_sub(if is_plain { 1 } else { r"\xNN".len() }) else {
                    return f.write_str("...");
                };
                left = next;
                if is_plain {
                    fmt::Write::write_char(f, char::from(byte))?;
                } else {
                    write!(f, "\\x{byte:02x}")?;
                }
            }
            rest = after;
            if hidden.is_some() {
                f.write_str("…")?;
                left = left.saturating_sub("…".len());
                // The value ends where the parameter does: an encoded separator is a part of it.
                let end = rest.iter().position(|&byte| byte == b'&').unwrap_or(rest.len());
                rest = rest.get(end..).unwrap_or_default();
            }
        }
        Ok(())
    })
}

/// The length of the name and the `=` before a token, if one begins here.
fn token_name(rest: &[u8]) -> Option<usize> {
    let mut len = 0;
    loop {
        let tail = rest.get(len..).filter(|tail| !tail.is_empty())?;
        let (byte, size) = unit(tail);
        match byte {
            b'=' => {
                let name = decode(rest.get(..len)?);
                let is_token = name.trim_ascii().eq_ignore_ascii_case(b"token");
                return is_token.then_some(len + size);
            }
            b'?' | b'&' | b';' => return None,
            _ => len += size,
        }
    }
}

/// True if a parameter may begin behind this byte, in whatever spelling.
fn is_separator(piece: &[u8]) -> bool {
    matches!(unit(piece).0, b'?' | b'&' | b';')
}

/// The first byte, decoded, and how many bytes spell it.
fn unit(bytes: &[u8]) -> (u8, usize) {
    let spelt = bytes.get(..3).filter(|spelt| spelt.starts_with(b"%"));
    match spelt.map(decode).as_deref() {
        Some(&[byte]) => (byte, 3),
        _ => (bytes.first().copied().unwrap_or_default(), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_hidden_however_its_parameter_is_spelt() {
        for (target, shown) in [
            ("/", "/"),
            ("/stream?since=5", "/stream?since=5"),
            ("/?token=SECRET", "/?token=…"),
            ("/?token=", "/?token=…"),
            ("/?token", "/?token"),
            ("/?token&a", "/?token&a"),
            ("/?a=b&token=SECRET&c=d", "/?a=b&token=…&c=d"),
            ("/?token=SECRET&token=SECRET", "/?token=…&token=…"),
            ("/?%74oken=SECRET", "/?%74oken=…"),
            ("/?%74%6F%6b%65%6E=SECRET%26SECRET", "/?%74%6F%6b%65%6E=…"),
            ("/?token=SEC=RET?token=x", "/?token=…"),
            ("/?token==SECRET", "/?token=…"),
            ("/?TOKEN=SECRET", "/?TOKEN=…"),
            ("/?a;token=SECRET", "/?a;token=…"),
            ("/?a?token=SECRET", "/?a?token=…"),
            ("/?+token+=SECRET", "/?+token+=…"),
            ("/?token%3DSECRET", "/?token%3D…"),
            ("/%3Ftoken=SECRET", "/%3Ftoken=…"),
            ("/%3ftoken%3dSECRET", "/%3ftoken%3d…"),
            ("/?a%26token=SECRET", "/?a%26token=…"),
            ("http://a/b?token=SECRET", "http://a/b?token=…"),
            ("http://a?token=SECRET", "http://a?token=…"),
            ("/?tokens=1&atoken=2&x=token", "/?tokens=1&atoken=2&x=token"),
            ("/?%", "/?%"),
            ("/?%7", "/?%7"),
            ("/\\\u{1b}[31m\u{e4}", "/\\x5c\\x1b[31m\\xc3\\xa4"),
        ] {
            assert_eq!(shown_target(target.as_bytes()).to_string(), shown, "{target}");
        }
        let long = format!("/{}?token=SECRET", "a".repeat(600));
        assert_eq!(shown_target(long.as_bytes()).to_string().len(), 515);
        for byte in ["\\", "\u{7f}", "\u{e4}"] {
            let shown = shown_target(byte.repeat(600).as_bytes()).to_string();
            assert_eq!(shown.len(), 515, "what is written as four characters counts as four");
        }
        let shown = shown_target("?token=a&".repeat(600).as_bytes()).to_string();
        assert!(shown.len() <= 518, "{} bytes", shown.len());
        let long = format!("/?token={}&b", "SECRET".repeat(600));
        assert_eq!(shown_target(long.as_bytes()).to_string(), "/?token=…&b");
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_of_a_target_without_a_token_is_the_target(target in "/[a-z/%0-9&?=]{0,40}") {
            proptest::prop_assume!(!target.contains("token"));
            proptest::prop_assume!(!target.contains('%'));
            proptest::prop_assert_eq!(shown_target(target.as_bytes()).to_string(), target);
        }
    }
}
