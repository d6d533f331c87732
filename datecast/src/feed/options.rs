//! The command line of `datecast feed`.

use clap::{Args, Command, CommandFactory, Parser};
use daemon::{Common, DaemonError, Exit, ProducersSocket};

use crate::{command::CommandOptions, input};

const ABOUT: &str =
    "Writes the lines of a command to a ws-server: datecast feed --to unix:/run/lines -- vmstat 1";
const LONG_ABOUT: &str = "Writes the lines of a command, or of standard input, to the producers' socket of a ws-server: \
    `datecast feed --to unix:/run/lines -- vmstat 1`, or `vmstat 1 | datecast feed --to unix:/run/lines`.\n\n\
    The server is `ws-server --source unix:/run/lines`. While it is not there, the command waits and no line is lost; over its restart \
    with --hand-over on, the connection stays.";

/// The options, as clap parses them.
#[derive(Args, Clone, Debug)]
pub(crate) struct FeedOptions {
    /// The Unix socket that a ws-server reads with --source unix:PATH
    #[arg(long, value_name = "unix:PATH", value_parser = producers_socket)]
    to: Option<ProducersSocket>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    command: CommandOptions,
}

/// The options, checked.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) to: ProducersSocket,
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
            return Err(DaemonError::new(Exit::Usage, format!("--to is missing: {}", ProducersSocket::SAY)));
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

/// Reads the value of `--to`.
fn producers_socket(text: &str) -> Result<ProducersSocket, String> {
    text.parse().map_err(|why| match text.split_once(':') {
        Some(("tcp" | "http" | "https" | "ws" | "wss", _)) => {
            format!(
                "{why}; to another machine, lines go by HTTP: CMD | curl -T - URL, where --source http reads"
            )
        }
        _ => why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_an_address_is_told_of_the_way_over_http() {
        assert!(producers_socket("unix:/run/lines").is_ok());
        for (text, is_told) in [("tcp:127.0.0.1:1", true), ("http://a/", true), ("lines", false)] {
            let why = producers_socket(text).unwrap_err();
            assert!(
                why.starts_with(ProducersSocket::SAY) && why.contains("curl -T -") == is_told,
                "{text}: {why}"
            );
        }
    }
}
