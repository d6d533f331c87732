//! A static HTTP/1.1 file server with the datecast page built in.
//!
//! ```text
//!  bytes ─▶ handler ─▶ common::http::Head ─▶ answer ─▶ path ─▶ site ─▶ builtin
//!              ▲                                │                └──▶ directory ─▶ cache, root (openat2, walk)
//!              │                                ├─ conditional, range, encoding: what of it, and whether
//!              └── response: head and body ◀────┘
//! ```
//!
//! Only `handler` knows the event loop, and only `root`, `walk` and `directory` touch the file system.

pub mod answer;
pub mod builtin;
pub mod cache;
pub mod cache_control;
pub mod conditional;
pub mod config;
pub mod csp;
pub mod date;
pub mod directory;
pub mod encoding;
pub mod etag;
pub mod handler;
mod log_line;
mod metrics;
pub mod mime;
pub mod path;
pub mod range;
pub mod representation;
pub mod response;
pub mod root;
pub mod site;
mod walk;

use std::{process::ExitCode, sync::Arc};

use daemon::{self, DaemonError, Endpoint, Hooks, Ready, Reload, Serve, hand_over};

use config::{Config, Options};
use metrics::StaticMetrics;

/// The beginning of the names of the environment variables.
const ENV_PREFIX: &str = "DATECAST_STATIC_";

/// The whole daemon, from its command line to its exit code.
pub fn main() -> ExitCode {
    daemon::main(ENV_PREFIX, Config::check, serve)
}

/// The command line, for manual pages and completions.
pub fn command() -> clap::Command {
    daemon::command::<Options>(ENV_PREFIX)
}

#[allow(clippy::needless_pass_by_value, reason = "`daemon::main` hands it over")]
fn serve(config: Config, reload: Reload<Config>) -> Result<(), DaemonError> {
    let serve = Serve {
        name: "static-server",
        listen: &config.listen,
        workers: config.workers,
        settings: config.settings.clone(),
        endpoint: Endpoint { prefix: "datecast_static_", metrics: config.metrics.clone() },
    };
    daemon::run(&serve, daemon::inherit(&hand_over::NONE)?, |start| {
        let handlers = config.handlers(start.workers)?;
        let metrics = StaticMetrics::new(handlers.iter().map(|handler| &handler.counts));
        let (listen, workers, mailboxes) = (config.listen.clone(), config.workers, start.mailboxes);
        let reload = move || {
            let new = reload.read()?;
            let handlers = new.handlers(mailboxes.workers())?;
            daemon::warn_of_restart(&[("listen", new.listen != listen), ("workers", new.workers != workers)]);
            for (worker, handler) in handlers.into_iter().enumerate() {
                mailboxes.send(worker, Box::new((handler, new.settings.clone())));
            }
            Ok(())
        };
        let hooks = Hooks { reload: Box::new(reload), metrics: Arc::new(metrics), hand_over: None };
        Ok(Ready { handlers, hooks })
    })
    .map(drop)
}
