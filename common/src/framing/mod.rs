//! The form of the stream's messages on each kind of connection.
//!
//! ```text
//!   Framing ──▶ Form: what is said          texts, events, lines, JSON, HTML: a file each
//!          └──▶ Envelope: what is around it  a frame, an HTTP chunk, or nothing
//! ```
//!
//! The server encodes a message once for each framing in use; all connections of that framing share the bytes.

mod encode;
mod envelope;
mod event_stream;
mod farewell;
mod form;
mod html;
mod kind;
mod lines;
mod ndjson;
#[cfg(test)]
mod tests;
mod texts;

pub use encode::{
    encode, encode_comment, encode_echo, encode_farewell, encode_gap, encode_heartbeat, encode_last_id,
    encode_notice, encode_opening, encode_probe, encode_retry, encode_source, finish,
};
pub use farewell::{Farewell, GoOn};
pub use kind::Framing;
