//! Live connections from one process to the next: this worker gives its own away, or takes up those of a worker before it.

use std::time::{Duration, Instant};

use super::Worker;
use crate::settings::TURN_CONNECTIONS;
use crate::system::System;
use crate::{ExportedConnection, Handler, Token, Wake};

/// How long a broadcast that goes on may take to reach its end before the connections are exported away.
const SETTLE: Duration = Duration::from_millis(250);
/// How long connections that end here may take to do so: everybody else waits for it.
const FAREWELL: Duration = Duration::from_millis(100);

/// A hand-over that was begun.
#[derive(Clone, Copy, Debug)]
pub(super) enum HandingOver {
    /// The handler finishes what it is at.
    Settling { until: Instant },
    /// The connections are exported away; the rest ends.
    Given { until: Instant },
}

impl<H: Handler, S: System> Worker<H, S> {
    /// A step of the hand-over; true when nothing more is waited for.
    pub(super) fn hand_over(&mut self) -> bool {
        let now = self.connections.shared.now;
        match self.handing_over {
            // Not in this turn: mail that was sent before the stop may not have been taken in it.
            None => {
                self.handing_over = Some(HandingOver::Settling { until: now + SETTLE });
                false
            }
            Some(HandingOver::Settling { until }) => {
                // All mail was taken in this turn, and `Again` says that a broadcast of it is still on its way.
                if self.wake != Wake::Again || until <= now {
                    self.give_away();
                    self.handing_over = Some(HandingOver::Given { until: now + FAREWELL });
                }
                false
            }
            Some(HandingOver::Given { until }) => until <= now,
        }
    }

    /// True until the connections are exported away.
    pub(super) fn is_settling(&self) -> bool {
        matches!(self.handing_over, Some(HandingOver::Settling { .. }))
    }

    /// When the hand-over wants the next turn.
    pub(super) fn hand_over_until(&self) -> Option<Instant> {
        match self.handing_over? {
            HandingOver::Settling { .. } => Some(self.connections.shared.now),
            HandingOver::Given { until } => Some(until),
        }
    }

    /// Takes every connection that can live on out of the table.
    fn give_away(&mut self) {
        self.exported.extend(self.adopting.drain(..));
        let tokens: Vec<Token> = self.connections.table.tokens().collect();
        for token in tokens {
            let Self { handler, connections, .. } = self;
            self.exported.extend(
                connections.give_away(token, &mut |conn, partial, cx| handler.export(conn, partial, cx)),
            );
        }
    }

    /// Takes up a bounded number of the connections that another process gave away.
    pub(super) fn adopt(&mut self) {
        for _ in 0..TURN_CONNECTIONS {
            let Some(live) = self.adopting.pop_front() else { break };
            let Self { handler, connections, .. } = self;
            let adopted = connections.adopt(live, &mut |state, cx| handler.adopt(state, cx));
            if !adopted {
                // It is on its way out, as one that was refused.
                self.listeners.refused += 1;
            }
        }
    }

    /// Connections that another process gave away, for this worker.
    pub(crate) fn inherit(&mut self, connections: Vec<ExportedConnection<S::Detached>>) {
        self.adopting.extend(connections);
    }
}
