//! The command for people: a stream, the page that shows it and the Flash policy, on one port.
//!
//! ```text
//!  command, stdin, clock ──▶ ws_server::Service ──▶ stream ─┐
//!                                                           ├─ FrontHandler ◀── one listener
//!  page, --root ──────▶ static_server::Serving ─────────────┘        route: which requests ask for the stream
//! ```
//!
//! It holds no copy of the daemons: `handler.rs` lends each connection to their handlers, and `datecast ws-server …` is the
//! daemon itself. `datecast feed` (`feed/`) runs a command and writes its lines to the producers' socket of a ws-server.

mod address;
mod command;
mod config;
mod daemons;
mod feed;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod handler;
mod input;
mod metrics;
mod options;
mod route;
mod serve;
mod welcome;

use std::{ffi::OsString, process::ExitCode};

use daemon::Program;

use config::Config;
use options::Options;

/// The beginning of the names of the environment variables.
pub const ENV_PREFIX: &str = "DATECAST_";
pub use feed::{ENV_PREFIX as FEED_ENV_PREFIX, command as feed_command};

/// The whole program, from its command line, with the program's name first, to its exit code.
pub fn main(args: Vec<OsString>) -> ExitCode {
    if let Some((main, args)) = daemon::called_for(&args, &daemons::PROGRAMS) {
        return main(args);
    }
    let program = Program { env_prefix: ENV_PREFIX, args: command::complete(args) };
    let mut code = None;
    let serve = |config, reload| serve::serve(config, reload, &mut code);
    let ended = daemon::main::<Options, Config>(&program, Config::check, serve);
    code.map_or(ended, ExitCode::from)
}

/// The command line, for manual pages and completions.
pub fn command() -> clap::Command {
    daemon::command::<Options>(ENV_PREFIX)
}
