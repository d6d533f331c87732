//! How a daemon ends: an exit code of `sysexits.h`, and one line that says why.

use std::{fmt, process::ExitCode};

use rustix::io::Errno;

use crate::open_files;

/// Why a daemon ends other than by a clean stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The command line is wrong (`EX_USAGE`).
    Usage = 64,
    /// The input is not what it should be (`EX_DATAERR`).
    Data = 65,
    /// An input file is missing or unreadable (`EX_NOINPUT`).
    NoInput = 66,
    /// The daemon cannot bind an address, mostly because another one has it (`EX_UNAVAILABLE`).
    Unavailable = 69,
    /// The daemon has a bug (`EX_SOFTWARE`).
    Software = 70,
    /// The system refused a resource, such as descriptors or threads (`EX_OSERR`).
    System = 71,
    /// The user lacks a permission (`EX_NOPERM`).
    Permission = 77,
    /// The configuration is wrong: file, environment, or inherited sockets (`EX_CONFIG`).
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The reason why a daemon cannot start or go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DaemonError {
    /// The process ends with this code.
    pub exit: Exit,
    /// One line that tells the operator what to do, without the daemon's name.
    pub message: String,
}

impl DaemonError {
    /// Makes an error of this exit code and message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// Makes the error for a wrong value of an option ([`Exit::Config`]); `what` says which values are right.
    pub fn option(flag: &str, value: impl fmt::Display, what: impl fmt::Display) -> Self {
        let value = value.to_string();
        let value = if value.is_empty() { "''" } else { &value };
        Self::new(Exit::Config, format!("--{flag} {value}: {what}"))
    }

    /// Makes the error for a call that the system refused ([`Exit::System`]); `what` names what the daemon was doing.
    pub fn system(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(Exit::System, format!("{what}: {error}{}", limit(error)))
    }
}

/// True if the system lacks descriptors, memory or threads: neither the configuration nor we are wrong.
pub fn is_shortage(error: &std::io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(
        errno,
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN | Errno::NOSPC | Errno::NOBUFS)
    )
}

/// Names the limit that made the system refuse a call; nothing for any other error.
pub(crate) fn limit(error: &std::io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => format!(
            " (the limit is {} open files: `ulimit -n`, or `LimitNOFILE=` of the unit)",
            open_files::limit()
        ),
        Some(Errno::NFILE) => " (the limit of the whole machine: `sysctl fs.file-max`)".to_owned(),
        Some(Errno::NOSPC) => " (the limit of epoll: `sysctl fs.epoll.max_user_watches`)".to_owned(),
        Some(Errno::AGAIN) => " (the limit of threads: `ulimit -u`, or `TasksMax=` of the unit)".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_the_system_is_named() {
        for (errno, words) in [
            (Errno::MFILE, "LimitNOFILE="),
            (Errno::NFILE, "fs.file-max"),
            (Errno::NOSPC, "fs.epoll.max_user_watches"),
            (Errno::AGAIN, "TasksMax="),
        ] {
            let failure = DaemonError::system("starting", &errno.into());
            assert!(failure.message.contains(words), "{failure}");
        }
        assert_eq!(DaemonError::system("starting", &Errno::NOENT.into()).message.matches('(').count(), 1);
    }

    #[test]
    fn a_lack_is_of_the_system_and_nothing_else_is() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN, Errno::NOSPC, Errno::NOBUFS] {
            assert!(is_shortage(&errno.into()), "{errno}");
        }
        for error in [Errno::NOENT.into(), Errno::ACCESS.into(), std::io::Error::other("a worker panicked")] {
            assert!(!is_shortage(&error), "{error}");
        }
    }

    #[test]
    fn a_wrong_option_names_the_flag_and_the_value() {
        let failure = DaemonError::option("interval", "-1s", "must not be negative");
        assert_eq!(failure.to_string(), "--interval -1s: must not be negative");
        assert_eq!(failure.exit as u8, 78);
    }
}
