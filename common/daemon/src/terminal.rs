//! The terminal that a person has started us from: when its window is closed, `SIGHUP` means the end, as for any program.

use std::{fs, mem};

use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
};

/// Bit of `SIGHUP` in the masks of `/proc/self/status`.
const HANGUP: u64 = 1;

/// What was known of the terminal at the start.
#[derive(Debug)]
pub(super) struct Terminal {
    /// There was one, and its end was not to be ignored, as `nohup` asks.
    is_followed: bool,
    has_ended_us: bool,
}

impl Terminal {
    /// Looks for a terminal; to be called before `SIGHUP` gets a handler.
    pub(super) fn look() -> Self {
        Self { is_followed: is_there() && !is_hangup_ignored(), has_ended_us: false }
    }

    /// True if it was there and has gone.
    pub(super) fn is_gone(&self) -> bool {
        self.is_followed && !is_there()
    }

    /// True at the first call: both the shell and the kernel send a signal, and the second is no wish to stop at once.
    pub(super) fn ends_us(&mut self) -> bool {
        !mem::replace(&mut self.has_ended_us, true)
    }
}

/// Whether our session has a terminal. A shortage of the system counts as one.
fn is_there() -> bool {
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    !matches!(open("/dev/tty", flags, Mode::empty()), Err(Errno::NXIO | Errno::NOENT | Errno::IO))
}

/// True if our parent wants `SIGHUP` to be ignored, as `nohup` does; to be asked before the signal gets a handler.
pub fn is_hangup_ignored() -> bool {
    ignores_hangup(&fs::read_to_string("/proc/self/status").unwrap_or_default())
}

/// Whether the process ignores `SIGHUP`, by its `/proc/PID/status`.
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & HANGUP != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_hangup_is_found_in_the_status() {
        for (status, ignored) in [
            ("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n", false),
            ("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0", true),
            ("SigIgn:\tnone\n", false),
            ("", false),
        ] {
            assert_eq!(ignores_hangup(status), ignored, "{status:?}");
        }
    }
}
