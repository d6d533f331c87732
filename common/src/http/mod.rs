//! HTTP/1.1 as servers need it (RFC 9110, RFC 9112): request heads with limits, and checked response heads.
//!
//! ```text
//!  bytes ──▶ HeadScan::find_end ──▶ Head::parse ──▶ handshake::detect, or an ordinary answer
//!              │ HeadError             │ HeadError
//!              └───────────────────────┴──────▶ HeadError::status ──▶ error_response, close
//! ```

pub mod body;
pub mod date;
mod error;
pub mod head;
pub mod query;
mod request_line;
pub mod response;
pub mod scan;
#[cfg(test)]
mod tests;

pub use body::Body;
pub use date::{format_date, parse_date};
pub use error::HeadError;
pub use head::Head;
pub use request_line::is_known_method;
pub use response::{Response, error_response, is_field_value, reason};
pub use scan::HeadScan;

/// The most header fields that a head can be allowed to have.
pub const MAX_HEADERS: usize = 64;

/// How much of a request head is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The whole head in bytes, the blank line included.
    pub max_bytes: usize,
    /// Header fields; more than [`MAX_HEADERS`] counts as that.
    pub max_headers: usize,
    /// The request target in bytes.
    pub max_target: usize,
}

impl Default for HeadLimits {
    /// 8 KiB, 64 fields and a target of 4 KiB: what every browser and proxy stays below.
    fn default() -> Self {
        Self { max_bytes: 8192, max_headers: MAX_HEADERS, max_target: 4096 }
    }
}
