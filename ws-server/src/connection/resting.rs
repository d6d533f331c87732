//! An open WebSocket with nothing under way: between two messages, and with no answer outstanding.
//!
//! ```text
//!              input, our ping, our Close
//!  Resting ─────────────────────────────────▶ WebSocket(Box<Upgraded>)
//!     ▲     nothing is under way any more           │
//!     └─────────────────────────────────────────────┘
//! ```

use common::Version;

use super::{rate::RateLimiter, request::Prefix};

/// What is left of an a WebSocket then.
#[derive(Debug)]
pub(crate) struct Resting {
    pub(super) version: Version,
    pub(super) prefix: Prefix,
    pub(super) control_rate: RateLimiter,
    pub(super) message_rate: RateLimiter,
}
