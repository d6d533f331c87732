//! The signals that ask us to stop, as readiness of a descriptor.

use std::{
    io::{self, Read as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag, low_level,
};

/// How strong the wish to stop is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wish {
    /// To go on.
    #[default]
    None,
    /// The command is to end, and its last lines are to be written.
    Stop,
    /// A second signal: nothing is waited for.
    AtOnce,
}

/// The signals are caught as long as the process runs.
#[derive(Debug)]
pub(super) struct Signals {
    read: UnixStream,
    asked: Arc<AtomicBool>,
    hung_up: Arc<AtomicBool>,
    wish: Wish,
}

impl Signals {
    /// Catches the signals from now on: before anything is started that is to be ended in order.
    ///
    /// # Errors
    /// The system refuses a handler or the pipe.
    pub(super) fn catch() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        let (asked, hung_up) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
        let is_hangup_ignored = daemon::is_hangup_ignored();
        for signal in [SIGTERM, SIGINT, SIGQUIT, SIGHUP] {
            let raised = match signal {
                SIGHUP if is_hangup_ignored => continue,
                SIGHUP => &hung_up,
                _ => &asked,
            };
            // In this order, the flag is set before the byte arrives.
            flag::register(signal, Arc::clone(raised))?;
            low_level::pipe::register(signal, write.try_clone()?)?;
        }
        Ok(Self { read, asked, hung_up, wish: Wish::None })
    }

    /// The wish in force, after all signals that have come.
    pub(super) fn wish(&mut self) -> Wish {
        let mut bytes = [0; 64];
        while matches!(self.read.read(&mut bytes), Ok(read) if read == bytes.len()) {}
        if self.asked.swap(false, Ordering::AcqRel) {
            self.wish = if self.wish == Wish::None { Wish::Stop } else { Wish::AtOnce };
        }
        // Both the shell and the kernel send one when a terminal closes: the second is no stronger wish.
        if self.hung_up.swap(false, Ordering::AcqRel) {
            self.wish = self.wish.max(Wish::Stop);
        }
        self.wish
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}
