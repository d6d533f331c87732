//! Decoders of all that a server may send. They are the oracle of the grammar: whatever a client has read so far must be the
//! beginning of something valid, and the first byte that makes it invalid is a fault.
//!
//! They share no code with the encoders that they judge.

mod body;
mod decoder;
mod head;
mod hixie;
mod hybi;
mod json;

pub(super) use decoder::{Decoder, Dialect, objects};
pub(super) use json::member;
