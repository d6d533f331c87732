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
use crate::system::{Event, Polled, System, Target};
use crate::{
    CloseReason, Context, Control, ExportedConnection, Flow, Handler, Mailboxes, Settings, Token, Turn, Wake,
};

/// How often the worker serves a connection whose deadline has passed and that still has input, or room for output, before
/// the deadline counts: 256 KiB each way.
const LAST_LOOKS: usize = 4;
/// How long the kernel may refuse to poll before the worker gives up.
const ENDURANCE: Duration = Duration::from_secs(10);
/// Time between two polls that the kernel refuses.
const POLL_PAUSE: Duration = Duration::from_millis(100);
/// Two readings of a clock that are further apart than this belong to two different moments.
const ONE_MOMENT: Duration = Duration::from_millis(1);

/// A worker's thread runs one of these until the daemon has stopped.
pub(super) struct Worker<H: Handler, S: System> {
    pub(super) handler: H,
    pub(super) connections: Connections<H::Conn, S>,
    listeners: Listeners<S::Listener>,
    mailboxes: Mailboxes<H::Mail>,
    /// The receive buffer of all connections; what a handler does not consume is copied to its connection's tail.
    buffer: Vec<u8>,
    events: Vec<Event>,
    /// When the newest poll began that was not interrupted. Everything that had come by then has set its flags, so deadlines
    /// up to this instant may be judged, and no later ones: input comes before time.
    looked_at: Instant,
    /// Since when the kernel refuses to poll.
    failing_since: Option<Instant>,
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
        let looked_at = system.now();
        Self {
            handler,
            connections: Connections::new(number, system, settings, control),
            listeners: Listeners::new(listeners),
            mailboxes,
            buffer: vec![0; MAX_TAIL + TURN_BUDGET],
            events: Vec::new(),
            looked_at,
            failing_since: None,
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
        self.look()?;
        self.read_clocks();
        self.end_shortage();
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
        if self.failing_since.is_none() {
            self.publish_stats();
        }
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

    /// When the newest poll began that showed everything.
    #[cfg(any(test, feature = "simulated"))]
    pub(super) fn looked_at(&self) -> Instant {
        self.looked_at
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
            self.connections.state.short_until,
            self.stopping.as_ref().and_then(Stopping::wakes_at),
        ];
        let next = instants.into_iter().flatten().min()?;
        Some(next.saturating_duration_since(self.connections.system.now()))
    }

    /// Polls until every event that had come by now has set its flags. It ends: the kernel shows each connection once
    /// before it shows one again.
    fn look(&mut self) -> io::Result<()> {
        let mut timeout = self.timeout();
        let begun = self.connections.system.now();
        let mut most = self.connections.table.len() + self.listeners.sockets.len() + 1; // the waker
        loop {
            let polled = match self.connections.system.poll(&mut self.events, timeout) {
                Ok(polled) => polled,
                Err(error) => return self.endure(begun, error),
            };
            self.failing_since = None;
            self.take_events();
            most = most.saturating_sub(self.events.len());
            match polled {
                Polled::Interrupted => return Ok(()),
                Polled::Part if most > 0 => timeout = Some(Duration::ZERO),
                Polled::All | Polled::Part => {
                    self.looked_at = begun;
                    return Ok(());
                }
            }
        }
    }

    /// The kernel refuses to poll, for want of memory: tries again a little later, and gives up only once it has refused for
    /// so long that the process is of no use. Meanwhile the worker's turns do not count, so that it is seen to be unwell.
    fn endure(&mut self, now: Instant, error: io::Error) -> io::Result<()> {
        let since = *self.failing_since.get_or_insert(now);
        log::error!("polling: {error}");
        if now.saturating_duration_since(since) > ENDURANCE {
            return Err(error);
        }
        self.connections.system.pause(POLL_PAUSE);
        Ok(())
    }

    /// Tries the connections again for which the kernel was out of memory.
    fn end_shortage(&mut self) {
        let Connections { table, state, .. } = &mut self.connections;
        if state.short_until.take_if(|until| *until <= state.now).is_none() {
            return;
        }
        for token in std::mem::take(&mut state.short) {
            let Some(entry) = table.get_mut(token) else { continue };
            entry.io.readable = true;
            entry.io.blocked = false;
            state.list_ready(&mut entry.io);
        }
    }

    /// Reads both clocks at one moment: a stop of the process in between would look like a step of the wall clock.
    fn read_clocks(&mut self) {
        let Connections { system, state, .. } = &mut self.connections;
        for _ in 0..3 {
            let before = system.now();
            state.wall = system.wall();
            state.now = system.now();
            if state.now.saturating_duration_since(before) < ONE_MOMENT {
                break;
            }
        }
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
        let due = self.looked_at;
        if self.connections.state.deadlines.next().is_none_or(|next| next > due) {
            return;
        }
        self.read_clocks(); // the deadlines that are set here count from now, however long the turn has taken so far
        while let Some((bucket, tokens)) = self.connections.state.deadlines.pop(due) {
            for token in tokens {
                let Some(io) = self.io(token).filter(|io| io.armed == Some(bucket)) else { continue };
                io.armed = None;
                if io.next_deadline() <= due {
                    self.judge(token);
                }
                self.connections.with(token, |_, cx| cx.flush()); // arms it again
            }
        }
    }

    /// Serves a connection whose deadline has passed as far as it can be; if the deadline still stands then, it counts.
    fn judge(&mut self, token: Token) {
        self.serve_what_is_there(token);
        let due = self.looked_at;
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

    fn expire_one(&mut self, token: Token, due: Instant) {
        let Some(entry) = self.connections.table.get_mut(token) else { return };
        let io = &mut entry.io;
        let state = &mut self.connections.state;
        match io.lifecycle {
            Lifecycle::Closing => return,
            Lifecycle::Lingering { .. } => return state.schedule_close(io, CloseReason::Handler),
            _ if io.stalled_at.is_some_and(|at| at <= due) => {
                return state.schedule_close(io, CloseReason::Slow);
            }
            Lifecycle::Flushing => {
                io.deadline = state.now + state.settings.write_timeout; // it is still taking a long answer
                return;
            }
            Lifecycle::Open => {}
        }
        self.call(token, H::on_deadline);
        if self.io(token).is_some_and(|io| io.lifecycle == Lifecycle::Open && io.deadline <= due) {
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
        if std::mem::take(&mut self.connections.state.has_new_settings) {
            for (listener, _) in &self.listeners.sockets {
                self.connections.system.configure_listener(listener);
            }
        }
    }

    /// Closes what is to be closed: at the end of the turn, one after the other, never inside another callback. True if the
    /// handler had one of them.
    fn close_scheduled(&mut self) -> bool {
        let mut had = false;
        let Self { handler, connections, listeners, .. } = self;
        for scarce in std::mem::take(&mut connections.state.evictions_due) {
            connections.evict(scarce);
        }
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
        had
    }
}
