//! From addresses to a running daemon: bind or inherit, make the handlers, watch the signals, serve until stopped.

use std::{fs, net::SocketAddr};

use super::{
    exit::{Exit, Failure},
    inherit::Inherited,
    listen, signals, supervisor,
    value::ListenAddress,
};
use crate::reactor::{Control, Ended, Handler, Mailboxes, Reactor, Settings};

/// The status of a daemon of which nothing more is to be said than how many it serves.
pub fn connections(control: Control) -> Box<dyn Fn() -> String + Send> {
    Box::new(move || {
        let now = control.counters().snapshot();
        format!("{} connections open, {} since the start", now.open, now.accepted)
    })
}

/// Says which changed options wait for a restart.
pub fn warn_of_restart(changes: &[(&str, bool)]) {
    let waiting: Vec<String> =
        changes.iter().filter(|(_, changed)| *changed).map(|(flag, _)| format!("--{flag}")).collect();
    if !waiting.is_empty() {
        log::warn!("{}: the change takes effect with the next restart", waiting.join(", "));
    }
}

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

/// A daemon that is ready to run.
pub struct Ready<H> {
    /// One handler per worker.
    pub handlers: Vec<H>,
    /// What it does when it is told to.
    pub hooks: Hooks,
}

/// What a daemon does when it is told to, or asked.
pub struct Hooks {
    /// `SIGHUP`: reads the configuration again, and lets it be in force.
    pub reload: Box<dyn Fn() -> Result<(), Failure> + Send>,
    /// How the daemon is, in a line for `systemctl status`.
    pub status: Box<dyn Fn() -> String + Send>,
    /// `SIGUSR2`, if the connections are to be handed over: what is to be done before the workers give them away.
    pub hand_over: Option<Box<dyn Fn() + Send>>,
}

/// Serves until the daemon is told to stop, with what it inherited: its connections are those that are open at the
/// start. `make_handlers` makes one handler per worker; other threads that the
/// daemon needs are started there. The answer is what has ended, with the connections that are to live on.
///
/// # Errors
/// What cannot be bound, inherited or started, and a worker that failed.
pub fn run<H>(
    serve: &Serve<'_>,
    inherited: Inherited,
    make_handlers: impl FnOnce(Start<'_, H::Mail>) -> Result<Ready<H>, Failure>,
) -> Result<Vec<Ended<H>>, Failure>
where
    H: Handler + Send + 'static,
    H::Mail: 'static,
{
    let workers = serve.workers.max(1);
    let Inherited { listeners, legacy } = inherited;
    let own = listeners.is_empty();
    let sockets = if own { listen::bind(serve.listen, workers)? } else { listeners };
    let mut names: Vec<String> = sockets.iter().map(ToString::to_string).collect();
    names.dedup();
    let mut addresses: Vec<SocketAddr> = sockets.iter().filter_map(listen::Socket::tcp_address).collect();
    addresses.dedup();

    let system = |what, error: &_| Failure::system(what, error);
    let listeners =
        listen::deal(&sockets, workers).map_err(|error| system("sharing the listeners", &error))?;
    drop(sockets);
    let mut reactor: Reactor<H> = Reactor::new(listeners, serve.settings.clone())
        .map_err(|error| system("starting the event loop", &error))?;
    let (mailboxes, control) = (reactor.mailboxes(), reactor.control());
    if let Some(legacy) = legacy {
        let count = legacy.connections.len();
        log::info!("{}: taking over {count} live connections of {}", serve.name, legacy.stream.writer);
        reactor.inherit(legacy.connections);
    }
    let start = Start { workers, addresses: &addresses, mailboxes, control: control.clone() };
    let Ready { handlers, hooks } = make_handlers(start)?;
    let Hooks { reload, hand_over, status } = hooks;
    let acts = signals::Acts { control: control.clone(), reload, hand_over };
    signals::watch(acts).map_err(|error| system("taking over the signals", &error))?;
    for name in names {
        log::info!("{}{} listening on {name}", serve.name, if serve.name.contains(' ') { "" } else { ":" });
    }
    supervisor::start(control, status).map_err(|error| system("starting the supervisor", &error))?;
    let outcome = reactor.run(handlers).map_err(|error| Failure::new(Exit::Software, error.to_string()));
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
