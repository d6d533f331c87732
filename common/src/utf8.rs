//! UTF-8 that arrives in pieces (RFC 3629), judged as early as it can be.

/// The bytes cannot become UTF-8, whatever follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not UTF-8")]
pub struct InvalidUtf8;

/// Validates a text that arrives in pieces; a character may be cut anywhere.
///
/// It fails with the first byte that no continuation can save, not at the end of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utf8 {
    /// Continuation bytes that the open character still needs.
    pub(crate) needed: u8,
    /// The smallest value that the next one may have.
    pub(crate) low: u8,
    /// The largest value that the next one may have.
    pub(crate) high: u8,
}

impl Utf8 {
    /// Takes the next piece.
    ///
    /// # Errors
    /// [`InvalidUtf8`] as soon as the text cannot be UTF-8 any more.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), InvalidUtf8> {
        let mut rest = bytes;
        while self.needed > 0 {
            let Some((&byte, tail)) = rest.split_first() else { return Ok(()) };
            self.step(byte)?;
            rest = tail;
        }
        // The standard library's validator is the fast one for all that lies whole in this piece.
        let Err(error) = std::str::from_utf8(rest) else { return Ok(()) };
        if error.error_len().is_some() {
            return Err(InvalidUtf8);
        }
        // Only a good beginning of one character is left: at most three bytes.
        rest.iter().skip(error.valid_up_to()).try_for_each(|&byte| self.step(byte))
    }

    /// True when no character is open: the text may end here.
    pub fn is_complete(&self) -> bool {
        self.needed == 0
    }

    /// One byte, by the table of RFC 3629 §4.
    fn step(&mut self, byte: u8) -> Result<(), InvalidUtf8> {
        if self.needed > 0 {
            if byte < self.low || byte > self.high {
                return Err(InvalidUtf8);
            }
            (self.needed, self.low, self.high) = (self.needed - 1, 0x80, 0xBF);
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
            _ => return Err(InvalidUtf8),
        };
        Ok(())
    }
}
