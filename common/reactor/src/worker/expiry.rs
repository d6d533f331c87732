//! Deadlines that have passed: input comes first, then the deadline counts.

use super::Worker;
use crate::connection::Lifecycle;
use crate::settings::TURN_CONNECTIONS;
use crate::system::System;
use crate::{CloseReason, CompactInstant, Handler, Token};

/// How often the worker serves a connection whose deadline has passed and that still has input, or room for output, before
/// the deadline counts: 256 KiB each way, and a thousand requests.
const LAST_LOOKS: usize = 4;

impl<H: Handler, S: System> Worker<H, S> {
    /// Closes connections whose deadline has passed, or lets the handler decide: as many as a turn serves. The others follow in the
    /// next turns, so that thousands with the same deadline delay no message.
    pub(super) fn expire(&mut self) {
        let state = &self.connections.state;
        if state.deadlines.next().is_none_or(|next| next > state.compact_now) {
            return;
        }
        let due = state.compact(self.looked_at);
        self.read_clocks(); // the deadlines that are set here count from now, however long the turn has taken so far
        let mut left = TURN_CONNECTIONS;
        while let Some((bucket, tokens)) = self.connections.state.deadlines.pop(due, left) {
            left = left.saturating_sub(tokens.len());
            for token in tokens {
                let Some(io) = self.io(token).filter(|io| io.armed == Some(bucket)) else { continue };
                io.armed = None;
                if io.next_deadline() <= due {
                    self.judge(token, due);
                }
                self.connections.with(token, |_, cx| cx.flush()); // arms it again
            }
        }
    }

    /// Serves a connection whose deadline has passed as far as it can be; if the deadline still stands then, it counts.
    fn judge(&mut self, token: Token, due: CompactInstant) {
        self.serve_what_is_there(token);
        if self.io(token).is_some_and(|io| io.next_deadline() <= due) {
            self.expire_one(token, due);
        }
    }

    /// Serves a connection until nothing is left that has come for it, or it had its share.
    pub(super) fn serve_what_is_there(&mut self, token: Token) {
        for _ in 0..LAST_LOOKS {
            if !self.io(token).is_some_and(|io| io.listed_ready) {
                break;
            }
            self.serve(token);
        }
    }

    fn expire_one(&mut self, token: Token, due: CompactInstant) {
        let Some(entry) = self.connections.table.get_mut(token) else { return };
        let io = &mut entry.io;
        let state = &mut self.connections.state;
        match io.lifecycle {
            Lifecycle::Closing => return,
            Lifecycle::Lingering { .. } => return state.schedule_close(io, CloseReason::Handler),
            _ if io.outbox.stalled_at().is_some_and(|at| at <= due) => {
                return state.schedule_close(io, CloseReason::Slow);
            }
            Lifecycle::Flushing { .. } => {
                io.deadline = state.after(state.settings.write_timeout); // it is still taking a long answer
                return;
            }
            Lifecycle::Open => {}
        }
        self.call(token, H::on_deadline);
        if self.io(token).is_some_and(|io| io.lifecycle == Lifecycle::Open && io.deadline <= due) {
            log::error!(reason = "deadline"; "a connection was left without a later deadline");
            self.connections.schedule_close(token, CloseReason::Handler);
        }
    }
}
