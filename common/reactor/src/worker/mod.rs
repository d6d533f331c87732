//! One worker: the loop over its events, its connections and its handler's schedule.

mod expiry;
mod hand_over;
mod polling;
mod reading;
mod serving;
mod stop;
mod stopping;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use stopping::Stopping;

use crate::accept::Listeners;
use crate::arrivals::Arrivals;
use crate::connection::{Entry, Io};
use crate::connections::Connections;
use crate::control::EvictionMail;
use crate::settings::{MAX_TAIL, TURN_BUDGET, TURN_CONNECTIONS, TURN_WRITES};
use crate::system::{Event, System};
use crate::{
    CloseReason, CompactInstant, Control, ExportedConnection, Handler, Mailboxes, Settings, Token, Turn, Wake,
};

/// What the worker calls that adopts the last connection of the previous process.
pub(super) type AllBack = Arc<dyn Fn() + Send + Sync>;

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
    /// How often in a row the kernel has refused to poll.
    refusals: u32,
    wake: Wake,
    /// Lazy mail waits for a turn that comes without it.
    defers_mail: bool,
    /// The instant of that wake, if it has one; converted once, and not in each turn.
    scheduled: Option<CompactInstant>,
    stopping: Option<Stopping>,
    /// Connections of the previous process; `None` once this worker has adopted its share.
    arrivals: Option<Arc<Arrivals<S>>>,
    /// What the worker calls that adopts the last of them.
    all_back: Option<AllBack>,
    /// Connections of the previous process that have its socket options.
    unconfigured: VecDeque<Token>,
    /// The last turn that adopted a connection.
    adopted_at: Instant,
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
            refusals: 0,
            wake: Wake::Again,
            defers_mail: false,
            scheduled: None,
            stopping: None,
            arrivals: None,
            all_back: None,
            unconfigured: VecDeque::new(),
            adopted_at: looked_at,
            exported: Vec::new(),
        }
    }

    /// Runs until the daemon stops and the last connection is gone.
    pub(super) fn run(&mut self) -> io::Result<()> {
        while self.turn()? {}
        if let Some(stats) = self.connections.state.stats() {
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
        self.configure_some();
        if self.stopping.is_none() {
            if self.connections.state.scarce().is_some() {
                self.serve_ready(); // a request whose rest is there makes no room for a newcomer
            }
            self.listeners.accept(&mut self.handler, &mut self.connections);
        }
        if self.defers_mail {
            self.deliver_mail(); // what waits was there before what is served now
        }
        self.serve_ready();
        self.expire();
        self.take_mail();
        self.close_scheduled(); // first, so that `on_turn` knows of it without another turn
        let wake = match &self.stopping {
            // The connections have left this process; what they are still to receive went along.
            Some(stopping) if stopping.has_exported() => Wake::Idle,
            _ => self.handler.on_turn(&mut Turn { connections: &mut self.connections }),
        };
        self.schedule(wake);
        if self.stopping.is_some() || self.connections.state.control.is_stopping() {
            self.follow_stop();
        }
        let has_news = self.close_scheduled();
        if has_news {
            // What the handler has learnt from `on_close` waits for no other event, and is not lost with the last turn.
            self.schedule(Wake::Again);
        }
        if self.refusals == 0 {
            self.publish_stats();
        }
        let goes_on = self.stopping.as_ref().is_none_or(|stopping| stopping.settles_until.is_some());
        Ok(goes_on || has_news || self.connections.table.len() > 0)
    }

    /// Sets when the next turn comes, if nothing else makes it.
    fn schedule(&mut self, wake: Wake) {
        if wake == self.wake {
            return; // as mostly
        }
        let wake = if self.defer_mail(wake) { Wake::Again } else { wake };
        self.scheduled = wake.instant().map(|at| self.connections.state.compact(at));
        self.wake = wake;
    }

    /// Begins or ends to defer mail, before the worker sleeps. True if mail waits that it defers no longer.
    fn defer_mail(&mut self, wake: Wake) -> bool {
        let defers = match wake {
            Wake::Again => return false, // whatever it was: the next turn takes what waits
            Wake::AtDeferringMail(_) => true,
            Wake::At(_) | Wake::About(_) | Wake::Idle => false,
        };
        let was = std::mem::replace(&mut self.defers_mail, defers);
        defers != was && self.mailboxes.defer(self.connections.state.number, defers)
    }

    /// Publishes the worker's numbers, and answers a question for those that it does not keep all the time.
    fn publish_stats(&mut self) {
        let Self { handler, connections, listeners, .. } = self;
        let Some(stats) = connections.state.stats() else { return };
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

    /// Connections that no handler knows.
    #[cfg(any(test, feature = "simulated"))]
    pub(super) fn refused(&self) -> usize {
        self.listeners.refused
    }

    /// True while the kernel refuses to poll.
    #[cfg(any(test, feature = "simulated"))]
    pub(super) fn is_failing(&self) -> bool {
        self.refusals > 0
    }

    /// True while it comes to its mail by itself, at an instant that it knows.
    #[cfg(any(test, feature = "simulated"))]
    pub(super) fn defers_mail(&self) -> bool {
        self.defers_mail && self.scheduled.is_some()
    }

    /// True once it follows a stop.
    #[cfg(any(test, feature = "simulated"))]
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// True when only an event, mail or time gives it something to do.
    pub(super) fn is_at_rest(&self) -> bool {
        let accepts = self.stopping.is_none() && self.listeners.is_ready();
        let adopts = self.arrivals.is_some() || !self.unconfigured.is_empty();
        let now = self.connections.state.now;
        let stops = self.stopping.as_ref().is_some_and(|stopping| stopping.is_due(now));
        !accepts && !adopts && !stops && self.connections.state.ready.is_empty() && self.wake != Wake::Again
    }

    /// Serves the connections that are ready now, a bounded number of them, and until so much is written. The others are the first of
    /// the next turn.
    fn serve_ready(&mut self) {
        let count = self.connections.state.ready.len().min(TURN_CONNECTIONS);
        let most = self.connections.system.traffic().written.saturating_add(TURN_WRITES);
        for _ in 0..count {
            if self.connections.system.traffic().written >= most {
                break;
            }
            let Some(token) = self.connections.state.ready.pop_front() else { break };
            self.serve(token);
        }
    }

    fn io(&mut self, token: Token) -> Option<&mut Io> {
        self.connections.table.get_mut(token).map(|entry| &mut entry.io)
    }

    /// Takes what other threads sent: evictions by other workers, and mail for the handler.
    fn take_mail(&mut self) {
        let Self { connections, .. } = self;
        let number = connections.state.number;
        let mut evicted = Vec::new();
        connections.state.control.evictions().deliver(number, |eviction| evicted.push(eviction));
        for eviction in evicted {
            match eviction {
                EvictionMail::OfPlace(token) => connections.give_up_place(token),
                EvictionMail::For(room) => connections.state.rooms_due.push(room),
                EvictionMail::Candidates => connections.state.candidates_due = true,
            }
        }
        self.deliver_mail();
        if std::mem::take(&mut self.connections.state.has_new_settings) {
            for (listener, _) in &self.listeners.sockets {
                self.connections.system.configure_listener(listener);
            }
        }
        self.connections.offer_due();
    }

    fn deliver_mail(&mut self) {
        let Self { handler, connections, mailboxes, .. } = self;
        mailboxes.deliver(connections.state.number, |mail| handler.on_mail(mail, &mut Turn { connections }));
    }

    /// Closes what is to be closed: before and behind `on_turn`, one after the other, never inside another callback. True if the
    /// handler had one of them.
    #[inline]
    fn close_scheduled(&mut self) -> bool {
        let state = &self.connections.state;
        let has_some = !state.rooms_due.is_empty() || !state.to_close.is_empty();
        has_some && self.close_each_scheduled()
    }

    #[inline(never)] // so that a turn without any passes by
    fn close_each_scheduled(&mut self) -> bool {
        let mut had = false;
        let Self { handler, connections, listeners, .. } = self;
        connections.evict_due();
        let now = connections.state.compact_now;
        while let Some((token, why)) = connections.state.to_close.pop() {
            let Some(Entry { socket, mut io, conn }) = connections.table.remove(token) else {
                continue;
            };
            // Reset: else the kernel keeps unsent bytes for a peer that reads nothing.
            connections.system.close(socket, matches!(why, CloseReason::Slow | CloseReason::Error));
            if let Some(conn) = conn {
                connections.state.count_closed(&mut io, why);
                handler.on_close(conn, token, why, now);
                had = true;
            } else {
                listeners.refused = listeners.refused.saturating_sub(1);
            }
            listeners.paused_until = None; // a descriptor is free again
        }
        had
    }
}
