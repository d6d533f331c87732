//! Exports one connection out of the table for another process, and adopts one of another process into it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::connection::{Connection, Phase};
use super::connections::{Bound, Connections};
use super::context::Visit;
use super::eviction::EvictionClass;
use super::system::System;
use super::{CloseReason, Context, Exported, ExportedConnection, Flow, Token};

/// Asks the handler for its part of a connection; the number is that of the bytes that wait for more behind them.
pub(super) type Export<'e, C> = &'e mut dyn FnMut(&mut C, usize, &mut Context<'_>) -> Option<Exported>;
/// Lets the handler make its part of a connection.
pub(super) type Adopt<'a, C> = &'a mut dyn FnMut(&[u8], &mut Context<'_>) -> Option<(C, Flow)>;

impl<C, S: System> Connections<C, S> {
    /// Takes a connection out of the table, with everything that the next process has to know of it. `None`: it has to end
    /// here.
    pub(super) fn export(
        &mut self,
        token: Token,
        export: Export<'_, C>,
    ) -> Option<ExportedConnection<S::Exported>> {
        let io = &self.table.get(token)?.io;
        // Input that the handler did not get to yet is not cut off: it will get to it there.
        let partial = if io.resume_tail { 0 } else { io.tail.len() };
        let mut exported = None;
        self.visit(token, &mut |conn, cx| {
            exported = export(conn, partial, cx);
            // What the handler queued for the last time leaves here as far as the kernel takes it; the connection may turn
            // out to be broken then.
            Flow::Continue
        });
        let exported = exported?;
        let io = &mut self.table.get_mut(token)?.io;
        if io.phase != Phase::Open {
            return None;
        }
        let counted = io.place.as_ref().map(|place| place.address);
        if !self.state.leave_place(io) {
            return None; // evicted by another worker in this moment
        }
        let queued = io.outbox.take_memory()?;
        let entry = self.table.remove(token)?;
        let unfinished = entry.io.eviction_class.is_unfinished();
        self.state.control.counters().count_closed(CloseReason::HandedOver, unfinished);
        let descriptor = self.system.export(entry.socket).ok()?;
        Some(ExportedConnection {
            descriptor,
            queued,
            unconsumed: entry.io.tail,
            deadline: entry.io.deadline.saturating_duration_since(self.state.now),
            counted,
            exported,
        })
    }

    /// Puts a connection of another process into the table; false if it gets its closing bytes instead, or is gone.
    pub(super) fn adopt(&mut self, live: ExportedConnection<S::Exported>, adopt: Adopt<'_, C>) -> bool {
        let ExportedConnection { descriptor, queued, unconsumed, deadline, counted, exported } = live;
        let Ok((socket, ends)) = self.system.adopt(descriptor) else { return true };
        let Some(token) = self.insert(socket, ends) else { return true };
        let Some(Connection { socket, io, conn }) = self.table.get_mut(token) else { return true };
        let counters = self.state.control.counters();
        io.deadline = self.state.now + deadline;
        io.resume_tail = !unconsumed.is_empty();
        io.tail = unconsumed;
        if !queued.is_empty() {
            io.outbox.own().extend_from_slice(&queued);
        }
        if !io.tail.is_empty() {
            io.eviction_class = EvictionClass::Head;
        }
        let candidate = self.state.candidate(token, io.eviction_class);
        // The process before kept the limits when the connection came: it stays.
        io.place = counted.and_then(|address| counters.addresses.enter(address, 0, candidate));
        counters.count_adopted();
        counters.count_open();
        let mut wire = Bound { system: &mut self.system, socket };
        let mut cx = Context { io, wire: &mut wire, state: &mut self.state };
        let made = catch_unwind(AssertUnwindSafe(|| adopt(&exported.state, &mut cx))).unwrap_or_default();
        let adopted = made.is_some();
        let flow = if let Some((new, flow)) = made {
            *conn = Some(new);
            flow
        } else {
            // From here on as one that the reactor refused: no handler knows it.
            let unfinished = io.eviction_class.is_unfinished();
            self.state.control.counters().count_closed(CloseReason::Handler, unfinished);
            self.state.leave_place(io);
            io.outbox.own().extend_from_slice(&exported.closing_bytes);
            Flow::CloseWhenFlushed
        };
        if io.eviction_class.is_unfinished() {
            self.state.eviction.push_head(token);
        }
        self.state.list_ready(io);
        self.settle(token, Some(flow));
        adopted
    }
}
