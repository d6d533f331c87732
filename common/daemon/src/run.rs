//! From addresses to a running daemon: bind or inherit, make the handlers, watch the signals, serve until stopped.

use std::{
    fs,
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use super::{
    exit::{DaemonError, Exit},
    inherit::Inherited,
    listen,
    metrics::{self, DaemonMetrics},
    signals, supervisor,
    value::ListenAddress,
};
use reactor::{Control, Ended, Handler, Mailboxes, Reactor, Settings};

/// How long a reload waits for workers that are busy.
const PATIENCE: Duration = Duration::from_secs(1);

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
    /// How others are told how it is.
    pub endpoint: Endpoint,
}

/// The metrics endpoint of a daemon.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The beginning of the metrics' names: `datecast_ws_`.
    pub prefix: &'static str,
    /// Where it listens, unless a socket is inherited.
    pub metrics: Option<ListenAddress>,
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
    pub reload: Box<dyn Fn() -> Result<(), DaemonError> + Send>,
    /// How the daemon is.
    pub metrics: Arc<dyn DaemonMetrics>,
    /// `SIGUSR2`, if the connections are to be handed over: what is to be done before the workers give them away.
    pub hand_over: Option<Box<dyn Fn() + Send>>,
}

/// Serves until the daemon is told to stop, with what it inherited: its connections are those that are open at the
/// start. `make_handlers` makes one handler per worker; other threads that the daemon needs are started there. The answer
/// is what has ended, with the connections that are to live on.
///
/// # Errors
/// What cannot be bound, inherited or started, and a worker that failed.
pub fn run<H>(
    serve: &Serve<'_>,
    inherited: Inherited,
    make_handlers: impl FnOnce(Start<'_, H::Mail>) -> Result<Ready<H>, DaemonError>,
) -> Result<Vec<Ended<H>>, DaemonError>
where
    H: Handler + Send + 'static,
    H::Mail: 'static,
{
    let workers = serve.workers.max(1);
    let Inherited { listeners, metrics, previous } = inherited;
    let own = listeners.is_empty();
    let sockets = if own { listen::bind("listen", serve.listen, workers)? } else { listeners };
    let metrics = if metrics.is_empty() {
        listen::bind("metrics", serve.endpoint.metrics.as_slice(), 1)?
    } else {
        metrics
    };
    let mut names: Vec<String> = sockets.iter().map(ToString::to_string).collect();
    names.dedup();
    let mut addresses: Vec<SocketAddr> = sockets.iter().filter_map(listen::Socket::tcp_address).collect();
    addresses.dedup();

    let system = |what, error: &_| DaemonError::system(what, error);
    let listeners =
        listen::deal(&sockets, workers).map_err(|error| system("sharing the listeners", &error))?;
    drop(sockets);
    let mut reactor: Reactor<H> = Reactor::new(listeners, serve.settings.clone())
        .map_err(|error| system("starting the event loop", &error))?;
    let (mailboxes, control) = (reactor.mailboxes(), reactor.control());
    if let Some(previous) = previous {
        let count = previous.connections.len();
        log::info!("{}: taking over {count} live connections of {}", serve.name, previous.stream.writer);
        reactor.adopt(previous.connections);
    }
    let told = mailboxes.clone();
    let start = Start { workers, addresses: &addresses, mailboxes, control: control.clone() };
    let Ready { handlers, hooks } = make_handlers(start)?;
    let Hooks { reload, hand_over, metrics: daemon_metrics } = hooks;
    let reload = Box::new(move || {
        reload()?;
        wait_until_told(&told);
        Ok(())
    });
    let acts = signals::Acts { control: control.clone(), reload, hand_over };
    signals::watch(acts).map_err(|error| system("taking over the signals", &error))?;
    for name in names {
        log::info!("{}{} listening on {name}", serve.name, if serve.name.contains(' ') { "" } else { ":" });
    }
    start_endpoint(serve, metrics, control, daemon_metrics)?;
    let outcome = reactor.run(handlers).map_err(|error| DaemonError::new(Exit::Software, error.to_string()));
    if own {
        remove_unix(serve.listen);
    }
    remove_unix(serve.endpoint.metrics.as_slice());
    log::info!("{}: stopped", serve.name);
    outcome
}

/// Returns when every worker has what it was sent: only then a new configuration is in force.
fn wait_until_told<M>(mailboxes: &Mailboxes<M>) {
    let step = Duration::from_millis(1);
    let mut waited = Duration::ZERO;
    while waited < PATIENCE && (0..mailboxes.workers()).any(|worker| mailboxes.waiting(worker) > 0) {
        thread::park_timeout(step);
        waited += step;
    }
}

/// Starts what tells others how the daemon is: the supervisor, and the metrics endpoint if there is one.
fn start_endpoint(
    serve: &Serve<'_>,
    sockets: Vec<listen::Socket>,
    control: Control,
    daemon_metrics: Arc<dyn DaemonMetrics>,
) -> Result<(), DaemonError> {
    let has_endpoint = !sockets.is_empty();
    let verdict = supervisor::start(control.clone(), Arc::clone(&daemon_metrics), has_endpoint)
        .map_err(|error| DaemonError::system("starting the supervisor", &error))?;
    if !has_endpoint {
        return Ok(());
    }
    for socket in &sockets {
        log::info!("{}: metrics on {socket}", serve.name);
    }
    let source = metrics::Source {
        prefix: serve.endpoint.prefix,
        control,
        metrics: daemon_metrics,
        verdict,
        started: wall(),
    };
    metrics::start(sockets, source)
        .map_err(|error| DaemonError::system("starting the metrics endpoint", &error))
}

#[allow(clippy::disallowed_methods, reason = "the moment of the start, for people")]
fn wall() -> SystemTime {
    SystemTime::now()
}

/// Takes the paths of our Unix sockets away; what cannot be removed is replaced at the next start.
fn remove_unix(addresses: &[ListenAddress]) {
    for address in addresses {
        if let ListenAddress::Unix(path) = address {
            _ = fs::remove_file(path);
        }
    }
}
