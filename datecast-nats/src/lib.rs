//! `datecast-nats`: one numbered stream on many machines. NATS JetStream holds the lines, numbers them and copies them; `follow`
//! brings them to the ws-server of each machine, `publish` brings lines in, `create` makes the stream.
//!
//! ```text
//!  vmstat 1 | datecast-nats publish ──▶ nats-server ◀─▶ nats-server ◀─▶ nats-server        one stream, numbered once
//!                                           │               │               │
//!                                        follow          follow          follow            EPOCH_NUMBER<TAB>TEXT
//!                                           │ unix:         │ unix:         │ unix:
//!                                       ws-server       ws-server       ws-server          --numbers given
//! ```
//!
//! Each command is a folder with its own `main`; all of them share `connect/`. They run one event loop on one thread.

mod commands;
mod connect;
mod create;
mod epoch;
mod follow;
mod problem;
mod program;
mod publish;
mod runtime;
mod stream_info;
mod stream_name;

use std::{ffi::OsString, process::ExitCode};

pub use commands::command;
pub use program::ENV_PREFIX;

/// The whole program, from its command line, with the program's name first, to its exit code.
pub fn main(args: &[OsString]) -> ExitCode {
    commands::main(args)
}
