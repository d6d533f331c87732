//! How far the stop of a worker has come: which connections still await `on_stop`, and how long they may take.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::eviction::SILENCE;
use crate::{Settings, Stop, Token};

/// The longest time between two calls of `on_stop`: a stop with a few connections is quick.
const MAX_PACE: Duration = Duration::from_millis(10);
/// How long a broadcast that goes on may take to reach its end before the worker exports the connections.
const SETTLE_TIME: Duration = Duration::from_millis(250);

pub(super) struct Stopping {
    pub(super) stop: Stop,
    /// When the worker closes the connections that are still there. Never for a finished source: the worker delivers
    /// everything, and closes a connection that takes nothing for the write timeout as slow, like any other.
    pub(super) until: Option<Instant>,
    /// Before a hand-over: how long the handler may finish what it has begun. `None` once the connections are exported.
    pub(super) settles_until: Option<Instant>,
    /// Before a hand-over: connections whose cookies are still to be asked for, and the cookies of the others.
    pub(super) without_cookie: Vec<Token>,
    pub(super) cookies: HashMap<Token, u64>,
    /// Connections that still await `on_stop`.
    to_stop: Vec<Token>,
    /// Those of them whose first request may be under way, as they opened just before the stop.
    young: Vec<Token>,
    /// When these have had the time for it.
    young_until: Instant,
    /// The time between two calls of `on_stop`.
    pace: Duration,
    /// When the next call is due.
    next: Instant,
}

impl Stopping {
    pub(super) fn new(stop: Stop, now: Instant, settings: &Settings, open: Vec<Token>) -> Self {
        let is_hand_over = stop == Stop::HandOver;
        let (mut to_stop, without_cookie) =
            if is_hand_over { (Vec::new(), open) } else { (open, Vec::new()) };
        // Neighbours in the table came together; their clients should not leave together.
        to_stop.sort_by_key(|token| token.index.wrapping_mul(0x9e37_79b9));
        let count = u32::try_from(to_stop.len()).unwrap_or(u32::MAX).max(1);
        let spread = if stop == Stop::Shutdown { settings.stop_spread } else { Duration::ZERO };
        let until = match stop {
            Stop::Shutdown | Stop::Restart | Stop::FinishedForStop => now.checked_add(settings.drain_timeout),
            Stop::HandOver | Stop::Finished => None,
        };
        let settles_until = is_hand_over.then_some(now + SETTLE_TIME);
        Self {
            stop,
            until,
            settles_until,
            without_cookie,
            cookies: HashMap::new(),
            to_stop,
            young: Vec::new(),
            young_until: now + SILENCE,
            pace: (spread / count).min(MAX_PACE),
            next: now,
        }
    }

    /// True once the connections that live on in another process have left.
    pub(super) fn has_exported(&self) -> bool {
        self.stop == Stop::HandOver && self.settles_until.is_none()
    }

    /// When the next `on_stop` or the end of the stop is due.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.next_due().into_iter().chain(self.ends_at()).min()
    }

    /// True while the next turn has something to do: a step of the hand-over, or an `on_stop`.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.settles_until.is_some() || self.next_due().is_some_and(|due| due <= now)
    }

    /// When the next `on_stop` is due.
    fn next_due(&self) -> Option<Instant> {
        match (self.to_stop.is_empty(), self.young.is_empty()) {
            (false, _) => Some(self.next),
            (true, false) => Some(self.young_until),
            (true, true) => None,
        }
    }

    /// Puts off the `on_stop` of a connection whose first request may be under way; false if it has had the time for it.
    pub(super) fn put_off(&mut self, token: Token, now: Instant) -> bool {
        let waits = now < self.young_until;
        if waits {
            self.young.push(token);
        }
        waits
    }

    /// Takes the next connection whose `on_stop` is due. It has so much time at least to end, however late this call comes.
    pub(super) fn pop(&mut self, now: Instant, time: Duration) -> Option<Token> {
        if self.next_due()? > now {
            return None;
        }
        let token = match self.to_stop.pop() {
            Some(token) => {
                self.next += self.pace;
                token
            }
            None => self.young.pop()?,
        };
        self.until = self.until.map(|until| until.max(now + time));
        Some(token)
    }

    /// When the worker closes what is still there; not before every connection had its `on_stop`.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        self.until.filter(|_| self.to_stop.is_empty() && self.young.is_empty())
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // Any instant will do.
mod tests {
    use super::*;

    #[test]
    fn a_stop_has_no_end_before_each_connection_heard_of_it() {
        let (now, settings) = (Instant::now(), Settings::default());
        let token = Token { index: 0, generation: 0 };
        let mut stopping = Stopping::new(Stop::Restart, now, &settings, vec![token]);
        assert_eq!((stopping.ends_at(), stopping.pop(now, SILENCE)), (None, Some(token)));
        assert!(stopping.put_off(token, now));
        assert_eq!((stopping.ends_at(), stopping.wakes_at()), (None, Some(now + SILENCE)));
        let later = now + SILENCE;
        assert_eq!(stopping.pop(later, SILENCE), Some(token));
        assert!(!stopping.put_off(token, later), "it has had its time");
        assert_eq!(stopping.ends_at(), Some(now + settings.drain_timeout));
    }
}
