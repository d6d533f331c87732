//! The Flash socket policy server: which Flash clients may open which sockets.

fn main() {}
