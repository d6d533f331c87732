//! How far the stop of a worker is: which connections still have to hear of it, and how long they may take.

use std::time::{Duration, Instant};

use crate::{Settings, Stop, Token};

/// The longest time between two connections that hear of the stop: a stop with a few of them is quick.
const MAX_PACE: Duration = Duration::from_millis(10);

/// The daemon stops.
pub(super) struct Draining {
    pub(super) stop: Stop,
    /// When the drain timeout is over. Never for an end of the source: everything is delivered, and a connection that takes
    /// nothing of it for the write timeout is closed as slow like any other.
    pub(super) until: Option<Instant>,
    /// Connections without an `on_stop` yet.
    to_stop: Vec<Token>,
    /// The time between two calls of `on_stop`.
    pace: Duration,
    /// When the next one is due.
    next: Instant,
}

/// A hand-over that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) enum HandOver {
    /// The handler finishes what it has begun.
    Settling { until: Instant },
    /// The connections that live on are exported; the others end.
    Exported { until: Instant },
}

impl Draining {
    pub(super) fn new(
        stop: Stop,
        now: Instant,
        settings: &Settings,
        open: impl Iterator<Item = Token>,
    ) -> Self {
        let mut to_stop: Vec<Token> = if stop == Stop::HandOver { Vec::new() } else { open.collect() };
        // Neighbours in the table came together; their clients shall not leave together.
        to_stop.sort_by_key(|token| token.index.wrapping_mul(0x9e37_79b9));
        let count = u32::try_from(to_stop.len()).unwrap_or(u32::MAX).max(1);
        let pace = match stop {
            Stop::Shutdown => (settings.stop_spread / count).min(MAX_PACE),
            Stop::Restart | Stop::HandOver | Stop::Finished => Duration::ZERO,
        };
        let until = match stop {
            Stop::Shutdown | Stop::Restart => now.checked_add(settings.drain_timeout),
            Stop::HandOver | Stop::Finished => None,
        };
        Self { stop, until, to_stop, pace, next: now }
    }

    /// When something happens that no event announces.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let next = (!self.to_stop.is_empty()).then_some(self.next);
        next.into_iter().chain(self.until).min()
    }

    /// True while an `on_stop` is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.to_stop.is_empty() && self.next <= now
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
