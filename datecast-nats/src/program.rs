//! How each command is started.

use std::ffi::OsString;

use daemon::Program;

/// The beginning of the names of the environment variables.
pub const ENV_PREFIX: &str = "DATECAST_NATS_";

/// A command with its own command line, which begins with the name in its usage.
pub(crate) fn program(args: Vec<OsString>) -> Program {
    Program { env_prefix: ENV_PREFIX, args }
}
