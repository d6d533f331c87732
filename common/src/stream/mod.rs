//! One message in every form that a client may ask for.

pub mod framing;

pub use framing::{Framing, encode, encode_heartbeat, encode_notice, encode_retry, finish};
