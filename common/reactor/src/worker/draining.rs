//! The stop of the daemon: no more accepting, every connection is told, and the time is limited.

use std::time::{Duration, Instant};

use super::Worker;
use crate::context::Visit;
use crate::settings::TURN_CONNECTIONS;
use crate::system::System;
use crate::{CloseReason, Handler, Settings, Stop, Token};

/// The longest time between two connections that are told: a stop with a few of them is quick.
const MAX_PACE: Duration = Duration::from_millis(10);

/// The daemon stops.
pub(super) struct Draining {
    stop: Stop,
    /// When it is enough. Never for an end of the source: everything is delivered, and who takes nothing of it for
    /// the write timeout is closed as slow like any other.
    until: Option<Instant>,
    /// Connections that were not told yet.
    untold: Vec<Token>,
    /// The time between two that are told.
    pace: Duration,
    /// When the next one is told.
    next: Instant,
}

impl Draining {
    fn new(stop: Stop, now: Instant, settings: &Settings, open: impl Iterator<Item = Token>) -> Self {
        let mut untold: Vec<Token> = if stop == Stop::HandOver { Vec::new() } else { open.collect() };
        // Neighbours in the table came together; their clients shall not leave together.
        untold.sort_by_key(|token| token.index.wrapping_mul(0x9e37_79b9));
        let count = u32::try_from(untold.len()).unwrap_or(u32::MAX).max(1);
        let pace = match stop {
            Stop::Shutdown => (settings.stop_spread / count).min(MAX_PACE),
            Stop::Restart | Stop::HandOver | Stop::Finished => Duration::ZERO,
        };
        let until = match stop {
            Stop::Shutdown | Stop::Restart => now.checked_add(settings.drain_timeout),
            Stop::HandOver | Stop::Finished => None,
        };
        Self { stop, until, untold, pace, next: now }
    }

    /// When something happens that no event announces.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let next = (!self.untold.is_empty()).then_some(self.next);
        next.into_iter().chain(self.until).min()
    }

    /// True while somebody is to be told now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.untold.is_empty() && self.next <= now
    }

    /// The next one that is told now.
    fn pop(&mut self, now: Instant) -> Option<Token> {
        if self.next > now {
            return None;
        }
        let token = self.untold.pop()?;
        self.next += self.pace;
        Some(token)
    }
}

impl<H: Handler, S: System> Worker<H, S> {
    /// True for the first stop, and for one that comes while the rest of a finished source is delivered.
    fn is_news(&self, stop: Stop) -> bool {
        match &self.draining {
            None => true,
            Some(draining) => draining.stop == Stop::Finished && stop != Stop::Finished,
        }
    }

    /// Follows a stop, once there is one.
    pub(super) fn drain(&mut self) {
        let control = self.control();
        let now = self.connections.shared.now;
        let asked = control.stopping().or(control.at_once().then_some(Stop::Shutdown));
        if let Some(stop) = asked.filter(|stop| self.is_news(*stop)) {
            for (mut listener, _) in std::mem::take(&mut self.listeners.sockets) {
                let _ = self.connections.system.remove_listener(&mut listener);
            }
            let settings = &self.connections.shared.settings;
            self.draining = Some(Draining::new(stop, now, settings, self.connections.table.tokens()));
        }
        let handed_over = control.stopping() == Some(Stop::HandOver) && self.hand_over();
        let Some(draining) = &mut self.draining else { return };
        for _ in 0..TURN_CONNECTIONS {
            let Some(token) = draining.pop(now) else { break };
            let stop = draining.stop;
            let Self { handler, connections, .. } = self;
            connections.visit(token, &mut |conn, cx| handler.on_stop(conn, stop, cx));
        }
        if draining.until.is_some_and(|until| until <= now) || handed_over || control.at_once() {
            let tokens: Vec<Token> = self.connections.table.tokens().collect();
            for token in tokens {
                self.connections.doom(token, CloseReason::Drained);
            }
        }
    }
}
