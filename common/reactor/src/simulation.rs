//! Runs a worker and its handler in a simulated world, and checks after every turn what must always hold.
//!
//! - No panic; no error out of the loop.
//! - Open connections = accepted + adopted - refused - closed.
//! - The next deadline of every connection is in the future, or no poll has begun since.
//! - A turn that changed nothing does not ask for another one at once, for ever (no busy loop).

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustix::io::Errno;

use super::connection::Lifecycle;
use super::mail::Waker;
use super::system::System;
use super::system::simulated::{Pipe, Simulated};
use super::worker::Worker;
use super::{CloseReason, Control, ExportedConnection, Handler, Mailboxes, Settings, Snapshot, Stop};

pub use super::system::simulated::{Call, Seed};

/// What the closure that makes a handler gets.
pub struct Birth<M> {
    /// One mailbox: the worker's.
    pub mailboxes: Mailboxes<M>,
    /// The world's monotonic time at this moment.
    pub now: Instant,
    /// The world's wall-clock time at this moment.
    pub wall: SystemTime,
}

/// A worker in a simulated world. Peers are numbered in the order in which they connected.
pub struct Simulation<H: Handler> {
    worker: Worker<H, Simulated>,
    world: Simulated,
    control: Control,
    mailboxes: Mailboxes<H::Mail>,
}

impl<H: Handler> Simulation<H> {
    /// Starts a worker, whose handler `make` builds, in a new world. The same seed and the same calls give the same run.
    pub fn new(seed: u64, settings: Settings, make: impl FnOnce(Birth<H::Mail>) -> H) -> Self {
        Self::start(Simulated::new(seed), settings, Vec::new(), make)
    }

    /// The two workers of one process, each with a world of its own.
    #[cfg(test)]
    pub(super) fn pair(seed: u64, settings: &Settings, make: impl Fn() -> H) -> [Self; 2] {
        let wakers = [no_waker(), no_waker()];
        let (control, mailboxes) = (Control::new(&wakers), Mailboxes::new(&wakers));
        [0, 1].map(|number| {
            let world = Simulated::new(seed * 2 + number as u64);
            Self::worker(number, world, settings.clone(), make(), &control, &mailboxes)
        })
    }

    /// Hands every connection over to a new process in the same world, whose handler `make` builds from the old one.
    ///
    /// # Panics
    /// If the old worker does not end within 10,000 turns.
    #[must_use]
    pub fn hand_over(mut self, make: impl FnOnce(H, Birth<H::Mail>) -> H) -> Self {
        self.control.stop(Stop::HandOver);
        for _ in 0..10_000 {
            if !self.turn() {
                let Worker { handler, exported, connections, .. } = self.worker;
                let settings = connections.state.settings;
                let world = connections.system;
                return Self::start(world, settings, exported, |birth| make(handler, birth));
            }
            self.advance(Duration::from_millis(1));
        }
        unreachable!("the hand-over has no end");
    }

    fn start(
        world: Simulated,
        settings: Settings,
        exported: Vec<ExportedConnection<usize>>,
        make: impl FnOnce(Birth<H::Mail>) -> H,
    ) -> Self {
        let wakers = [no_waker()];
        let (control, mailboxes) = (Control::new(&wakers), Mailboxes::new(&wakers));
        let (now, wall) = (world.now(), world.wall());
        let handler = make(Birth { mailboxes: mailboxes.clone(), now, wall });
        let mut simulation = Self::worker(0, world, settings, handler, &control, &mailboxes);
        simulation.worker.adopt(exported);
        simulation
    }

    fn worker(
        number: usize,
        world: Simulated,
        settings: Settings,
        handler: H,
        control: &Control,
        mailboxes: &Mailboxes<H::Mail>,
    ) -> Self {
        let (control, mailboxes) = (control.clone(), mailboxes.clone());
        let (system, listeners) = (world.clone(), vec![()]);
        let worker =
            Worker::new(number, handler, system, listeners, settings, control.clone(), mailboxes.clone());
        Self { worker, world, control, mailboxes }
    }

    /// Queues mail, which the worker handles in its next turn.
    pub fn mail(&self, mail: H::Mail) {
        self.mailboxes.send(0, mail);
    }

    /// The worker's control, for example to stop it; the next turn follows.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The worker's handler.
    #[cfg(test)]
    pub(super) fn handler(&self) -> &H {
        &self.worker.handler
    }

    /// The process's counters at this moment; the workers of a pair share them.
    pub fn counters(&self) -> Snapshot {
        self.control.counters().snapshot()
    }

    /// Numbers from the seed, for the test's own choices.
    pub fn seed(&self) -> Seed {
        let world = &mut *self.world.0.borrow_mut();
        Seed(world.seed.below(u64::MAX))
    }

    /// A new peer connects; the answer is its number.
    pub fn connect(&mut self) -> usize {
        self.connect_from(1)
    }

    /// A new peer connects from the address 127.0.0.`host`; the answer is its number.
    pub fn connect_from(&mut self, host: u8) -> usize {
        let world = &mut *self.world.0.borrow_mut();
        let number = world.pipes.len();
        world.pipes.push(Pipe::from(host));
        world.backlog.push_back(number);
        world.backlog_edge = true;
        number
    }

    /// The next `count` calls of this kind fail with this error number; no other kind fails any more.
    pub fn fail(&mut self, call: Call, count: u32, errno: Errno) {
        self.world.0.borrow_mut().faults = Some((call, count, errno));
    }

    /// The process stands still for so long (`SIGSTOP`), in which the peers do what `meanwhile` says. The first poll after it
    /// is interrupted and shows nothing.
    ///
    /// # Panics
    /// As [`Self::settle`].
    pub fn stand_still(&mut self, time: Duration, meanwhile: impl FnOnce(&mut Self)) {
        self.settle();
        self.advance(time);
        meanwhile(self);
        self.world.0.borrow_mut().interruptions = 1;
        self.settle();
    }

    /// From now on, one poll takes so many events.
    pub fn limit_events(&mut self, count: usize) {
        self.world.0.borrow_mut().events = count;
    }

    fn pipe<T>(&self, peer: usize, f: impl FnOnce(&mut Pipe) -> T) -> Option<T> {
        self.world.0.borrow_mut().pipes.get_mut(peer).map(f)
    }

    /// The peer sends `bytes`; the worker reads them in its next turns, in pieces as the seed cuts them.
    pub fn send(&mut self, peer: usize, bytes: &[u8]) {
        self.pipe(peer, |pipe| {
            pipe.to_server.extend(bytes);
            pipe.arrived();
        });
    }

    /// The peer shuts its writing side down (a half-close).
    pub fn end(&mut self, peer: usize) {
        self.pipe(peer, |pipe| {
            pipe.peer_ended = true;
            pipe.arrived();
        });
    }

    /// The peer resets the connection: the server's next read or write of it fails.
    pub fn reset(&mut self, peer: usize) {
        self.pipe(peer, |pipe| {
            pipe.peer_reset = true;
            pipe.arrived();
        });
    }

    /// The peer reads at most `most` bytes; the answer is what it read.
    pub fn read(&mut self, peer: usize, most: usize) -> Vec<u8> {
        let read = self.pipe(peer, |pipe| {
            let end = pipe.to_peer.len().min(pipe.taken.saturating_add(most));
            let bytes = pipe.to_peer.get(pipe.taken..end).unwrap_or_default().to_vec();
            pipe.taken = end;
            pipe.made_room();
            bytes
        });
        read.unwrap_or_default()
    }

    /// True when the peer would see the end of the stream behind what it reads.
    pub fn is_ended(&self, peer: usize) -> bool {
        self.pipe(peer, |pipe| pipe.server_ended || pipe.server_closed).unwrap_or(true)
    }

    /// True when the server has no descriptor for this peer any more.
    pub fn is_closed(&self, peer: usize) -> bool {
        self.pipe(peer, |pipe| pipe.server_closed).unwrap_or(true)
    }

    /// Moves both clocks forward; no turn runs meanwhile.
    pub fn advance(&mut self, by: Duration) {
        let world = &mut *self.world.0.borrow_mut();
        world.now += by;
        world.wall += by;
    }

    /// Moves the wall clock alone, backward if `seconds` is negative.
    pub fn step_wall_clock(&mut self, seconds: i64) {
        let world = &mut *self.world.0.borrow_mut();
        let by = Duration::from_secs(seconds.unsigned_abs());
        world.wall = if seconds < 0 { world.wall - by } else { world.wall + by };
    }

    /// Runs one turn of the loop and checks the invariants; false if it was the last.
    ///
    /// # Panics
    /// If an invariant does not hold.
    #[allow(clippy::panic)]
    pub fn turn(&mut self) -> bool {
        self.try_turn().unwrap_or_else(|error| panic!("the loop failed: {error}"))
    }

    /// Runs one turn of the loop, as [`Self::turn`].
    ///
    /// # Errors
    /// The worker has given up.
    ///
    /// # Panics
    /// If an invariant does not hold.
    pub fn try_turn(&mut self) -> std::io::Result<bool> {
        let more = self.worker.turn()?;
        self.check();
        Ok(more)
    }

    /// Turns until nothing is left that a turn could do without time passing, at most 10,000 times.
    ///
    /// # Panics
    /// If the worker never comes to rest (a busy loop), or an invariant does not hold.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            let more = self.turn();
            if !more || self.worker.is_at_rest() && !self.has_events() {
                return;
            }
        }
        assert!(self.worker.is_at_rest(), "a busy loop");
    }

    fn has_events(&self) -> bool {
        let world = self.world.0.borrow();
        world.backlog_edge || world.interruptions > 0 || world.pipes.iter().any(Pipe::has_edge)
    }

    fn check(&self) {
        let counters = self.counters();
        let closed: u64 = counters.closed.iter().sum();
        let opened = counters.accepted + counters.adopted - counters.refused;
        assert_eq!(counters.open as u64, opened - closed, "{counters:?}");
        assert_eq!(counters.closed.get(CloseReason::Panic as usize), Some(&0), "a handler panicked");
        let looked_at = self.worker.looked_at();
        for token in self.worker.connections.table.tokens() {
            let Some(entry) = self.worker.connections.table.get(token) else { continue };
            let waits = entry.io.lifecycle == Lifecycle::Open
                || matches!(entry.io.lifecycle, Lifecycle::Lingering { .. });
            // A worker notices a deadline within 16 ms.
            let late = looked_at.saturating_duration_since(entry.io.next_deadline());
            assert!(!waits || late <= Duration::from_millis(16), "a deadline {late:?} ago was missed");
        }
    }
}

/// Does nothing: a simulated worker never sleeps.
fn no_waker() -> Waker {
    Arc::new(|| {})
}
