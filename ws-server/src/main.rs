//! One numbered stream of lines or dates to every browser ever shipped.

fn main() {}
