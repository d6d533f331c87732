//! Pipe lines in, every browser sees them: one command, one port.

use std::process::ExitCode;

fn main() -> ExitCode {
    datecast::main(std::env::args_os().collect())
}
