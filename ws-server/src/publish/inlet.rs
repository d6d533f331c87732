//! Where the publications of one worker come in: each in its turn, as far as there is room. Nobody waits in a callback.
//!
//! ```text
//!  input of a body ──▶ admits? ── yes ──▶ one batch to all workers ──▶ in flight until all have passed it on
//!                        │ no                                                     │
//!                        ▼                                                        │ room
//!                     waiting, its input paused ◀── in the order of waiting ──────┘
//!                        │ granted in on_turn: its input comes, and it may publish one batch
//!                        ▼
//! ```

use std::{collections::VecDeque, sync::Arc};

use reactor::Token;

use super::{in_flight::InFlight, publications::Publications};
use crate::source::{Posted, Publisher, Splitter};

/// Connections that get their turn at once.
const MAX_GRANTS: usize = 64;

/// One worker's end of [`Publications`].
pub(crate) struct Inlet {
    shared: Arc<Publications>,
    worker: usize,
    in_flight: InFlight,
    /// Connections that wait for room, the first of them first. Some may be gone.
    waiting: VecDeque<Token>,
    /// Which turns count: those of this number.
    round: u64,
    /// How many turns were granted in this round.
    granted: usize,
}

/// Where a publication stands among those of its worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// It takes what comes.
    #[default]
    Free,
    /// It waits for room; its input is paused.
    Waiting,
    /// It may publish one batch in this round.
    Granted(u64),
}

impl Inlet {
    /// Of worker `worker`.
    pub(crate) fn new(shared: Arc<Publications>, worker: usize) -> Self {
        let (in_flight, waiting) = (InFlight::default(), VecDeque::new());
        Self { shared, worker, in_flight, waiting, round: 0, granted: 0 }
    }

    /// True if this connection may publish a batch now; otherwise it waits from now on, and its input has to be paused.
    pub(crate) fn admits(&mut self, place: &mut Place, token: Token) -> bool {
        let before = std::mem::take(place);
        if before == Place::Granted(self.round) || before == Place::Free && self.is_free() {
            return true;
        }
        self.wait(place, token);
        if matches!(before, Place::Granted(_)) {
            // Its turn came in an earlier round, in which nothing of its body was there yet: the first of the next one.
            self.waiting.rotate_right(1);
        }
        false
    }

    /// True while a connection may publish without waiting for its turn: nobody waits, and there is room.
    pub(crate) fn is_free(&mut self) -> bool {
        if !self.waiting.is_empty() || self.granted > 0 {
            return false;
        }
        if self.in_flight.room() == 0 {
            self.in_flight.settle(self.shared.passed_on());
        }
        self.in_flight.room() > 0
    }

    /// A connection waits for its turn before more of its input is read.
    pub(crate) fn wait(&mut self, place: &mut Place, token: Token) {
        *place = Place::Waiting;
        self.waiting.push_back(token);
        self.shared.wait(self.worker);
    }

    /// Cuts the bytes of one request into lines.
    pub(crate) fn splitter(&self) -> Splitter {
        self.shared.publisher.splitter()
    }

    pub(crate) fn publisher(&self) -> &Publisher {
        &self.shared.publisher
    }

    /// A connection has published these lines.
    pub(crate) fn posted(&mut self, posted: &Posted) {
        self.in_flight.add(posted);
    }

    /// Grants turns to those that have waited longest, as far as there is room. `grant` is called with each of them and the place
    /// that it gets, and returns false if it is gone.
    pub(crate) fn grant(&mut self, mut grant: impl FnMut(Token, Place) -> bool) {
        self.round = self.round.wrapping_add(1);
        self.granted = 0;
        if self.waiting.is_empty() {
            return;
        }
        // Before the look: a worker that makes room later wakes this one.
        self.shared.wait(self.worker);
        self.in_flight.settle(self.shared.passed_on());
        let most = self.in_flight.room().min(MAX_GRANTS);
        while self.granted < most
            && let Some(token) = self.waiting.pop_front()
        {
            self.granted += usize::from(grant(token, Place::Granted(self.round)));
        }
    }

    /// This worker has passed on batches.
    pub(crate) fn has_passed_on(&self) {
        self.shared.wake_waiting();
    }
}
