//! One numbered stream of lines or dates to every browser ever shipped.
//!
//! ```text
//!  source ── Mail::Batch ──▶ stream (what comes when) ──▶ broadcast (to whom) ──▶ connection (what one peer speaks)
//!                                    ▲                            ▲                      │
//!  handler: the reactor's callbacks ─┴────────────────────────────┴── Received, notices ─┘
//! ```
//!
//! Read `handler` first: each callback is a few lines that call down. `worker` is what they have in common.

mod broadcast;
mod config;
mod connection;
mod consequences;
mod finish;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hand_over;
mod handler;
mod lateness;
mod metrics;
mod pace;
mod peers;
mod polls;
mod publications;
mod publish;
mod reads;
mod revocation;
mod service;
#[cfg(test)]
mod simulated;
mod source;
mod start;
mod stream;
mod worker;

use std::{ffi::OsString, process::ExitCode};

use daemon::{DaemonError, Endpoint, Program, Reload, Serve};

pub use config::Config;
pub use connection::{Connection, IsForStream, asks_for_stream};
pub use peers::Mail;
pub use service::{Ending, Service};
pub use source::SourceStates;
pub use worker::WsHandler;

/// The beginning of the names of the environment variables.
pub const ENV_PREFIX: &str = "DATECAST_WS_";

/// The whole daemon, from its command line, with the program's name first, to its exit code.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let program = Program { env_prefix: ENV_PREFIX, args };
    daemon::main::<Config, Config>(&program, Config::check, serve)
}

/// The command line, for manual pages and completions.
pub fn command() -> clap::Command {
    daemon::command::<Config>(ENV_PREFIX)
}

fn serve(config: Config, reload: Reload<Config>) -> Result<(), DaemonError> {
    let mut inherited = daemon::inherit(&hand_over::FORMATS)?;
    let serve = Serve {
        name: "ws-server",
        listen: &config.listen.clone(),
        workers: config.common.workers(),
        settings: config.reactor_settings(),
        endpoint: Endpoint { prefix: "datecast_ws_", metrics: config.common.metrics.clone() },
    };
    let service = Service::open(config, &mut inherited)?;
    let ending = service.ending();
    let ended = daemon::run(&serve, inherited, |start| {
        service.make_ready(start, Box::new(move || reload.read()), |_| true)
    })?;
    ending.finish(ended)
}
