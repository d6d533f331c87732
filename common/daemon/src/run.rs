//! Runs a daemon: binds its addresses, starts its threads, and returns when its workers have ended.

use std::{net::SocketAddr, os::unix::net::UnixListener, sync::Arc, time::Duration};

use socket2::Socket;

use crate::{
    clock::{now, wait_until, wall},
    exit::{DaemonError, Exit, is_shortage, limit},
    hand_over::Previous,
    inherit::Inherited,
    last_reload::LastReload,
    listen::{self, Resolved},
    metrics::{self, Collector, DaemonMetrics, Workers},
    signals::{self, Actions},
    supervisor,
    unix_socket::SocketFile,
    value::ListenAddress,
};
use reactor::{Control, Ended, Handler, Mailboxes, Reactor, Settings};

/// How long the clients of a hand-over may take to get what they missed, before anything that they need not.
const CATCHING_UP: Duration = Duration::from_secs(1);
/// How long a reload waits for busy workers.
const PATIENCE: Duration = Duration::from_secs(1);

/// What [`run`] has to know of a daemon before it makes its handlers.
#[derive(Clone, Debug)]
pub struct Serve<'a> {
    /// The daemon's name at the beginning of log lines: `ws-server`.
    pub name: &'a str,
    /// The addresses to bind, if the daemon inherits no listeners.
    pub listen: &'a [ListenAddress],
    /// Number of threads that serve connections; 0 counts as 1.
    pub workers: usize,
    /// The reactor's limits and timeouts at the start; a reload may replace them.
    pub settings: Settings,
    /// The daemon's metrics endpoint.
    pub endpoint: Endpoint,
}

/// Where and under which names a daemon serves its metrics.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The beginning of the metrics' names: `datecast_ws_`.
    pub prefix: &'static str,
    /// The address to bind, if the daemon inherits no socket for its metrics.
    pub metrics: Option<ListenAddress>,
}

/// What a daemon makes its handlers from. At this moment every socket is bound and no worker runs yet.
pub struct Start<'a, M> {
    /// Number of handlers to make, one for each worker.
    pub workers: usize,
    /// The TCP addresses of the listeners, each once.
    pub addresses: &'a [SocketAddr],
    /// Sends mail to the workers from any thread.
    pub mailboxes: Mailboxes<M>,
    /// Stops the daemon from any thread, and shows its counters.
    pub control: Control,
}

/// What the daemon adds for [`run`] to go on.
pub struct Ready<H> {
    /// One handler for each worker, by the worker's number.
    pub handlers: Vec<H>,
    /// What other threads call while the workers run.
    pub hooks: Hooks,
}

/// What a daemon does on a signal or a scrape. Other threads than the workers call it.
pub struct Hooks {
    /// On `SIGHUP`, unless it means that our terminal has gone: reads the configuration again and puts it in force.
    pub reload: Box<dyn Fn() -> Result<(), DaemonError> + Send>,
    /// On a scrape, and about once a second: the daemon's own metrics, health and status.
    pub metrics: Arc<dyn DaemonMetrics>,
    /// On `SIGUSR2`: prepares the hand-over before the workers export their connections. Without it, the daemon drains.
    pub prepare_hand_over: Option<Box<dyn Fn() + Send>>,
    /// On a signal that asks the daemon to stop, unless a stop is under way: false if it is to stop now, true if it stops itself soon.
    /// Without it, the daemon stops now.
    pub before_stop: Option<Box<dyn Fn() -> bool + Send>>,
    /// Before the connections hear of a stop that is no hand-over: takes in what has come from elsewhere by then, in a moment.
    pub catch_up: Option<Box<dyn Fn() + Send>>,
}

impl Hooks {
    /// Those of a daemon that hands no connection over, and stops as soon as it is asked to.
    pub fn new(
        reload: impl Fn() -> Result<(), DaemonError> + Send + 'static,
        metrics: impl DaemonMetrics + 'static,
    ) -> Self {
        Self {
            reload: Box::new(reload),
            metrics: Arc::new(metrics),
            prepare_hand_over: None,
            before_stop: None,
            catch_up: None,
        }
    }
}

/// Serves until the daemon is stopped; connections that the previous process handed over are open from the start.
///
/// `make_handlers` makes one handler per worker, and starts the daemon's other threads. The answer has every worker's
/// handler, with the connections to hand over.
///
/// # Errors
/// An address cannot be bound, the system refuses a thread or descriptors, `make_handlers` fails, or a worker fails.
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
    let endpoint = serve.endpoint.metrics.as_slice();
    let Inherited { mut listeners, metrics: mut metrics_listeners, lines, previous, signals } = inherited;
    warn_of_unread(lines);
    let to_bind = resolve_unless_inherited(&listeners, "listen", serve.listen)?;
    let metrics_to_bind = resolve_unless_inherited(&metrics_listeners, "metrics", endpoint)?;
    // No sooner, unless there are connections to lose: a resolver may be slow, and a Ctrl-C ends that. And no later: a listening socket
    // says that we can be signalled.
    let signals = signals.map_or_else(signals::catch, Ok)?;
    listeners.extend(listen::bind("listen", &to_bind, workers)?);
    metrics_listeners.extend(listen::bind("metrics", &metrics_to_bind, 1)?);
    let files: Vec<SocketFile> =
        serve.listen.iter().chain(endpoint).filter_map(listen::socket_file).collect();
    let mut bound: Vec<ListenAddress> = listeners.iter().map(listen::bound_address).collect();
    // The workers' sockets on one address follow each other.
    bound.dedup();
    let tcp = |address: &ListenAddress| if let ListenAddress::Tcp(tcp) = address { Some(*tcp) } else { None };
    let addresses: Vec<SocketAddr> = bound.iter().filter_map(tcp).collect();

    let mut reactor: Reactor<H> = make_reactor(serve, listeners, workers)?;
    let (mailboxes, control) = (reactor.mailboxes(), reactor.control());
    let start =
        Start { workers, addresses: &addresses, mailboxes: mailboxes.clone(), control: control.clone() };
    let Ready { handlers, hooks: Hooks { reload, metrics, prepare_hand_over, before_stop, catch_up } } =
        make_handlers(start)?;
    if let Some(previous) = previous {
        adopt(serve.name, &mut reactor, previous);
    }

    // A new configuration is in force when every worker has handled its mail.
    let all_delivered = move || (0..mailboxes.workers()).all(|worker| mailboxes.waiting(worker) == 0);
    let reload = Box::new(move || reload().map(|()| wait_until(PATIENCE, &all_delivered)));
    let last_reload = LastReload::default();
    let actions = Actions {
        control: control.clone(),
        reload,
        prepare_hand_over,
        before_stop,
        catch_up,
        last_reload: last_reload.clone(),
    };
    signals.watch(actions)?;
    for address in bound {
        log::info!("{}: listening on {address}", serve.name);
    }
    start_endpoint(serve, metrics_listeners, control, metrics, last_reload)?;
    let ended = reactor
        .run(handlers)
        .map_err(|error| DaemonError::new(exit_of(&error), format!("{error}{}", limit(&error))));

    // `main` refuses an address beside inherited sockets, so these sockets are ours. The next start replaces what stays.
    files.iter().for_each(SocketFile::remove);
    log::info!("{}: stopped", serve.name);
    ended
}

/// The exit code of workers that could not start or go on: the system lacked something, or we have a bug.
fn exit_of(error: &std::io::Error) -> Exit {
    if is_shortage(error) { Exit::System } else { Exit::Software }
}

/// Warns of a socket for lines that no source has taken. Its connections would look well for ever: systemd's backlog takes them.
fn warn_of_unread(lines: Option<UnixListener>) {
    let Some(lines) = lines else { return };
    let address = listen::bound_address(&lines.into());
    log::warn!(
        "inherited socket `lines` ({address}): nobody reads it, and producers that connect to it wait; only ws-server's --source \
         {address} reads it. Say that, or close it: `systemctl mask --now` and its socket unit"
    );
}

/// What there is to bind: nothing where there are inherited sockets.
fn resolve_unless_inherited<'a>(
    inherited: &[Socket],
    flag: &str,
    addresses: &'a [ListenAddress],
) -> Result<Vec<Resolved<'a>>, DaemonError> {
    if inherited.is_empty() { listen::resolve_all(flag, addresses) } else { Ok(Vec::new()) }
}

fn make_reactor<H: Handler + Send + 'static>(
    serve: &Serve<'_>,
    listeners: Vec<Socket>,
    workers: usize,
) -> Result<Reactor<H>, DaemonError>
where
    H::Mail: 'static,
{
    let dealt = listen::deal(listeners, workers)
        .map_err(|error| DaemonError::system("sharing the listeners", &error))?;
    Reactor::new(dealt, serve.settings.clone())
        .map_err(|error| DaemonError::system("starting the event loop", &error))
}

/// Gives the workers the connections of the previous process. When all are back, the log says what each step has taken.
fn adopt<H: Handler + Send + 'static>(name: &str, reactor: &mut Reactor<H>, previous: Previous)
where
    H::Mail: 'static,
{
    let Previous { state, connections, mut steps, .. } = previous;
    steps.end("preparations");
    let (count, export_began, control) = (connections.left(), connections.export_began(), reactor.control());
    let watches = connections.watches();
    log::info!("{name}: adopting {count} live connections of {}", state.writer);
    reactor.adopt(count, connections, move || {
        watches.close_after(CATCHING_UP);
        let count = control.counters().snapshot().adopted;
        let mut steps = steps.clone();
        steps.end("adoption");
        let waited = export_began.map(|began| now().saturating_duration_since(began)).unwrap_or_default();
        let waited = waited.as_secs_f64() * 1000.0;
        log::info!("all {count} live connections are back, {waited:.1} ms after their export began: {steps}");
    });
}

/// Starts the supervisor, and the metrics endpoint if it has a socket.
fn start_endpoint(
    serve: &Serve<'_>,
    sockets: Vec<Socket>,
    control: Control,
    daemon: Arc<dyn DaemonMetrics>,
    last_reload: LastReload,
) -> Result<(), DaemonError> {
    let has_endpoint = !sockets.is_empty();
    let health = supervisor::start(control.clone(), Arc::clone(&daemon), last_reload.clone(), has_endpoint)
        .map_err(|error| DaemonError::system("starting the supervisor", &error))?;
    if sockets.is_empty() {
        return Ok(());
    }
    for socket in &sockets {
        log::info!("{}: metrics on {}", serve.name, listen::bound_address(socket));
    }
    let prefix = serve.endpoint.prefix;
    let workers = Some(Workers { control, last_reload });
    let collector = Collector { prefix, daemon, health, started: wall(), workers };
    metrics::start(sockets, collector)
        .map_err(|error| DaemonError::system("starting the metrics endpoint", &error))
}
