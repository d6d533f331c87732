//! How far the plain bytes at the beginning of some go: eight at a time.

const DEL: u8 = 0x7F;

/// How many bytes at the beginning are `FIRST` or above, and neither DEL nor `BUT`; `FIRST` is an ASCII character.
#[inline]
pub fn plain_run<const FIRST: u8, const BUT: u8>(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    let run = loop {
        let Some((word, behind)) = rest.split_first_chunk() else {
            let end = rest.iter().position(|byte| *byte < FIRST || *byte == DEL || *byte == BUT);
            break end.unwrap_or(rest.len());
        };
        let marks = marks::<FIRST, BUT>(u64::from_le_bytes(*word));
        if marks != 0 {
            break (marks.trailing_zeros() / 8) as usize;
        }
        rest = behind;
    };
    bytes.len() - rest.len() + run
}

/// Bits of a word of eight bytes, the first one lowest, of which the lowest one is in the first byte that is not plain; 0 if all are.
#[inline]
fn marks<const FIRST: u8, const BUT: u8>(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // A byte borrows from higher ones only, so the lowest mark is right.
    let marks_below = |word: u64, bound: u8| word.wrapping_sub(EACH * u64::from(bound)) & !word & EACH << 7;
    let marks_of = |byte: u8| marks_below(word ^ (EACH * u64::from(byte)), 1);
    marks_below(word, FIRST) | marks_of(DEL) | marks_of(BUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_at_each_byte_that_is_not_plain_wherever_it_stands() {
        for len in [1, 7, 8, 9, 15, 16, 17, 24] {
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    // What stands behind it does not count.
                    let mut bytes = vec![0; len];
                    bytes[..at].fill([b'!', b'a', 0x80, 0xFF][at % 4]);
                    bytes[at] = byte;
                    let is_plain = byte >= b'!' && byte != DEL && byte != b'#';
                    let expected = at + usize::from(is_plain);
                    assert_eq!(plain_run::<b'!', b'#'>(&bytes), expected, "{byte:#x} at {at} of {len}");
                }
            }
        }
    }
}
