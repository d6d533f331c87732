//! What each worker publishes about itself, once a turn: it alone writes these numbers, and others read them without a lock.

use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// Bytes that went through a worker's sockets since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that were read.
    pub read: u64,
    /// Bytes that were written.
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
    /// The number of the newest question for what the worker does not count all the time; the last one that it answered.
    asked: AtomicU64,
    answered: AtomicU64,
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

    /// Bytes through its sockets since its start.
    pub fn traffic(&self) -> Traffic {
        Traffic { read: self.read.load(Relaxed), written: self.written.load(Relaxed) }
    }

    /// Bytes that its connections had queued in user space when it answered last.
    pub fn queued(&self) -> u64 {
        self.queued.load(Relaxed)
    }

    /// True once it has answered the newest question.
    pub fn has_answered(&self) -> bool {
        self.has_ended() || self.answered.load(Acquire) == self.asked.load(Relaxed)
    }

    /// Asks it to look at all its connections.
    pub(super) fn ask(&self) {
        self.asked.fetch_add(1, Relaxed);
    }

    /// The question that the worker has to answer.
    pub(super) fn question(&self) -> Option<u64> {
        let asked = self.asked.load(Relaxed);
        (asked != self.answered.load(Relaxed)).then_some(asked)
    }

    /// It has looked at all its connections.
    pub(super) fn answer(&self, question: u64, queued: u64) {
        self.queued.store(queued, Relaxed);
        self.answered.store(question, Release);
    }

    /// True once it has had its last turn: the daemon stops and it has no connection any more, while others may have some.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// The end of its last turn.
    pub fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    /// The end of a turn.
    pub fn turned(&self, paused: bool, traffic: Traffic) {
        self.turns.store(self.turns().wrapping_add(1), Relaxed);
        self.paused.store(paused, Relaxed);
        self.read.store(traffic.read, Relaxed);
        self.written.store(traffic.written, Relaxed);
    }
}
