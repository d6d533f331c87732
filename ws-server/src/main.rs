//! One numbered stream of lines or dates to every browser ever shipped.

use std::process::ExitCode;

fn main() -> ExitCode {
    ws_server::main(std::env::args_os().collect())
}
