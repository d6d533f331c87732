//! How each command is started.

use std::ffi::OsString;

use daemon::Program;

/// The beginning of the names of the environment variables.
pub const ENV_PREFIX: &str = "DATECAST_NATS_";

/// The options that not every command has. The file and the environment are the same for all of them.
pub(crate) const ELSEWHERE: [&str; 14] = [
    "duplicate-window",
    "history",
    "in-flight",
    "max-age",
    "max-bytes",
    "max-messages",
    "mirror",
    "mirror-domain",
    "print-ids",
    "replicas",
    "stop-timeout",
    "subject",
    "to",
    "update",
];

/// A command with its own command line, which begins with the name in its usage.
pub(crate) fn program(args: Vec<OsString>) -> Program {
    Program { env_prefix: ENV_PREFIX, args }
}
