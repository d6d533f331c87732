//! `datecast-nats follow`: the lines of a stream into the producers' socket of a ws-server.

mod options;

use std::{ffi::OsString, process::ExitCode};

use clap::Command;
use daemon::{DaemonError, Exit, Reload};

use crate::program::{ENV_PREFIX, program};

use self::options::FollowOptions;

/// The command line, for help, manual pages and completions.
pub(crate) fn command() -> Command {
    daemon::command::<FollowOptions>(ENV_PREFIX).name("follow")
}

/// The whole command, from its command line to its exit code.
pub(crate) fn main(args: Vec<OsString>) -> ExitCode {
    let serve = |_: FollowOptions, _: Reload<FollowOptions>| {
        Err(DaemonError::new(Exit::Software, "follow is not built yet"))
    };
    daemon::main::<FollowOptions, FollowOptions>(&program(args), Ok, serve)
}
