//! Sets of bytes, such as those of a token: one look in a table for each byte of a head.

pub(super) struct ByteClass([bool; 256]);

impl ByteClass {
    /// ASCII letters and digits, and these.
    #[allow(clippy::indexing_slicing, reason = "within the bounds, and evaluated by the compiler")]
    pub(super) const fn with_alphanumeric(others: &[u8]) -> Self {
        let mut class = [false; 256];
        let mut byte = 0_u8;
        while byte < 128 {
            class[byte as usize] = byte.is_ascii_alphanumeric() || contains(others, byte);
            byte += 1;
        }
        Self(class)
    }

    #[inline]
    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).is_some_and(|is_in| *is_in)
    }
}

const fn contains(bytes: &[u8], byte: u8) -> bool {
    match bytes {
        [] => false,
        [first, rest @ ..] => *first == byte || contains(rest, byte),
    }
}
