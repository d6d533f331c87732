//! One numbered stream of lines or dates to every browser ever shipped.
//!
//! ```text
//!  source ── Mail::Batch ──▶ stream (what comes when) ──▶ broadcast (to whom) ──▶ connection (what one peer speaks)
//!                                    ▲                            ▲                      │
//!  handler: the reactor's callbacks ─┴────────────────────────────┴── Received, notices ─┘
//! ```
//!
//! Read `handler` first: each callback is a few lines that call down. `worker` is what they have in common.

mod broadcast;
mod config;
mod connection;
mod consequences;
mod hand_over;
mod handler;
mod lateness;
mod metrics;
mod pace;
mod peers;
#[cfg(test)]
mod simulated;
mod source;
mod stream;
mod worker;

use std::{
    ffi::OsString,
    process::ExitCode,
    sync::Arc,
    time::{Instant, SystemTime},
};

use daemon::{DaemonError, Endpoint, Hooks, Program, Ready, Reload, Serve, run};
use reactor::Ended;

use config::Config;
use hand_over::ProcessState;
use metrics::WsMetrics;
use peers::Mail;
use source::{Feed, Publisher, Source};
use worker::{SharedStart, WsHandler, epoch_at, export_states};

/// The beginning of the names of the environment variables.
const ENV_PREFIX: &str = "DATECAST_WS_";

/// The whole daemon, from its command line, with the program's name first, to its exit code.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let program = Program { env_prefix: ENV_PREFIX, args };
    daemon::main::<Config, Config>(&program, Config::check, serve)
}

/// The command line, for manual pages and completions.
pub fn command() -> clap::Command {
    daemon::command::<Config>(ENV_PREFIX)
}

fn serve(config: Config, reload: Reload<Config>) -> Result<(), DaemonError> {
    let mut inherited = daemon::inherit(&hand_over::FORMATS)?;
    let (previous, producers) = {
        let previous = inherited.previous.as_mut();
        hand_over::adopt(previous, &config.stream.source, epoch_at(now().1))
    };
    let source = Source::open(&config.stream.source, producers).inspect_err(|_| {
        // No process will serve the clients that were connected.
        inherited.previous.take().into_iter().for_each(daemon::hand_over::send_closing_bytes);
    })?;
    let serve = Serve {
        name: "ws-server",
        listen: &config.listen.clone(),
        workers: config.common.workers(),
        settings: config.reactor_settings(),
        endpoint: Endpoint { prefix: "datecast_ws_", metrics: config.common.metrics.clone() },
    };
    let (kind, feed) = (config.stream.source.clone(), Arc::new(Feed::default()));
    let make_ready = |start: daemon::Start<'_, Mail>| {
        Starting { config: Arc::new(config), feed: Arc::clone(&feed), start }
            .make_ready(source, previous, reload)
    };
    let ended = run(&serve, inherited, make_ready)?;
    let Some(producers) = feed.take_exported() else {
        feed.remove_socket();
        return feed.take_failure().map_or(Ok(()), Err);
    };
    let (mut handlers, mut connections) = (Vec::new(), Vec::new());
    for Ended { handler, exported } in ended {
        handlers.push(handler);
        connections.extend(exported);
    }
    hand_over::export(export_states(&mut handlers), connections, &kind, producers);
    Ok(())
}

/// The daemon between binding its sockets and running its workers.
struct Starting<'s> {
    config: Arc<Config>,
    feed: Arc<Feed>,
    start: daemon::Start<'s, Mail>,
}

impl Starting<'_> {
    /// Makes the handlers, and starts to read the source.
    fn make_ready(
        self,
        source: Source,
        previous: Option<ProcessState>,
        reload: Reload<Config>,
    ) -> Result<Ready<WsHandler>, DaemonError> {
        let (workers, mailboxes) = (self.start.workers, &self.start.mailboxes);
        let (now, wall) = now();
        let start = SharedStart::new(&self.config, workers, previous, now, wall);
        let handler = |number| WsHandler::new(Arc::clone(&self.config), &start, number, mailboxes.clone());
        let handlers: Vec<WsHandler> = (0..workers).map(handler).collect();
        let publisher = self.start_source(source, &start)?;
        let metrics =
            WsMetrics::new(handlers.iter().map(|handler| &handler.metrics), publisher.fault_counts());
        let hooks = Hooks {
            reload: self.reload(publisher, reload),
            metrics: Arc::new(metrics),
            prepare_hand_over: self.prepare_hand_over(),
        };
        Ok(Ready { handlers, hooks })
    }

    fn start_source(&self, source: Source, start: &SharedStart) -> Result<Arc<Publisher>, DaemonError> {
        let (batches, end) = (self.start.mailboxes.clone(), self.start.mailboxes.clone());
        let post = move |batch| batches.send_all(|| Mail::Batch(Arc::clone(&batch)));
        let publisher = Publisher::new(
            start.first_line.epoch,
            Arc::clone(&start.progress),
            self.config.line_format(),
            post,
        );
        let publisher = Arc::new(publisher);
        let ended = move |well| end.send_all(|| Mail::Ended { well });
        self.feed.start(source, Arc::clone(&publisher), self.config.source.max_producers, ended)?;
        Ok(publisher)
    }

    /// The hook for HUP: reads the configuration, and mails it to every worker.
    fn reload(
        &self,
        publisher: Arc<Publisher>,
        reload: Reload<Config>,
    ) -> Box<dyn Fn() -> Result<(), DaemonError> + Send> {
        let (config, mailboxes) = (Arc::clone(&self.config), self.start.mailboxes.clone());
        Box::new(move || {
            let new = Arc::new(reload.read()?.after(&config));
            publisher.set_format(new.line_format());
            mailboxes.send_all(|| Mail::Reload(Arc::clone(&new)));
            Ok(())
        })
    }

    /// The hook before a hand-over, which stops the source; `None` without `--hand-over` or a service manager.
    fn prepare_hand_over(&self) -> Option<Box<dyn Fn() + Send>> {
        if !self.config.hand_over {
            return None;
        }
        if !daemon::notify::is_heard() {
            log::warn!(
                "--hand-over on: there is no service manager (NOTIFY_SOCKET), so a restart closes with 1012"
            );
            return None;
        }
        let feed = Arc::clone(&self.feed);
        Some(Box::new(move || feed.stop()))
    }
}

#[allow(clippy::disallowed_methods, reason = "no event loop runs yet that could pass the time")]
fn now() -> (Instant, SystemTime) {
    (Instant::now(), SystemTime::now())
}
