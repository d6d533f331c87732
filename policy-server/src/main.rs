//! The Flash socket policy server: which Flash clients may open which sockets.

use std::process::ExitCode;

fn main() -> ExitCode {
    policy_server::main(std::env::args_os().collect())
}
