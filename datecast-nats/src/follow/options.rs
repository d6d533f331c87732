//! The command line of `datecast-nats follow`.

use clap::Parser;
use daemon::Common;

use crate::{connect::ConnectionOptions, stream_name::StreamName};

const ABOUT: &str = "Feeds a ws-server with the lines of a stream";

/// The options, as clap parses them.
#[derive(Parser, Clone, Debug)]
#[command(name = "datecast-nats follow", version, about = ABOUT)]
pub(crate) struct FollowOptions {
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
    /// The stream's name
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: Option<StreamName>,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl daemon::Options for FollowOptions {}
