//! How many connections of each worker may make room, for the newcomers that another worker accepts.
//!
//! The limits are those of the process, and so many connections wait for their first request on each worker as the kernel gave
//! it. A newcomer costs the worker with the most of them one, whichever accepted it: else one without any would
//! refuse all newcomers as long as the others are full, and one with few would leave each no time for its request.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

/// What a newcomer lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scarce {
    /// All places of the process are taken: an unfinished connection goes, else an idle one.
    Places,
    /// Too many first requests are unfinished: one of these goes.
    Heads,
}

/// The lists of connections that may make room: those whose first request is unfinished, those between two requests, those of
/// a proxy that has not named its client, and those that make room at their address only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Unfinished,
    Idle,
    Unnamed,
    Answered,
}

/// Clones share one state.
#[derive(Clone, Debug, Default)]
pub(super) struct Evictable(Arc<[Listed]>);

/// What a worker has on its lists, less what newcomers have taken and it does not know of yet. Below zero for a moment, if those
/// that were to go have got an answer meanwhile. On cache lines of its own: its worker writes it for every request.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Listed {
    unfinished: AtomicIsize,
    idle: AtomicIsize,
}

impl Listed {
    /// `None` for a list whose connections make room among each other only, or at their address.
    fn of(&self, list: List) -> Option<&AtomicIsize> {
        match list {
            List::Unfinished => Some(&self.unfinished),
            List::Idle => Some(&self.idle),
            List::Unnamed | List::Answered => None,
        }
    }

    fn count(&self, list: List) -> isize {
        self.of(list).map_or(0, |count| count.load(Relaxed))
    }
}

/// Where a newcomer finds what it lacks: the worker that gives one connection up, and from which of its lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) worker: usize,
    pub(super) list: List,
    pub(super) scarce: Scarce,
}

impl Evictable {
    pub(super) fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| Listed::default()).collect())
    }

    /// A connection has entered this list.
    pub(super) fn enter(&self, worker: usize, list: List) {
        self.add(worker, list, 1);
    }

    /// A connection has left this list.
    pub(super) fn leave(&self, worker: usize, list: List) {
        self.add(worker, list, -1);
    }

    /// The worker with the most connections that may make room, `own` among equals; `None` if none has one.
    pub(super) fn find(&self, own: usize, scarce: Scarce) -> Option<Room> {
        let idle = (scarce == Scarce::Places).then_some(List::Idle);
        [Some(List::Unfinished), idle].into_iter().flatten().find_map(|list| self.most(own, list, scarce))
    }

    fn most(&self, own: usize, list: List, scarce: Scarce) -> Option<Room> {
        let counts = self.0.iter().map(|listed| listed.count(list)).enumerate();
        let (worker, _) =
            counts.filter(|(_, count)| *count > 0).max_by_key(|(worker, count)| (*count, *worker == own))?;
        Some(Room { worker, list, scarce })
    }

    /// A newcomer takes this room: nobody else finds it. Its worker calls [`Self::give_up`] when it evicts a connection for it.
    pub(super) fn take(&self, room: Room) {
        self.leave(room.worker, room.list);
    }

    /// The worker evicts a connection for a newcomer that took this room, which then leaves its list by itself.
    pub(super) fn give_up(&self, room: Room) {
        self.enter(room.worker, room.list);
    }

    fn add(&self, worker: usize, list: List, count: isize) {
        if let Some(counted) = self.0.get(worker).and_then(|listed| listed.of(list)) {
            counted.fetch_add(count, Relaxed);
        }
    }
}

#[cfg(any(test, feature = "simulated"))]
impl Evictable {
    /// How many a newcomer could find on this list of a worker.
    pub(super) fn listed(&self, worker: usize, list: List) -> isize {
        self.0.get(worker).map_or(0, |listed| listed.count(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(worker: usize, list: List) -> Room {
        Room { worker, list, scarce: Scarce::Places }
    }

    #[test]
    fn the_worker_with_the_most_gives_one_up_the_accepting_one_among_equals_and_idle_ones_go_last() {
        let evictable = Evictable::new(3);
        assert_eq!(evictable.find(0, Scarce::Places), None);
        evictable.enter(2, List::Idle);
        evictable.enter(2, List::Unnamed);
        assert_eq!(evictable.find(0, Scarce::Places), Some(room(2, List::Idle)));
        assert_eq!(evictable.find(0, Scarce::Heads), None);
        for worker in [0, 1, 1] {
            evictable.enter(worker, List::Unfinished);
        }
        for (own, worker) in [(0, 1), (0, 0), (1, 1)] {
            let found = evictable.find(own, Scarce::Places).unwrap();
            assert_eq!(found, room(worker, List::Unfinished));
            evictable.take(found);
        }
        assert_eq!(evictable.find(1, Scarce::Heads), None);
        // The connections leave their lists, or have done so before.
        for worker in [1, 0, 1] {
            evictable.leave(worker, List::Unfinished);
            assert_eq!(evictable.find(1, Scarce::Heads), None);
            evictable.give_up(room(worker, List::Unfinished));
        }
        assert_eq!(evictable.listed(1, List::Unfinished), 0);
    }
}
