//! What the three daemons share: the protocols as a pure core, and (behind features) the event loop and the daemon's
//! frame.
//!
//! ```text
//!   feature `daemon`     options, listeners, log, signals, exit codes
//!         │
//!   feature `reactor`    descriptors, clocks, threads; knows a `Handler`, knows no protocol
//!  ───────┼──────────────────────────────────────────────────────────────────────────────────────────
//!         │ bytes in, bytes out              below this line: no socket, clock, thread, random number
//!         ▼
//!   http::HeadScan ──▶ http::Head ──▶ handshake::detect ──▶ Offer::accept ──▶ websocket::WebSocket
//!         │               │                │ Http                               │ Event, out
//!         │ HeadError     │                ▼                                     ▼
//!         └──▶ http::error_response     framing::Framing ◀─ framing::encode    frame, utf8
//!
//!   policy::PolicyRequest ──▶ policy::Policy::to_bytes        proxy, origin: who is there, and who may be
//! ```
//!
//! The core is functions and small state machines over byte slices. A decoder is shown bytes and answers with
//! [`Parsed::Complete`], [`Parsed::Partial`] (show the same bytes again with more behind them), or an error, which is
//! always the peer's fault and knows how it is answered: [`http::HeadError::status`],
//! [`handshake::HandshakeError::status`], [`frame::ProtocolError::close_code`]. What is sent is appended to a
//! `Vec<u8>` of the caller. No length that a peer announces sizes an allocation, and no work is more than linear in
//! the bytes that arrived, in whatever pieces they came.
//!
//! Begin with [`websocket`]: its picture is a connection's whole life.

pub mod codec;
pub mod frame;
pub mod framing;
pub mod handshake;
pub mod http;
pub mod origin;
mod parsed;
pub mod policy;
pub mod proxy;
pub mod utf8;
mod version;
pub mod websocket;

pub use parsed::Parsed;
pub use version::Version;
