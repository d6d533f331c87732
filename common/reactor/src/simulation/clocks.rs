//! Time passes in a simulated world when the test says so.

use std::time::{Duration, Instant, SystemTime};

use super::Simulation;
use crate::Handler;

impl<H: Handler> Simulation<H> {
    /// The monotonic time.
    pub fn now(&self) -> Instant {
        self.world.borrow().now
    }

    /// The wall-clock time.
    pub fn wall(&self) -> SystemTime {
        self.world.borrow().wall
    }

    /// Moves all clocks forward; no turn runs meanwhile.
    pub fn advance(&mut self, by: Duration) {
        let world = &mut *self.world.borrow_mut();
        world.now += by;
        world.wall += by;
    }

    /// So much time passes, in which each worker has its turns when its poll returns.
    ///
    /// # Panics
    /// As [`Self::settle`].
    pub fn pass(&mut self, time: Duration) {
        let end = self.now() + time;
        loop {
            self.settle();
            let now = self.now();
            let next = self.wakes_at().filter(|next| *next < end).unwrap_or(end);
            if now >= end {
                return;
            }
            self.advance(next.saturating_duration_since(now));
        }
    }

    /// When the first worker wakes if nothing happens; `None`: never.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let sleepers = self.workers.iter().filter(|stepped| !stepped.has_ended);
        sleepers.filter_map(|stepped| stepped.until).min()
    }

    /// Moves the wall clock alone, backward if `seconds` is negative.
    pub fn step_wall_clock(&mut self, seconds: i64) {
        let world = &mut *self.world.borrow_mut();
        let by = Duration::from_secs(seconds.unsigned_abs());
        world.wall = if seconds < 0 { world.wall - by } else { world.wall + by };
    }

    /// What moves all clocks forward within a callback, as work does that takes so long.
    pub fn work(&self) -> impl Fn(Duration) + 'static {
        let world = self.world.clone();
        move |time| {
            let world = &mut *world.borrow_mut();
            world.now += time;
            world.wall += time;
        }
    }

    /// How long the latest poll of this worker that was allowed to sleep was to sleep at most.
    pub fn asked(&self, worker: usize) -> Option<Duration> {
        let poll = self.workers.get(worker)?.poll;
        self.world.borrow().polls.get(poll)?.asked
    }

    /// Once, the process is stopped for so long just behind a reading of the wall clock.
    pub fn stop_between_clocks(&mut self, time: Duration) {
        self.world.borrow_mut().stop_between_clocks = time;
    }

    /// The machine sleeps for so long: the wall clock and the time since boot go on, the monotonic clock stands.
    pub fn suspend(&mut self, time: Duration) {
        let world = &mut *self.world.borrow_mut();
        world.wall += time;
        world.suspended += time;
    }

    /// The process stands still for so long (`SIGSTOP`), in which the peers do what `meanwhile` says. The first poll after it
    /// is interrupted and shows nothing.
    ///
    /// # Panics
    /// As [`Self::settle`].
    pub fn stand_still(&mut self, time: Duration, meanwhile: impl FnOnce(&mut Self)) {
        self.halt(time);
        meanwhile(self);
        self.resume();
    }

    /// The first half of [`Self::stand_still`]: the process has come to rest, and stood still for so long.
    ///
    /// # Panics
    /// As [`Self::settle`].
    pub fn halt(&mut self, time: Duration) {
        self.settle();
        self.advance(time);
    }

    /// The second half of [`Self::stand_still`].
    ///
    /// # Panics
    /// As [`Self::settle`].
    pub fn resume(&mut self) {
        for poll in &mut self.world.borrow_mut().polls {
            poll.interruptions = 1;
        }
        self.settle();
    }
}
