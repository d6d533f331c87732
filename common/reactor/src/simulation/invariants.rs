//! What holds after every turn of a worker, whatever its handler and the peers do.
//!
//! - No panic; no error out of the loop.
//! - Open connections = accepted + adopted - refused - closed.
//! - Each worker holds a descriptor for each connection of its table, and no other one.
//! - The next deadline of every connection is in the future, or no poll has begun since; no poll sleeps beyond it.
//! - A worker that does not sleep moves something: no busy loop.

use std::time::Duration;

use super::{Simulation, Stepped};
use crate::connection::Lifecycle;
use crate::system::simulated::World;
use crate::{CloseReason, Handler};

/// Turns in a row that may move nothing and not sleep: a handler may have a lot to look at.
const MAX_IDLE_TURNS: usize = 2000;
/// A worker notices a deadline within this time.
const BUCKET: Duration = Duration::from_millis(16);

impl<H: Handler> Simulation<H> {
    /// Checks the worker that had a turn.
    pub(super) fn check(&self, number: usize) {
        self.check_counters();
        let stepped = self.stepped(number);
        let world = self.world.borrow();
        check_descriptors(&world, stepped);
        check_deadlines(&world, stepped);
        assert!(stepped.idle_turns < MAX_IDLE_TURNS, "worker {number} is in a busy loop");
    }

    fn check_counters(&self) {
        let counters = self.counters();
        let closed: u64 = counters.closed.iter().sum();
        let opened = counters.accepted + counters.adopted - counters.refused;
        assert_eq!(counters.open as u64, opened - closed, "{counters:?}");
        assert_eq!(counters.closed.get(CloseReason::Panic as usize), Some(&0), "a handler panicked");
    }
}

fn check_descriptors<H: Handler>(world: &World, stepped: &Stepped<H>) {
    let held = world.polls.get(stepped.poll).map(|poll| poll.descriptors);
    let known = stepped.worker.connections.table.len();
    assert_eq!(held, Some(known), "descriptors that are held, and connections");
}

fn check_deadlines<H: Handler>(world: &World, Stepped { worker, until, has_ended, .. }: &Stepped<H>) {
    let looked_at = worker.looked_at();
    let entries = worker.connections.table.iter();
    let waits = |lifecycle| lifecycle == Lifecycle::Open || matches!(lifecycle, Lifecycle::Lingering { .. });
    let deadlines = entries.filter(|entry| waits(entry.io.lifecycle)).map(|entry| entry.io.next_deadline());
    let Some(first) = deadlines.min() else { return };
    let late = looked_at.saturating_duration_since(first);
    assert!(late <= BUCKET, "a deadline {late:?} ago was missed");
    let latest = first.max(world.now) + BUCKET;
    assert!(*has_ended || until.is_some_and(|until| until <= latest), "the poll sleeps beyond a deadline");
}
