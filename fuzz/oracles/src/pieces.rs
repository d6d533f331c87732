//! The same bytes in other pieces: what a decoder makes of them must not change.

use std::fmt::Debug;

/// Longer inputs are not fed byte by byte, which takes quadratic time.
const BYTEWISE: usize = 300;

/// Runs a decoder over the bytes whole, and either byte by byte (if `cut` is 7 modulo 8) or in two pieces that meet at `cut`
/// (modulo the length).
///
/// # Panics
/// If the two outcomes differ.
pub fn in_any_pieces<T: PartialEq + Debug>(bytes: &[u8], cut: usize, run: impl Fn(&[&[u8]]) -> T) -> T {
    let whole = run(&[bytes]);
    if cut % 8 == 7 && bytes.len() <= BYTEWISE {
        // Nothing comes first: a decoder must not take it for an end.
        let single: Vec<&[u8]> = std::iter::once(&[][..]).chain(bytes.chunks(1)).collect();
        assert_eq!(run(&single), whole, "byte by byte");
    } else {
        let (front, back) = bytes.split_at(cut % (bytes.len() + 1));
        assert_eq!(run(&[front, back]), whole, "in two pieces, the first of {} bytes", front.len());
    }
    whole
}
