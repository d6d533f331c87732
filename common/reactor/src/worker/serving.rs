//! One connection is served: what it has to send, to read, and to wait for.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Worker;
use crate::accept::Listeners;
use crate::connection::{Entry, Io, Lifecycle};
use crate::connections::{Bound, Connections};
use crate::system::{System, is_shortage_of_watches};
use crate::worker_state::WorkerState;
use crate::{CloseReason, Context, Flow, Handler, Token};

/// A connection while its worker serves it, with all that it takes: found once, and not for each step.
pub(super) struct Served<'w, H: Handler, S: System> {
    pub(super) handler: &'w mut H,
    pub(super) system: &'w mut S,
    pub(super) state: &'w mut WorkerState,
    pub(super) buffer: &'w mut Vec<u8>,
    listeners: &'w mut Listeners<S::Listener>,
    pub(super) socket: &'w S::Socket,
    pub(super) io: &'w mut Io,
    conn: &'w mut Option<H::Conn>,
}

impl<H: Handler, S: System> Worker<H, S> {
    /// The connection, to be served; `None` if it is gone.
    fn served(&mut self, token: Token) -> Option<Served<'_, H, S>> {
        let Self { handler, connections, listeners, buffer, .. } = self;
        let Connections { table, system, state } = connections;
        let Entry { socket, io, conn } = table.get_mut(token)?;
        Some(Served { handler, system, state, buffer, listeners, socket, io, conn })
    }

    pub(super) fn serve(&mut self, token: Token) {
        if let Some(mut served) = self.served(token) {
            served.serve();
        }
    }

    /// Runs a callback of the handler about one connection; false if that is gone or closing.
    pub(super) fn call(
        &mut self,
        token: Token,
        callback: impl FnOnce(&mut H, &mut H::Conn, &mut Context<'_>) -> Flow,
    ) -> bool {
        self.served(token).is_some_and(|mut served| served.call(callback))
    }
}

impl<H: Handler, S: System> Served<'_, H, S> {
    fn serve(&mut self) {
        self.io.listed_ready = false;
        if !self.io.owes_nothing() {
            self.send_queued();
            if self.io.take_drain() {
                self.call(H::on_drain);
            }
        }
        self.read();
        self.discard();
        self.notice_hang_up();
        self.leave_to_poll();
    }

    fn send_queued(&mut self) {
        let mut wire = Bound { system: self.system, socket: self.socket };
        Context { io: self.io, wire: &mut wire, state: self.state }.send_queued();
    }

    /// Runs a callback of the handler; false if that does not know the connection, or knows it no more.
    pub(super) fn call(
        &mut self,
        callback: impl FnOnce(&mut H, &mut H::Conn, &mut Context<'_>) -> Flow,
    ) -> bool {
        let Some(conn) = self.conn else { return false };
        if self.io.lifecycle != Lifecycle::Open {
            return false;
        }
        let mut wire = Bound { system: self.system, socket: self.socket };
        let mut cx = Context { io: self.io, wire: &mut wire, state: self.state };
        // One connection's panic is that connection's end, not the daemon's.
        let flow = catch_unwind(AssertUnwindSafe(|| callback(self.handler, conn, &mut cx)));
        cx.settle(flow.ok());
        true
    }

    /// The connection was served: from now on it has a deadline and may make room, and if nothing is left to do for it the poll has to
    /// watch it. While the kernel can watch no more of them, it is served a little later without an event, and nobody is accepted.
    fn leave_to_poll(&mut self) {
        let Self { system, state, listeners, socket, io, .. } = self;
        if io.lifecycle == Lifecycle::Closing {
            return; // it makes room by itself in this turn
        }
        state.arm(io);
        state.offer_place(io);
        if io.listed_ready {
            return;
        }
        let Err(error) = io.watch(*system, socket) else { return };
        if is_shortage_of_watches(&error) {
            state.retry_later(io);
            listeners.pause(state.now, &error);
        } else {
            state.schedule_close(io, CloseReason::Error);
        }
    }
}
