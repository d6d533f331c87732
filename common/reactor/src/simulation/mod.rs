//! Runs the workers of a process and their handlers, unchanged, in a simulated world, and checks after every turn what must
//! always hold (`invariants`).
//!
//! ```text
//!  scripted peers ──▶ queues of newcomers ──▶ worker 0 … N ──▶ mailboxes, Control      one thread: the caller steps them
//!        ▲                                        │ System
//!        └──────────── World: clocks, pipes, descriptors, polls, faults ── from one seed
//! ```
//!
//! A worker sleeps between two turns as it would in its poll: since the end of its last turn, until an event, mail, or the
//! timeout that it asked for. [`Simulation::settle`] and [`Simulation::pass`] step only those that would be awake, so that an
//! edge or a wake that is lost is a stall; [`Simulation::turn`] wakes one without a reason, as a kernel may.

mod at_rest;
mod birth;
mod clocks;
mod counts;
mod each_failure;
mod faults;
mod hand_over;
mod held;
mod invariants;
mod naps;
mod peers;
mod stalls;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::arrivals::Arrivals;
use super::mail::Waker;
use super::system::System;
use super::system::simulated::{Listener, Simulated, Socket, World};
use super::worker::Worker;
use super::{Control, ExportedConnection, Handler, Mailboxes, Settings, Snapshot};

pub use super::system::simulated::{Call, Seed};
pub use birth::{Birth, Successor};
pub use each_failure::{Failure, each_failure};
pub use held::Held;
use naps::Naps;
use stalls::Stalls;

/// Listeners of a process, each with a socket or a duplicate in every worker; the port of number `n` is 80 + `n`.
pub const LISTENERS: usize = 2;
/// Connections of another process that come at once.
const PART: usize = 3;
/// Turns after which a process that never comes to rest is in a busy loop, for each worker.
const MANY_TURNS: usize = 10_000;

/// One worker, and when it wakes.
struct Stepped<H: Handler> {
    worker: Worker<H, Simulated>,
    /// The number of its poll in the world.
    poll: usize,
    woken: Arc<AtomicBool>,
    /// When its sleep is over without an event; `None`: never.
    until: Option<Instant>,
    /// How long its poll is to sleep, as it was at the end of its last turn.
    timeout: Option<Duration>,
    has_ended: bool,
    /// How long after it should have had it its latest turn came.
    was_late: Duration,
    /// Turns in a row that moved nothing, at one moment and without a sleep.
    idle_turns: usize,
    naps: Naps,
}

/// The workers of one process in a simulated world. Peers are numbered in the order in which they connected.
pub struct Simulation<H: Handler> {
    world: Rc<RefCell<World>>,
    workers: Vec<Stepped<H>>,
    control: Control,
    mailboxes: Mailboxes<H::Mail>,
    settings: Settings,
    stalls: Stalls,
    turns: u64,
}

/// Connections between two processes as the next one takes them in, a few at a time.
fn in_parts(exported: Vec<ExportedConnection<Socket>>) -> <Simulated as System>::Parts {
    let mut left = exported.into_iter().map(|live| live.map_descriptor(Some));
    Box::new(std::iter::from_fn(move || {
        let part: Vec<_> = left.by_ref().take(PART).collect();
        (!part.is_empty()).then_some(part)
    }))
}

impl<H: Handler> Stepped<H> {
    /// The turn is over: the next poll begins, and lasts until something happens. `before`: what had moved before the turn.
    fn go_to_sleep(&mut self, world: &mut World, before: u64) {
        let now = world.now;
        let rested = self.timeout != Some(Duration::ZERO);
        self.was_late = self.until.map_or(Duration::ZERO, |until| now.saturating_duration_since(until));
        self.idle_turns = if rested || world.moved != before { 0 } else { self.idle_turns + 1 };
        let is_over = self.until.is_some_and(|until| until <= now);
        if rested && is_over && world.moved == before {
            self.naps.count_vain(now);
        }
        self.timeout = self.worker.timeout(self.worker.connections.state.compact(now));
        self.until = self.timeout.and_then(|timeout| now.checked_add(timeout));
        if let Some(poll) = world.polls.get_mut(self.poll) {
            (poll.entered, poll.has_polled) = (Some(now), false);
        }
    }
}

impl<H: Handler> Simulation<H> {
    /// Starts a worker, whose handler `make` builds, in a new world. The same seed and the same calls give the same run.
    pub fn new(seed: u64, settings: Settings, make: impl FnOnce(Birth<H::Mail>) -> H) -> Self {
        Self::start(new_world(seed), settings, 1, |birth| vec![make(birth)], Vec::new())
    }

    /// Starts so many workers of one process in a new world; `make` builds the handler of each, by its number.
    pub fn with_workers(
        seed: u64,
        settings: Settings,
        workers: usize,
        mut make: impl FnMut(usize, Birth<H::Mail>) -> H,
    ) -> Self {
        let all = |birth: Birth<H::Mail>| (0..workers).map(|number| make(number, birth.clone())).collect();
        Self::start(new_world(seed), settings, workers, all, Vec::new())
    }

    fn start(
        world: Rc<RefCell<World>>,
        settings: Settings,
        workers: usize,
        make: impl FnOnce(Birth<H::Mail>) -> Vec<H>,
        exported: Vec<ExportedConnection<Socket>>,
    ) -> Self {
        let woken: Vec<Arc<AtomicBool>> = (0..workers).map(|_| Arc::default()).collect();
        let wakers: Vec<Waker> = woken.iter().map(waker).collect();
        let (control, mailboxes) = (Control::new(&wakers), Mailboxes::new(&wakers));
        let birth = {
            let world = world.borrow();
            let since_boot = world.now.saturating_duration_since(world.born) + world.suspended;
            Birth { mailboxes: mailboxes.clone(), now: world.now, wall: world.wall, since_boot }
        };
        let handlers = make(birth);
        assert_eq!(handlers.len(), workers, "each worker has a handler");
        let stalls = Stalls::new(settings.write_timeout);
        let mut process = Self { world, workers: Vec::new(), control, mailboxes, settings, stalls, turns: 0 };
        #[allow(clippy::arc_with_non_send_sync, reason = "the workers of a simulation are on one thread")]
        let arrivals = (!exported.is_empty()).then(|| Arc::new(Arrivals::new(in_parts(exported), workers)));
        for (number, (handler, woken)) in handlers.into_iter().zip(woken).enumerate() {
            let stepped = process.worker(number, workers, handler, woken, arrivals.clone());
            process.workers.push(stepped);
        }
        process
    }

    fn worker(
        &self,
        number: usize,
        workers: usize,
        handler: H,
        woken: Arc<AtomicBool>,
        arrivals: Option<Arc<Arrivals<Simulated>>>,
    ) -> Stepped<H> {
        let poll = self.world.borrow_mut().add_poll(woken.clone());
        let mut system = Simulated { world: self.world.clone(), poll };
        let listeners = self.listeners(number, workers);
        for (place, listener) in listeners.iter().enumerate() {
            let added = system.add_listener(listener, place);
            debug_assert!(added.is_ok(), "a new listener can be watched");
        }
        let (control, mailboxes) = (self.control.clone(), self.mailboxes.clone());
        let now = self.world.borrow().now;
        let settings = self.settings.clone();
        let mut worker = Worker::new(number, handler, system, listeners, settings, control, mailboxes);
        if let Some(arrivals) = arrivals {
            worker.adopt(arrivals, None);
        }
        Stepped {
            worker,
            poll,
            woken,
            until: Some(now),
            timeout: None,
            has_ended: false,
            was_late: Duration::ZERO,
            idle_turns: 0,
            naps: Naps::new(now),
        }
    }

    /// The sockets of a worker. Of each listener there is one for each worker of the first process (`SO_REUSEPORT`); the
    /// next process has the same ones: a worker takes several, or a duplicate of one.
    fn listeners(&self, number: usize, workers: usize) -> Vec<Listener> {
        let world = &mut *self.world.borrow_mut();
        if world.queues.is_empty() {
            (0..workers * LISTENERS).for_each(|_| world.add_queue());
        }
        let sockets = world.queues.len() / LISTENERS;
        let mine = |socket: usize| {
            if workers <= sockets { socket % workers == number } else { socket == number % sockets }
        };
        let queues = (0..sockets * LISTENERS).filter(|queue| mine(queue / LISTENERS));
        queues.map(|queue| Listener { queue }).collect()
    }

    /// How many workers the process has.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Queues mail, which the first worker handles in its next turn.
    pub fn mail(&self, mail: H::Mail) {
        self.mailboxes.send(0, mail);
    }

    /// The mailboxes of the workers, as other threads have them.
    pub fn mailboxes(&self) -> &Mailboxes<H::Mail> {
        &self.mailboxes
    }

    /// The process's control, for example to stop it; the next turn of each worker follows.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The handler of a worker.
    ///
    /// # Panics
    /// If there is no such worker.
    pub fn handler(&self, worker: usize) -> &H {
        &self.stepped(worker).worker.handler
    }

    /// The process's counters at this moment.
    pub fn counters(&self) -> Snapshot {
        self.control.counters().snapshot()
    }

    /// How many connections count at each address, or IPv6 network.
    pub fn taken_places(&self) -> BTreeMap<IpAddr, usize> {
        self.control.counters().addresses.taken_by_network()
    }

    /// Numbers from the seed, for the test's own choices.
    pub fn seed(&self) -> Seed {
        let world = &mut *self.world.borrow_mut();
        Seed(world.seed.below(u64::MAX))
    }

    /// Continues with another seed: what follows no longer depends on how many numbers were drawn before.
    pub fn reseed(&mut self, seed: u64) {
        self.world.borrow_mut().seed = Seed(seed);
    }

    #[allow(clippy::panic)]
    fn stepped(&self, worker: usize) -> &Stepped<H> {
        self.workers.get(worker).unwrap_or_else(|| panic!("there is no worker {worker}"))
    }

    /// Runs one turn of a worker that the seed chooses, and checks the invariants; false if all have ended.
    ///
    /// # Panics
    /// If an invariant does not hold.
    #[allow(clippy::panic)]
    pub fn turn(&mut self) -> bool {
        self.try_turn().unwrap_or_else(|error| panic!("the loop failed: {error}"))
    }

    /// Runs one turn of a worker, as [`Self::turn`].
    ///
    /// # Errors
    /// The worker has given up.
    ///
    /// # Panics
    /// If an invariant does not hold.
    pub fn try_turn(&mut self) -> std::io::Result<bool> {
        match self.choose(|_, stepped| !stepped.has_ended) {
            Some(worker) => self.step(worker),
            None => Ok(false),
        }
    }

    /// Runs one turn of this worker and checks the invariants; false if all have ended.
    ///
    /// # Panics
    /// If an invariant does not hold, or there is no such worker.
    #[allow(clippy::panic)]
    pub fn turn_of(&mut self, worker: usize) -> bool {
        self.step(worker).unwrap_or_else(|error| panic!("the loop failed: {error}"))
    }

    /// One of the workers that `filter` accepts, by the seed.
    fn choose(&self, filter: impl Fn(&World, &Stepped<H>) -> bool) -> Option<usize> {
        let world = &mut *self.world.borrow_mut();
        let numbers = (0..).zip(&self.workers).filter(|(_, stepped)| filter(world, stepped));
        let numbers: Vec<usize> = numbers.map(|(number, _)| number).collect();
        let choice = if numbers.len() > 1 { world.seed.index(numbers.len()) } else { 0 };
        numbers.get(choice).copied()
    }

    fn step(&mut self, number: usize) -> std::io::Result<bool> {
        if self.workers.get(number).is_none_or(|stepped| stepped.has_ended) {
            return Ok(self.goes_on());
        }
        let before = self.before(number);
        let Some(stepped) = self.workers.get_mut(number) else { return Ok(false) };
        let turned = stepped.worker.turn();
        let Ok(goes_on) = turned else {
            stepped.has_ended = true;
            self.control.stop_at_once(); // as `Reactor::run` does it
            return turned;
        };
        stepped.has_ended = !goes_on;
        stepped.go_to_sleep(&mut self.world.borrow_mut(), before.moved);
        self.check(number, &before);
        Ok(self.goes_on())
    }

    /// True until the last turn of the last worker.
    fn goes_on(&self) -> bool {
        self.workers.iter().any(|stepped| !stepped.has_ended)
    }

    /// True if this worker's poll would return now.
    fn is_awake(world: &World, stepped: &Stepped<H>) -> bool {
        let has_events = world.polls.get(stepped.poll).is_some_and(|poll| {
            poll.interruptions > 0 || !poll.newcomers.is_empty() || !poll.ready.is_empty()
        });
        let is_woken = stepped.woken.load(Ordering::Acquire);
        !stepped.has_ended
            && (has_events || is_woken || stepped.until.is_some_and(|until| until <= world.now))
    }

    /// Steps the workers that are awake, in an order from the seed, until nothing is left that a turn could do without time
    /// passing.
    ///
    /// # Panics
    /// If a worker never comes to rest (a busy loop), or an invariant does not hold.
    pub fn settle(&mut self) {
        for _ in 0..MANY_TURNS * self.workers.len() {
            let Some(worker) = self.choose(Self::is_awake) else { return self.check_asleep() };
            self.turn_of(worker);
        }
        assert!(self.choose(Self::is_awake).is_none(), "a busy loop");
    }
}

fn new_world(seed: u64) -> Rc<RefCell<World>> {
    Rc::new(RefCell::new(World::new(seed)))
}

fn waker(woken: &Arc<AtomicBool>) -> Waker {
    let woken = woken.clone();
    Arc::new(move || woken.store(true, Ordering::Release))
}
