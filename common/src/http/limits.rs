//! How large a request head may be.

/// The most header fields that a server can allow in a head.
pub const MAX_HEADERS: usize = 64;

/// How large a request head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The whole head in bytes, the blank line included.
    pub max_bytes: usize,
    /// Header fields; a number above [`MAX_HEADERS`] counts as [`MAX_HEADERS`].
    pub max_headers: usize,
    /// The request target in bytes.
    pub max_target: usize,
}

impl Default for HeadLimits {
    /// 8 KiB, 64 fields and a target of 4 KiB: every browser and proxy stays below these.
    fn default() -> Self {
        Self { max_bytes: 8192, max_headers: MAX_HEADERS, max_target: 4096 }
    }
}
