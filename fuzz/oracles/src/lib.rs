//! What must hold for any bytes, one module for each parser. An oracle panics where something does not hold.
//!
//! ```text
//!  libFuzzer ──▶ src/bin/NAME.rs ──┐
//!                                       ├──▶ NAME::run(bytes) ──▶ the parser: whole, byte by byte, in two pieces
//!  corpora/NAME/* ─▶ tests/corpora.rs ──┘                         what it answered, allocated and consumed
//! ```
//!
//! The first bytes of an input choose settings and where to cut ([`input::Choices`]); the rest is what a peer sends.

pub mod allocation;
pub mod bodies;
pub mod conditions;
pub mod dates;
pub mod forwarded;
pub mod frames;
pub mod hand_overs;
pub mod handshakes;
pub mod heads;
pub mod ids;
pub mod inherited;
pub mod input;
pub mod one_port;
pub mod options;
pub mod origins;
pub mod paths;
pub mod pieces;
pub mod policy_files;
pub mod policy_requests;
pub mod policy_world;
pub mod producers;
pub mod proxy_headers;
pub mod queries;
pub mod ranges;
pub mod static_world;
pub mod stream_requests;
pub mod texts;
pub mod tokens;
pub mod worlds;
pub mod ws_world;

/// Panics where something does not hold for these bytes.
pub type Oracle = fn(&[u8]);

/// Names the oracle of each fuzz target.
macro_rules! targets {
    ($($name:ident)*) => { &[$((stringify!($name), $name::run)),*] };
}

/// The name and the oracle of each fuzz target.
#[rustfmt::skip]
pub const TARGETS: &[(&str, Oracle)] = targets![
    bodies
    conditions
    dates
    forwarded
    frames
    hand_overs
    handshakes
    heads
    ids
    inherited
    one_port
    options
    origins
    paths
    policy_files
    policy_requests
    policy_world
    producers
    proxy_headers
    queries
    ranges
    static_world
    stream_requests
    texts
    tokens
    ws_world
];
