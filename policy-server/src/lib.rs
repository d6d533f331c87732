//! The Flash socket policy server: which Flash clients may open which sockets.
//!
//! Flash asks port 843 before it opens a socket: `<policy-file-request/>` and a NUL. The answer is a small XML
//! document and one NUL; then the connection is over, all of it within five seconds.

mod config;
mod crowd;
mod handler;
mod metrics;

use std::{process::ExitCode, sync::Arc};

use daemon::{self, DaemonError, Endpoint, Hooks, Ready, Reload, Serve, hand_over, metrics::Totals};

use config::Config;
use handler::{PolicyHandler, Serving};
use metrics::PolicyMetrics;

/// The beginning of the names of the environment variables.
const ENV_PREFIX: &str = "DATECAST_POLICY_";

/// The whole daemon, from its command line to its exit code.
pub fn main() -> ExitCode {
    daemon::main(ENV_PREFIX, config::check, serve)
}

/// The command line, for manual pages and completions.
pub fn command() -> clap::Command {
    daemon::command::<config::Options>(ENV_PREFIX)
}

#[allow(clippy::needless_pass_by_value, reason = "`daemon::main` hands it over")]
fn serve(config: Config, reload: Reload<Config>) -> Result<(), DaemonError> {
    let serve = Serve {
        name: "Flash policy server",
        listen: &config.listen,
        workers: config.workers,
        settings: config.settings.clone(),
        endpoint: Endpoint { prefix: "datecast_policy_", metrics: config.metrics.clone() },
    };
    daemon::run(&serve, daemon::inherit(&hand_over::NONE)?, |start| {
        // Port 0 and inherited sockets have told their ports only now.
        let ports: Vec<u16> = start.addresses.iter().map(std::net::SocketAddr::port).collect();
        ports.iter().try_for_each(|port| config.check_served_from(*port))?;
        let shared = Arc::new(handler::Shared::new(&config, start.mailboxes));
        let handler = |worker| PolicyHandler::new(worker, Serving::new(&config), Arc::clone(&shared));
        let handlers: Vec<PolicyHandler> = (0..start.workers).map(handler).collect();
        let metrics = PolicyMetrics(Totals::of(handlers.iter().map(|handler| &handler.counts)));
        let (listen, workers) = (config.listen.clone(), config.workers);
        let reload = move || {
            let new = reload.read()?;
            ports.iter().try_for_each(|port| new.check_served_from(*port))?;
            daemon::warn_of_restart(&[("listen", new.listen != listen), ("workers", new.workers != workers)]);
            shared.reload(&new);
            Ok(())
        };
        let hooks = Hooks { reload: Box::new(reload), metrics: Arc::new(metrics), hand_over: None };
        Ok(Ready { handlers, hooks })
    })
    .map(drop)
}
