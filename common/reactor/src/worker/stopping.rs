//! How far the stop of a worker is: which connections still have to hear of it, and how long they may take.

use std::time::{Duration, Instant};

use crate::{Settings, Stop, Token};

/// The longest time between two connections that hear of the stop: a stop with a few of them is quick.
const MAX_PACE: Duration = Duration::from_millis(10);
/// How long a broadcast that goes on may take to reach its end before the worker exports the connections.
const SETTLE_TIME: Duration = Duration::from_millis(250);

pub(super) struct Stopping {
    pub(super) stop: Stop,
    /// When the connections that are still there are closed. Never for an end of the source: everything is delivered, and a
    /// connection that takes nothing of it for the write timeout is closed as slow like any other.
    pub(super) until: Option<Instant>,
    /// Before a hand-over: how long the handler may finish what it has begun. `None` once the connections are exported.
    pub(super) settles_until: Option<Instant>,
    /// Connections without an `on_stop` yet.
    to_stop: Vec<Token>,
    /// The time between two calls of `on_stop`.
    pace: Duration,
    /// When the next one is due.
    next: Instant,
}

impl Stopping {
    pub(super) fn new(stop: Stop, now: Instant, settings: &Settings, open: Vec<Token>) -> Self {
        let mut to_stop = if stop == Stop::HandOver { Vec::new() } else { open };
        // Neighbours in the table came together; their clients shall not leave together.
        to_stop.sort_by_key(|token| token.index.wrapping_mul(0x9e37_79b9));
        let count = u32::try_from(to_stop.len()).unwrap_or(u32::MAX).max(1);
        let spread = if stop == Stop::Shutdown { settings.stop_spread } else { Duration::ZERO };
        let until = match stop {
            Stop::Shutdown | Stop::Restart => now.checked_add(settings.drain_timeout),
            Stop::HandOver | Stop::Finished => None,
        };
        let settles_until = (stop == Stop::HandOver).then_some(now + SETTLE_TIME);
        Self { stop, until, settles_until, to_stop, pace: (spread / count).min(MAX_PACE), next: now }
    }

    /// True once the connections that live on in another process have left.
    pub(super) fn has_exported(&self) -> bool {
        self.stop == Stop::HandOver && self.settles_until.is_none()
    }

    /// When something happens that no event announces.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let next = (!self.to_stop.is_empty()).then_some(self.next);
        next.into_iter().chain(self.until).min()
    }

    /// True while the next turn has something to do: a step of the hand-over, or an `on_stop`.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.settles_until.is_some() || !self.to_stop.is_empty() && self.next <= now
    }

    /// Takes the next connection whose `on_stop` is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Token> {
        if self.next > now {
            return None;
        }
        let token = self.to_stop.pop()?;
        self.next += self.pace;
        Some(token)
    }
}
