//! One worker: the loop over its events, its connections and its handler's schedule.

use std::io;
use std::time::{Duration, Instant};

use super::accept::Listeners;
use super::connection::{Connection, Io, Phase};
use super::connections::{Connections, is_paused};
use super::context::{Turn, Visit};
use super::eviction::Standing;
use super::settings::{MAX_TAIL, TURN_BUDGET, TURN_CONNECTIONS};
use super::system::{Event, Source, System};
use super::{CloseReason, Control, Flow, Handler, Mailboxes, Progress, Settings, Stop, Token, Wake};

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
}

/// The daemon stops.
struct Draining {
    stop: Stop,
    until: Instant,
    /// Connections that were not told yet.
    untold: Vec<Token>,
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
        }
    }

    /// Runs until the daemon was asked to stop and the last connection is gone.
    pub(super) fn run(&mut self) -> io::Result<()> {
        while self.turn()? {}
        Ok(())
    }

    /// One turn of the loop; false when it was the last.
    pub(super) fn turn(&mut self) -> io::Result<bool> {
        let timeout = self.timeout();
        self.connections.system.poll(&mut self.events, timeout)?;
        self.connections.shared.now = self.connections.system.now();
        self.connections.shared.wall = self.connections.system.wall();
        self.take_events();
        if self.draining.is_none() {
            self.listeners.accept(&mut self.handler, &mut self.connections);
        }
        self.serve_ready();
        self.expire();
        self.take_mail();
        let control = self.control();
        self.wake = self.handler.on_turn(&mut turn(&mut self.connections, &control));
        self.drain();
        self.reap();
        Ok(self.draining.is_none() || self.connections.table.len() > 0)
    }

    fn control(&self) -> Control {
        self.connections.shared.control.clone()
    }

    /// True when only an event, mail or time gives it something to do.
    pub(super) fn is_at_rest(&self) -> bool {
        let accepts = self.draining.is_none() && self.listeners.is_ready();
        let untold = self.draining.as_ref().is_some_and(|draining| !draining.untold.is_empty());
        !accepts && !untold && self.connections.shared.ready.is_empty() && self.wake != Wake::Again
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
            self.draining.as_ref().map(|draining| draining.until),
        ];
        let next = instants.into_iter().flatten().min()?;
        Some(next.saturating_duration_since(self.connections.system.now()))
    }

    /// Events set flags; nothing is read or written yet.
    fn take_events(&mut self) {
        for event in std::mem::take(&mut self.events) {
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

    /// Reads and delivers, at most a turn's budget.
    fn read(&mut self, token: Token) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut budget = TURN_BUDGET;
        while let Some((len, fresh)) = self.fill(token, &mut buffer) {
            self.deliver(token, buffer.get_mut(..len).unwrap_or_default());
            budget = budget.saturating_sub(fresh);
            if budget == 0 {
                break;
            }
        }
        self.buffer = buffer;
        let Some(entry) = self.connections.table.get_mut(token) else { return };
        let io = &mut entry.io;
        if io.phase == Phase::Open
            && (io.readable || io.resume_tail)
            && !is_paused(io)
            && !io.blocked_with_tail()
        {
            self.connections.shared.list_ready(io);
        }
    }

    /// Puts the tail and what is new into the buffer; `None` when there is nothing to deliver.
    fn fill(&mut self, token: Token, buffer: &mut [u8]) -> Option<(usize, usize)> {
        let Connection { stream, io, .. } = self.connections.table.get_mut(token)?;
        if io.phase != Phase::Open || is_paused(io) || io.blocked_with_tail() {
            return None;
        }
        let tail = io.tail.len();
        buffer.get_mut(..tail)?.copy_from_slice(&io.tail);
        let mut fresh = 0;
        if io.readable && !io.ended {
            let space = buffer.get_mut(tail..)?;
            let room = space.len().min(TURN_BUDGET);
            match self.connections.system.read(stream, space.get_mut(..room)?) {
                Ok(0) => (io.ended, io.readable) = (true, false),
                Ok(read) => {
                    fresh = read;
                    // A short read: nothing is left, and the end would have been announced.
                    io.readable = read == room || io.read_closed;
                    if io.standing == Standing::Silent {
                        io.standing = Standing::Head;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => io.readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.connections.shared.doom(io, CloseReason::Error);
                    return None;
                }
            }
        }
        let something = fresh > 0 || io.resume_tail || io.ended && !io.end_told;
        io.resume_tail = false;
        something.then_some((tail + fresh, fresh))
    }

    /// Shows the input to the handler until it consumes no more, and keeps the rest.
    fn deliver(&mut self, token: Token, input: &mut [u8]) {
        let mut at = 0;
        let mut resume = false;
        for call in 0.. {
            let rest = input.get_mut(at..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let mut progress = Progress { consumed: 0, flow: Flow::Continue };
            let Self { handler, connections, .. } = self;
            let alive = connections.visit(token, &mut |conn, cx| {
                progress = handler.on_data(conn, rest, cx);
                progress.flow
            });
            at = (at + progress.consumed).min(input.len());
            let Some(io) = self.io(token) else { return };
            if !alive || io.phase != Phase::Open {
                return;
            }
            if io.blocked || is_paused(io) || call >= TURN_CONNECTIONS {
                resume = at < input.len();
                break;
            }
            if progress.consumed == 0 {
                break;
            }
        }
        self.keep(token, input.get_mut(at..).unwrap_or_default(), resume);
    }

    /// Keeps what was not consumed; at the end of the stream, tells the handler.
    fn keep(&mut self, token: Token, rest: &mut [u8], resume: bool) {
        let Some(entry) = self.connections.table.get_mut(token) else { return };
        let io = &mut entry.io;
        io.resume_tail = resume;
        if rest.len() > MAX_TAIL {
            log::error!("a handler left {} bytes unconsumed", rest.len());
            return self.connections.shared.doom(io, CloseReason::Handler);
        }
        if io.ended && !io.end_told && !resume {
            io.end_told = true;
            io.tail = Vec::new();
            let Self { handler, connections, .. } = self;
            connections.visit(token, &mut |conn, cx| handler.on_end(conn, rest, cx));
            return;
        }
        if rest.is_empty() {
            io.tail = Vec::new();
        } else {
            io.tail.clear();
            io.tail.extend_from_slice(rest);
        }
    }

    /// Reads on after our own end of the stream, and throws it away.
    fn discard(&mut self, token: Token) {
        let Some(Connection { stream, io, .. }) = self.connections.table.get_mut(token) else { return };
        let Phase::Lingering { bytes_left } = io.phase else { return };
        if !io.readable {
            return;
        }
        let room = bytes_left.saturating_add(1).min(TURN_BUDGET);
        let read = self.connections.system.read(stream, self.buffer.get_mut(..room).unwrap_or_default());
        let shared = &mut self.connections.shared;
        match read {
            Ok(0) => shared.doom(io, CloseReason::Handler),
            Ok(read) if read > bytes_left => shared.doom(io, CloseReason::Handler),
            Ok(read) => {
                io.phase = Phase::Lingering { bytes_left: bytes_left - read };
                shared.list_ready(io);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => io.readable = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => shared.list_ready(io),
            Err(_) => shared.doom(io, CloseReason::Error),
        }
    }

    /// Both directions are over, and what had arrived was read.
    fn notice_hang_up(&mut self, token: Token) {
        let Some(entry) = self.connections.table.get_mut(token) else { return };
        let io = &mut entry.io;
        if io.hung_up && (io.ended || !io.readable || io.phase == Phase::Flushing) {
            let why = if io.ended { CloseReason::Peer } else { CloseReason::Error };
            self.connections.shared.doom(io, why);
        }
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

    /// Follows a stop: no more accepting, every connection is told, and the time is limited.
    fn drain(&mut self) {
        let control = self.control();
        if self.draining.is_none() {
            let Some(stop) = control.stopping().or(control.at_once().then_some(Stop::Shutdown)) else {
                return;
            };
            for (mut listener, _) in std::mem::take(&mut self.listeners.sockets) {
                let _ = self.connections.system.remove_listener(&mut listener);
            }
            let until = self.connections.shared.now + self.connections.shared.settings.drain_timeout;
            let untold = self.connections.table.tokens().collect();
            self.draining = Some(Draining { stop, until, untold });
        }
        let Some(draining) = &mut self.draining else { return };
        for _ in 0..TURN_CONNECTIONS {
            let Some(token) = draining.untold.pop() else { break };
            let stop = draining.stop;
            let Self { handler, connections, .. } = self;
            connections.visit(token, &mut |conn, cx| handler.on_stop(conn, stop, cx));
        }
        if draining.until <= self.connections.shared.now || control.at_once() {
            let tokens: Vec<Token> = self.connections.table.tokens().collect();
            for token in tokens {
                self.connections.doom(token, CloseReason::Drained);
            }
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
                    counters.count_closed(why, !matches!(io.standing, Standing::Silent | Standing::Head));
                    self.handler.on_close(conn, token, why);
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
