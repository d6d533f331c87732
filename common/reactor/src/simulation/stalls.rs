//! A peer that takes nothing of what is queued for it is closed after the write timeout; one that takes enough is not.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::Handler;
use crate::system::simulated::{Simulated, World};
use crate::worker::Worker;

/// So many bytes in the write timeout are enough, however they are cut into messages.
const STEP: u64 = 4 * 1024;
/// A worker that had its turn so long after it should have is late, and forgives its peers a stall.
const LATE: Duration = Duration::from_millis(50);
/// How late a stall may be noticed: the bucket of a deadline, and a turn or two.
const SLACK: Duration = Duration::from_millis(200);

/// What was queued for a connection without a pause, and how much of it went out.
#[derive(Clone, Copy)]
struct Stall {
    /// At this moment, or later, the newest step of its output was out.
    since: Instant,
    /// The end of the step after that, so far.
    mark: (Instant, u64),
    /// When the newest byte went out.
    moved: (Instant, u64),
}

impl Stall {
    fn new(now: Instant, written: u64) -> Self {
        Self { since: now, mark: (now, written), moved: (now, written) }
    }

    fn go_on(&mut self, now: Instant, written: u64) {
        if written > self.moved.1 {
            self.moved = (now, written);
        }
        if written >= self.mark.1 + STEP {
            self.since = self.mark.0;
            self.mark = (now, written);
        }
    }
}

/// The connections for which something is queued, by the number of the peer: a hand-over changes nothing about them.
pub(super) struct Stalls {
    by_peer: HashMap<usize, Stall>,
    /// The shortest and the longest write timeout so far: one that is running stays as it is when the settings change.
    timeouts: (Duration, Duration),
}

impl Stalls {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { by_peer: HashMap::new(), timeouts: (timeout, timeout) }
    }

    /// This write timeout is in force.
    pub(super) fn note(&mut self, timeout: Duration) {
        self.timeouts = (self.timeouts.0.min(timeout), self.timeouts.1.max(timeout));
    }

    /// So much time was nobody's: the connections were on their way to another process.
    pub(super) fn forgive(&mut self, time: Duration) {
        self.by_peer.values_mut().for_each(|stall| stall.moved.0 += time);
    }

    /// Looks at the connections of a worker that had a turn, so much after it should have had it. `closed`: how many the
    /// turn has closed as slow.
    pub(super) fn check<H: Handler>(
        &mut self,
        world: &World,
        worker: &Worker<H, Simulated>,
        was_late: Duration,
        closed: u64,
    ) {
        let connections = &worker.connections;
        self.note(connections.state.settings.write_timeout);
        let Self { by_peer: stalls, timeouts: (shortest, longest) } = self;
        let now = world.now;
        let is_closed = |peer: &usize| world.pipes.get(*peer).is_none_or(|pipe| pipe.server_closed);
        let gone = stalls.iter().filter(|(peer, stall)| {
            is_closed(peer) && now.saturating_duration_since(stall.since) >= *shortest
        });
        let gone = gone.count() as u64;
        assert!(gone >= closed, "{closed} closed as slow, of which {gone} took too little");
        stalls.retain(|peer, _| !is_closed(peer));
        for entry in connections.table.iter() {
            let peer = entry.socket.pipe;
            if entry.io.outbox.is_empty() {
                stalls.remove(&peer);
                continue;
            }
            let written = world.pipes.get(peer).map_or(0, |pipe| pipe.written);
            let stall = stalls.entry(peer).or_insert_with(|| Stall::new(now, written));
            if was_late > LATE {
                stall.moved = (now, written);
            }
            stall.go_on(now, written);
            let idle = worker.looked_at().saturating_duration_since(stall.moved.0);
            assert!(idle <= *longest + SLACK, "for {idle:?} a peer has taken nothing, and is not closed");
        }
    }
}
