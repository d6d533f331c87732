//! The outcome of a decoder.

/// The outcome of decoding one item from the front of a byte slice.
///
/// Too few bytes is not an error: the caller passes the same bytes again with more behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    /// The slice begins with a whole item of `len` bytes.
    Complete {
        /// The decoded item.
        value: T,
        /// The item's length on the wire in bytes.
        len: usize,
    },
    /// The slice ends before the item does, and is valid so far.
    Partial,
}
