//! What must hold for any bytes, one module for each parser. An oracle panics where something does not hold.
//!
//! ```text
//!  libFuzzer ──▶ fuzz_targets/NAME.rs ──┐
//!                                       ├──▶ NAME::run(bytes) ──▶ the parser: whole, byte by byte, in two pieces
//!  corpora/NAME/* ─▶ tests/corpora.rs ──┘                         what it answered, allocated and consumed
//! ```
//!
//! The first bytes of an input choose settings and where to cut ([`input::Choices`]); the rest is what a peer sends.

pub mod allocation;
pub mod frames;
pub mod handshakes;
pub mod heads;
pub mod input;
pub mod pieces;

/// Panics where something does not hold for these bytes.
pub type Oracle = fn(&[u8]);

/// The name and the oracle of each fuzz target.
pub const TARGETS: &[(&str, Oracle)] =
    &[("frames", frames::run), ("handshakes", handshakes::run), ("heads", heads::run)];
