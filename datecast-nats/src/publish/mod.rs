//! `datecast-nats publish`: standard input to the stream, a message a line.
//!
//! ```text
//!  standard input ─ thread ─▶ Splitter ─▶ Input ─▶ Queue ── lines ──▶ Wire ──▶ nats-server
//!                                                   ▲  │                │
//!                                                   └──┼── Outcome ─────┘
//!                                                      └─ Acknowledged ─▶ Printer ─ thread ─▶ ids on standard output
//! ```

mod answer;
mod attempt;
mod input;
mod look;
mod options;
mod patience;
mod printer;
mod publisher;
mod queue;
mod report;
mod splitter;
mod stop;
mod target;
mod wire;

pub(crate) use target::SHORTEST_WINDOW;

use std::{ffi::OsString, process::ExitCode};

use async_nats::jetstream;
use clap::Command;
use daemon::{DaemonError, Reload};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    connect::{Client, connect, refusal},
    epoch::epoch_of,
    program::{ENV_PREFIX, program},
    runtime,
    stream_info::stream_info,
};

use self::{
    input::Input, options::PublishOptions, printer::Printer, publisher::Publisher, stop::Stop,
    target::Target, wire::Wire,
};

/// The pause before we ask for the stream again.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

/// The command line, for help, manual pages and completions.
pub(crate) fn command() -> Command {
    daemon::command::<PublishOptions>(ENV_PREFIX).name("publish")
}

/// The whole command, from its command line to its exit code.
pub(crate) fn main(args: Vec<OsString>) -> ExitCode {
    let serve = |options: PublishOptions, _: Reload<PublishOptions>| runtime::run(publish(options));
    daemon::main::<PublishOptions, PublishOptions>(&program(args), PublishOptions::check, serve)
}

async fn publish(options: PublishOptions) -> Result<(), DaemonError> {
    let mut stop = Stop::catch(options.stop_timeout)?;
    let begun = tokio::select! {
        begun = begin(&options) => begun?,
        // Nothing was read yet.
        () = stop.asked() => return Ok(()),
    };
    let input = Input::start(begun.largest_line())?;
    let printer = options.print_ids.then(Printer::start).transpose()?;
    let mut publisher = Publisher::new(begun, input, printer, options.in_flight);
    let outcome = publisher.run(&mut stop).await;
    publisher.finish_printing(&mut stop).await;
    outcome
}

/// Connects, and asks the stream how lines are published to it.
async fn begin(options: &PublishOptions) -> Result<Wire, DaemonError> {
    let (sender, mut events) = unbounded_channel();
    let client = connect(&options.connection, "datecast-nats publish", move |event| {
        log::debug!("{event}");
        _ = sender.send(event);
        std::future::ready(())
    })
    .await?;
    let target = ask(&client, &mut events, options).await?;
    let batches =
        if target.takes_batches { "in batches" } else { "one at a time: the stream takes no batches" };
    log::info!("publishing to {} (stream {}), {batches}", target.subject, target.stream);
    Ok(Wire::new(client, target, events))
}

/// Asks for the stream until somebody answers.
async fn ask(
    client: &Client,
    events: &mut UnboundedReceiver<async_nats::Event>,
    options: &PublishOptions,
) -> Result<Target, DaemonError> {
    let context = jetstream::new(client.clone());
    let mut is_told = false;
    loop {
        let asked = tokio::select! {
            asked = stream_info(&context, options.stream()) => asked,
            problem = refusal(events) => Err(problem),
        };
        let problem = match asked {
            Ok(info) => {
                let target = Target::of(&info.config, epoch_of(&info.config), options.subject.as_deref())?;
                return Ok(Target { last: info.state.last_sequence, ..target });
            }
            Err(problem) if problem.passes => problem,
            Err(problem) => return Err(problem.into()),
        };
        if !std::mem::replace(&mut is_told, true) {
            log::warn!("{}; trying again until it works", problem.message);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
