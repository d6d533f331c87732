//! `datecast-nats follow`: the lines of a stream into the producers' socket of a ws-server, each once and in order.
//!
//! ```text
//!  nats-servers ══▶ connect ──▶ Messages ──▶ Session ──▶ Lines ──▶ Producer ── unix:PATH ──▶ ws-server --numbers given
//!                               consumer     position                 └── greeting: `last NUMBER EPOCH`
//!  Signals ──▶ stop                │            │
//!                                  └─ Report ◀──┘──▶ /metrics, /healthz, systemctl status
//! ```
//!
//! The only memory of what was written is ws-server's: a new connection begins with its greeting. Within one connection, a new consumer
//! begins with what was written to it.

mod backoff;
mod greeting;
mod lines;
mod messages;
mod options;
mod origin;
mod producer;
mod report;
mod session;
mod signals;
mod start;

use std::{ffi::OsString, process::ExitCode, sync::Arc, time::Duration};

use async_nats::{Event, jetstream};
use clap::Command;
use daemon::{DaemonError, Endpoint, Reload, Vitals, clock, notify};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use self::{
    backoff::Backoff,
    options::{Config, FollowOptions},
    producer::Producer,
    report::Report,
    session::{End, Session, Surroundings},
    signals::{Signals, Wish},
};
use crate::{
    connect::{connect, is_refused_again},
    problem::Problem,
    program::{ENV_PREFIX, program},
    runtime,
};

/// How long JetStream may take for an answer: while a leader is elected, the next request finds the new one.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);
/// The sign of life to the service manager, and to `/healthz`.
const BEAT: Duration = Duration::from_secs(1);
/// How long a stop waits for a line to be written to its end.
const LAST_LINE: Duration = Duration::from_secs(1);

/// The command line, for help, manual pages and completions.
pub(crate) fn command() -> Command {
    daemon::command::<FollowOptions>(ENV_PREFIX).name("follow")
}

/// The whole command, from its command line to its exit code.
pub(crate) fn main(args: Vec<OsString>) -> ExitCode {
    let serve = |config: Config, _: Reload<Config>| runtime::run(follow(config));
    daemon::main::<FollowOptions, Config>(&program(args), Config::check, serve)
}

async fn follow(config: Config) -> Result<(), DaemonError> {
    let mut signals = Signals::catch()?;
    let report = Arc::new(Report::default());
    let endpoint = Endpoint { prefix: "datecast_nats_", metrics: config.metrics.clone() };
    let mut vitals = Vitals::start("datecast-nats", &endpoint, report.clone())?;
    let (stop, stopping) = watch::channel(false);
    let mut bridge = std::pin::pin!(bridge(&config, &report, stopping));
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ended = loop {
        tokio::select! {
            ended = &mut bridge => break ended,
            _ = beats.tick() => vitals.beat(),
            wish = signals.next() => match wish {
                Wish::Status => log::info!("{}", report.line()),
                Wish::Stop => {
                    notify::stopping();
                    _ = stop.send(true);
                    break timeout(LAST_LINE, &mut bridge).await.unwrap_or(Ok(()));
                }
            },
        }
    };
    log::info!("datecast-nats: stopped; {}", report.line());
    ended
}

/// Feeds one ws-server after another, until we are to stop or cannot go on.
async fn bridge(
    config: &Config,
    report: &Arc<Report>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    report.begins("not connected to a nats-server yet");
    let heard = Arc::clone(report);
    let connected = connect(&config.connection, "datecast-nats follow", move |event| {
        hear(&heard, &event);
        std::future::ready(())
    });
    let client = tokio::select! {
        client = connected => client?,
        _ = stopping.changed() => return Ok(()),
    };
    let mut context = jetstream::new(client);
    context.set_timeout(REQUEST_TIMEOUT);
    let mut around =
        Surroundings { context: &context, config, report, stopping: stopping.clone(), created: None };
    let mut backoff = Backoff::default();
    loop {
        let begun = clock::now();
        match Producer::connect(&config.to).await {
            Err(why) => report.trouble(&why),
            Ok((producer, position)) => {
                report.greeted();
                log::info!("{}: ws-server has {position}", config.to);
                match Session::new(&mut around, producer, position).run().await {
                    End::Gone => {
                        report.trouble(&format!("{}: ws-server has closed the connection", config.to));
                    }
                    End::Stopped => return Ok(()),
                    End::Fatal(failure) => return Err(failure),
                }
            }
        }
        tokio::select! {
            () = sleep(backoff.pause_after(begun.elapsed())) => {}
            _ = stopping.changed() => return Ok(()),
        }
    }
}

/// Hears of the connection to the nats-servers.
fn hear(report: &Report, event: &Event) {
    match event {
        Event::Connected => {
            report.set_connected(true);
            log::info!("connected to a nats-server");
        }
        Event::Disconnected | Event::Closed => {
            report.set_connected(false);
            log::warn!("the connection to the nats-server is lost; trying all of them until one answers");
        }
        Event::ServerError(error) => log::warn!("{}", Problem::of_server(&error.to_string()).message),
        Event::LameDuckMode => log::info!("the nats-server is about to stop"),
        Event::SlowConsumer(_) => log::warn!("messages were lost on the way; they are asked for again"),
        event if is_refused_again(event) => report.refused(),
        Event::Draining | Event::ClientError(_) => log::debug!("{event}"),
    }
}
