//! What threads say to workers: mail for the handlers, and the stop of the whole daemon.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Counters, Stats, Stop};

/// Wakes one worker out of its poll.
pub(super) type Waker = Arc<dyn Fn() + Send + Sync>;

struct Mailbox<M> {
    mail: Mutex<VecDeque<M>>,
    /// Mail that was sent and not handled yet.
    waiting: AtomicUsize,
    waker: Waker,
}

/// One mailbox per worker; clones share them.
pub struct Mailboxes<M> {
    boxes: Arc<[Mailbox<M>]>,
}

impl<M> Clone for Mailboxes<M> {
    fn clone(&self) -> Self {
        Self { boxes: self.boxes.clone() }
    }
}

impl<M> Mailboxes<M> {
    pub(super) fn new(wakers: &[Waker]) -> Self {
        let mailbox = |waker: &Waker| Mailbox {
            mail: Mutex::default(),
            waiting: AtomicUsize::new(0),
            waker: waker.clone(),
        };
        Self { boxes: wakers.iter().map(mailbox).collect() }
    }

    /// Number of workers.
    pub fn workers(&self) -> usize {
        self.boxes.len()
    }

    /// Mail that a worker has not handled yet; 0 for a worker that does not exist.
    pub fn waiting(&self, worker: usize) -> usize {
        self.boxes.get(worker).map_or(0, |mailbox| mailbox.waiting.load(Ordering::Acquire))
    }

    /// Sends to one worker; mail to a worker that does not exist is dropped.
    pub fn send(&self, worker: usize, mail: M) {
        let Some(mailbox) = self.boxes.get(worker) else { return };
        mailbox.waiting.fetch_add(1, Ordering::AcqRel);
        let mut queue = mailbox.mail.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = queue.is_empty();
        queue.push_back(mail);
        drop(queue);
        if was_empty {
            (mailbox.waker)();
        }
    }

    /// Sends to every worker.
    pub fn send_all(&self, make: impl Fn() -> M) {
        (0..self.workers()).for_each(|worker| self.send(worker, make()));
    }

    /// Takes all mail of one worker.
    pub(super) fn take(&self, worker: usize) -> VecDeque<M> {
        let Some(mailbox) = self.boxes.get(worker) else { return VecDeque::new() };
        std::mem::take(&mut *mailbox.mail.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One piece of mail was handled.
    pub(super) fn handled(&self, worker: usize) {
        if let Some(mailbox) = self.boxes.get(worker) {
            mailbox.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Stops the daemon, and knows how it is; clones control the same one.
#[derive(Clone)]
pub struct Control {
    state: Arc<AtomicU8>,
    counters: Arc<Counters>,
    stats: Arc<[Stats]>,
    wakers: Arc<[Waker]>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("state", &self.state).finish_non_exhaustive()
    }
}

const RUNNING: u8 = 0;
const FINISHED: u8 = 3;
const AT_ONCE: u8 = 4;

impl Control {
    pub(super) fn new(wakers: &[Waker]) -> Self {
        let stats = wakers.iter().map(|_| Stats::default()).collect();
        Self { state: Arc::default(), counters: Arc::default(), stats, wakers: wakers.into() }
    }

    /// The process-wide counters.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// What each worker says about itself.
    pub fn stats(&self) -> &[Stats] {
        &self.stats
    }

    /// Asks every worker for the numbers that it does not keep all the time; [`Stats::has_answered`] says when they are
    /// there.
    pub fn ask(&self) {
        self.stats.iter().for_each(Stats::ask);
        self.wake();
    }

    /// Wakes every worker out of its sleep.
    pub fn wake(&self) {
        self.wakers.iter().for_each(|wake| wake());
    }

    /// Asks every worker to stop: close politely, within the drain timeout. Asked again, they stop at once.
    pub fn stop(&self, stop: Stop) {
        let wanted = match stop {
            Stop::Shutdown => 1,
            Stop::Restart => 2,
            Stop::Finished => FINISHED,
            Stop::HandOver => 5,
        };
        let replace =
            |known| self.state.compare_exchange(known, wanted, Ordering::AcqRel, Ordering::Acquire).is_ok();
        // A source that has ended may take long to be delivered: who stops it then is as polite as ever.
        if !replace(RUNNING) && stop != Stop::Finished && !replace(FINISHED) {
            self.state.store(AT_ONCE, Ordering::Release);
        }
        self.wake();
    }

    /// True since somebody asked for a stop.
    pub fn is_stopping(&self) -> bool {
        self.state.load(Ordering::Acquire) != RUNNING
    }

    /// Stops every worker now, whatever is open.
    pub(super) fn stop_at_once(&self) {
        self.state.store(AT_ONCE, Ordering::Release);
        self.wake();
    }

    /// What was asked for first, while no second stop came.
    pub(super) fn stopping(&self) -> Option<Stop> {
        match self.state.load(Ordering::Acquire) {
            1 => Some(Stop::Shutdown),
            2 => Some(Stop::Restart),
            FINISHED => Some(Stop::Finished),
            5 => Some(Stop::HandOver),
            _ => None,
        }
    }

    /// A second stop came.
    pub(super) fn at_once(&self) -> bool {
        self.state.load(Ordering::Acquire) == AT_ONCE
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
    fn who_stops_a_source_that_has_ended_is_not_at_once() {
        let control = Control::new(&[]);
        control.stop(Stop::Finished);
        control.stop(Stop::Shutdown);
        assert_eq!(control.stopping(), Some(Stop::Shutdown));
        control.stop(Stop::Shutdown);
        assert!(control.at_once());
    }

    #[test]
    fn mail_wakes_once_and_counts_as_waiting_until_handled() {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = wakes.clone();
        let wake: Waker = Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let mailboxes = Mailboxes::new(&[wake]);
        mailboxes.send(0, 'a');
        mailboxes.send(0, 'b');
        mailboxes.send(9, 'c');
        assert_eq!((wakes.load(Ordering::Relaxed), mailboxes.waiting(0)), (1, 2));
        assert_eq!(mailboxes.take(0), ['a', 'b']);
        mailboxes.handled(0);
        assert_eq!(mailboxes.waiting(0), 1);
    }
}
