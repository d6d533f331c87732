//! One connection out of the table for another process, and one of another process into it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::connection::{Connection, Phase};
use super::connections::{Bound, Connections};
use super::context::{Context, Visit};
use super::eviction::Standing;
use super::live::{Exported, ExportedConnection};
use super::system::System;
use super::{CloseReason, Flow, Token};

/// Asks the handler for its part of a connection; the number is that of the bytes that wait for more behind them.
pub(super) type Export<'e, C> = &'e mut dyn FnMut(&mut C, usize, &mut Context<'_>) -> Option<Exported>;
/// Lets the handler make its part of a connection.
pub(super) type Adopt<'a, C> = &'a mut dyn FnMut(&[u8], &mut Context<'_>) -> Option<(C, Flow)>;

impl<C, S: System> Connections<C, S> {
    /// Takes a connection out of the table, with everything that is known of it. `None`: it has to end here.
    pub(super) fn give_away(
        &mut self,
        token: Token,
        export: Export<'_, C>,
    ) -> Option<ExportedConnection<S::Detached>> {
        let io = &self.table.get(token)?.io;
        // Input that the handler did not get to yet is not cut off: it will get to it there.
        let partial = if io.resume_tail { 0 } else { io.tail.len() };
        let mut exported = None;
        self.visit(token, &mut |conn, cx| {
            exported = export(conn, partial, cx);
            // What was queued for the last time leaves here as far as the kernel takes it; the connection may turn out to be
            // broken then.
            Flow::Continue
        });
        let exported = exported?;
        let io = &mut self.table.get_mut(token)?.io;
        if io.phase != Phase::Open {
            return None;
        }
        let queued = io.outbox.take_memory()?;
        let entry = self.table.remove(token)?;
        let counters = self.shared.control.counters();
        counters.count_closed(CloseReason::HandedOver, !entry.io.standing.is_head());
        if let Some(address) = entry.io.counted {
            counters.leave(address);
        }
        let descriptor = self.system.detach(entry.stream).ok()?;
        Some(ExportedConnection {
            descriptor,
            queued,
            unconsumed: entry.io.tail,
            deadline: entry.io.deadline.saturating_duration_since(self.shared.now),
            counted: entry.io.counted,
            exported,
        })
    }

    /// Puts a connection of another process into the table; false if it gets its farewell instead, or is gone.
    pub(super) fn adopt(&mut self, live: ExportedConnection<S::Detached>, adopt: Adopt<'_, C>) -> bool {
        let ExportedConnection { descriptor, queued, unconsumed, deadline, counted, exported } = live;
        let Ok((stream, ends)) = self.system.attach(descriptor) else { return true };
        let Some(token) = self.insert(stream, ends) else { return true };
        let Some(Connection { stream, io, conn }) = self.table.get_mut(token) else { return true };
        // The limits were kept when it came; whoever was let in stays.
        if let Some(address) = counted {
            self.shared.control.counters().enter(address, 0);
        }
        io.counted = counted;
        io.deadline = self.shared.now + deadline;
        io.resume_tail = !unconsumed.is_empty();
        io.tail = unconsumed;
        if !queued.is_empty() {
            io.outbox.own().extend_from_slice(&queued);
        }
        if !io.tail.is_empty() {
            io.standing = Standing::Head;
        }
        let mut wire = Bound { system: &mut self.system, stream };
        let counters = self.shared.control.counters().clone();
        counters.count_adopted();
        counters.count_open();
        let mut cx = Context { io, wire: &mut wire, shared: &mut self.shared };
        let made = catch_unwind(AssertUnwindSafe(|| adopt(&exported.state, &mut cx))).unwrap_or_default();
        let adopted = made.is_some();
        let flow = if let Some((new, flow)) = made {
            *conn = Some(new);
            flow
        } else {
            // From here on as one that was refused: no handler knows it.
            counters.count_closed(CloseReason::Handler, !io.standing.is_head());
            if let Some(address) = io.counted.take() {
                counters.leave(address);
            }
            io.outbox.own().extend_from_slice(&exported.closing_bytes);
            Flow::CloseWhenFlushed
        };
        if io.standing.is_head() {
            self.shared.eviction.push_head(token);
        }
        self.settle(token, Some(flow));
        if let Some(entry) = self.table.get_mut(token) {
            self.shared.list_ready(&mut entry.io);
        }
        adopted
    }
}
