//! What one process's workers have together, and the stop of the whole daemon.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::mail::Waker;
use super::{Counters, Mailboxes, Stats, Stop, Token};

/// Stops the daemon, and knows how it is; clones control the same one.
#[derive(Clone)]
pub struct Control(Arc<Process>);

struct Process {
    state: AtomicU8,
    counters: Counters,
    stats: Box<[Stats]>,
    evictions: Mailboxes<Token>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("state", &self.0.state).finish_non_exhaustive()
    }
}

const RUNNING: u8 = 0;
const STOPS: [Stop; 4] = [Stop::Shutdown, Stop::Restart, Stop::HandOver, Stop::Finished];
const AT_ONCE: u8 = u8::MAX;

/// The state from the first stop on.
const fn state(stop: Stop) -> u8 {
    stop as u8 + 1
}

impl Control {
    pub(super) fn new(wakers: &[Waker]) -> Self {
        Self(Arc::new(Process {
            state: AtomicU8::new(RUNNING),
            counters: Counters::default(),
            stats: wakers.iter().map(|_| Stats::default()).collect(),
            evictions: Mailboxes::new(wakers),
        }))
    }

    /// The process-wide counters.
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// What each worker publishes about itself.
    pub fn stats(&self) -> &[Stats] {
        &self.0.stats
    }

    /// Asks every worker for the numbers that it does not keep all the time; [`Stats::has_answered`] says when they are
    /// there.
    pub fn ask(&self) {
        self.stats().iter().for_each(Stats::ask);
        self.wake();
    }

    /// Wakes every worker out of its sleep.
    pub fn wake(&self) {
        self.0.evictions.wake();
    }

    /// Asks every worker to stop: to close politely, within the drain timeout. A second call makes them stop at once.
    pub fn stop(&self, stop: Stop) {
        let replace = |known| {
            self.0.state.compare_exchange(known, state(stop), Ordering::AcqRel, Ordering::Acquire).is_ok()
        };
        // The workers may take long to deliver what a source that has ended left: a stop meanwhile is as polite as ever.
        if !replace(RUNNING) && stop != Stop::Finished && !replace(state(Stop::Finished)) {
            self.0.state.store(AT_ONCE, Ordering::Release);
        }
        self.wake();
    }

    /// True since the first [`Self::stop`].
    pub fn is_stopping(&self) -> bool {
        self.0.state.load(Ordering::Acquire) != RUNNING
    }

    /// Stops every worker now, whatever is open.
    pub(super) fn stop_at_once(&self) {
        self.0.state.store(AT_ONCE, Ordering::Release);
        self.wake();
    }

    /// What the first stop asked for, until a second one comes.
    pub(super) fn stopping(&self) -> Option<Stop> {
        let now = self.0.state.load(Ordering::Acquire);
        STOPS.into_iter().find(|stop| state(*stop) == now)
    }

    /// True after a second stop.
    pub(super) fn at_once(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == AT_ONCE
    }

    /// Connections whose place at their address a newcomer on another worker took: their own worker closes them.
    pub(super) fn evictions(&self) -> &Mailboxes<Token> {
        &self.0.evictions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_stop_is_at_once_but_the_end_of_the_source_is_not() {
        let control = Control::new(&[]);
        assert_eq!(control.stopping(), None);
        control.stop(Stop::Restart);
        control.stop(Stop::Finished);
        assert_eq!(control.stopping(), Some(Stop::Restart));
        control.stop(Stop::Shutdown);
        assert!(control.at_once());
    }

    #[test]
    fn a_stop_after_the_end_of_the_source_is_not_at_once() {
        let control = Control::new(&[]);
        control.stop(Stop::Finished);
        control.stop(Stop::Shutdown);
        assert_eq!(control.stopping(), Some(Stop::Shutdown));
        control.stop(Stop::Shutdown);
        assert!(control.at_once());
    }
}
