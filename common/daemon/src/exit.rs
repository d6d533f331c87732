//! How a daemon ends: the exit codes of `sysexits.h`, and the one-line message that goes with each.

use std::{fmt, process::ExitCode};

/// Why a daemon ends other than by a clean stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 64: the command line is wrong.
    Usage,
    /// 66: an input file is not there or cannot be read.
    NoInput,
    /// 69: an address cannot be bound.
    Unavailable,
    /// 70: a fault of our own.
    Software,
    /// 71: the system refused something (descriptors, threads).
    System,
    /// 77: the permission is missing.
    Permission,
    /// 78: the configuration is wrong: file, environment, or inherited sockets.
    Config,
}

impl Exit {
    /// The number that the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::Software => 70,
            Self::System => 71,
            Self::Permission => 77,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A daemon cannot start, or cannot go on: the exit code, and one line for the operator that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonError {
    /// What the process exits with.
    pub exit: Exit,
    /// One line, without the daemon's name.
    pub message: String,
}

impl DaemonError {
    /// A failure with this exit code and message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A wrong value of an option: names the flag and the value, and says what to do.
    pub fn option(flag: &str, value: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self::new(Exit::Config, format!("--{flag} {value}: {what}"))
    }

    /// The system refused something.
    pub fn system(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(Exit::System, format!("{what}: {error}"))
    }
}

impl fmt::Display for DaemonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DaemonError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_option_names_the_flag_and_the_value() {
        let failure = DaemonError::option("interval", "-1s", "must not be negative");
        assert_eq!(failure.to_string(), "--interval -1s: must not be negative");
        assert_eq!(failure.exit.code(), 78);
    }
}
