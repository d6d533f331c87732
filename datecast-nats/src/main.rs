//! One numbered stream on many machines, by NATS JetStream.

use std::process::ExitCode;

fn main() -> ExitCode {
    datecast_nats::main(&std::env::args_os().collect::<Vec<_>>())
}
