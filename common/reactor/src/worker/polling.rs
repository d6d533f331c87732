//! What a worker learns before it serves anybody: events, the time, and that the kernel is short of memory.

use std::io;
use std::time::Duration;

use super::Worker;
use super::stopping::Stopping;
use crate::connections::Connections;
use crate::system::{Polled, System, Target};
use crate::{CompactInstant, Handler};

/// How often in a row the kernel may refuse to poll before the worker gives up: for ten seconds in which the process runs. Time
/// alone proves nothing, for the process may have been stopped, or starved, between two polls.
const MOST_REFUSALS: u32 = 100;
/// Time between two polls that the kernel refuses.
const POLL_PAUSE: Duration = Duration::from_millis(100);
/// Two readings of a clock that are further apart than this belong to two different moments.
const ONE_MOMENT: Duration = Duration::from_millis(1);
/// A poll that may sleep for as long as this begins at the turn's time, though that has gone on since: to read the clock takes longer
/// than many a turn, and what waits so long may wait as much longer as a turn takes.
const LONG: Duration = Duration::from_millis(100);

/// The earlier of two instants, each of which may be missing.
fn earlier(one: Option<CompactInstant>, other: Option<CompactInstant>) -> Option<CompactInstant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

impl<H: Handler, S: System> Worker<H, S> {
    /// What keeps the worker from sleeping, for a failing test.
    #[cfg(any(test, feature = "simulated"))]
    pub(crate) fn why_awake(&self) -> String {
        let state = &self.connections.state;
        let due = |at: Option<std::time::Instant>| at.map(|at| at.saturating_duration_since(state.now));
        format!(
            "ready {:?}, {:?}, adopts {}, accepts {}, deadline in {:?}, paused {:?}, short {:?} ({:?})",
            state.ready,
            self.wake,
            self.arrivals.is_some(),
            self.listeners.is_ready(),
            due(state.next_deadline()),
            due(self.listeners.paused_until),
            state.short,
            due(state.short_until),
        )
    }

    /// How long a poll that begins `now` may sleep; `None`: until an event.
    pub(crate) fn timeout(&self, now: CompactInstant) -> Option<Duration> {
        if !self.is_at_rest() {
            return Some(Duration::ZERO);
        }
        let state = &self.connections.state;
        let is_usual =
            self.listeners.paused_until.is_none() && state.short_until.is_none() && self.stopping.is_none();
        let seldom = if is_usual { None } else { self.seldom_due() };
        let next = earlier(earlier(state.deadlines.next(), self.scheduled), seldom)?;
        Some(next.saturating_duration_since(now))
    }

    /// The first of what seldom waits: the end of a pause, another try after a shortage, a step of the stop.
    #[cold]
    fn seldom_due(&self) -> Option<CompactInstant> {
        let state = &self.connections.state;
        let stop = self.stopping.as_ref().and_then(Stopping::wakes_at);
        let first = [self.listeners.paused_until, state.short_until, stop].into_iter().flatten().min();
        first.map(|at| state.compact(at))
    }

    /// Polls until every event that had come by now has set its flags. It ends: the kernel shows each connection once
    /// before it shows one again.
    pub(super) fn look(&mut self) -> io::Result<()> {
        let mut begun = self.connections.state.now;
        let mut timeout = self.timeout(self.connections.state.compact_now);
        if let Some(time) = timeout
            && !time.is_zero()
            && (time < LONG || self.wake.exact().is_some())
        {
            let turn = begun;
            begun = self.connections.system.now();
            timeout = Some(time.saturating_sub(begun.saturating_duration_since(turn)));
        }
        if let (Some(at), Some(time)) = (self.wake.exact(), timeout)
            && !time.is_zero()
            && at <= begun + time
            && self.connections.system.sleep(time)
        {
            timeout = Some(Duration::ZERO);
        }
        // The poll still watches what was exported, and the waker.
        let watched = self.connections.table.len() + self.exported.len();
        let mut most = watched + self.listeners.sockets.len() + 1;
        loop {
            let polled = match self.connections.system.poll(&mut self.events, timeout) {
                Ok(polled) => polled,
                Err(error) => return self.endure(error),
            };
            self.refusals = 0;
            self.take_events();
            most = most.saturating_sub(self.events.len());
            match polled {
                Polled::Interrupted => return Ok(()),
                Polled::Part if most > 0 => timeout = Some(Duration::ZERO),
                Polled::All | Polled::Part => {
                    self.looked_at = begun;
                    return Ok(());
                }
            }
        }
    }

    /// The kernel refuses to poll, for want of memory: tries again a little later, and gives up only once it has refused for
    /// so often that the process is of no use. Meanwhile the worker's turns do not count, so that it is seen to be unwell.
    fn endure(&mut self, error: io::Error) -> io::Result<()> {
        self.refusals += 1;
        log::error!(reason:? = error.kind(); "polling: {error}");
        if self.refusals > MOST_REFUSALS {
            return Err(error);
        }
        self.connections.system.pause(POLL_PAUSE);
        Ok(())
    }

    /// Tries the connections again for which the kernel was out of memory.
    pub(super) fn end_shortage(&mut self) {
        let Connections { table, state, .. } = &mut self.connections;
        if state.short_until.take_if(|until| *until <= state.now).is_none() {
            return;
        }
        for token in std::mem::take(&mut state.short) {
            let Some(entry) = table.get_mut(token) else { continue };
            entry.io.readable = true;
            entry.io.blocked = false;
            state.list_ready(&mut entry.io);
        }
    }

    /// Reads the clock, and once in a moment the wall clock, too: both together, as a stop of the process in between would look like a
    /// step of the wall clock.
    #[inline]
    pub(super) fn read_clocks(&mut self) {
        let Connections { system, state, .. } = &mut self.connections;
        state.set_now(system.now());
        let is_of_now = |at: CompactInstant| state.compact_now < at.saturating_add(ONE_MOMENT);
        if !state.wall_read_at.is_some_and(is_of_now) {
            self.read_wall_clock();
        }
    }

    #[inline(never)] // once in a moment
    fn read_wall_clock(&mut self) {
        let Connections { system, state, .. } = &mut self.connections;
        for _ in 0..3 {
            let before = state.compact_now;
            state.set_wall(system.wall());
            state.set_now(system.now());
            state.wall_read_at = Some(state.compact_now);
            if state.compact_now.saturating_duration_since(before) < ONE_MOMENT {
                break;
            }
        }
    }

    /// Events set flags; nothing is read or written yet.
    fn take_events(&mut self) {
        for event in &self.events {
            match event.target {
                Target::Listener(number) => {
                    if let Some((_, ready)) = self.listeners.sockets.get_mut(number) {
                        *ready = true;
                    }
                }
                Target::Connection(token) => {
                    let Some(entry) = self.connections.table.get_mut(token) else { continue };
                    entry.io.readable |= event.readable || event.read_closed || event.hung_up;
                    entry.io.read_closed |= event.read_closed || event.hung_up;
                    entry.io.hung_up |= event.hung_up;
                    entry.io.blocked &= !(event.writable || event.hung_up);
                    self.connections.state.list_ready(&mut entry.io);
                }
                Target::Waker => {}
            }
        }
    }
}
