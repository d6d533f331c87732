//! One worker: the loop over its events, its connections and its handler's schedule.

mod hand_over;
mod reading;
mod stop;
mod stopping;

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use stopping::Stopping;

use crate::accept::Listeners;
use crate::connection::{Entry, Io, Lifecycle};
use crate::connections::Connections;
use crate::context::Visit;
use crate::settings::{MAX_TAIL, TURN_BUDGET, TURN_CONNECTIONS};
use crate::system::{Event, System, Target};
use crate::{
    CloseReason, Context, Control, ExportedConnection, Flow, Handler, Mailboxes, Settings, Token, Turn, Wake,
};

/// A worker's thread runs one of these until the daemon has stopped.
pub(super) struct Worker<H: Handler, S: System> {
    pub(super) handler: H,
    pub(super) connections: Connections<H::Conn, S>,
    listeners: Listeners<S::Listener>,
    mailboxes: Mailboxes<H::Mail>,
    /// The receive buffer of all connections; what a handler does not consume is copied to its connection's tail.
    buffer: Vec<u8>,
    events: Vec<Event>,
    wake: Wake,
    stopping: Option<Stopping>,
    /// Connections of the previous process that are not in the table yet.
    to_adopt: VecDeque<ExportedConnection<S::Exported>>,
    /// Connections for the next process to adopt.
    pub(super) exported: Vec<ExportedConnection<S::Exported>>,
}

impl<H: Handler, S: System> Worker<H, S> {
    pub(super) fn new(
        number: usize,
        handler: H,
        system: S,
        listeners: Vec<S::Listener>,
        settings: Settings,
        control: Control,
        mailboxes: Mailboxes<H::Mail>,
    ) -> Self {
        Self {
            handler,
            connections: Connections::new(number, system, settings, control),
            listeners: Listeners::new(listeners),
            mailboxes,
            buffer: vec![0; MAX_TAIL + TURN_BUDGET],
            events: Vec::new(),
            wake: Wake::Again,
            stopping: None,
            to_adopt: VecDeque::new(),
            exported: Vec::new(),
        }
    }

    /// Runs until the daemon stops and the last connection is gone.
    pub(super) fn run(&mut self) -> io::Result<()> {
        while self.turn()? {}
        let state = &self.connections.state;
        if let Some(stats) = state.control.stats().get(state.number) {
            stats.end();
        }
        Ok(())
    }

    /// One turn of the loop; false when it was the last.
    pub(super) fn turn(&mut self) -> io::Result<bool> {
        let timeout = self.timeout();
        self.connections.system.poll(&mut self.events, timeout)?;
        self.connections.state.now = self.connections.system.now();
        self.connections.state.wall = self.connections.system.wall();
        self.take_events();
        self.adopt_some();
        if self.stopping.is_none() {
            self.listeners.accept(&mut self.handler, &mut self.connections);
        }
        self.serve_ready();
        self.expire();
        self.take_mail();
        self.wake = match &self.stopping {
            // The connections have left this process; what they are still to receive went along.
            Some(stopping) if stopping.has_exported() => Wake::Idle,
            _ => self.handler.on_turn(&mut Turn { connections: &mut self.connections }),
        };
        self.follow_stop();
        let has_news = self.close_scheduled();
        if has_news {
            // What the handler has learnt from `on_close` waits for no other event, and is not lost with the last turn.
            self.wake = Wake::Again;
        }
        self.publish_stats();
        let goes_on = self.stopping.as_ref().is_none_or(|stopping| stopping.settles_until.is_some());
        Ok(goes_on || has_news || self.connections.table.len() > 0)
    }

    /// Publishes the worker's numbers, and answers a question for those that it does not keep all the time.
    fn publish_stats(&mut self) {
        let Self { handler, connections, listeners, .. } = self;
        let Some(stats) = connections.state.control.stats().get(connections.state.number) else { return };
        if let Some(question) = stats.question() {
            handler.on_scrape(&mut connections.table.iter().filter_map(|entry| entry.conn.as_ref()));
            let queued = connections.table.iter().map(|entry| entry.io.outbox.len()).sum();
            stats.answer(question, queued);
        }
        stats.turned(listeners.paused_until.is_some(), connections.system.traffic());
    }

    /// True when only an event, mail or time gives it something to do.
    pub(super) fn is_at_rest(&self) -> bool {
        let accepts = self.stopping.is_none() && self.listeners.is_ready();
        let adopts = !self.to_adopt.is_empty();
        let now = self.connections.state.now;
        let stops = self.stopping.as_ref().is_some_and(|stopping| stopping.is_due(now));
        !accepts && !adopts && !stops && self.connections.state.ready.is_empty() && self.wake != Wake::Again
    }

    /// How long the poll may sleep; `None`: until an event.
    fn timeout(&self) -> Option<Duration> {
        if !self.is_at_rest() {
            return Some(Duration::ZERO);
        }
        let scheduled = match self.wake {
            Wake::At(at) => Some(at),
            Wake::Again | Wake::Idle => None,
        };
        let instants = [
            scheduled,
            self.connections.state.deadlines.next(),
            self.listeners.paused_until,
            self.stopping.as_ref().and_then(Stopping::wakes_at),
        ];
        let next = instants.into_iter().flatten().min()?;
        Some(next.saturating_duration_since(self.connections.system.now()))
    }

    /// Events set flags; nothing is read or written yet.
    fn take_events(&mut self) {
        for event in &self.events {
            match event.target {
                Target::Listener(number) => {
                    if let Some((_, ready)) = self.listeners.sockets.get_mut(number) {
                        *ready = true;
                    }
                }
                Target::Connection(token) => {
                    let Some(entry) = self.connections.table.get_mut(token) else { continue };
                    entry.io.readable |= event.readable || event.read_closed || event.hung_up;
                    entry.io.read_closed |= event.read_closed || event.hung_up;
                    entry.io.hung_up |= event.hung_up;
                    entry.io.blocked &= !(event.writable || event.hung_up);
                    self.connections.state.list_ready(&mut entry.io);
                }
                Target::Waker => {}
            }
        }
    }

    /// Serves the connections that are ready now, a bounded number of them.
    fn serve_ready(&mut self) {
        let count = self.connections.state.ready.len().min(TURN_CONNECTIONS);
        for _ in 0..count {
            let Some(token) = self.connections.state.ready.pop_front() else { break };
            self.serve(token);
        }
    }

    fn serve(&mut self, token: Token) {
        let drained = self.connections.with(token, |_, cx| {
            cx.io.listed_ready = false;
            cx.flush();
            cx.io.take_drain()
        });
        if drained == Some(true) {
            self.call(token, H::on_drain);
        }
        self.read(token);
        self.discard(token);
        self.notice_hang_up(token);
    }

    /// Runs a callback of the handler about one connection; false if that is gone or closing.
    fn call(
        &mut self,
        token: Token,
        mut callback: impl FnMut(&mut H, &mut H::Conn, &mut Context<'_>) -> Flow,
    ) -> bool {
        let Self { handler, connections, .. } = self;
        connections.visit(token, &mut |conn, cx| callback(handler, conn, cx))
    }

    fn io(&mut self, token: Token) -> Option<&mut Io> {
        self.connections.table.get_mut(token).map(|entry| &mut entry.io)
    }

    /// Closes every connection whose deadline has passed, or lets the handler decide.
    fn expire(&mut self) {
        let now = self.connections.state.now;
        while let Some((bucket, tokens)) = self.connections.state.deadlines.pop(now) {
            for token in tokens {
                let Some(io) = self.io(token).filter(|io| io.armed == Some(bucket)) else { continue };
                io.armed = None;
                if io.next_deadline() <= now {
                    self.expire_one(token, now);
                }
                self.connections.with(token, |_, cx| cx.flush()); // arms it again
            }
        }
    }

    fn expire_one(&mut self, token: Token, now: Instant) {
        let Some(entry) = self.connections.table.get_mut(token) else { return };
        let io = &mut entry.io;
        let state = &mut self.connections.state;
        match io.lifecycle {
            Lifecycle::Closing => return,
            Lifecycle::Lingering { .. } => return state.schedule_close(io, CloseReason::Handler),
            _ if io.stalled_at.is_some_and(|at| at <= now) => {
                return state.schedule_close(io, CloseReason::Slow);
            }
            Lifecycle::Flushing => {
                io.deadline = now + state.settings.write_timeout; // it is still taking a long answer
                return;
            }
            Lifecycle::Open => {}
        }
        self.call(token, H::on_deadline);
        if self.io(token).is_some_and(|io| io.lifecycle == Lifecycle::Open && io.deadline <= now) {
            log::error!("a connection was left without a later deadline");
            self.connections.schedule_close(token, CloseReason::Handler);
        }
    }

    /// Takes what other threads sent: evictions by other workers, and mail for the handler.
    fn take_mail(&mut self) {
        let Self { handler, connections, mailboxes, .. } = self;
        let number = connections.state.number;
        let mut evicted = Vec::new();
        connections.state.control.evictions().deliver(number, |token| evicted.push(token));
        for token in evicted {
            connections.give_up_place(token);
        }
        mailboxes.deliver(number, |mail| handler.on_mail(mail, &mut Turn { connections }));
    }

    /// Closes what is to be closed: at the end of the turn, one after the other, never inside another callback. True if the
    /// handler had one of them.
    fn close_scheduled(&mut self) -> bool {
        let mut had = false;
        let Self { handler, connections, listeners, .. } = self;
        while let Some((token, why)) = connections.state.to_close.pop() {
            let Some(Entry { socket, mut io, conn }) = connections.table.remove(token) else {
                continue;
            };
            // Reset: else the kernel keeps unsent bytes for a peer that reads nothing.
            connections.system.close(socket, matches!(why, CloseReason::Slow | CloseReason::Error));
            if let Some(conn) = conn {
                connections.state.count_closed(&mut io, why);
                handler.on_close(conn, token, why, connections.state.now);
                had = true;
            } else {
                listeners.refused = listeners.refused.saturating_sub(1);
            }
            listeners.paused_until = None; // a descriptor is free again
        }
        connections.sweep();
        had
    }
}
