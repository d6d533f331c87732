//! TERM, INT and HUP: the input ends, and what was read has some time to be acknowledged.

use std::{future::Future, pin::pin, time::Duration};

use daemon::{DaemonError, is_hangup_ignored};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep_until},
};

/// Hears of a stop.
#[derive(Debug)]
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    /// `None` under `nohup`.
    hangup: Option<Signal>,
    timeout: Duration,
    /// What was read is acknowledged by then, or said not to be.
    deadline: Option<Instant>,
}

impl Stop {
    /// Takes over the signals.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn catch(timeout: Duration) -> Result<Self, DaemonError> {
        let catch =
            |kind| signal(kind).map_err(|error| DaemonError::system("taking over the signals", &error));
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            hangup: if is_hangup_ignored() { None } else { Some(catch(SignalKind::hangup())?) },
            timeout,
            deadline: None,
        })
    }

    /// True since the first signal.
    pub(super) fn is_asked(&self) -> bool {
        self.deadline.is_some()
    }

    /// Waits for the first signal.
    pub(super) async fn asked(&mut self) {
        self.signal().await;
        self.deadline = Some(Instant::now() + self.timeout);
    }

    /// Waits for `future`, or until the time after the first signal is over: then nothing. A second signal ends that time at once.
    pub(super) async fn bound<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        loop {
            let Some(deadline) = self.deadline else {
                tokio::select! {
                    biased;
                    value = &mut future => return Some(value),
                    () = self.asked() => continue,
                }
            };
            tokio::select! {
                biased;
                value = &mut future => return Some(value),
                () = sleep_until(deadline) => return None,
                () = self.signal() => return None,
            }
        }
    }

    async fn signal(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = hangup => {}
        }
    }
}
