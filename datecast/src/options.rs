//! The command line: ws-server's options under the same names, those of the site, and what is the command's own.

use clap::{Args, Command, CommandFactory, Parser, builder::ArgPredicate};
use static_server::{KeepAlive, SiteOptions};

use crate::{address, command::CommandOptions, input};

/// Lines that it keeps: people look back, and pipe in files that are over already.
pub(crate) const HISTORY: usize = 100_000;
/// Room for so many lines of usual length.
const MAX_BACKLOG: &str = "64MiB";

/// What `--help` begins with.
const ABOUT: &str = "Pipe lines in, every browser sees them: vmstat 1 | datecast";
const LONG_ABOUT: &str = "Pipe lines in, every browser sees them: `vmstat 1 | datecast`, or `datecast -- vmstat 1`.\n\n\
    It prints the URL of a page that shows the lines, or without lines the clock, to the browsers of this machine; \
    `curl -N http://localhost:8080/stream` has them, too. `datecast ws-server`, `datecast static-server` and `datecast policy-server` are the \
    three daemons; `datecast feed` writes the lines of a command to a ws-server.";

/// The command's options, as clap parses them.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) command: CommandOptions,
    #[command(flatten)]
    pub(crate) stream: ws_server::Config,
    #[command(flatten)]
    pub(crate) site: SiteOptions,
    #[command(flatten)]
    pub(crate) keep_alive: KeepAlive,
}

impl CommandFactory for Options {
    fn command() -> Command {
        let command = Self::augment_args(Command::new("datecast").version(env!("CARGO_PKG_VERSION")));
        let command = command.about(ABOUT).long_about(LONG_ABOUT);
        let source = if input::has_lines() { "-" } else { "clock" };
        of_private_server(command)
            .mut_arg("listen", |arg| {
                arg.default_value(None).help(
                    "Where to listen: `localhost:PORT`, `[::]:PORT` (for other machines, too), `HOST:PORT` or `unix:PATH` \
                     (repeatable) [default: localhost, port 8080 or the next free one]",
                )
            })
            .mut_arg("source", |arg| {
                arg.default_value(source).hide_default_value(true).help(
                    "Where the messages come from: clock, - (standard input), fifo:PATH, unix:PATH or http (POST and PUT to \
                     /stream) [default: the command if there is one, or standard input if it is a pipe, a socket or a file, else the clock]",
                )
                // Its output takes the place of standard input.
                .default_value_if("command", ArgPredicate::IsPresent, "-")
            })
            .mut_arg("at_eof", |arg| {
                arg.default_value("keep").help(
                    "When standard input or the command ends: keep (what there is can be read on) or exit (clients get everything, \
                     then Close 1000; the exit code is 0, or the command's)",
                )
            })
            .mut_arg("history", |arg| {
                arg.help(format!(
                    "Messages that are repeated for a client that resumes or looks back, as far as --max-backlog has room for them \
                     [default: {HISTORY} if ordered, else 0]"
                ))
            })
            .mut_arg("max_backlog", |arg| arg.default_value(MAX_BACKLOG))
            .mut_arg("log_level", |arg| arg.default_value("warn"))
            .mut_arg("hand_over", |arg| arg.hide(true))
    }

    fn command_for_update() -> Command {
        Self::command()
    }
}

/// The options that widen what a public server's narrow.
fn of_private_server(command: Command) -> Command {
    command
        .mut_arg("allow_origin", |arg| {
            arg.help(
                "Origin of another page that may read, such as `https://example.org` (repeatable) [default: its own pages alone]",
            )
        })
        .mut_arg("host", |arg| {
            arg.help(
                "Host under which it is served: example.org (with any port) or example.org:8080; another one gets 403 (repeatable) \
                 [default: localhost, 127.0.0.1 and [::1] on a loopback address, which always count there; any on others]",
            )
        })
        .mut_arg("policy", |arg| {
            arg.help(
                "What a Flash policy request gets: DOMAIN:PORTS (repeatable), or off [default: localhost, 127.0.0.1 and the hosts \
                 of --host and --allow-origin, to this port]",
            )
        })
}

impl Parser for Options {}

impl daemon::Options for Options {
    fn defaults(&self) -> Vec<(&'static str, String)> {
        let mut defaults = self.stream.clone().keeping(HISTORY).defaults();
        defaults.push(("listen", address::DEFAULT.to_owned()));
        defaults
    }

    fn without_effect(&self) -> Vec<(&'static str, String)> {
        [self.command.without_effect(), self.stream.without_effect(), self.site.without_effect()].concat()
    }
}
