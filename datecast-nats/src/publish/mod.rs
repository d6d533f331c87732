//! `datecast-nats publish`: standard input to the stream, a message a line.

use std::{
    ffi::OsString,
    io::{self, BufRead as _},
    process::ExitCode,
    thread,
    time::Duration,
};

use async_nats::{HeaderMap, jetstream};
use clap::{Command, Parser};
use daemon::{Common, DaemonError, Exit, Reload, clock};
use tokio::sync::mpsc;

use crate::{
    connect::{ConnectionOptions, open},
    program::{ENV_PREFIX, program},
    runtime,
    stream_name::StreamName,
};

const ABOUT: &str = "Publishes the lines of standard input to a stream";
/// Lines that were read and are not published yet.
const WAITING: usize = 64;
const PAUSE: Duration = Duration::from_millis(50);

/// The options, as clap parses them.
#[derive(Parser, Clone, Debug)]
#[command(name = "datecast-nats publish", version, about = ABOUT)]
pub(crate) struct PublishOptions {
    #[command(flatten)]
    connection: ConnectionOptions,
    /// The stream's name
    #[arg(long, value_name = "NAME")]
    stream: Option<StreamName>,
    #[command(flatten)]
    common: Common,
}

impl daemon::Options for PublishOptions {}

/// The command line, for help, manual pages and completions.
pub(crate) fn command() -> Command {
    daemon::command::<PublishOptions>(ENV_PREFIX).name("publish")
}

/// The whole command, from its command line to its exit code.
pub(crate) fn main(args: Vec<OsString>) -> ExitCode {
    let serve = |options: PublishOptions, _: Reload<PublishOptions>| runtime::run(publish(options));
    daemon::main::<PublishOptions, PublishOptions>(&program(args), Ok, serve)
}

async fn publish(options: PublishOptions) -> Result<(), DaemonError> {
    let stream = StreamName::required(options.stream)?;
    let client = open(&options.connection, "datecast-nats publish", |_| async {}).await?;
    let context = jetstream::new(client);
    let subject = stream.as_str().to_lowercase();
    let mut lines = read_lines()?;
    let run = clock::wall().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let mut number: u64 = 0;
    let unreadable = |error| DaemonError::new(Exit::NoInput, format!("standard input: {error}"));
    while let Some(line) = lines.recv().await {
        let line = line.map_err(unreadable)?;
        number += 1;
        let mut headers = HeaderMap::new();
        headers.insert(async_nats::header::NATS_MESSAGE_ID, format!("{run}-{number}").as_str());
        // The same message id on each try: the stream takes the line once.
        while let Err(error) = once(&context, &subject, &headers, &line).await {
            log::warn!("line {number} was not acknowledged, and is sent again: {error}");
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Reads standard input on a thread of its own, which ends with the process: a read of it cannot be given up.
fn read_lines() -> Result<mpsc::Receiver<io::Result<Vec<u8>>>, DaemonError> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let read = move || {
        for line in io::stdin().lock().split(b'\n') {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("lines".to_owned()).spawn(read);
    thread.map(|_| receiver).map_err(|error| DaemonError::system("starting a thread", &error))
}

async fn once(
    context: &jetstream::Context,
    subject: &str,
    headers: &HeaderMap,
    line: &[u8],
) -> Result<(), jetstream::context::PublishError> {
    let payload = bytes::Bytes::copy_from_slice(line);
    context.publish_with_headers(subject.to_owned(), headers.clone(), payload).await?.await.map(drop)
}
