//! The command line of `datecast-nats follow`.

use clap::Parser;
use daemon::{Common, DaemonError, Exit, ListenAddress, ProducersSocket};

use crate::{connect::ConnectionOptions, stream_name::StreamName};

const ABOUT: &str = "Feeds a ws-server with the lines of a stream";
const LONG_ABOUT: &str = "Feeds a ws-server with the lines of a stream, each with its number: `datecast-nats follow --stream LINES --to \
    unix:/run/lines`.\n\n\
    The server is `ws-server --source unix:/run/lines --numbers given`. It says which number it has, and gets those after it: however \
    often either of them, or a nats-server, is restarted, no line comes twice and none is left out.";
/// As ws-server's `--history`: what a server that has nothing yet gets.
const HISTORY: u64 = 4096;

/// The options, as clap parses them.
#[derive(Parser, Clone, Debug)]
#[command(name = "datecast-nats follow", version, about = ABOUT, long_about = LONG_ABOUT)]
#[command(mut_arg("workers", |arg| arg.hide(true)), mut_arg("reload", |arg| arg.hide(true)))]
pub(crate) struct FollowOptions {
    #[command(flatten)]
    connection: ConnectionOptions,

    /// The stream's name
    #[arg(long, value_name = "NAME")]
    stream: Option<StreamName>,

    /// The Unix socket that a ws-server reads with --source unix:PATH --numbers given
    #[arg(long, value_name = "unix:PATH")]
    to: Option<ProducersSocket>,

    /// How many of the newest messages a server gets that has none yet; at least its own --history
    #[arg(long, value_name = "N", default_value_t = HISTORY)]
    history: u64,

    #[command(flatten)]
    common: Common,
}

impl daemon::Options for FollowOptions {
    fn elsewhere() -> &'static [&'static str] {
        &crate::program::ELSEWHERE
    }

    fn without_effect(&self) -> Vec<(&'static str, String)> {
        vec![("workers", "datecast-nats runs one thread".to_owned())]
    }
}

/// The options, checked.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) connection: ConnectionOptions,
    pub(super) stream: StreamName,
    pub(super) to: ProducersSocket,
    pub(super) history: u64,
    pub(super) metrics: Option<ListenAddress>,
}

impl Config {
    /// Checks the options.
    ///
    /// # Errors
    /// The first wrong one, by its flag.
    pub(super) fn check(options: FollowOptions) -> Result<Self, DaemonError> {
        let FollowOptions { connection, stream, to, history, common } = options;
        if let Some(pid) = common.reload {
            let what = "datecast-nats reads its options once; restart it";
            return Err(DaemonError::option("reload", pid, what));
        }
        connection.check()?;
        let stream = StreamName::required(stream)?;
        let missing = || DaemonError::new(Exit::Usage, format!("--to is missing: {}", ProducersSocket::SAY));
        Ok(Self { connection, stream, to: to.ok_or_else(missing)?, history, metrics: common.metrics })
    }
}
