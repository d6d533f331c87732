//! `datecast feed --to unix:PATH -- CMD…`: writes the lines of a command, or of standard input, to the producers' socket of a
//! ws-server, and outlives that server.
//!
//! ```text
//!  vmstat 1 ═ pty ═▶ command/ ── pipe ──▶ Feeder ── Outgoing ──▶ Connection ── unix:PATH ──▶ ws-server --source unix:PATH
//!  standard input ──────────────────────▶   ▲                      │  ▲
//!                            TERM, INT, HUP ┘                      └──┘ tried again after 100 ms … 5 s
//! ```
//!
//! What a crash of the server costs, line by line:
//!
//! | a line that | comes |
//! |---|---|
//! | the server has read | once |
//! | waited in the socket, unread | not at all; the log says so |
//! | was cut, the rest still to be written | once: it is written again from its beginning, and the server publishes no half line |
//! | was not written yet | once |
//!
//! So each line comes at most once, and halves of two lines are never glued together. Over a restart with a hand-over the connection
//! stays, and nothing is lost.

mod connection;
mod feeder;
mod options;
mod outgoing;
mod report;
mod signals;

use std::{
    ffi::OsString,
    io,
    os::fd::{AsFd as _, OwnedFd},
    process::ExitCode,
};

use daemon::{DaemonError, Exit, Program, Reload, unix_socket};

use self::{connection::Connection, feeder::Feeder, options::Config, report::Report, signals::Signals};
use crate::command::{self, Command};

pub(crate) use self::options::FeedOptions;

/// The beginning of the names of the environment variables.
pub const ENV_PREFIX: &str = "DATECAST_FEED_";

/// The whole program, from its command line, with the program's name first, to its exit code.
pub(crate) fn main(args: Vec<OsString>) -> ExitCode {
    let program = Program { env_prefix: ENV_PREFIX, args: command::complete(args) };
    let mut code = None;
    let feed = |config, _: Reload<Config>| feed(&config, &mut code);
    let ended = daemon::main::<FeedOptions, Config>(&program, Config::check, feed);
    code.map_or(ended, ExitCode::from)
}

/// The command line, for manual pages and completions.
pub fn command() -> clap::Command {
    daemon::command::<FeedOptions>(ENV_PREFIX)
}

/// Feeds until the input has ended or we are stopped. `code` becomes the exit code of the command, if one says how we end.
fn feed(config: &Config, code: &mut Option<u8>) -> Result<(), DaemonError> {
    refuse_no_socket(config)?;
    let signals = Signals::catch().map_err(|error| DaemonError::system("taking over the signals", &error))?;
    let report = Report::default();
    let (command, input) = open_input(config, &report, code)?;
    let end_command = command.as_ref().map(Command::ender);
    let connection = Connection::new(config.to.clone(), command.is_some());
    let fed = Feeder::new(input, connection, signals, report, end_command).run();
    *code = command.and_then(Command::end);
    fed
}

/// Starts the command, or takes standard input; lines come from the descriptor.
fn open_input(
    config: &Config,
    report: &Report,
    code: &mut Option<u8>,
) -> Result<(Option<Command>, OwnedFd), DaemonError> {
    if let Some((prepared, lines)) = command::prepare(&config.command)? {
        let command = prepared.start(report.teller()).map_err(|failure| {
            *code = Some(failure.code);
            DaemonError::new(Exit::NoInput, failure.message)
        })?;
        return Ok((Some(command), lines.into()));
    }
    let stdin = io::stdin().as_fd().try_clone_to_owned();
    Ok((None, stdin.map_err(|error| DaemonError::system("reading standard input", &error))?))
}

/// Refuses a path at which something else than a socket is: no server will come there.
fn refuse_no_socket(config: &Config) -> Result<(), DaemonError> {
    let path = config.to.path();
    if path.symlink_metadata().is_ok_and(|it| !it.is_symlink()) && !unix_socket::is_socket(path) {
        let what = "this is no socket; say the PATH of the server's --source unix:PATH";
        return Err(DaemonError::new(Exit::Unavailable, format!("--to {}: {what}", config.to)));
    }
    Ok(())
}
