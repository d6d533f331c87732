//! All connections of one worker, and what happens to one after a callback: flush, close, deadline.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::connection::{Entry, Io, Lifecycle};
use super::context::Visit;
use super::deadlines::Deadlines;
use super::evictable::{List, Scarce};
use super::eviction::{Eviction, EvictionClass};
use super::known_addresses::KnownAddresses;
use super::outbox::{Flushed, Spare, Wire};
use super::pages::Pages;
use super::system::{System, Watched, is_shortage, is_shortage_of_watches};
use super::table::Table;
use super::worker_state::WorkerState;
use super::{CloseReason, CompactInstant, Context, Control, Flow, Settings, Token};

/// A write timeout that is over for so long was missed by the worker: it was busy, or the process was stopped.
const LATE: Duration = Duration::from_millis(100);

pub(super) struct Connections<C, S: System> {
    pub(super) table: Table<C, S::Socket>,
    pub(super) system: S,
    pub(super) state: WorkerState,
}

/// A socket and the system that knows how to write to it.
pub(super) struct Bound<'a, S: System> {
    pub(super) system: &'a mut S,
    pub(super) socket: &'a S::Socket,
}

impl<S: System> Wire for Bound<'_, S> {
    fn write(&mut self, bytes: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        self.system.write(self.socket, bytes, more)
    }

    fn send_file(&mut self, file: &File, offset: u64, len: usize) -> io::Result<usize> {
        self.system.send_file(self.socket, file, offset, len)
    }

    fn send_pages(&mut self, pages: &Pages, offset: u64, len: usize) -> io::Result<usize> {
        self.system.send_pages(self.socket, pages, offset, len)
    }

    fn watch_writable(&mut self, token: Token, watched: Watched) -> io::Result<()> {
        match watched {
            Watched::No => self.system.add(self.socket, token, true),
            Watched::Readable | Watched::Both => self.system.watch_writable(self.socket, token),
        }
    }

    fn shutdown(&mut self) -> io::Result<()> {
        self.system.shutdown_write(self.socket)
    }

    fn local(&self) -> Option<SocketAddr> {
        self.system.local(self.socket)
    }
}

impl<C, S: System> Connections<C, S> {
    pub(super) fn new(number: usize, system: S, settings: Settings, control: Control) -> Self {
        let now = system.now();
        let eviction = Eviction::new(control.evictable().clone(), number);
        let state = WorkerState {
            number,
            start: now,
            now,
            compact_now: CompactInstant::since_start(0),
            wall: SystemTime::UNIX_EPOCH,
            wall_seconds: 0,
            wall_read_at: None,
            is_adopting: false,
            settings,
            has_new_settings: false,
            control,
            deadlines: Deadlines::default(),
            eviction,
            rooms_due: Vec::new(),
            candidates_due: false,
            candidates_until: None,
            ready: VecDeque::new(),
            short: Vec::new(),
            short_until: None,
            to_close: Vec::new(),
            long_tails: Arc::new(()),
            known_addresses: KnownAddresses::default(),
            spare: Spare::default(),
        };
        Self { table: Table::new(), system, state }
    }

    /// Puts a socket into the table; `None`: the table is full. What has come already is read before the poll watches it, so
    /// that one which is served at once is never watched.
    pub(super) fn insert(&mut self, socket: S::Socket, peer: Option<SocketAddr>) -> Option<Token> {
        let deadline = self.state.after(Duration::from_secs(1)); // until the handler sets its own
        self.table.insert_with(|token| Entry { socket, io: Io::new(token, peer, deadline), conn: None })
    }

    /// Puts a socket of another process into the table and watches it, or closes it: the table is full, or the kernel refuses.
    pub(super) fn insert_watched(
        &mut self,
        socket: S::Socket,
        peer: Option<SocketAddr>,
    ) -> io::Result<Token> {
        let token = self.insert(socket, peer).ok_or(io::ErrorKind::QuotaExceeded)?;
        let watched = self.watch(token);
        if watched.is_err()
            && let Some(entry) = self.table.remove(token)
        {
            self.system.close(entry.socket, true);
        }
        watched.map(|()| token)
    }

    /// As [`Io::watch`].
    pub(super) fn watch(&mut self, token: Token) -> io::Result<()> {
        let Some(Entry { socket, io, .. }) = self.table.get_mut(token) else { return Ok(()) };
        io.watch(&mut self.system, socket)
    }

    /// Calls `f` with a connection: the handler's part, if there is one, and the reactor's. `None` if it is gone.
    pub(super) fn with<T>(
        &mut self,
        token: Token,
        f: impl FnOnce(&mut Option<C>, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let Entry { socket, io, conn } = self.table.get_mut(token)?;
        let mut wire = Bound { system: &mut self.system, socket };
        Some(f(conn, &mut Context { io, wire: &mut wire, state: &mut self.state }))
    }

    /// Opens a connection with the first callback about it, which makes the handler's part. If it makes none, the peer
    /// gets the closing bytes, and the answer is false: from here on, the connection is like one that the reactor refused.
    pub(super) fn open(
        &mut self,
        token: Token,
        closing_bytes: &[u8],
        callback: impl FnOnce(&mut Context<'_>) -> Option<(C, Flow)>,
    ) -> bool {
        let opened = self.with(token, |conn, cx| {
            cx.state.control.counters().count_open();
            let list = if cx.io.owes_room { List::Unnamed } else { List::Unfinished };
            cx.state.eviction.push(token, &mut cx.io.linked, list, cx.state.now);
            cx.state.list_ready(cx.io);
            let made = catch_unwind(AssertUnwindSafe(|| callback(cx)));
            let why = if made.is_err() { CloseReason::Panic } else { CloseReason::Handler };
            let flow = if let Some((new, flow)) = made.unwrap_or_default() {
                *conn = Some(new);
                flow
            } else {
                cx.state.count_closed(cx.io, why);
                cx.send(closing_bytes);
                Flow::CloseWhenFlushed
            };
            cx.settle(Some(flow));
            conn.is_some()
        });
        opened.unwrap_or_default()
    }

    /// Closes a connection whose place a newcomer of its address has taken. One that has its answer lingers on without a
    /// place, so that no reset eats the answer, unless the process needs its descriptor.
    pub(super) fn give_up_place(&mut self, token: Token) {
        let is_full = self.state.scarce() == Some(Scarce::Places);
        let Some(entry) = self.table.get_mut(token) else { return };
        if is_full || entry.io.lifecycle == Lifecycle::Open || entry.io.eviction_class.is_unfinished() {
            self.state.schedule_close(&mut entry.io, CloseReason::Evicted);
        }
    }

    /// Makes those candidates that wait for their first request, at whichever address, if one has become short of places. Each is looked
    /// at once, so that a client that makes an address so again and again costs no more than its connections.
    pub(super) fn offer_due(&mut self) {
        if !std::mem::take(&mut self.state.candidates_due) {
            return;
        }
        if self.state.settings.max_per_address == 0 {
            self.state.candidates_until = None;
            return;
        }
        let until = self.state.candidates_until.replace(self.state.now);
        let newest_first: Vec<Token> = self.state.eviction.unfinished_after(until).collect();
        let answered: Vec<Token> = self.state.eviction.answered().collect();
        for token in newest_first.into_iter().rev().chain(answered) {
            // One that was not served yet does not wait: its request may be there.
            if let Some(Entry { io, .. }) = self.table.get_mut(token)
                && io.armed.is_some()
            {
                self.state.make_candidate(io);
            }
        }
    }

    pub(super) fn schedule_close(&mut self, token: Token, why: CloseReason) {
        if let Some(entry) = self.table.get_mut(token) {
            self.state.schedule_close(&mut entry.io, why);
        }
    }

    /// True if a newcomer would cost the place of a connection from which nothing was read yet: its request may be there, as
    /// when many come at once.
    pub(super) fn would_evict_unread(&self) -> bool {
        let room = self.state.scarce().and_then(|scarce| self.state.find_room(scarce));
        room.is_some_and(|room| room.worker == self.state.number && self.is_unread(room.scarce))
    }

    /// True if nothing was read yet from the connection that makes room here.
    fn is_unread(&self, scarce: Scarce) -> bool {
        let victim = self.state.eviction.choose(scarce, self.state.now);
        victim
            .and_then(|victim| self.table.get(victim))
            .is_some_and(|Entry { io, .. }| io.listed_ready && io.eviction_class == EvictionClass::Silent)
    }

    /// Schedules the close of a connection for each newcomer that has taken room here. It has its place already, so one from
    /// which nothing was read yet may wait for the next turn, which reads it.
    pub(super) fn evict_due(&mut self) {
        while let Some(room) = self.state.rooms_due.pop() {
            if self.is_unread(room.scarce) {
                return self.state.rooms_due.push(room);
            }
            self.state.control.evictable().give_up(room);
            self.evict(room.scarce);
        }
    }

    /// Schedules the close of the connection that makes room for a newcomer, if there is one.
    pub(super) fn evict(&mut self, scarce: Scarce) {
        if let Some(token) = self.state.eviction.choose(scarce, self.state.now) {
            self.schedule_close(token, CloseReason::Evicted);
        }
    }
}

impl<C, S: System> Visit<C> for Connections<C, S> {
    fn visit_each(&mut self, tokens: &[Token], f: &mut dyn FnMut(&mut C, &mut Context<'_>) -> Flow) -> usize {
        let (mut left, mut called, mut visited) = (tokens.iter(), None, 0);
        loop {
            // Around all of them: to catch for each one costs each one.
            let run = catch_unwind(AssertUnwindSafe(|| {
                for token in left.by_ref() {
                    let Some(Entry { socket, io, conn: Some(conn) }) = self.table.get_mut(*token) else {
                        continue;
                    };
                    if io.lifecycle != Lifecycle::Open {
                        continue;
                    }
                    let mut wire = Bound { system: &mut self.system, socket };
                    let mut cx = Context { io, wire: &mut wire, state: &mut self.state };
                    visited += 1;
                    called = Some(*token);
                    let flow = f(conn, &mut cx);
                    called = None;
                    cx.settle(Some(flow));
                }
            }));
            let Err(panic) = run else { return visited };
            // One connection's panic is that connection's end, not the daemon's: the others go on. Ours is no connection's.
            let Some(token) = called.take() else { resume_unwind(panic) };
            self.with(token, |_, cx| cx.settle(None));
        }
    }

    fn configure(&mut self, settings: Settings) {
        self.system.configure(&settings);
        self.state.settings = settings;
        self.state.has_new_settings = true;
        self.state.candidates_due = true; // the limit may be a lower one
    }

    fn tokens(&self) -> Vec<Token> {
        self.table.tokens()
    }

    fn clock(&self) -> Instant {
        self.system.now()
    }

    fn state(&self) -> &WorkerState {
        &self.state
    }
}

impl Io {
    /// Makes the poll watch the connection, if it does not. What has come by now, its end included, is an event.
    pub(super) fn watch<S: System>(&mut self, system: &mut S, socket: &S::Socket) -> io::Result<()> {
        if self.watched == Watched::No {
            system.add(socket, self.token, false)?;
            self.watched = Watched::Readable;
        }
        Ok(())
    }
}

impl Context<'_> {
    /// Carries out what a callback decided (`None`: it panicked), and sends what it queued.
    #[inline]
    pub(super) fn settle(&mut self, flow: Option<Flow>) {
        if flow == Some(Flow::Continue) && self.is_free() && !self.io.owes_drain {
            // Most callbacks: nothing is left to do, unless the deadline has come nearer. A newcomer's is not listed yet: if it is
            // served at once, it needs none.
            if self.io.armed.is_some_and(|armed| armed.due() > self.io.deadline) {
                self.state.arm(self.io);
            }
            return;
        }
        self.carry_out(flow);
    }

    fn carry_out(&mut self, flow: Option<Flow>) {
        let Self { io, state, .. } = self;
        match flow {
            None => state.schedule_close(io, CloseReason::Panic),
            Some(Flow::Close) => state.schedule_close(io, CloseReason::Handler),
            Some(Flow::Reset) => state.schedule_close(io, CloseReason::Error),
            Some(flow @ (Flow::CloseWhenFlushed | Flow::Finish)) if io.lifecycle != Lifecycle::Closing => {
                let lingers = flow == Flow::CloseWhenFlushed || io.tail.len() > 0;
                io.lifecycle = Lifecycle::Flushing { lingers };
                io.tail.clear();
                io.deadline = state.after(state.settings.write_timeout);
            }
            Some(_) => {}
        }
        self.flush();
    }

    /// Sends what is queued, and lists the deadline.
    pub(super) fn flush(&mut self) {
        self.send_queued();
        self.state.arm(self.io);
    }

    /// Sends what is queued; with an empty outbox, a flushing connection begins to linger, or closes. The caller lists the deadline.
    pub(super) fn send_queued(&mut self) {
        let Self { io, wire, state } = self;
        if io.lifecycle == Lifecycle::Closing || io.blocked {
            return;
        }
        match io.outbox.flush(*wire, &mut state.spare) {
            Ok(Flushed::All) => {}
            Ok(Flushed::Budget) => {
                io.outbox.set_stalled_at(None);
                return state.list_ready(io);
            }
            Ok(Flushed::Blocked { progress, moved }) => return self.block(progress, moved),
            Err(error) if is_shortage(&error) => {
                state.retry_later(io);
                return self.block(false, false);
            }
            Err(_) => return state.schedule_close(io, CloseReason::Error),
        }
        match io.lifecycle {
            // A close resets the connection only where input is unread, or comes later.
            Lifecycle::Flushing { lingers: false } if !io.readable => {
                state.schedule_close(io, CloseReason::Handler);
            }
            Lifecycle::Flushing { .. } => self.linger(),
            Lifecycle::Open if io.owes_drain => state.list_ready(io),
            _ => {}
        }
    }

    /// The kernel took no more: waits for room, at most the write timeout for a segment.
    fn block(&mut self, progress: bool, moved: bool) {
        let Self { io, wire, state } = self;
        io.blocked = true;
        io.owes_drain = true;
        if io.eviction_class == EvictionClass::Idle {
            // It still takes its answer; the handler says when it is idle again.
            io.eviction_class = EvictionClass::Established;
            state.eviction.leave(&mut io.linked);
        }
        // A peer that had made room in time waited for us, not we for it.
        let waited_for_us = |stalled| moved && state.compact_now.saturating_duration_since(stalled) > LATE;
        if progress || io.outbox.stalled_at().is_none_or(waited_for_us) {
            io.outbox.set_stalled_at(Some(state.after(state.settings.write_timeout)));
        }
        if io.watched != Watched::Both {
            match wire.watch_writable(io.token, io.watched) {
                Ok(()) => io.watched = Watched::Both,
                Err(error) if is_shortage_of_watches(&error) => state.retry_later(io),
                Err(_) => state.schedule_close(io, CloseReason::Error),
            }
        }
    }

    /// The outbox is empty: shuts down our side, then discards input for `linger`, because closing with unread input would
    /// reset the connection and the reset could overtake the answer.
    fn linger(&mut self) {
        let Self { io, wire, state } = self;
        if io.ended || io.hung_up || wire.shutdown().is_err() {
            let why = if io.ended { CloseReason::Peer } else { CloseReason::Handler };
            return state.schedule_close(io, why);
        }
        let bytes_left = u32::try_from(state.settings.linger_bytes).unwrap_or(u32::MAX);
        io.lifecycle = Lifecycle::Lingering { bytes_left };
        io.deadline = state.after(state.settings.linger);
        // A peer that is near has ended its side by the next turn, and does not have to be watched for that.
        io.readable |= io.watched == Watched::No;
        if io.readable {
            state.list_ready(io);
        }
    }
}
