//! What holds after every turn of a worker, whatever its handler and the peers do.
//!
//! - No panic; no error out of the loop.
//! - Open connections = accepted + adopted - refused - closed (`counts` has those of the tables).
//! - Each worker holds a descriptor for each connection of its table, and no other one; it lets none go without closing it,
//!   and resets those that it closes as slow or broken.
//! - The next deadline of every connection is in the future, or no poll has begun since; no poll sleeps beyond it.
//! - A worker that does not sleep moves something: no busy loop. One that sleeps does so until something is due (`naps`).
//! - A worker that sleeps leaves nothing undone (`at_rest`), and whoever takes nothing is closed in time, and no other one
//!   (`stalls`).

use std::time::Duration;

use super::{Simulation, Stepped, at_rest, counts};
use crate::connection::Lifecycle;
use crate::settings::TURN_CONNECTIONS;
use crate::system::simulated::World;
use crate::{CloseReason, Handler, Snapshot};

/// Turns in a row that may move nothing and not sleep: a handler may have a lot to look at.
const MAX_IDLE_TURNS: usize = 2000;
/// A worker notices a deadline within this time.
const BUCKET: Duration = Duration::from_millis(16);
/// A process with more connections than this is looked at as a whole only in one of so many turns.
const MANY: usize = 200;
const SELDOM: u64 = 64;

/// What was counted before a turn.
pub(super) struct Before {
    counters: Snapshot,
    resets: u64,
    dropped: u64,
    pub(super) moved: u64,
    /// Deadlines that the worker has listed.
    armed: usize,
}

impl<H: Handler> Simulation<H> {
    pub(super) fn before(&self, number: usize) -> Before {
        let world = self.world.borrow();
        let counters = self.counters();
        let armed = self.stepped(number).worker.connections.state.deadlines.armed();
        Before { counters, resets: world.resets, dropped: world.dropped, moved: world.moved, armed }
    }

    /// Checks the worker that had a turn.
    pub(super) fn check(&mut self, number: usize, before: &Before) {
        self.turns += 1;
        self.check_counters();
        self.check_closes(number, before);
        let stepped = self.stepped(number);
        let world = self.world.borrow();
        check_descriptors(&world, stepped);
        check_deadlines(&world, stepped, before);
        assert!(
            stepped.idle_turns < MAX_IDLE_TURNS,
            "worker {number} is in a busy loop: {}",
            stepped.worker.why_awake()
        );
        assert!(
            !stepped.naps.are_too_many(stepped.worker.connections.table.len()),
            "worker {number} wakes for nothing again and again: {}",
            stepped.worker.why_awake()
        );
        let connections: usize =
            self.workers.iter().map(|stepped| stepped.worker.connections.table.len()).sum();
        if connections <= MANY || self.turns.is_multiple_of(SELDOM) {
            at_rest::check(&world, stepped);
            self.check_all();
        }
        let now = self.counters();
        let slow = closed_by(&now, CloseReason::Slow) - closed_by(&before.counters, CloseReason::Slow);
        // In every turn, however many there are: when a stall begins is seen only then.
        let Self { stalls, workers, .. } = self;
        if let Some(Stepped { worker, was_late, .. }) = workers.get(number) {
            stalls.check(&world, worker, *was_late, slow);
        }
    }

    /// All workers sleep: no mail waits for one of them.
    pub(super) fn check_asleep(&self) {
        let live = (0..).zip(&self.workers).filter(|(_, stepped)| !stepped.has_ended);
        for (number, stepped) in live {
            let waiting = self.mailboxes.waiting(number) + self.control.evictions().waiting(number);
            assert_eq!(waiting, 0, "worker {number} sleeps, and has mail");
            assert!(
                !self.mailboxes.has_deferred(number) || stepped.worker.defers_mail(),
                "worker {number} sleeps, and nothing brings it to its mail"
            );
        }
    }

    /// Checks what all workers have in common, connection by connection.
    ///
    /// # Panics
    /// If an invariant does not hold.
    pub fn check_all(&self) {
        counts::check(&self.workers, &self.control);
    }

    fn check_counters(&self) {
        let counters = self.counters();
        let closed: u64 = counters.closed.iter().sum();
        let opened = counters.accepted + counters.adopted - counters.refused;
        assert_eq!(counters.open as u64, opened - closed, "{counters:?}");
        assert_eq!(closed_by(&counters, CloseReason::Panic), 0, "a handler panicked");
    }

    /// A connection is closed once, and by a reset where the peer must not take what it has for the whole.
    fn check_closes(&self, number: usize, before: &Before) {
        let world = self.world.borrow();
        assert_eq!(world.dropped, before.dropped, "a descriptor is let go without a close");
        let now = self.counters();
        let of = |why| closed_by(&now, why) - closed_by(&before.counters, why);
        // A connection that the kernel does not let go of ends in a hand-over, too.
        if !self.stepped(number).worker.is_stopping() {
            let broken = of(CloseReason::Slow) + of(CloseReason::Error);
            assert!(world.resets - before.resets >= broken, "{broken} connections should have been reset");
        }
    }
}

fn closed_by(counters: &Snapshot, why: CloseReason) -> u64 {
    counters.closed.get(why as usize).copied().unwrap_or(0)
}

fn check_descriptors<H: Handler>(world: &World, stepped: &Stepped<H>) {
    let held = world.polls.get(stepped.poll).map(|poll| poll.descriptors);
    let known = stepped.worker.connections.table.len();
    assert_eq!(held, Some(known), "descriptors that are held, and connections");
}

fn check_deadlines<H: Handler>(world: &World, stepped: &Stepped<H>, before: &Before) {
    let Stepped { worker, until, has_ended, .. } = stepped;
    let state = &worker.connections.state;
    let again = state.short_until.filter(|_| !state.short.is_empty());
    let is_woken = |at| *has_ended || until.is_some_and(|until| until <= at);
    assert!(again.is_none_or(|again| is_woken(again.max(world.now))), "nothing ends a shortage of memory");
    let looked_at = worker.looked_at();
    let entries = worker.connections.table.iter();
    let waits = |lifecycle| lifecycle == Lifecycle::Open || matches!(lifecycle, Lifecycle::Lingering { .. });
    let deadlines = entries
        .filter(|entry| waits(entry.io.lifecycle))
        .map(|entry| entry.io.next_deadline().to_instant(state.start));
    let Some(first) = deadlines.min() else { return };
    let late = looked_at.saturating_duration_since(first);
    // More than one turn may serve take several turns, one right behind the other: they are still listed as due.
    let are_many = before.armed > TURN_CONNECTIONS;
    let goes_on = are_many && state.next_deadline().is_some_and(|next| next <= looked_at);
    assert!(late <= BUCKET || goes_on, "a deadline {late:?} ago was missed");
    let latest = first.max(world.now) + BUCKET;
    assert!(is_woken(latest), "the poll sleeps beyond a deadline");
}
