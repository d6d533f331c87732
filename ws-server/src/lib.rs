//! One numbered stream of lines or dates to every browser ever shipped.
//!
//! ```text
//!  source ──▶ batches ──▶ ring ──┐                ┌── requests ◀── first bytes
//!  clock ───────────────▶ dates ─┴─▶ fanout ──▶ connections ◀──▶ messages
//!                                      ▲                │
//!                             notices ─┘◀── leaving ────┘
//! ```
//!
//! `handler` is where protocols and event loop meet; everything else is pure, but for the threads of `source`.

mod announcement;
mod batch;
mod budget;
mod clock;
mod config;
mod connection;
mod date_format;
mod fanout;
mod handler;
mod http_stream;
mod messages;
mod notices;
mod opening;
mod options;
mod prelude;
mod requests;
mod ring;
mod room;
mod shared;
#[cfg(test)]
mod simulated;
mod source;
mod stream;
mod template;

use std::{process::ExitCode, sync::Arc, time::Instant};

use common::daemon::{self, Failure, Serve, Start, run};

use config::Config;
use handler::WsHandler;
use options::Options;
use shared::{Mail, Shared};
use source::{Publisher, Source};

/// The beginning of the names of the environment variables.
const ENV_PREFIX: &str = "DATECAST_WS_";

/// The whole daemon, from its command line to its exit code.
pub fn main() -> ExitCode {
    daemon::main::<Options, Config>(ENV_PREFIX, Config::new, serve)
}

/// The command line, for manual pages and completions.
pub fn command() -> clap::Command {
    daemon::command::<Options>(ENV_PREFIX)
}

#[allow(clippy::needless_pass_by_value, reason = "`daemon::main` hands it over")]
fn serve(config: Config) -> Result<(), Failure> {
    let source = Source::open(&config.source)?;
    let listen = config.listen.clone();
    let settings = config.reactor.clone();
    let serve = Serve { name: "ws-server", listen: &listen, workers: config.workers, settings };
    let outcome = run(&serve, |start| make_handlers(config.clone(), source, &start));
    source::remove_socket(&config.source);
    outcome
}

fn make_handlers(
    mut config: Config,
    source: Source,
    start: &Start<'_, Mail>,
) -> Result<Vec<WsHandler>, Failure> {
    config.workers = start.workers;
    let shared = Shared::new(config);
    let config = &shared.config;
    let post = start.mailboxes.clone();
    let publisher = Publisher::new(
        Arc::clone(&shared.progress),
        config.template.clone(),
        config.format.clone(),
        config.max_line,
        move |batch| post.send_all(|| Mail::Batch(Arc::clone(&batch))),
    );
    let mailboxes = start.mailboxes.clone();
    source.start(publisher, config.max_producers, move || mailboxes.send_all(|| Mail::Ended))?;
    let now = now();
    let handler = |worker| WsHandler::new(Arc::clone(&shared), worker, Some(start.mailboxes.clone()), now);
    Ok((0..start.workers).map(handler).collect())
}

#[allow(clippy::disallowed_methods, reason = "before the event loop there is nobody to tell the time")]
fn now() -> Instant {
    Instant::now()
}
