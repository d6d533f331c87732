//! The stream of one process, from its options to its end, whoever runs the event loop.

use std::{
    net::SocketAddr,
    os::fd::OwnedFd,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use daemon::{DaemonError, Hooks, Inherited, Ready, hand_over::send_closing_bytes};
use reactor::{Ended, Mailboxes};

use crate::{
    config::Config,
    connection::IsForStream,
    finish::Finish,
    hand_over::{self, ProcessState},
    metrics::WsMetrics,
    peers::{Mail, post},
    publish::{Inlet, Publications},
    source::{Feed, Publisher, Source, SourceStates},
    start::{SharedStart, epoch_at},
    stream::SourceKind,
    worker::{WsHandler, export_states},
};

/// How long a stop waits for what was written before it.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Makes the source end soon; called by every wish to stop.
type EndSource = Box<dyn Fn() + Send>;
/// Reads the configuration again.
type ReadConfig = Box<dyn Fn() -> Result<Config, DaemonError> + Send>;

/// A stream whose source is open; no client has been accepted yet.
pub struct Service {
    config: Arc<Config>,
    source: Source,
    previous: Option<ProcessState>,
    feed: Arc<Feed>,
    end_source: Option<EndSource>,
    states: SourceStates,
}

/// What ends a stream when its workers have ended.
pub struct Ending {
    feed: Arc<Feed>,
    source: SourceKind,
}

impl Service {
    /// Opens the source, and takes what the previous process handed over.
    ///
    /// # Errors
    /// The source cannot be opened, or everybody could publish; clients that were handed over have then got their closing bytes.
    pub fn open(config: Config, inherited: &mut Inherited) -> Result<Self, DaemonError> {
        let (previous, producers) =
            hand_over::adopt(inherited.previous.as_mut(), &config.stream.source, epoch_at(now().1));
        let (right, lines) = (config.check_listeners(&inherited.addresses()), &mut inherited.lines);
        let open = |()| Source::open(&config.stream.source, producers, lines);
        let source = right.and_then(open).inspect_err(|_| {
            // No process will serve the clients that were connected.
            let previous = inherited.previous.take().into_iter();
            send_closing_bytes(previous.flat_map(|previous| previous.connections.returned()));
        })?;
        Ok(Self::new(config, source, previous))
    }

    /// A stream of the lines that come out of this pipe, which takes the place of standard input.
    pub fn of_lines(config: Config, lines: OwnedFd) -> Self {
        Self::new(config, Source::Stdin(lines), None)
    }

    fn new(config: Config, source: Source, previous: Option<ProcessState>) -> Self {
        let (feed, states) = (Arc::default(), SourceStates::default());
        Self { config: Arc::new(config), source, previous, feed, states, end_source: None }
    }

    /// Where the owner of the source says what it is doing.
    pub fn source_states(&self) -> SourceStates {
        self.states.clone()
    }

    /// Before a stop this is called, and the stop waits for the end of the source, which must follow: its last lines reach the clients
    /// before their Close. A second wish to stop waits no more.
    pub fn end_source_by(&mut self, end: EndSource) {
        self.end_source = Some(end);
    }

    /// What to call when the workers have ended.
    pub fn ending(&self) -> Ending {
        Ending { feed: Arc::clone(&self.feed), source: self.config.stream.source.clone() }
    }

    /// Makes the handlers, and starts to read the source. They answer the requests for which `is_for_stream` is true, and pass
    /// all others on.
    ///
    /// # Errors
    /// The system refuses the source's thread.
    pub fn make_ready(
        self,
        start: daemon::Start<'_, Mail>,
        read_config: ReadConfig,
        is_for_stream: IsForStream,
    ) -> Result<Ready<WsHandler>, DaemonError> {
        let Self { config, source, previous, feed, end_source, states } = self;
        let daemon::Start { workers, addresses, mailboxes, .. } = start;
        config.check_listeners(addresses)?;
        let addresses = addresses.to_vec();
        let (now, wall) = now();
        let shared = SharedStart::new(&config, workers, previous, states.clone(), now, wall);
        let changes = mailboxes.clone();
        // Before the handlers: each begins with the newest state, and passes over one that it has already.
        states.connect(move |change| {
            let change = Arc::new(change.clone());
            changes.send_all(|| Mail::Source(Arc::clone(&change)));
        });
        let publisher = publisher(&config, &shared, &mailboxes);
        let (progress, wakers) = (Arc::clone(&shared.progress), mailboxes.clone());
        let publications = Publications::new(Arc::clone(&publisher), progress, workers, move |worker| {
            wakers.wake(worker);
        });
        let takes_lines = config.stream.source == SourceKind::Http;
        let handler = |number| {
            let mut handler = WsHandler::new(Arc::clone(&config), &shared, number, mailboxes.clone());
            handler.is_for_stream = is_for_stream;
            handler.inlet = takes_lines.then(|| Inlet::new(Arc::clone(&publications), number));
            handler
        };
        let handlers: Vec<WsHandler> = (0..workers).map(handler).collect();
        start_source(source, &feed, &config, &publisher, &mailboxes)?;
        let metrics = WsMetrics::new(
            handlers.iter().map(|handler| &handler.metrics),
            publisher.fault_counts(),
            states,
            Arc::clone(&shared.progress),
        );
        let hooks = Hooks {
            catch_up: Some(catch_up(Arc::clone(&feed))),
            prepare_hand_over: prepare_hand_over(&config, feed),
            reload: reload(config, mailboxes, publisher, addresses, read_config),
            metrics: Arc::new(metrics),
            before_stop: end_source.map(|end| before_stop(end, shared.finish)),
        };
        Ok(Ready { handlers, hooks })
    }
}

impl Ending {
    /// Logs what was lost last, and hands the connections over to the next process if the source was stopped for that.
    ///
    /// # Errors
    /// Why the source could not be read, if that has ended the process.
    pub fn finish(self, mut ended: Vec<Ended<WsHandler>>) -> Result<(), DaemonError> {
        // What is said now and then, and what nothing follows that would say it.
        self.feed.log_last_faults();
        for ended in &mut ended {
            ended.handler.metrics.log_last_losses();
        }
        let Some(exported) = self.feed.take_exported() else {
            self.feed.remove_socket();
            return self.feed.take_failure().map_or(Ok(()), Err);
        };
        let (mut handlers, mut connections, mut polls) = (Vec::new(), Vec::new(), Vec::new());
        connections.reserve(ended.iter().map(|ended| ended.exported.len()).sum());
        for Ended { handler, exported, watches } in ended {
            handlers.push(handler);
            connections.extend(exported);
            polls.extend(watches);
        }
        let connections = (connections, polls);
        hand_over::export(export_states(&mut handlers), connections, &self.source, exported);
        Ok(())
    }
}

/// Numbers the lines of the source, which go to every worker.
pub(crate) fn publisher(
    config: &Config,
    shared: &SharedStart,
    mailboxes: &Mailboxes<Mail>,
) -> Arc<Publisher> {
    let (batches, fillings) = (mailboxes.clone(), mailboxes.clone());
    let source = config.stream.source.clone();
    let post = move |batch| post(&batches, &source, &batch);
    let publisher = Publisher::new(Arc::clone(&shared.progress), config.line_format(), post);
    Arc::new(publisher.telling(move |filling| fillings.send_all(|| Mail::Filling(filling))))
}

/// Starts to read the source, whose end goes to every worker.
fn start_source(
    source: Source,
    feed: &Arc<Feed>,
    config: &Config,
    publisher: &Arc<Publisher>,
    mailboxes: &Mailboxes<Mail>,
) -> Result<(), DaemonError> {
    let end = mailboxes.clone();
    let ended = move |well| end.send_all(|| Mail::Ended { well });
    feed.start(source, Arc::clone(publisher), config.source.max_producers, ended)
}

/// The hook for HUP: reads the configuration, and mails it to every worker. `addresses` are those of our
/// listeners.
fn reload(
    config: Arc<Config>,
    mailboxes: Mailboxes<Mail>,
    publisher: Arc<Publisher>,
    addresses: Vec<SocketAddr>,
    read_config: ReadConfig,
) -> Box<dyn Fn() -> Result<(), DaemonError> + Send> {
    Box::new(move || {
        let new = Arc::new(read_config()?.after(&config));
        new.check_listeners(&addresses)?;
        publisher.set_format(new.line_format());
        mailboxes.send_all(|| Mail::Reload(Arc::clone(&new)));
        Ok(())
    })
}

/// The hook before a hand-over, which stops the source; `None` without `--hand-over` or a service manager.
fn prepare_hand_over(config: &Config, feed: Arc<Feed>) -> Option<Box<dyn Fn() + Send>> {
    if !config.hand_over {
        return None;
    }
    if !daemon::notify::is_heard() {
        log::warn!(
            "--hand-over on: there is no service manager (NOTIFY_SOCKET), so a restart closes with 1012"
        );
        return None;
    }
    Some(Box::new(move || feed.stop()))
}

/// The hook before the clients hear of a stop: lines that were written before it come before it.
fn catch_up(feed: Arc<Feed>) -> Box<dyn Fn() + Send> {
    Box::new(move || feed.catch_up(LAST_WORDS))
}

/// The hook before a stop, which makes the source end.
fn before_stop(end_source: EndSource, finish: Finish) -> Box<dyn Fn() -> bool + Send> {
    Box::new(move || {
        let waits = finish.ask();
        end_source();
        waits
    })
}

#[allow(clippy::disallowed_methods, reason = "no event loop runs yet that could pass the time")]
fn now() -> (Instant, SystemTime) {
    (Instant::now(), SystemTime::now())
}
