//! A static HTTP/1.1 file server with the datecast page built in.

use std::process::ExitCode;

fn main() -> ExitCode {
    static_server::main(std::env::args_os().collect())
}
