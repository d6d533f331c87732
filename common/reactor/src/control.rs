//! What the workers of one process share: the stop, the counters, the statistics and the evictions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::evictable::{Evictable, Room};
use super::mail::Waker;
use super::{Counters, Mailboxes, Stats, Stop, Token};

/// Stops and wakes the workers of one process, and shows what they count; clones share one state.
#[derive(Clone)]
pub struct Control(Arc<Process>);

struct Process {
    state: AtomicU8,
    counters: Counters,
    stats: Box<[Stats]>,
    evictable: Evictable,
    evictions: Mailboxes<EvictionMail>,
}

/// What a newcomer on another worker costs this one.
#[derive(Clone, Copy, Debug)]
pub(super) enum EvictionMail {
    /// This connection, whose place at its address the newcomer has.
    OfPlace(Token),
    /// The connection that makes room here.
    For(Room),
    /// Nothing yet, but an address is short of places: those that wait here have to be candidates.
    Candidates,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("state", &self.0.state).finish_non_exhaustive()
    }
}

const RUNNING: u8 = 0;
const STOPS: [Stop; 5] =
    [Stop::Shutdown, Stop::Restart, Stop::HandOver, Stop::Finished, Stop::FinishedForStop];
const AT_ONCE: u8 = u8::MAX;

/// `Process::state` while this stop is in force.
const fn state(stop: Stop) -> u8 {
    stop as u8 + 1
}

impl Control {
    pub(super) fn new(wakers: &[Waker]) -> Self {
        Self(Arc::new(Process {
            state: AtomicU8::new(RUNNING),
            counters: Counters::default(),
            stats: wakers.iter().map(|_| Stats::default()).collect(),
            evictable: Evictable::new(wakers.len()),
            evictions: Mailboxes::new(wakers),
        }))
    }

    /// The counters that all workers share; each is exact at any moment.
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// The statistics of each worker, by its number.
    pub fn stats(&self) -> &[Stats] {
        &self.0.stats
    }

    /// Asks every worker for the numbers that it does not keep all the time; [`Stats::has_answered`] says when they have
    /// come.
    pub fn ask(&self) {
        self.stats().iter().for_each(Stats::ask);
        self.wake();
    }

    /// Wakes every worker out of its poll, so that each has another turn.
    pub fn wake(&self) {
        self.0.evictions.wake_all();
    }

    /// Asks every worker to stop: to close politely, within the drain timeout. A second call makes them stop at once.
    pub fn stop(&self, stop: Stop) {
        let replace = |known| {
            self.0.state.compare_exchange(known, state(stop), Ordering::AcqRel, Ordering::Acquire).is_ok()
        };
        let is_wish = !matches!(stop, Stop::Finished | Stop::FinishedForStop);
        // Delivering the rest of a finished source may take long: the first stop after it is still a polite one.
        if !replace(RUNNING) && is_wish && !replace(state(Stop::Finished)) {
            self.0.state.store(AT_ONCE, Ordering::Release);
        }
        self.wake();
    }

    /// True from the first [`Self::stop`] or a worker's fault on.
    pub fn is_stopping(&self) -> bool {
        self.0.state.load(Ordering::Acquire) != RUNNING
    }

    /// Makes every worker close its connections in its next turn, without a drain.
    pub(super) fn stop_at_once(&self) {
        self.0.state.store(AT_ONCE, Ordering::Release);
        self.wake();
    }

    /// The stop in force; `None` while the daemon runs, and once it stops at once.
    pub fn stopping(&self) -> Option<Stop> {
        let now = self.0.state.load(Ordering::Acquire);
        STOPS.into_iter().find(|stop| state(*stop) == now)
    }

    /// True after a second stop, or a worker's fault.
    pub(super) fn at_once(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == AT_ONCE
    }

    /// How many connections of each worker may make room.
    pub(super) fn evictable(&self) -> &Evictable {
        &self.0.evictable
    }

    /// Mail about connections that have to go for a newcomer on another worker: their own worker closes them.
    pub(super) fn evictions(&self) -> &Mailboxes<EvictionMail> {
        &self.0.evictions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_stop_is_at_once_but_the_end_of_the_source_is_not() {
        let control = Control::new(&[]);
        assert_eq!((control.stopping(), control.is_stopping()), (None, false));
        control.stop(Stop::Restart);
        assert!(control.is_stopping());
        control.stop(Stop::Finished);
        control.stop(Stop::FinishedForStop);
        assert_eq!(control.stopping(), Some(Stop::Restart));
        control.stop(Stop::Shutdown);
        assert!(control.at_once());
    }

    #[test]
    fn a_second_stop_is_at_once_where_the_source_was_ended_for_the_first() {
        let control = Control::new(&[]);
        control.stop(Stop::FinishedForStop);
        assert_eq!(control.stopping(), Some(Stop::FinishedForStop));
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
