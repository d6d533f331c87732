//! The command line of `datecast-nats follow`.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use clap::Parser;
use daemon::{Common, DaemonError, Exit, ListenAddress};

use crate::{connect::ConnectionOptions, stream_name::StreamName};

const ABOUT: &str = "Feeds a ws-server with the lines of a stream";
const LONG_ABOUT: &str = "Feeds a ws-server with the lines of a stream, each with its number: `datecast-nats follow --stream LINES --to \
    unix:/run/lines`.\n\n\
    The server is `ws-server --source unix:/run/lines --numbers given`. It says which number it has, and gets those after it: however \
    often either of them, or a nats-server, is restarted, no line comes twice and none is left out.";
/// What a `--to` looks like.
const SAY: &str = "say unix:PATH, the PATH of the server's --source unix:PATH";
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
    to: Option<To>,

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
    pub(super) to: To,
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
        let missing = || DaemonError::new(Exit::Usage, format!("--to is missing: {SAY}"));
        Ok(Self { connection, stream, to: to.ok_or_else(missing)?, history, metrics: common.metrics })
    }
}

/// The producers' socket of a ws-server; clones share the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct To(Arc<Path>);

impl To {
    /// Where the socket is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix:{}", self.0.display())
    }
}

impl FromStr for To {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("unix", path)) if path.len() > 107 => {
                Err("the path of a Unix socket has at most 107 bytes".to_owned())
            }
            Some(("unix", path)) if !path.is_empty() => Ok(Self(PathBuf::from(path).into())),
            _ if text.starts_with('/') => Err(format!("say unix:{text}")),
            _ => Err(SAY.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_unix_socket_takes_lines() {
        let parsed = |text: &str| text.parse::<To>().map(|to| to.to_string());
        assert_eq!(parsed("unix:/run/lines"), Ok("unix:/run/lines".to_owned()));
        assert_eq!(parsed("/run/lines"), Err("say unix:/run/lines".to_owned()));
        for (text, part) in [
            ("unix:", SAY),
            ("", SAY),
            ("tcp:127.0.0.1:1", SAY),
            (&format!("unix:/{}", "a".repeat(107)), "107 bytes"),
        ] {
            assert!(parsed(text).unwrap_err().contains(part), "{text}");
        }
    }
}
