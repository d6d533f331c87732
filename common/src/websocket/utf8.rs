//! Validation of UTF-8 that arrives in pieces (RFC 3629), as early as the bytes allow.

use crate::frame::ProtocolError;

/// Validates a text that arrives in pieces; a piece may end inside a character.
///
/// It fails with the first byte that no continuation can save, not at the end of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Utf8 {
    /// Continuation bytes that the open character still needs.
    needed: u8,
    /// The smallest value that the next one may have.
    low: u8,
    /// The largest value that the next one may have.
    high: u8,
}

impl Utf8 {
    /// Validates the next piece.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), ProtocolError> {
        let mut rest = bytes;
        while self.needed > 0 {
            let Some((&byte, tail)) = rest.split_first() else { return Ok(()) };
            self.step(byte)?;
            rest = tail;
        }
        // The standard library's validator is the fast one for all that lies whole in this piece.
        let Err(error) = std::str::from_utf8(rest) else { return Ok(()) };
        if error.error_len().is_some() {
            return Err(ProtocolError::InvalidUtf8);
        }
        // What is left is the valid beginning of one character: at most three bytes.
        rest.iter().skip(error.valid_up_to()).try_for_each(|&byte| self.step(byte))
    }

    /// True when no character is open: the text may end here.
    pub(super) fn is_complete(self) -> bool {
        self.needed == 0
    }

    /// The state as three bytes, for [`Utf8::from_bytes`].
    pub(super) fn to_bytes(self) -> [u8; 3] {
        [self.needed, self.low, self.high]
    }

    /// Reads back [`Utf8::to_bytes`]; `None` for a state that no text leads to.
    pub(super) fn from_bytes([needed, low, high]: [u8; 3]) -> Option<Self> {
        (needed <= 3).then_some(Self { needed, low, high })
    }

    /// One byte, by the table of RFC 3629 §4.
    fn step(&mut self, byte: u8) -> Result<(), ProtocolError> {
        if self.needed > 0 {
            if byte < self.low || byte > self.high {
                return Err(ProtocolError::InvalidUtf8);
            }
            // Between two characters the state is the same however the text was cut.
            (self.needed, self.low, self.high) =
                if self.needed == 1 { (0, 0, 0) } else { (self.needed - 1, 0x80, 0xBF) };
            return Ok(());
        }
        (self.needed, self.low, self.high) = match byte {
            0x00..=0x7F => (0, 0, 0),
            0xC2..=0xDF => (1, 0x80, 0xBF),
            0xE0 => (2, 0xA0, 0xBF), // below: overlong
            0xED => (2, 0x80, 0x9F), // above: surrogates
            0xE1..=0xEF => (2, 0x80, 0xBF),
            0xF0 => (3, 0x90, 0xBF), // below: overlong
            0xF1..=0xF3 => (3, 0x80, 0xBF),
            0xF4 => (3, 0x80, 0x8F), // above: beyond U+10FFFF
            _ => return Err(ProtocolError::InvalidUtf8),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Validates the text in these pieces: an error, or whether it may end here.
    fn validate(pieces: &[&[u8]]) -> Result<bool, ProtocolError> {
        let mut utf8 = Utf8::default();
        pieces.iter().try_for_each(|piece| utf8.feed(piece))?;
        Ok(utf8.is_complete())
    }

    /// The standard library's verdict: an error, or whether the text may end here.
    fn expected(bytes: &[u8]) -> Result<bool, ProtocolError> {
        match std::str::from_utf8(bytes) {
            Ok(_) => Ok(true),
            Err(error) if error.error_len().is_none() => Ok(false),
            Err(_) => Err(ProtocolError::InvalidUtf8),
        }
    }

    #[test]
    fn between_two_characters_the_state_is_the_same_however_the_text_was_cut() {
        for character in ["a", "\u{e4}", "\u{20ac}", "\u{1f600}"] {
            for split in 0..=character.len() {
                let (mut utf8, (front, back)) = (Utf8::default(), character.as_bytes().split_at(split));
                utf8.feed(front).and_then(|()| utf8.feed(back)).unwrap();
                assert_eq!(utf8, Utf8::default(), "{character} at {split}");
            }
        }
    }

    // WS-12
    #[test]
    fn four_bytes_at_every_edge_have_the_same_outcome_at_every_split() {
        let edges = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC,
            0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ];
        for a in edges {
            for b in edges {
                for (c, d) in edges.iter().flat_map(|&c| edges.iter().map(move |&d| (c, d))) {
                    let bytes = [a, b, c, d];
                    let whole = expected(&bytes);
                    for split in 0..=4 {
                        let (front, back) = bytes.split_at(split);
                        assert_eq!(validate(&[front, back]), whole, "{bytes:02x?} at {split}");
                    }
                }
            }
        }
    }

    // WS-12: fail fast, within the fragment
    #[test]
    fn a_text_fails_with_the_first_byte_that_cannot_be_saved() {
        for bytes in [&b"\xCE\xBA\xE1\xBD\xB9\xF4\x90"[..], b"ok\xED\xA0\x80", b"\xC0\x80", b"\xF8", b"a\x80"]
        {
            let mut utf8 = Utf8::default();
            let failed = bytes.iter().position(|&byte| utf8.feed(&[byte]).is_err());
            let expected = (0..bytes.len()).find(|&end| expected(&bytes[..=end]).is_err());
            assert_eq!(failed, expected, "{bytes:02x?}");
            assert!(failed.is_some());
        }
    }

    #[test]
    fn a_text_in_single_bytes_is_the_text_whole() {
        let text = "Wed Sep 22 – κόσμε – 日本 – 🎈".as_bytes();
        let pieces: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(validate(&pieces), Ok(true));
        assert_eq!(validate(&[&text[..text.len() - 1]]), Ok(false));
    }
}
