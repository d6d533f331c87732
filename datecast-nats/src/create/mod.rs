//! `datecast-nats create`: makes the stream, with its epoch.

use std::{collections::HashMap, ffi::OsString, process::ExitCode};

use async_nats::jetstream::{self, stream};
use clap::{Command, Parser};
use common::id::Epoch;
use daemon::{Common, DaemonError, Exit, Reload, clock};

use crate::{
    connect::{ConnectionOptions, open},
    program::{ENV_PREFIX, program},
    runtime,
    stream_name::StreamName,
};

const ABOUT: &str = "Makes a stream for lines";

/// The options, as clap parses them.
#[derive(Parser, Clone, Debug)]
#[command(name = "datecast-nats create", version, about = ABOUT)]
pub(crate) struct CreateOptions {
    #[command(flatten)]
    connection: ConnectionOptions,
    /// The stream's name
    #[arg(long, value_name = "NAME")]
    stream: Option<StreamName>,
    /// How many servers hold a copy: 1, 3 or 5
    #[arg(long, value_name = "N", default_value_t = 1)]
    replicas: usize,
    #[command(flatten)]
    common: Common,
}

impl daemon::Options for CreateOptions {}

/// The command line, for help, manual pages and completions.
pub(crate) fn command() -> Command {
    daemon::command::<CreateOptions>(ENV_PREFIX).name("create")
}

/// The whole command, from its command line to its exit code.
pub(crate) fn main(args: Vec<OsString>) -> ExitCode {
    let serve = |options: CreateOptions, _: Reload<CreateOptions>| runtime::run(create(options));
    daemon::main::<CreateOptions, CreateOptions>(&program(args), Ok, serve)
}

async fn create(options: CreateOptions) -> Result<(), DaemonError> {
    let stream = StreamName::required(options.stream)?;
    let client = open(&options.connection, "datecast-nats create", |_| async {}).await?;
    let millis = clock::wall().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    let epoch = Epoch::from_millis(u64::try_from(millis).unwrap_or_default());
    let config = stream::Config {
        name: stream.to_string(),
        subjects: vec![stream.as_str().to_lowercase()],
        num_replicas: options.replicas,
        metadata: HashMap::from([("datecast-epoch".to_owned(), epoch.to_string())]),
        ..stream::Config::default()
    };
    let created = jetstream::new(client).get_or_create_stream(config).await;
    created
        .map(drop)
        .map_err(|error| DaemonError::new(Exit::Unavailable, format!("--stream {stream}: {error}")))
}
