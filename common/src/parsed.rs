//! What a decoder says about the bytes it was shown.

/// The outcome of decoding something from the front of a byte slice.
///
/// Too few bytes is not an error: the caller shows the same bytes again with more behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    /// The whole item was there, and took the first `len` bytes.
    Complete {
        /// What the bytes said.
        value: T,
        /// How many bytes it took.
        len: usize,
    },
    /// The bytes are a good beginning.
    Partial,
}
