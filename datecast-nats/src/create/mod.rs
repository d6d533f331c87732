//! `datecast-nats create`: makes the stream, with its epoch and the settings that we recommend, or compares one with them.

mod options;
mod settings;

use std::{ffi::OsString, process::ExitCode, time::Duration};

use async_nats::jetstream::{
    self, Context, context::RequestErrorKind, response::Response, stream::Config, stream::Info,
};
use clap::Command;
use common::id::Epoch;
use daemon::{DaemonError, Exit, Reload, clock};
use tokio::{
    sync::mpsc::unbounded_channel,
    time::{Instant, sleep},
};

use crate::{
    connect::{Client, connect_once, refusal},
    epoch::epoch_of,
    problem::Problem,
    program::{ENV_PREFIX, program},
    runtime,
    stream_info::{NO_JETSTREAM, stream_info, unanswered},
};

use self::{
    options::CreateOptions,
    settings::{Difference, differences, lacks, settings, updated},
};

/// How long a cluster that has just started may take until it answers.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(250);

/// The command line, for help, manual pages and completions.
pub(crate) fn command() -> Command {
    daemon::command::<CreateOptions>(ENV_PREFIX).name("create")
}

/// The whole command, from its command line to its exit code.
pub(crate) fn main(args: Vec<OsString>) -> ExitCode {
    let serve = |options: CreateOptions, _: Reload<CreateOptions>| runtime::run(create(options));
    daemon::main::<CreateOptions, CreateOptions>(&program(args), CreateOptions::check, serve)
}

async fn create(options: CreateOptions) -> Result<(), DaemonError> {
    let deadline = Instant::now() + PATIENCE;
    let mut is_told = false;
    loop {
        let problem = match try_create(&options).await {
            Ok(()) => return Ok(()),
            Err(problem) if problem.passes && Instant::now() < deadline => problem,
            Err(problem) => return Err(problem.into()),
        };
        if !std::mem::replace(&mut is_told, true) {
            log::warn!("{}; trying again for {} s", problem.message, PATIENCE.as_secs());
        }
        sleep(PAUSE).await;
    }
}

/// One attempt, on a connection of its own.
async fn try_create(options: &CreateOptions) -> Result<(), Problem> {
    let (sender, mut events) = unbounded_channel();
    let on_event = move |event| {
        _ = sender.send(event);
        std::future::ready(())
    };
    let client = connect_once(&options.connection, "datecast-nats create", on_event).await?;
    tokio::select! {
        made = make(&client, options) => made,
        problem = refusal(&mut events) => Err(problem),
    }
}

async fn make(client: &Client, options: &CreateOptions) -> Result<(), Problem> {
    let context = jetstream::new(client.clone());
    let epoch = epoch(client, &context, options).await?;
    let asked = settings(options, epoch);
    let name = &asked.name;
    let info = match stream_info(&context, name).await {
        Ok(info) => {
            let mut differences = differences(&info.config, &asked);
            if !client.is_server_compatible(2, 12, 0) {
                differences.retain(|it| it.name != "allow_atomic");
            }
            refuse_another_origin(&info.config, &asked)?;
            match differences.len() {
                0 => info,
                _ if options.update => {
                    tell(name, &differences, "changed");
                    request(&context, "UPDATE", &updated(&info.config, &asked)).await?
                }
                _ => {
                    tell(name, &differences, "not changed");
                    let what =
                        format!("the stream {name} is there with other settings; --update changes them");
                    return Err(Problem::lasting(Exit::Config, what));
                }
            }
        }
        Err(problem) if problem.is_missing => request(&context, "CREATE", &asked).await?,
        Err(problem) => return Err(problem),
    };
    describe(&info, &asked, client);
    Ok(())
}

/// Refuses a mirror whose origin was made anew: what it has are lines of the old one.
fn refuse_another_origin(is: &Config, asked: &Config) -> Result<(), Problem> {
    match (epoch_of(is), epoch_of(asked)) {
        (Some(has), Some(epoch)) if asked.mirror.is_some() && is.mirror.is_some() && has != epoch => {
            let what = format!(
                "the mirror {} has lines of the epoch {has}, and its origin is of {epoch}: it was made anew; delete the mirror, \
                 and make it again",
                is.name
            );
            Err(Problem::lasting(Exit::Data, what))
        }
        _ => Ok(()),
    }
}

/// The epoch of a new stream: now, or that of the stream that it mirrors.
async fn epoch(client: &Client, context: &Context, options: &CreateOptions) -> Result<Epoch, Problem> {
    let Some(origin) = &options.mirror else {
        let now = clock::wall().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        return Ok(Epoch::from_millis(u64::try_from(now.as_millis()).unwrap_or_default()));
    };
    let there = match &options.mirror_domain {
        Some(domain) => jetstream::with_domain(client.clone(), domain),
        None => context.clone(),
    };
    let info = stream_info(&there, origin.as_str()).await.map_err(|problem| {
        let message = match &options.mirror_domain {
            Some(domain) if problem.message == NO_JETSTREAM => format!(
                "--mirror-domain {domain}: no server answers for JetStream there; a leaf node must lead to servers that have this \
                 `domain` in `jetstream {{ … }}`"
            ),
            _ => format!("--mirror {origin}: {}", problem.message),
        };
        Problem { message, is_missing: false, ..problem }
    })?;
    epoch_of(&info.config).ok_or_else(|| {
        let what = "the stream has no epoch, which its mirrors need; `datecast-nats create --update` there gives it one";
        Problem::lasting(Exit::Config, format!("--mirror {origin}: {what}"))
    })
}

/// Has the servers make or change the stream.
async fn request(context: &Context, verb: &str, config: &Config) -> Result<Info, Problem> {
    let name = &config.name;
    match context.request(format!("STREAM.{verb}.{name}"), config).await {
        Ok(Response::Ok(info)) => Ok(info),
        Ok(Response::Err { error }) => {
            let mut problem = Problem::of_jetstream(error.error_code().0, &error.to_string(), name);
            // Too few servers: the others may still be starting.
            problem.passes |= error.error_code().0 == 10005;
            Err(problem)
        }
        Err(error) => Err(match error.kind() {
            RequestErrorKind::NoResponders => Problem::passing(NO_JETSTREAM),
            RequestErrorKind::TimedOut => unanswered(name),
            RequestErrorKind::InvalidSubject | RequestErrorKind::Other => {
                Problem::passing(format!("making the stream {name}: {error}"))
            }
        }),
    }
}

fn tell(stream: &str, differences: &[Difference], what: &str) {
    for Difference { name, is, should } in differences {
        log::warn!("stream {stream}: {name} is {is}, should be {should}: {what}");
    }
}

/// Says what there is now, and what the servers lack.
fn describe(info: &Info, asked: &Config, client: &Client) {
    let Config { name, num_replicas, .. } = &info.config;
    let epoch = epoch_of(&info.config).map_or("none".to_owned(), |epoch| epoch.to_string());
    let of = match &info.config.mirror {
        Some(origin) => format!("a mirror of {}", origin.name),
        None => format!("subject {}", info.config.subjects.join(", ")),
    };
    let replicas = if *num_replicas == 1 { "replica" } else { "replicas" };
    log::info!("stream {name}: {of}, {num_replicas} {replicas}, epoch {epoch}");
    for what in lacks(&info.config, asked) {
        log::warn!("the servers ({}) lack {what}", client.server_info().version);
    }
    // A server names all servers of its cluster.
    if *num_replicas == 1 && client.server_info().connect_urls.len() > 1 {
        log::warn!(
            "the stream has one copy, in a cluster: where that server is down, so is the stream; see --replicas"
        );
    }
    log::info!(
        "a user cannot see whether the servers write each message to the disk before they acknowledge it: \
         `jetstream {{ sync_interval: always }}` in the configuration of each does that"
    );
}
