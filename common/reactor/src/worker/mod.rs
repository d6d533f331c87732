//! One worker: the loop over its events, its connections and its handler's schedule.

mod draining;
mod handing_over;
mod reading;

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use draining::Draining;
use handing_over::HandingOver;

use crate::accept::Listeners;
use crate::connection::{Connection, Io, Phase};
use crate::connections::Connections;
use crate::context::{Turn, Visit};
use crate::settings::{MAX_TAIL, TURN_BUDGET, TURN_CONNECTIONS};
use crate::system::{Event, Source, System};
use crate::{CloseReason, Control, ExportedConnection, Handler, Mailboxes, Settings, Token, Wake};

/// A worker's thread runs one of these until the daemon has stopped.
pub(super) struct Worker<H: Handler, S: System> {
    number: usize,
    pub(super) handler: H,
    pub(super) connections: Connections<H::Conn, S>,
    listeners: Listeners<S::Listener>,
    mailboxes: Mailboxes<H::Mail>,
    /// The one receive buffer.
    buffer: Vec<u8>,
    events: Vec<Event>,
    wake: Wake,
    draining: Option<Draining>,
    handing_over: Option<HandingOver>,
    /// Connections of another process that were not taken up yet.
    adopting: VecDeque<ExportedConnection<S::Detached>>,
    /// Connections that were exported away to another process.
    pub(super) exported: Vec<ExportedConnection<S::Detached>>,
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
            number,
            handler,
            connections: Connections::new(system, settings, control),
            listeners: Listeners::new(listeners),
            mailboxes,
            buffer: vec![0; MAX_TAIL + TURN_BUDGET],
            events: Vec::new(),
            wake: Wake::Again,
            draining: None,
            handing_over: None,
            adopting: VecDeque::new(),
            exported: Vec::new(),
        }
    }

    /// Runs until the daemon was asked to stop and the last connection is gone.
    pub(super) fn run(&mut self) -> io::Result<()> {
        while self.turn()? {}
        if let Some(stats) = self.control().stats().get(self.number) {
            stats.end();
        }
        Ok(())
    }

    /// One turn of the loop; false when it was the last.
    pub(super) fn turn(&mut self) -> io::Result<bool> {
        let timeout = self.timeout();
        self.connections.system.poll(&mut self.events, timeout)?;
        self.connections.shared.now = self.connections.system.now();
        self.connections.shared.wall = self.connections.system.wall();
        self.take_events();
        self.adopt();
        if self.draining.is_none() {
            self.listeners.accept(&mut self.handler, &mut self.connections);
        }
        self.serve_ready();
        self.expire();
        self.take_mail();
        let control = self.control();
        self.wake = match self.handing_over {
            // Nobody is left who could be told anything; what is still to be said goes along.
            Some(HandingOver::Given { .. }) => Wake::Idle,
            _ => self.handler.on_turn(&mut turn(&mut self.connections, &control)),
        };
        self.drain();
        self.reap();
        self.tell(&control);
        Ok(self.draining.is_none() || self.is_settling() || self.connections.table.len() > 0)
    }

    /// Says how it is, and answers who asks for more.
    fn tell(&mut self, control: &Control) {
        let Some(stats) = control.stats().get(self.number) else { return };
        let connections = &self.connections;
        if let Some(question) = stats.question() {
            self.handler.on_scrape(&mut connections.table.iter().filter_map(|entry| entry.conn.as_ref()));
            let queued = connections.table.iter().map(|entry| entry.io.outbox.len()).sum();
            stats.answer(question, queued);
        }
        stats.turned(self.listeners.paused_until.is_some(), connections.system.traffic());
    }

    fn control(&self) -> Control {
        self.connections.shared.control.clone()
    }

    /// True when only an event, mail or time gives it something to do.
    pub(super) fn is_at_rest(&self) -> bool {
        let accepts = self.draining.is_none() && self.listeners.is_ready();
        let adopts = !self.adopting.is_empty();
        let now = self.connections.shared.now;
        let tells = self.draining.as_ref().is_some_and(|draining| draining.is_due(now));
        !accepts && !adopts && !tells && self.connections.shared.ready.is_empty() && self.wake != Wake::Again
    }

    /// How long the poll may sleep.
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
            self.connections.shared.deadlines.next(),
            self.listeners.paused_until,
            self.draining.as_ref().and_then(Draining::wakes_at),
            self.hand_over_until(),
        ];
        let next = instants.into_iter().flatten().min()?;
        Some(next.saturating_duration_since(self.connections.system.now()))
    }

    /// Events set flags; nothing is read or written yet.
    fn take_events(&mut self) {
        for event in &self.events {
            match event.source {
                Source::Listener(number) => {
                    if let Some((_, ready)) = self.listeners.sockets.get_mut(number) {
                        *ready = true;
                    }
                }
                Source::Connection(token) => {
                    let Some(entry) = self.connections.table.get_mut(token) else { continue };
                    entry.io.readable |= event.readable || event.read_closed || event.hung_up;
                    entry.io.read_closed |= event.read_closed || event.hung_up;
                    entry.io.hung_up |= event.hung_up;
                    entry.io.blocked &= !(event.writable || event.hung_up);
                    self.connections.shared.list_ready(&mut entry.io);
                }
                Source::Waker => {}
            }
        }
    }

    /// Serves the connections that are ready now, a bounded number of them.
    fn serve_ready(&mut self) {
        let count = self.connections.shared.ready.len().min(TURN_CONNECTIONS);
        for _ in 0..count {
            let Some(token) = self.connections.shared.ready.pop_front() else { break };
            self.serve(token);
        }
    }

    fn serve(&mut self, token: Token) {
        let Some(entry) = self.connections.table.get_mut(token) else { return };
        entry.io.listed_ready = false;
        self.connections.flush(token);
        if self.owes_drain(token) {
            let Self { handler, connections, .. } = self;
            connections.visit(token, &mut |conn, cx| handler.on_drain(conn, cx));
        }
        self.read(token);
        self.discard(token);
        self.notice_hang_up(token);
    }

    fn owes_drain(&mut self, token: Token) -> bool {
        let Some(io) = self.io(token) else { return false };
        let owes = io.owes_drain && !io.blocked && io.outbox.is_empty() && io.phase == Phase::Open;
        io.owes_drain &= !owes;
        owes
    }

    fn io(&mut self, token: Token) -> Option<&mut Io> {
        self.connections.table.get_mut(token).map(|entry| &mut entry.io)
    }

    /// Looks after every connection whose deadline has passed.
    fn expire(&mut self) {
        let now = self.connections.shared.now;
        while let Some((bucket, tokens)) = self.connections.shared.deadlines.pop(now) {
            for token in tokens {
                let Some(io) = self.io(token).filter(|io| io.armed == Some(bucket)) else { continue };
                io.armed = None;
                if io.next_deadline() <= now {
                    self.expire_one(token, now);
                }
                self.connections.flush(token); // arms it again
            }
        }
    }

    fn expire_one(&mut self, token: Token, now: Instant) {
        let Some(entry) = self.connections.table.get_mut(token) else { return };
        let io = &mut entry.io;
        let shared = &mut self.connections.shared;
        match io.phase {
            Phase::Closing(_) => return,
            Phase::Lingering { .. } => return shared.doom(io, CloseReason::Handler),
            _ if io.stalled_at.is_some_and(|at| at <= now) => return shared.doom(io, CloseReason::Slow),
            Phase::Flushing => {
                io.deadline = now + shared.settings.write_timeout; // it is still taking a long answer
                return;
            }
            Phase::Open => {}
        }
        let Self { handler, connections, .. } = self;
        connections.visit(token, &mut |conn, cx| handler.on_deadline(conn, cx));
        if self.io(token).is_some_and(|io| io.phase == Phase::Open && io.deadline <= now) {
            log::error!("a connection was left without a later deadline");
            self.connections.doom(token, CloseReason::Handler);
        }
    }

    fn take_mail(&mut self) {
        let control = self.control();
        for mail in self.mailboxes.take(self.number) {
            self.handler.on_mail(mail, &mut turn(&mut self.connections, &control));
            self.mailboxes.handled(self.number);
        }
    }

    /// Closes what is to be closed: at the end of the turn, one after the other, never inside another callback.
    fn reap(&mut self) {
        while let Some((token, reset)) = self.connections.shared.doomed.pop() {
            let Some(Connection { stream, io, conn }) = self.connections.table.remove(token) else {
                continue;
            };
            self.connections.system.close(stream, reset);
            let counters = self.connections.shared.control.counters().clone();
            if let Some(address) = io.counted {
                counters.leave(address);
            }
            let Phase::Closing(why) = io.phase else { continue };
            match conn {
                Some(conn) => {
                    counters.count_closed(why, !io.standing.is_head());
                    self.handler.on_close(conn, token, why, self.connections.shared.now);
                }
                None => self.listeners.refused = self.listeners.refused.saturating_sub(1),
            }
            self.listeners.paused_until = None; // a descriptor is free again
        }
        self.connections.sweep();
    }
}

/// What the handler sees of all connections.
fn turn<'a, C, S: System>(connections: &'a mut Connections<C, S>, control: &'a Control) -> Turn<'a, C> {
    Turn { now: connections.shared.now, wall: connections.shared.wall, connections, control }
}
