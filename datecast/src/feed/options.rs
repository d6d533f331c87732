//! The command line of `datecast feed`.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use clap::{Args, Command, CommandFactory, Parser};
use daemon::{Common, DaemonError, Exit};

use crate::{command::CommandOptions, input};

const ABOUT: &str =
    "Writes the lines of a command to a ws-server: datecast feed --to unix:/run/lines -- vmstat 1";
const LONG_ABOUT: &str = "Writes the lines of a command, or of standard input, to the producers' socket of a ws-server: \
    `datecast feed --to unix:/run/lines -- vmstat 1`, or `vmstat 1 | datecast feed --to unix:/run/lines`.\n\n\
    The server is `ws-server --source unix:/run/lines`. While it is not there, the command waits and no line is lost; over its restart \
    with --hand-over on, the connection stays.";
/// What a `--to` looks like.
const SAY: &str = "say unix:PATH, the PATH of the server's --source unix:PATH";

/// The options, as clap parses them.
#[derive(Args, Clone, Debug)]
pub(super) struct FeedOptions {
    /// The Unix socket that a ws-server reads with --source unix:PATH
    #[arg(long, value_name = "unix:PATH")]
    to: Option<To>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    command: CommandOptions,
}

/// The options, checked.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) to: To,
    pub(super) command: CommandOptions,
}

impl Config {
    /// Checks the options.
    ///
    /// # Errors
    /// The first wrong one, by its flag.
    pub(super) fn check(options: FeedOptions) -> Result<Self, DaemonError> {
        let FeedOptions { to, command, common } = options;
        if let Some(pid) = common.reload {
            let what = "datecast feed reads its options once; restart it";
            return Err(DaemonError::option("reload", pid, what));
        }
        command.check()?;
        let Some(to) = to else {
            return Err(DaemonError::new(Exit::Usage, format!("--to is missing: {SAY}")));
        };
        // A check of the configuration says nothing about the input of a later start.
        let is_started = !common.check && !common.print_config;
        if is_started && !command.is_given() && !input::has_lines() {
            let what = "no command stands behind `--`, and standard input is no pipe and no file: nothing would be fed; say \
                        -- vmstat 1, or pipe lines into it";
            return Err(DaemonError::new(Exit::Usage, what));
        }
        Ok(Self { to, command })
    }
}

impl CommandFactory for FeedOptions {
    fn command() -> Command {
        let command = Self::augment_args(Command::new("datecast feed").version(env!("CARGO_PKG_VERSION")));
        command
            .about(ABOUT)
            .long_about(LONG_ABOUT)
            .mut_arg("command", |arg| arg.help("A command whose lines are fed, and its arguments"))
            .mut_arg("metrics", |arg| arg.hide(true))
            .mut_arg("workers", |arg| arg.hide(true))
            .mut_arg("reload", |arg| arg.hide(true))
    }

    fn command_for_update() -> Command {
        Self::command()
    }
}

impl Parser for FeedOptions {}

impl daemon::Options for FeedOptions {
    fn without_effect(&self) -> Vec<(&'static str, String)> {
        let mut idle = self.command.without_effect();
        idle.extend(["metrics", "workers"].map(|name| (name, "datecast feed serves nobody".to_owned())));
        idle
    }
}

/// The producers' socket of a server; clones share the path.
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
            Some(("tcp" | "http" | "https" | "ws" | "wss", _)) => Err(format!(
                "{SAY}; to another machine, lines go by HTTP: CMD | curl -T - URL, where --source http reads"
            )),
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
            ("lines", SAY),
            ("tcp:127.0.0.1:1", "curl -T -"),
            ("http://a/", "--source http"),
            (&format!("unix:/{}", "a".repeat(107)), "107 bytes"),
        ] {
            assert!(parsed(text).unwrap_err().contains(part), "{text}");
        }
    }
}
