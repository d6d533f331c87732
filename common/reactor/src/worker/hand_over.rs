//! Live connections from one process to the next: this worker exports its own, or adopts those of the previous process.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::stopping::Stopping;
use super::{AllBack, Worker};
use crate::arrivals::Arrivals;
use crate::connection::{Entry, Lifecycle};
use crate::connections::Connections;
use crate::eviction::EvictionClass;
use crate::network::Network;
use crate::settings::{TURN_ACCEPTS, TURN_CONNECTIONS};
use crate::system::System;
use crate::{
    Arriving, CloseReason, CompactInstant, Exported, ExportedConnection, Flow, Handler, Stats, Token, Wake,
};

/// How long connections that end here may take to do so: all the others wait for it.
const CLOSING_TIME: Duration = Duration::from_millis(100);
/// How long what is due to adopted connections goes before their socket options: a worker with too much to do gives them all the same.
const CATCHING_UP: Duration = Duration::from_secs(1);

impl<H: Handler, S: System> Worker<H, S> {
    /// Exports the connections as soon as the handler has finished what it had begun.
    pub(super) fn settle_hand_over(&mut self) {
        let now = self.connections.state.now;
        let Some(Stopping { settles_until: Some(until), .. }) = self.stopping else { return };
        // The worker took all mail in this turn, and `Again` says that a broadcast of it is still on its way.
        let is_ready = self.ask_cookies() && self.wake != Wake::Again;
        let is_over = now >= until;
        if !is_ready && !is_over {
            return;
        }
        // One that goes ahead because its time is over keeps the others waiting no longer, either.
        if let Some(mine) = self.connections.state.stats() {
            mine.settle();
        }
        if !is_over && !self.have_all_settled() {
            return;
        }
        self.exported.reserve(self.connections.table.len());
        for token in self.connections.table.tokens() {
            let exported = self.export(token);
            self.exported.extend(exported);
        }
        self.handler.on_exported(now);
        if let Some(stopping) = &mut self.stopping {
            stopping.settles_until = None;
            stopping.until = Some(now + CLOSING_TIME);
        }
    }

    /// True once each worker could export its connections. The clients of one that goes ahead would wait for the others, too.
    fn have_all_settled(&self) -> bool {
        self.connections.state.control.stats().iter().all(Stats::has_settled)
    }

    /// Asks the system for the cookies of a bounded number of connections, while all are still served; true once it has been asked for
    /// all.
    fn ask_cookies(&mut self) -> bool {
        let Some(Stopping { without_cookie, cookies, .. }) = &mut self.stopping else { return true };
        let Connections { table, system, .. } = &self.connections;
        let rest = without_cookie.len().saturating_sub(TURN_CONNECTIONS);
        for token in without_cookie.drain(rest..) {
            let cookie = table.get(token).and_then(|entry| system.cookie(&entry.socket));
            cookies.extend(cookie.map(|cookie| (token, cookie)));
        }
        without_cookie.is_empty()
    }

    /// Takes a connection out of the table, with everything that the next process has to know of it. `None`: it has to end
    /// here.
    fn export(&mut self, token: Token) -> Option<ExportedConnection<S::Exported>> {
        let (exported, left) = match self.io(token)?.lifecycle {
            Lifecycle::Open => (self.ask_handler(token)?, CloseReason::HandedOver),
            // The next process only sends the last bytes that are queued, and lingers: no handler has to know of it.
            Lifecycle::Flushing { .. } | Lifecycle::Lingering { .. } => {
                (Exported::default(), CloseReason::Handler)
            }
            Lifecycle::Closing => return None,
        };
        let Self { handler, connections, listeners, stopping, .. } = self;
        let Connections { table, system, state } = connections;
        let io = &mut table.get_mut(token)?.io;
        let counted = io.counted().map(Network::address);
        if !state.leave_place(io) {
            return None; // evicted by another worker in this moment
        }
        let stalled = io.outbox.stalled_at();
        let queued = io.outbox.take_memory()?;
        let Entry { socket, mut io, conn } = table.remove(token)?;
        let cookie = stopping.as_mut().and_then(|stopping| stopping.cookies.remove(&token));
        let descriptor = system.export(socket).ok();
        let why = if descriptor.is_some() { left } else { CloseReason::Error };
        if let Some(conn) = conn {
            state.count_closed(&mut io, why);
            handler.on_close(conn, token, why, state.compact_now);
        } else {
            listeners.refused = listeners.refused.saturating_sub(1);
        }
        let time_to = |at: CompactInstant| at.saturating_duration_since(state.compact_now);
        Some(ExportedConnection {
            descriptor: descriptor?,
            cookie,
            queued,
            unconsumed: io.tail.take(),
            deadline: time_to(io.deadline),
            stalled: stalled.map(time_to),
            counted,
            exported,
            written_at: state.now,
            peer: io.peer(),
        })
    }

    /// What the handler writes down of an open connection; `None` if that has to end here.
    fn ask_handler(&mut self, token: Token) -> Option<Exported> {
        let io = self.io(token)?;
        // Input that the handler has not seen yet does not wait for more: the next process shows it to its handler.
        let partial = if io.resume_tail { 0 } else { io.tail.len() };
        let mut exported = None;
        self.call(token, |handler, conn, cx| {
            exported = handler.export(conn, partial, cx);
            // What the handler queued for the last time leaves here as far as the kernel takes it; the connection may turn
            // out to be broken then.
            Flow::Continue
        });
        exported.filter(|_| self.io(token).is_some_and(|io| io.lifecycle == Lifecycle::Open))
    }

    /// Gives this worker its share of the connections that another process exported; it adopts them in its next turns, and calls
    /// `all_back` if the last of all workers' ones is among them.
    pub(crate) fn adopt(&mut self, arrivals: Arc<Arrivals<S>>, all_back: Option<AllBack>) {
        self.arrivals = Some(arrivals);
        self.all_back = all_back;
        self.connections.state.is_adopting = true;
    }

    /// Adopts so many connections that the turn stays short.
    #[inline]
    pub(super) fn adopt_some(&mut self) {
        if self.arrivals.is_some() {
            self.adopt_next();
        }
    }

    #[cold]
    fn adopt_next(&mut self) {
        let Some(arrivals) = &self.arrivals else { return };
        let next = arrivals.take(self.connections.state.number, TURN_CONNECTIONS);
        let count = next.len();
        for live in next {
            self.adopt_one(live);
            self.adopted_at = self.connections.state.now;
        }
        if count < TURN_CONNECTIONS {
            self.arrivals = None;
            self.connections.state.is_adopting = false;
        }
        if self.connections.state.control.counters().took_up(count)
            && let Some(all_back) = &self.all_back
        {
            all_back();
        }
    }

    /// Gives adopted connections the socket options of this process, a few in a turn, once all are back and have what they missed:
    /// until then everybody waits, and those of the process before do as well.
    pub(super) fn configure_some(&mut self) {
        if self.unconfigured.is_empty() {
            return;
        }
        let is_behind =
            self.wake == Wake::Again && self.connections.state.now < self.adopted_at + CATCHING_UP;
        if self.arrivals.is_some() || is_behind {
            return;
        }
        let count = self.unconfigured.len().min(TURN_ACCEPTS);
        for token in self.unconfigured.drain(..count) {
            let Connections { table, system, .. } = &mut self.connections;
            // One whose peer has half-closed has got its own keepalive meanwhile.
            if let Some(entry) = table.get(token)
                && entry.io.peer().is_some()
                && !entry.io.end_delivered
            {
                system.configure_adopted(&entry.socket);
            }
        }
    }

    /// Adopts all that are left: before a stop, which has an end for each connection of the table.
    pub(super) fn adopt_all(&mut self) {
        while self.arrivals.is_some() {
            self.adopt_some();
        }
    }

    /// Puts a connection of another process into the table; `None` if it is gone.
    fn adopt_one(&mut self, live: Arriving<S::Exported>) -> Option<()> {
        let ExportedConnection {
            descriptor,
            cookie: _,
            queued,
            unconsumed,
            deadline,
            stalled,
            counted,
            exported,
            written_at,
            peer,
        } = live;
        let Self { handler, connections, listeners, .. } = self;
        let Some(descriptor) = descriptor else {
            handler.on_lost(&exported.state, written_at, connections.state.now);
            return None;
        };
        let adopted = connections.system.adopt(descriptor, peer);
        let token = match adopted.and_then(|(socket, peer)| connections.insert_watched(socket, peer)) {
            Ok(token) => token,
            Err(error) => {
                log::error!(reason:? = error.kind(); "a connection of the previous process is lost: {error}");
                handler.on_lost(&exported.state, written_at, connections.state.now);
                return None;
            }
        };
        self.unconfigured.push_back(token);
        let io = &mut connections.table.get_mut(token)?.io;
        io.deadline = connections.state.after(deadline);
        io.resume_tail = !unconsumed.is_empty();
        io.tail.replace(&unconsumed, None);
        if !queued.is_empty() {
            io.outbox.own().extend_from_slice(&queued);
            io.outbox.set_stalled_at(stalled.map(|left| connections.state.after(left)));
        }
        if io.resume_tail {
            io.eviction_class = EvictionClass::Head;
        }
        // The previous process applied the limit at accept, so enter without one.
        if let Some(place) = counted.and_then(|address| connections.state.enter_place(address, 0)) {
            io.set_place(place);
            connections.state.offer_place(io);
        }
        connections.state.control.counters().adopted.fetch_add(1, Relaxed);
        let Exported { state, closing_bytes, .. } = &exported;
        let adopted = connections.open(token, closing_bytes, |cx| handler.adopt(state, written_at, cx));
        listeners.refused += usize::from(!adopted);
        Some(())
    }
}
