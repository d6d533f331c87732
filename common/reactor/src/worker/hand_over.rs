//! Live connections from one process to the next: this worker exports its own, or adopts those of a worker before it.

use std::time::{Duration, Instant};

use super::Worker;
use super::draining::HandOver;
use crate::settings::TURN_CONNECTIONS;
use crate::system::System;
use crate::{ExportedConnection, Handler, Token, Wake};

/// How long a broadcast that goes on may take to reach its end before the worker exports the connections.
const SETTLE_TIME: Duration = Duration::from_millis(250);
/// How long connections that end here may take to do so: all the others wait for it.
const CLOSING_TIME: Duration = Duration::from_millis(100);

impl<H: Handler, S: System> Worker<H, S> {
    /// A step of the hand-over; true when the worker waits for nothing more.
    pub(super) fn continue_hand_over(&mut self) -> bool {
        let now = self.connections.state.now;
        match self.hand_over {
            // Not in this turn: mail from before the stop may have come after the worker took its mail.
            None => {
                self.hand_over = Some(HandOver::Settling { until: now + SETTLE_TIME });
                false
            }
            Some(HandOver::Settling { until }) => {
                // The worker took all mail in this turn, and `Again` says that a broadcast of it is still on its way.
                if self.wake != Wake::Again || until <= now {
                    self.export_all();
                    self.hand_over = Some(HandOver::Exported { until: now + CLOSING_TIME });
                }
                false
            }
            Some(HandOver::Exported { until }) => until <= now,
        }
    }

    /// True until the worker has exported the connections.
    pub(super) fn is_settling(&self) -> bool {
        matches!(self.hand_over, Some(HandOver::Settling { .. }))
    }

    /// When the hand-over wants the next turn.
    pub(super) fn hand_over_until(&self) -> Option<Instant> {
        match self.hand_over? {
            HandOver::Settling { .. } => Some(self.connections.state.now),
            HandOver::Exported { until } => Some(until),
        }
    }

    /// Takes every connection that can live on out of the table.
    fn export_all(&mut self) {
        self.exported.extend(self.to_adopt.drain(..));
        let tokens: Vec<Token> = self.connections.table.tokens().collect();
        for token in tokens {
            let Self { handler, connections, .. } = self;
            self.exported.extend(
                connections.export(token, &mut |conn, partial, cx| handler.export(conn, partial, cx)),
            );
        }
    }

    /// Gives this worker connections that another process exported; it adopts them in its next turns.
    pub(crate) fn adopt(&mut self, connections: Vec<ExportedConnection<S::Exported>>) {
        self.to_adopt.extend(connections);
    }

    /// Adopts a bounded number of connections.
    pub(super) fn adopt_some(&mut self) {
        for _ in 0..TURN_CONNECTIONS {
            let Some(live) = self.to_adopt.pop_front() else { break };
            let Self { handler, connections, .. } = self;
            let adopted = connections.adopt(live, &mut |state, cx| handler.adopt(state, cx));
            if !adopted {
                // It is on its way out, as one that was refused.
                self.listeners.refused += 1;
            }
        }
    }
}
