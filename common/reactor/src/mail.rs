//! Mailboxes: other threads queue mail for a worker and wake it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) type Waker = Arc<dyn Fn() + Send + Sync>;

/// On cache lines of its own: its worker reads `waiting` in every turn, and would wait for threads that write beside it.
#[repr(align(128))]
struct Mailbox<M> {
    mail: Mutex<VecDeque<M>>,
    /// Mail that the worker has not handled yet.
    waiting: AtomicUsize,
    waker: Waker,
}

/// One mailbox per worker; clones share them.
pub struct Mailboxes<M>(Arc<[Mailbox<M>]>);

impl<M> Clone for Mailboxes<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M> Mailboxes<M> {
    pub(super) fn new(wakers: &[Waker]) -> Self {
        let mailbox = |waker: &Waker| Mailbox {
            mail: Mutex::default(),
            waiting: AtomicUsize::new(0),
            waker: waker.clone(),
        };
        Self(wakers.iter().map(mailbox).collect())
    }

    /// Number of mailboxes, one for each worker of the process.
    pub fn workers(&self) -> usize {
        self.0.len()
    }

    /// Mail that a worker has not handled yet; 0 for a worker that does not exist.
    pub fn waiting(&self, worker: usize) -> usize {
        self.0.get(worker).map_or(0, |mailbox| mailbox.waiting.load(Ordering::Acquire))
    }

    /// Sends to one worker; mail to a worker that does not exist is dropped.
    pub fn send(&self, worker: usize, mail: M) {
        let Some(mailbox) = self.0.get(worker) else { return };
        mailbox.waiting.fetch_add(1, Ordering::AcqRel);
        let mut queue = mailbox.mail.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = queue.is_empty();
        queue.push_back(mail);
        drop(queue);
        if was_empty {
            (mailbox.waker)();
        }
    }

    /// Sends each worker what one call of `make` returns.
    pub fn send_all(&self, make: impl Fn() -> M) {
        (0..self.workers()).for_each(|worker| self.send(worker, make()));
    }

    /// Calls `handle` with each piece of one worker's mail; without mail, as in most turns, it takes no lock.
    pub(super) fn deliver(&self, worker: usize, mut handle: impl FnMut(M)) {
        let Some(mailbox) = self.0.get(worker) else { return };
        if mailbox.waiting.load(Ordering::Acquire) == 0 {
            return;
        }
        let queue = std::mem::take(&mut *mailbox.mail.lock().unwrap_or_else(PoisonError::into_inner));
        for mail in queue {
            handle(mail);
            mailbox.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Wakes one worker out of its poll without mail: what it shall look at lies elsewhere.
    pub fn wake(&self, worker: usize) {
        if let Some(mailbox) = self.0.get(worker) {
            (mailbox.waker)();
        }
    }

    pub(super) fn wake_all(&self) {
        (0..self.workers()).for_each(|worker| self.wake(worker));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_wakes_once_and_counts_as_waiting_until_handled() {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = wakes.clone();
        let wake: Waker = Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let mailboxes = Mailboxes::new(&[wake]);
        mailboxes.send(0, 'a');
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        mailboxes.send(0, 'b');
        mailboxes.send(9, 'c');
        assert_eq!((wakes.load(Ordering::Relaxed), mailboxes.waiting(0)), (1, 2));
        let mut handled = Vec::new();
        mailboxes.deliver(0, |mail| handled.push((mail, mailboxes.waiting(0))));
        assert_eq!(handled, [('a', 2), ('b', 1)]);
        assert_eq!(mailboxes.waiting(0), 0);
    }
}
