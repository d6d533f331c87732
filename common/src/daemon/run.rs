//! From addresses to a running daemon: bind or inherit, make the handlers, watch the signals, serve until stopped.

use std::{fs, net::SocketAddr};

use super::{
    exit::{Exit, Failure},
    inherit, listen, signals,
    value::ListenAddress,
};
use crate::reactor::{Control, Handler, Mailboxes, Reactor, Settings};

/// What a daemon serves with.
#[derive(Clone, Debug)]
pub struct Serve<'a> {
    /// How the log calls it: `ws-server`.
    pub name: &'a str,
    /// Where it listens, unless sockets are inherited.
    pub listen: &'a [ListenAddress],
    /// Number of threads that serve connections.
    pub workers: usize,
    /// The reactor's limits and timeouts.
    pub settings: Settings,
}

/// What the handlers are made from, when every socket is bound and nothing runs yet.
pub struct Start<'a, M> {
    /// Number of handlers to make.
    pub workers: usize,
    /// The TCP addresses that are bound or were inherited, each once.
    pub addresses: &'a [SocketAddr],
    /// Sends to the workers from other threads.
    pub mailboxes: Mailboxes<M>,
    /// Stops the daemon from other threads.
    pub control: Control,
}

/// Serves until the daemon is told to stop. `make_handlers` makes one handler per worker; other threads that the
/// daemon needs are started there.
///
/// # Errors
/// What cannot be bound, inherited or started, and a worker that failed.
pub fn run<H>(
    serve: &Serve<'_>,
    make_handlers: impl FnOnce(Start<'_, H::Mail>) -> Result<Vec<H>, Failure>,
) -> Result<(), Failure>
where
    H: Handler + Send + 'static,
    H::Mail: 'static,
{
    let workers = serve.workers.max(1);
    let inherited = inherit::take()?;
    let own = inherited.is_empty();
    let sockets = if own { listen::bind(serve.listen, workers)? } else { inherited };
    let mut names: Vec<String> = sockets.iter().map(ToString::to_string).collect();
    names.dedup();
    let mut addresses: Vec<SocketAddr> = sockets.iter().filter_map(listen::Socket::tcp_address).collect();
    addresses.dedup();

    let system = |what, error: &_| Failure::system(what, error);
    let listeners =
        listen::deal(&sockets, workers).map_err(|error| system("sharing the listeners", &error))?;
    drop(sockets);
    let reactor: Reactor<H> = Reactor::new(listeners, serve.settings.clone())
        .map_err(|error| system("starting the event loop", &error))?;
    let (mailboxes, control) = (reactor.mailboxes(), reactor.control());
    signals::watch(control.clone()).map_err(|error| system("taking over the signals", &error))?;
    let handlers = make_handlers(Start { workers, addresses: &addresses, mailboxes, control })?;
    for name in names {
        log::info!("{}{} listening on {name}", serve.name, if serve.name.contains(' ') { "" } else { ":" });
    }
    let outcome =
        reactor.run(handlers).map(drop).map_err(|error| Failure::new(Exit::Software, error.to_string()));
    if own {
        remove_unix(serve.listen);
    }
    log::info!("{}: stopped", serve.name);
    outcome
}

/// Takes the paths of our Unix sockets away; what cannot be removed is replaced at the next start.
fn remove_unix(addresses: &[ListenAddress]) {
    for address in addresses {
        if let ListenAddress::Unix(path) = address {
            _ = fs::remove_file(path);
        }
    }
}
