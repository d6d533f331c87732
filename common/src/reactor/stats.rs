//! What each worker says about itself, once a turn: nobody else writes it, and whoever asks reads it without a lock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// One worker, as it was at the end of its newest turn.
#[derive(Debug, Default)]
pub struct Stats {
    turns: AtomicU64,
    paused: AtomicBool,
    ended: AtomicBool,
}

impl Stats {
    /// Turns of its loop: a worker whose number stands still is asleep, or hangs; one that was woken and stands still
    /// hangs.
    pub fn turns(&self) -> u64 {
        self.turns.load(Relaxed)
    }

    /// True while it accepts nobody, because the process or the machine is out of descriptors or memory.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// True once it has had its last turn: it was told to stop and has no connection any more, while others may have some.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// The end of its last turn.
    pub(crate) fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    /// The end of a turn.
    pub(crate) fn turned(&self, paused: bool) {
        self.turns.store(self.turns().wrapping_add(1), Relaxed);
        self.paused.store(paused, Relaxed);
    }
}
