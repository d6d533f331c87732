//! The protocols that the three daemons share, as a pure core: no socket, clock, thread or random number.
//!
//! ```text
//!   bytes in, bytes out
//!         │
//!         ▼
//!   http::HeadScan ──▶ http::Head ──▶ handshake::detect ──▶ Offer::accept ──▶ websocket::WebSocket
//!         │               │                │ Http                               │ Event, out
//!         │ HeadError     │                ▼                                     ▼
//!         └──▶ http::error_response     framing::Framing ◀─ framing::encode    frame
//!
//!   policy::PolicyRequest ──▶ policy::Policy::to_bytes        proxy: where a client comes from
//!                                                            admission: whether a browser may read (host, origin)
//! ```
//!
//! The core is functions and small state machines over byte slices. A decoder looks at bytes and answers with
//! [`Parsed::Complete`], [`Parsed::Partial`] (it needs the same bytes again with more behind them), or an error. An
//! error is always the peer's fault and knows its answer: [`http::HeadError::status`],
//! [`handshake::HandshakeError::status`], [`frame::ProtocolError::close_code`]. Encoders append to a `Vec<u8>` of the
//! caller. No length that a peer announces sizes an allocation, and all work is linear in the bytes that arrived, however
//! the network cut them.
//!
//! Begin with [`websocket`]: its picture is a connection's whole life.

pub mod admission;
pub mod codec;
mod decimal;
pub mod frame;
pub mod framing;
pub mod gap;
pub mod handshake;
pub mod host;
pub mod host_list;
pub mod html;
pub mod http;
pub mod id;
pub mod json;
pub mod origin;
mod parsed;
pub mod policy;
pub mod proxy;
pub mod source_state;
pub mod token;
mod version;
pub mod websocket;

pub use parsed::Parsed;
pub use version::Version;
