//! What each worker publishes about itself, once a turn: it alone writes these numbers, and others read them without a lock.

use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// Bytes that went through a worker's sockets since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from peers.
    pub read: u64,
    /// Bytes to peers that the kernel took.
    pub written: u64,
}

/// One worker, as it was at the end of its newest turn. On cache lines of its own: two workers that write to one line in
/// every turn would wait for each other.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Stats {
    turns: AtomicU64,
    paused: AtomicBool,
    read: AtomicU64,
    written: AtomicU64,
    queued: AtomicU64,
    /// How often other threads have asked for the numbers that the worker does not keep all the time.
    asked: AtomicU64,
    /// The value of `asked` at the worker's latest answer.
    answered: AtomicU64,
    settled: AtomicBool,
    ended: AtomicBool,
}

impl Stats {
    /// Turns of its loop: a worker whose number stands still sleeps or hangs; if it stands still after a wake, it hangs.
    pub fn turns(&self) -> u64 {
        self.turns.load(Relaxed)
    }

    /// True while it accepts no connection, because the process or the machine is out of descriptors or memory.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// Its traffic until the end of its newest turn.
    pub fn traffic(&self) -> Traffic {
        Traffic { read: self.read.load(Relaxed), written: self.written.load(Relaxed) }
    }

    /// Bytes that its connections had queued in user space when it answered last.
    pub fn queued(&self) -> u64 {
        self.queued.load(Relaxed)
    }

    /// True once it has answered the latest [`Control::ask`](crate::Control::ask), or has ended.
    pub fn has_answered(&self) -> bool {
        self.has_ended() || self.answered.load(Acquire) == self.asked.load(Relaxed)
    }

    /// Asks for the numbers that need a look at all connections.
    pub(super) fn ask(&self) {
        self.asked.fetch_add(1, Relaxed);
    }

    /// What to pass to [`Self::answer`]; `None` if the worker has answered every question.
    pub(super) fn question(&self) -> Option<u64> {
        let asked = self.asked.load(Relaxed);
        (asked != self.answered.load(Relaxed)).then_some(asked)
    }

    /// Publishes the answer; `queued` is in bytes. A thread that sees it also sees what the worker counted before.
    pub(super) fn answer(&self, question: u64, queued: u64) {
        self.queued.store(queued, Relaxed);
        self.answered.store(question, Release);
    }

    /// True once it could export its connections for a hand-over, or has ended.
    pub(super) fn has_settled(&self) -> bool {
        self.has_ended() || self.settled.load(Relaxed)
    }

    /// The worker calls this before it exports its connections.
    pub(super) fn settle(&self) {
        self.settled.store(true, Relaxed);
    }

    /// True after the worker's last turn: the daemon stops and this worker has no connection left; others may have some.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// The worker calls this after its last turn.
    pub fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    /// The worker calls this at the end of every turn. `paused`: it accepts no connection for now.
    pub fn turned(&self, paused: bool, traffic: Traffic) {
        self.turns.store(self.turns().wrapping_add(1), Relaxed);
        self.paused.store(paused, Relaxed);
        self.read.store(traffic.read, Relaxed);
        self.written.store(traffic.written, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_has_ended_owes_no_answer() {
        let stats = Stats::default();
        assert_eq!(stats.question(), None);
        stats.ask();
        assert!(!stats.has_answered());
        stats.answer(stats.question().unwrap(), 7);
        assert_eq!((stats.has_answered(), stats.question(), stats.queued()), (true, None, 7));
        stats.ask();
        stats.end();
        assert!(stats.has_answered());
    }
}
