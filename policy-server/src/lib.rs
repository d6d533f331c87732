//! The Flash socket policy server: which Flash clients may open which sockets.
//!
//! Flash asks port 843 before it opens a socket: `<policy-file-request/>` and a NUL. The answer is a small XML
//! document and one NUL; then the connection is over, all of it within five seconds.

mod config;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod handler;
mod metrics;

use std::{ffi::OsString, process::ExitCode, sync::Arc};

use daemon::{self, DaemonError, Endpoint, Hooks, Program, Ready, Reload, Serve, hand_over, metrics::Totals};

use config::Config;
use handler::PolicyHandler;
use metrics::PolicyMetrics;

/// The beginning of the names of the environment variables.
pub const ENV_PREFIX: &str = "DATECAST_POLICY_";

/// The whole daemon, from its command line, with the program's name first, to its exit code.
pub fn main(args: Vec<OsString>) -> ExitCode {
    daemon::main(&Program { env_prefix: ENV_PREFIX, args }, Config::check, serve)
}

/// The command line, for manual pages and completions.
pub fn command() -> clap::Command {
    daemon::command::<config::Options>(ENV_PREFIX)
}

fn serve(config: Config, reload: Reload<Config>) -> Result<(), DaemonError> {
    let config = Arc::new(config);
    let options = &config.options;
    let serve = Serve {
        name: "policy-server",
        listen: &options.listen,
        workers: options.common.workers(),
        settings: config.settings.clone(),
        endpoint: Endpoint { prefix: "datecast_policy_", metrics: options.common.metrics.clone() },
    };
    daemon::run(&serve, daemon::inherit(&hand_over::NONE)?, |start| {
        // Port 0 and inherited sockets have a number only now.
        let ports: Vec<u16> = start.addresses.iter().map(std::net::SocketAddr::port).collect();
        ports.iter().try_for_each(|port| config.check_served_from(*port))?;
        let handlers: Vec<PolicyHandler> =
            (0..start.workers).map(|_| PolicyHandler::new(Arc::clone(&config))).collect();
        let metrics = PolicyMetrics(Totals::of(handlers.iter().map(|handler| &handler.counts)));
        let (started, mailboxes) = (Arc::clone(&config), start.mailboxes);
        let reload = move || {
            let new = Arc::new(reload.read()?);
            ports.iter().try_for_each(|port| new.check_served_from(*port))?;
            let (old, options) = (&started.options, &new.options);
            daemon::warn_of_restart(&[
                ("listen", options.listen != old.listen),
                ("workers", options.common.workers() != old.common.workers()),
            ]);
            mailboxes.send_all(|| Arc::clone(&new));
            Ok(())
        };
        Ok(Ready { handlers, hooks: Hooks::new(reload, metrics) })
    })
    .map(drop)
}
