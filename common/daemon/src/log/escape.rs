//! Text from a peer, made safe for the log.

use std::fmt;

/// How much of a peer's text a line shows, in bytes before escaping.
const MAX_ESCAPED: usize = 512;

/// Shows the first 512 bytes of a peer's text, with the backslash and everything outside printable ASCII as `\xNN`.
pub fn escape(text: &[u8]) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        for &byte in text.iter().take(MAX_ESCAPED) {
            match byte {
                b'\\' => f.write_str("\\x5c")?,
                0x20..=0x7e => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        if text.len() > MAX_ESCAPED { f.write_str("...") } else { Ok(()) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_text_cannot_forge_a_line() {
        assert_eq!(escape(b"GET /\r\n\x1b[31m\\\xff").to_string(), "GET /\\x0d\\x0a\\x1b[31m\\x5c\\xff");
        assert_eq!(escape(&[b'a'; 600]).to_string().len(), 515);
    }
}
