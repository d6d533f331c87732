//! One numbered stream of lines or dates to every browser ever shipped.
//!
//! ```text
//!  source ──▶ batches ──▶ ring ──┐                ┌── requests ◀── first bytes
//!  clock ───────────────▶ dates ─┴─▶ fanout ──▶ connections ◀──▶ messages
//!                                      ▲                │
//!                             notices ─┘◀── leaving ────┘
//! ```
//!
//! `handler` is where protocols and event loop meet; everything else is pure, but for the threads of `source`.

mod announcement;
mod batch;
mod budget;
mod clock;
mod config;
mod connection;
mod date_format;
mod fanout;
mod hand_over;
mod handler;
mod http_stream;
mod messages;
mod metrics;
mod notices;
mod opening;
mod options;
mod prelude;
mod punctuality;
mod requests;
mod ring;
mod room;
mod shared;
#[cfg(test)]
mod simulated;
mod source;
mod stream;
mod template;

use std::{process::ExitCode, sync::Arc, time::Instant};

use daemon::{self, DaemonError, Endpoint, Hooks, Ready, Reload, Serve, Start, run};

use config::Config;
use hand_over::State;
use handler::WsHandler;
use metrics::WsMetrics;
use options::Options;
use shared::{Mail, Shared};
use source::{Feed, Publisher, Source};

/// The beginning of the names of the environment variables.
const ENV_PREFIX: &str = "DATECAST_WS_";

/// The whole daemon, from its command line to its exit code.
pub fn main() -> ExitCode {
    daemon::main::<Options, Config>(ENV_PREFIX, Config::new, serve)
}

/// The command line, for manual pages and completions.
pub fn command() -> clap::Command {
    daemon::command::<Options>(ENV_PREFIX)
}

fn serve(config: Config, reload: Reload<Config>) -> Result<(), DaemonError> {
    let mut inherited = daemon::inherit(&hand_over::FORMATS)?;
    let (past, producers) = hand_over::past(inherited.previous.as_mut(), &config);
    let source = Source::open(&config.source, producers).inspect_err(|_| {
        // Nobody will serve those who were connected.
        inherited.previous.take().into_iter().for_each(daemon::hand_over::send_closing_bytes);
    })?;
    let serve = Serve {
        name: "ws-server",
        listen: &config.listen.clone(),
        workers: config.workers,
        settings: config.reactor.clone(),
        endpoint: Endpoint { prefix: "datecast_ws_", metrics: config.metrics.clone() },
    };
    let (kind, feed) = (config.source.clone(), Arc::new(Feed::default()));
    let ended = run(&serve, inherited, |start| make_ready(config, reload, source, past, &feed, &start))?;
    match feed.take_left() {
        Some(left) => hand_over::store(ended, &kind, left),
        None => source::remove_socket(&kind),
    }
    Ok(())
}

fn make_ready(
    mut config: Config,
    reload: Reload<Config>,
    source: Source,
    past: Option<State>,
    feed: &Arc<Feed>,
    start: &Start<'_, Mail>,
) -> Result<Ready<WsHandler>, DaemonError> {
    config.workers = start.workers;
    let config = Arc::new(config);
    let shared = Shared::new(start.workers, past);
    let readers = start.mailboxes.clone();
    let publisher = Publisher::new(Arc::clone(&shared.progress), config.style(), move |batch| {
        readers.send_all(|| Mail::Batch(Arc::clone(&batch)));
    });
    let publisher = Arc::new(publisher);
    let mailboxes = start.mailboxes.clone();
    let ended = move || mailboxes.send_all(|| Mail::Ended);
    feed.start(source, Arc::clone(&publisher), config.max_producers, ended)?;
    let now = now();
    let handler = |worker| {
        let (config, shared) = (Arc::clone(&config), Arc::clone(&shared));
        WsHandler::new(config, shared, worker, Some(start.mailboxes.clone()), now)
    };
    let handlers: Vec<WsHandler> = (0..start.workers).map(handler).collect();
    let metrics = WsMetrics::new(handlers.iter().map(|handler| &handler.counts), shared);
    let hand_over = prepare_hand_over(&config, feed);
    let mailboxes = start.mailboxes.clone();
    let reload = move || {
        let new = Arc::new(reload.read()?.after(&config));
        publisher.restyle(new.style());
        mailboxes.send_all(|| Mail::Reload(Arc::clone(&new)));
        Ok(())
    };
    let hooks = Hooks { reload: Box::new(reload), metrics: Arc::new(metrics), hand_over };
    Ok(Ready { handlers, hooks })
}

/// What comes before a hand-over, if there is one: nothing more is read from the source.
fn prepare_hand_over(config: &Config, feed: &Arc<Feed>) -> Option<Box<dyn Fn() + Send>> {
    if !config.hand_over {
        return None;
    }
    if !daemon::notify::is_heard() {
        log::warn!(
            "--hand-over on: there is no service manager (NOTIFY_SOCKET), so a restart closes with 1012"
        );
        return None;
    }
    let feed = Arc::clone(feed);
    Some(Box::new(move || feed.stop()))
}

#[allow(clippy::disallowed_methods, reason = "before the event loop there is nobody to tell the time")]
fn now() -> Instant {
    Instant::now()
}
