//! How a command has ended: in a sentence for people, and as our own exit code.

use nix::sys::signal::Signal;
use rustix::process::WaitIdStatus;

/// How one run of the command is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It has ended by itself, with this exit code.
    Exited(i32),
    /// A signal has ended it.
    Killed(i32),
    /// It never ran; the reason, and the code that a shell would give.
    NotStarted { why: String, code: u8 },
}

impl Ended {
    /// From what `waitid` says of a process that has ended.
    pub(super) fn from_status(status: &WaitIdStatus) -> Self {
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Killed(signal),
            // Every status of a process that has ended is one of the two.
            (None, None) => Self::Exited(0),
        }
    }

    /// The exit code by which a shell says the same: that of the command, or 128 and the number of the signal.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Exited(code) => u8::try_from(*code).unwrap_or(u8::MAX),
            Self::Killed(signal) => u8::try_from(signal.saturating_add(128)).unwrap_or(u8::MAX),
            Self::NotStarted { code, .. } => *code,
        }
    }

    /// A sentence about the command of this name, without a full stop.
    pub(super) fn sentence(&self, name: &str) -> String {
        match self {
            Self::Exited(code) => format!("{name} ended: exit code {code}"),
            Self::Killed(signal) => format!("{name} was killed by {}", signal_name(*signal)),
            Self::NotStarted { why, .. } => format!("{name} could not be started: {why}"),
        }
    }
}

/// `signal 9 (SIGKILL)`; a real-time signal has no name.
pub(super) fn signal_name(signal: i32) -> String {
    match Signal::try_from(signal) {
        Ok(name) => format!("signal {signal} ({})", name.as_str()),
        Err(_) => format!("signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_sentence_and_its_code() {
        let not_started = |code| Ended::NotStarted { why: "no such program".to_owned(), code };
        for (ended, sentence, code) in [
            (Ended::Exited(0), "vmstat ended: exit code 0", 0),
            (Ended::Exited(3), "vmstat ended: exit code 3", 3),
            (Ended::Exited(255), "vmstat ended: exit code 255", 255),
            (Ended::Killed(9), "vmstat was killed by signal 9 (SIGKILL)", 137),
            (Ended::Killed(15), "vmstat was killed by signal 15 (SIGTERM)", 143),
            (Ended::Killed(34), "vmstat was killed by signal 34", 162),
            (not_started(126), "vmstat could not be started: no such program", 126),
            (not_started(127), "vmstat could not be started: no such program", 127),
        ] {
            assert_eq!((ended.sentence("vmstat").as_str(), ended.code()), (sentence, code), "{ended:?}");
        }
    }
}
