//! One numbered stream of lines or dates to every browser ever shipped.

mod budget;
mod clock;
mod date_format;
mod notices;
mod prelude;
mod source;
mod template;

fn main() {}
