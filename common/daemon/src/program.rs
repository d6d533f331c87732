//! By what name a daemon was started, and with what words.

use std::ffi::OsString;

/// The command line of a daemon, and how its environment variables begin.
#[derive(Clone, Debug)]
pub struct Program {
    /// Begins the name of each environment variable that sets an option: `DATECAST_WS_`.
    pub env_prefix: &'static str,
    /// The command line, with the program's name first.
    pub args: Vec<OsString>,
}
