//! TERM, INT and HUP: the input ends, and what was read has some time to be acknowledged.

use std::{future::Future, pin::pin, time::Duration};

use daemon::DaemonError;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep_until},
};

/// Hears of a stop.
#[derive(Debug)]
pub(super) struct Stop {
    signals: [Signal; 3],
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
        let signals =
            [catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?, catch(SignalKind::hangup())?];
        Ok(Self { signals, timeout, deadline: None })
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
        let [term, int, hup] = &mut self.signals;
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            _ = hup.recv() => {}
        }
    }
}
