//! Mailboxes: other threads queue mail for a worker and wake it.
//!
//! A worker that sleeps until an instant that it knows may defer mail: what is sent lazily then waits for that instant, or for whatever
//! wakes the worker before it, and costs neither side a wake.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) type Waker = Arc<dyn Fn() + Send + Sync>;

/// On cache lines of its own: its worker reads `waiting` in every turn, and would wait for threads that write beside it.
#[repr(align(128))]
struct Mailbox<M> {
    queue: Mutex<Queue<M>>,
    /// Mail that the worker has not handled yet.
    waiting: AtomicUsize,
    waker: Waker,
}

struct Queue<M> {
    mail: VecDeque<M>,
    /// The worker was woken for this mail, or looks at it without that. If not, all of it was sent lazily while `is_deferred`.
    is_announced: bool,
    /// The worker takes its mail at an instant that it knows.
    is_deferred: bool,
}

impl<M> Queue<M> {
    /// Mail for which nobody has woken the worker.
    fn deferred(&self) -> usize {
        if self.is_announced { 0 } else { self.mail.len() }
    }
}

impl<M> Default for Queue<M> {
    fn default() -> Self {
        Self { mail: VecDeque::new(), is_announced: false, is_deferred: false }
    }
}

impl<M> Mailbox<M> {
    fn queue(&self) -> MutexGuard<'_, Queue<M>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues mail; `may_wait` says of the mail up to this piece whether it may wait for a worker that defers it.
    fn push(&self, mail: M, may_wait: impl FnOnce(&VecDeque<M>) -> bool) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let mut queue = self.queue();
        queue.mail.push_back(mail);
        let waits = queue.is_announced || queue.is_deferred && may_wait(&queue.mail);
        queue.is_announced |= !waits;
        drop(queue);
        if !waits {
            (self.waker)();
        }
    }
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
            queue: Mutex::default(),
            waiting: AtomicUsize::new(0),
            waker: waker.clone(),
        };
        Self(wakers.iter().map(mailbox).collect())
    }

    /// Number of mailboxes, one for each worker of the process.
    pub fn workers(&self) -> usize {
        self.0.len()
    }

    /// Mail that a worker has not handled yet, without what it defers; 0 for a worker that does not exist.
    pub fn waiting(&self, worker: usize) -> usize {
        let Some(mailbox) = self.0.get(worker) else { return 0 };
        let deferred = mailbox.queue().deferred();
        mailbox.waiting.load(Ordering::Acquire).saturating_sub(deferred)
    }

    /// Sends to one worker; mail to a worker that does not exist is dropped.
    pub fn send(&self, worker: usize, mail: M) {
        if let Some(mailbox) = self.0.get(worker) {
            mailbox.push(mail, |_| false);
        }
    }

    /// As [`Self::send`], but wakes a worker that defers its mail only once so many pieces wait there.
    pub fn send_lazily(&self, worker: usize, mail: M, most: usize) {
        if let Some(mailbox) = self.0.get(worker) {
            mailbox.push(mail, |queue| queue.len() < most);
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
        let mail = {
            let mut queue = mailbox.queue();
            queue.is_announced = false;
            std::mem::take(&mut queue.mail)
        };
        for mail in mail {
            handle(mail);
            mailbox.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// A worker takes its mail at an instant that it knows from now on, or does so no longer. True if mail waits for which nobody has
    /// woken it: it has to take that before it sleeps.
    pub(super) fn defer(&self, worker: usize, is_deferred: bool) -> bool {
        let Some(mailbox) = self.0.get(worker) else { return false };
        let mut queue = mailbox.queue();
        queue.is_deferred = is_deferred;
        let is_due = !is_deferred && queue.deferred() > 0;
        queue.is_announced |= is_due;
        is_due
    }

    /// True if mail waits for which nobody has woken the worker.
    #[cfg(any(test, feature = "simulated"))]
    pub(super) fn has_deferred(&self, worker: usize) -> bool {
        self.0.get(worker).is_some_and(|mailbox| mailbox.queue().deferred() > 0)
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
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// One mailbox, and how often its worker was woken.
    fn counted() -> (Mailboxes<char>, Arc<AtomicUsize>) {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = wakes.clone();
        let wake: Waker = Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        (Mailboxes::new(&[wake]), wakes)
    }

    #[test]
    fn mail_wakes_once_and_counts_as_waiting_until_handled() {
        let (mailboxes, wakes) = counted();
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

    #[test]
    fn lazy_mail_wakes_a_worker_that_defers_it_once_there_is_much_and_any_other_at_once() {
        let (mailboxes, wakes) = counted();
        let woken = || wakes.swap(0, Ordering::Relaxed);
        mailboxes.send_lazily(0, 'a', 3);
        assert_eq!((woken(), mailboxes.waiting(0)), (1, 1), "it does not defer yet");
        mailboxes.deliver(0, |_| ());
        assert!(!mailboxes.defer(0, true));
        for (mail, expected) in [('b', (0, 0)), ('c', (0, 0)), ('d', (1, 3)), ('e', (0, 4))] {
            mailboxes.send_lazily(0, mail, 3);
            assert_eq!((woken(), mailboxes.waiting(0)), expected, "{mail}");
        }
        mailboxes.deliver(0, |_| ());
        mailboxes.send_lazily(0, 'f', 3);
        mailboxes.send(0, 'g');
        assert_eq!((woken(), mailboxes.waiting(0)), (1, 2), "other mail does not wait");
        let mut handled = Vec::new();
        mailboxes.deliver(0, |mail| handled.push(mail));
        assert_eq!(handled, ['f', 'g']);
    }

    #[test]
    fn a_worker_that_defers_no_longer_hears_of_what_waits() {
        let (mailboxes, wakes) = counted();
        mailboxes.defer(0, true);
        assert!(!mailboxes.defer(0, false), "nothing waits");
        mailboxes.defer(0, true);
        mailboxes.send_lazily(0, 'a', 3);
        assert!(mailboxes.defer(0, false));
        mailboxes.send_lazily(0, 'b', 3);
        assert_eq!((wakes.load(Ordering::Relaxed), mailboxes.waiting(0)), (0, 2), "it looks without a wake");
        mailboxes.deliver(0, |_| ());
        mailboxes.send_lazily(0, 'c', 3);
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn no_mail_is_lost_to_a_worker_that_begins_and_ends_to_defer_while_it_comes() {
        const COUNT: u32 = 50_000;
        let (wake, woken) = mpsc::channel();
        let wake: Waker = Arc::new(move || {
            let _ = wake.send(());
        });
        let mailboxes = Mailboxes::new(&[wake]);
        let sender = mailboxes.clone();
        let source = thread::spawn(move || (0..COUNT).for_each(|number| sender.send_lazily(0, number, 8)));
        let mut next = 0;
        while next < COUNT {
            mailboxes.deliver(0, |number| {
                assert_eq!(number, next);
                next += 1;
            });
            let defers = next % 3 == 0 && next < COUNT;
            if mailboxes.defer(0, defers) || defers {
                continue; // its instant is now
            }
            if next < COUNT {
                woken.recv_timeout(Duration::from_mins(1)).expect("nobody wakes it");
            }
        }
        source.join().unwrap();
    }
}
