//! A static HTTP/1.1 file server with the datecast page built in.

use std::process::ExitCode;

use common::daemon::{self, Exit, Failure, ListenAddress};
use common::reactor::{Listener, Reactor};
use static_server::config::Config;

fn main() -> ExitCode {
    daemon::main("DATECAST_STATIC_", Config::check, serve)
}

fn serve(mut config: Config) -> Result<(), Failure> {
    let bound = |error: std::io::Error| Failure::new(Exit::Unavailable, error.to_string());
    let mut listeners = Vec::new();
    for address in &config.listen {
        let ListenAddress::Tcp(address) = address else { continue };
        let listener = mio::net::TcpListener::bind(*address).map_err(bound)?;
        log::info!("static-server: listening on {}", listener.local_addr().map_err(bound)?);
        listeners.push(Listener::from(listener));
    }
    let reactor = Reactor::new(vec![listeners], config.settings.clone()).map_err(bound)?;
    reactor.run(vec![config.handler()?]).map_err(bound)
}
