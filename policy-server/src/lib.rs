//! The Flash socket policy server: which Flash clients may open which sockets.
//!
//! Flash asks port 843 before it opens a socket: `<policy-file-request/>` and a NUL. The answer is a small XML
//! document and one NUL; then the connection is over, all of it within five seconds.

mod config;
mod crowd;
mod handler;

use std::{process::ExitCode, sync::Arc};

use common::daemon::{self, Failure, Serve};

use config::Config;
use handler::PolicyHandler;

/// The beginning of the names of the environment variables.
const ENV_PREFIX: &str = "DATECAST_POLICY_";

/// The whole daemon, from its command line to its exit code.
pub fn main() -> ExitCode {
    daemon::main(ENV_PREFIX, config::check, |config| serve(&config))
}

/// The command line, for manual pages and completions.
pub fn command() -> clap::Command {
    daemon::command::<config::Options>(ENV_PREFIX)
}

fn serve(config: &Config) -> Result<(), Failure> {
    let serve = Serve {
        name: "Flash policy server",
        listen: &config.listen,
        workers: config.workers,
        settings: config.settings.clone(),
    };
    daemon::run(&serve, |start| {
        // Port 0 and inherited sockets have told their ports only now.
        start.addresses.iter().try_for_each(|address| config.check_served_from(address.port()))?;
        let shared = Arc::new(handler::Shared::new(config, start.mailboxes));
        Ok((0..start.workers).map(|worker| PolicyHandler::new(worker, Arc::clone(&shared))).collect())
    })
}
