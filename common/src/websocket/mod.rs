//! A WebSocket connection as a pure state machine: bytes in, events and bytes out.
//!
//! ```text
//!             Opened                        Data, Ping, Pong
//!  Opening ───────────▶ Open ◀──────────────────────────────┐
//!  (draft 76: until      │ │ ───────────────────────────────┘
//!   the third key)       │ │
//!       peer's Close,    │ │ close(): we send ours
//!       ours in reply    │ ▼
//!                        │ Closing ── peer's Close ──▶┐
//!                        └────────────────────────────┴──▶ Closed: we discard all input
//! ```
//!
//! It owns no buffer: it unmasks a chunk of a message in the caller's buffer and returns it from there. Between two calls
//! it is a few numbers, which [`WebSocket::to_bytes`] saves for another process.

// Callers loop over one buffer: they get the unconsumed rest back through the reference that they passed.
#![allow(clippy::mut_mut)]

mod hixie;
mod hybi;
mod message;
mod receive;
mod send;
mod snapshot;
mod socket;
#[cfg(test)]
mod tests;
mod utf8;

pub use message::MessageLimits;
pub use receive::Event;
pub use snapshot::SnapshotError;
pub use socket::WebSocket;
