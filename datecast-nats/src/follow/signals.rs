//! The signals: TERM, INT, QUIT and HUP stop, USR1 logs a line.

use daemon::{DaemonError, is_hangup_ignored};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Stop,
    /// To log the status.
    Status,
}

/// The signals are caught as long as the process runs.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    /// `None` under `nohup`.
    hangup: Option<Signal>,
    user: Signal,
}

impl Signals {
    /// Catches the signals from now on.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn catch() -> Result<Self, DaemonError> {
        let catch =
            |kind| signal(kind).map_err(|error| DaemonError::system("taking over the signals", &error));
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            quit: catch(SignalKind::quit())?,
            hangup: if is_hangup_ignored() { None } else { Some(catch(SignalKind::hangup())?) },
            user: catch(SignalKind::user_defined1())?,
        })
    }

    /// The next wish. It loses none where it is given up.
    pub(super) async fn next(&mut self) -> Wish {
        let Self { terminate, interrupt, quit, hangup, user } = self;
        let hangup = async {
            match hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => Wish::Stop,
            _ = interrupt.recv() => Wish::Stop,
            _ = quit.recv() => Wish::Stop,
            _ = hangup => Wish::Stop,
            _ = user.recv() => Wish::Status,
        }
    }
}
