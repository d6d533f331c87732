//! A static HTTP/1.1 file server with the datecast page built in.
//!
//! ```text
//!  bytes ─▶ handler ─▶ common::http::Head ─▶ answer ─▶ path ─▶ site ─▶ builtin
//!              ▲                                │                └──▶ directory ─▶ cache, root ─▶ tree (openat2, walk)
//!              │                                ├─ conditional, range, encoding: whether to send it, and which part
//!              └── response: head and body ◀────┘
//! ```
//!
//! Only `handler` knows the event loop, and only `root`, `tree`, `walk`, `directory` and `copies` touch the file system. `config` puts
//! all of it together in a `Serving`, which the workers share.

mod answer;
mod builtin;
mod bundle;
mod cache;
mod cache_control;
mod conditional;
mod config;
#[cfg(test)]
mod containment;
mod copies;
mod csp;
mod date;
mod digits;
mod directory;
mod elsewhere;
mod encoding;
mod etag;
mod fields;
mod folder;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod glob;
mod handler;
mod known_targets;
mod limits;
mod listing;
mod log_line;
mod look;
mod metrics;
mod mime;
mod open_error;
mod path;
mod range;
mod ready;
mod representation;
mod response;
mod root;
mod serving;
#[cfg(test)]
mod simulated;
mod site;
mod site_options;
mod stamp;
mod tree;
mod tutorial;
mod walk;

use std::{ffi::OsString, process::ExitCode, sync::Arc};

use daemon::{DaemonError, Endpoint, Hooks, Program, Ready, Reload, Serve, hand_over};

use config::Config;

pub use handler::{Conn, StaticHandler};
pub use limits::{ConnectionLimits, KeepAlive};
pub use metrics::StaticMetrics;
pub use serving::{Published, Serving};
pub use site_options::SiteOptions;

/// Begins the name of each environment variable that sets an option.
pub const ENV_PREFIX: &str = "DATECAST_STATIC_";

/// Runs the whole daemon, from its command line, with the program's name first, to its exit code.
pub fn main(args: Vec<OsString>) -> ExitCode {
    daemon::main(&Program { env_prefix: ENV_PREFIX, args }, Config::check, serve)
}

/// The command line, from which the build makes manual pages and completions.
pub fn command() -> clap::Command {
    daemon::command::<Config>(ENV_PREFIX)
}

#[allow(clippy::needless_pass_by_value, reason = "`daemon::main` passes it by value")]
fn serve(config: Config, reload: Reload<Config>) -> Result<(), DaemonError> {
    let serve = Serve {
        name: "static-server",
        listen: &config.listen,
        workers: config.common.workers(),
        settings: config.settings(),
        endpoint: Endpoint { prefix: "datecast_static_", metrics: config.common.metrics.clone() },
    };
    daemon::run(&serve, daemon::inherit(&hand_over::NONE)?, |start| {
        let published = Arc::new(Published::new(config.serving()?));
        let handlers: Vec<_> = (0..start.workers).map(|_| StaticHandler::new(published.clone())).collect();
        let metrics = StaticHandler::metrics(&handlers);
        let (listen, workers, mailboxes) = (config.listen.clone(), config.common.workers(), start.mailboxes);
        let reload = move || {
            let new = reload.read()?;
            let serving = new.serving()?;
            daemon::warn_of_restart(&[
                ("listen", new.listen != listen),
                ("workers", new.common.workers() != workers),
            ]);
            published.replace(serving);
            for worker in 0..mailboxes.workers() {
                mailboxes.send(worker, new.settings());
            }
            Ok(())
        };
        Ok(Ready { handlers, hooks: Hooks::new(reload, metrics) })
    })
    .map(drop)
}
