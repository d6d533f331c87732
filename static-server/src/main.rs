//! A static HTTP/1.1 file server with the datecast page built in.

use std::process::ExitCode;

use common::daemon::{self, Failure, Serve, Start};
use static_server::config::Config;

fn main() -> ExitCode {
    daemon::main("DATECAST_STATIC_", Config::check, |config| serve(&config))
}

fn serve(config: &Config) -> Result<(), Failure> {
    let serve = Serve {
        name: "static-server",
        listen: &config.listen,
        workers: config.workers,
        settings: config.settings.clone(),
    };
    daemon::run(&serve, |start: Start<'_, ()>| config.handlers(start.workers))
}
