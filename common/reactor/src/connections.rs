//! All connections of one worker, and what happens to one after a callback: flush, close, deadline.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

use super::connection::{Connection, Io, Phase};
use super::context::{Context, Visit};
use super::deadlines::Deadlines;
use super::eviction::{Eviction, Standing};
use super::outbox::{Flushed, Wire};
use super::settings::{READ_PAUSE, Settings};
use super::system::{Ends, System};
use super::table::Table;
use super::{CloseReason, Control, Flow, Token};

/// What all callbacks of a worker may touch.
pub(super) struct Shared {
    pub(super) now: Instant,
    pub(super) wall: SystemTime,
    pub(super) settings: Settings,
    pub(super) control: Control,
    pub(super) deadlines: Deadlines,
    pub(super) eviction: Eviction,
    /// Connections with something left to do that no event will announce.
    pub(super) ready: VecDeque<Token>,
    /// Connections to be closed at the end of the turn; true: by a reset.
    pub(super) doomed: Vec<(Token, bool)>,
}

impl Shared {
    pub(super) fn list_ready(&mut self, io: &mut Io) {
        if !io.listed_ready {
            io.listed_ready = true;
            self.ready.push_back(io.token);
        }
    }

    pub(super) fn doom(&mut self, io: &mut Io, why: CloseReason) {
        if !io.is_closing() {
            io.phase = Phase::Closing(why);
            // What is unsent to a peer that takes nothing would only stay in the kernel.
            self.doomed.push((io.token, why == CloseReason::Slow || io.failed));
        }
    }

    fn arm(&mut self, io: &mut Io) {
        if !io.is_closing() {
            self.deadlines.arm(io.token, io.next_deadline(), &mut io.armed);
        }
    }
}

/// The connections of one worker.
pub(super) struct Connections<C, S: System> {
    pub(super) table: Table<Connection<C, S::Stream>>,
    pub(super) system: S,
    pub(super) shared: Shared,
}

/// A socket and the system that knows how to write to it.
pub(super) struct Bound<'a, S: System> {
    pub(super) system: &'a mut S,
    pub(super) stream: &'a mut S::Stream,
}

impl<S: System> Wire for Bound<'_, S> {
    fn write(&mut self, bytes: &[&[u8]]) -> io::Result<usize> {
        self.system.write(self.stream, bytes)
    }

    fn send_file(&mut self, file: &File, offset: u64, len: usize) -> io::Result<usize> {
        self.system.send_file(self.stream, file, offset, len)
    }
}

impl<C, S: System> Connections<C, S> {
    pub(super) fn new(system: S, settings: Settings, control: Control) -> Self {
        let now = system.now();
        let shared = Shared {
            now,
            wall: system.wall(),
            settings,
            control,
            deadlines: Deadlines::new(now),
            eviction: Eviction::default(),
            ready: VecDeque::new(),
            doomed: Vec::new(),
        };
        Self { table: Table::new(), system, shared }
    }

    /// Puts a socket into the table and watches it. `None` when the kernel will not.
    pub(super) fn insert(&mut self, stream: S::Stream, ends: Ends) -> Option<Token> {
        let deadline = self.shared.now + Duration::from_secs(1); // until the handler sets its own
        let make = |token| Connection { stream, io: Io::new(token, ends, deadline), conn: None };
        let token = self.table.insert_with(make)?;
        let entry = self.table.get_mut(token)?;
        if self.system.add(&mut entry.stream, token).is_err() {
            let entry = self.table.remove(token)?;
            self.system.close(entry.stream, true);
            return None;
        }
        Some(token)
    }

    /// The first callback about a connection makes the handler's part of it.
    pub(super) fn open(&mut self, token: Token, make: impl FnOnce(&mut Context<'_>) -> (C, Flow)) {
        let Some(Connection { stream, io, conn }) = self.table.get_mut(token) else { return };
        let mut wire = Bound { system: &mut self.system, stream };
        let mut cx = Context { io, wire: &mut wire, shared: &mut self.shared };
        let flow = match catch_unwind(AssertUnwindSafe(|| make(&mut cx))) {
            Ok((new, flow)) => {
                *conn = Some(new);
                Some(flow)
            }
            Err(_) => None,
        };
        self.settle(token, flow);
    }

    /// Carries out what a callback decided (`None`: it panicked), and sends what it queued.
    pub(super) fn settle(&mut self, token: Token, flow: Option<Flow>) {
        let Some(Connection { stream, io, .. }) = self.table.get_mut(token) else { return };
        let shared = &mut self.shared;
        match flow {
            None => return shared.doom(io, CloseReason::Panic),
            Some(Flow::Close) => return shared.doom(io, CloseReason::Handler),
            Some(Flow::CloseWhenFlushed) => {
                io.phase = Phase::Flushing;
                io.tail = Vec::new();
                io.deadline = shared.now + shared.settings.write_timeout;
            }
            Some(Flow::Continue) => {}
        }
        flush(&mut self.system, stream, io, shared);
        shared.arm(io);
    }

    /// Sends what is queued; when it has all gone, the phase goes on.
    pub(super) fn flush(&mut self, token: Token) {
        if let Some(Connection { stream, io, .. }) = self.table.get_mut(token) {
            flush(&mut self.system, stream, io, &mut self.shared);
            self.shared.arm(io);
        }
    }

    pub(super) fn doom(&mut self, token: Token, why: CloseReason) {
        if let Some(entry) = self.table.get_mut(token) {
            self.shared.doom(&mut entry.io, why);
        }
    }

    /// Forgets the candidates for eviction that are gone, now and then.
    pub(super) fn sweep(&mut self) {
        let open = self.table.len();
        self.shared.eviction.sweep(open, |token| self.table.get(token).map(|entry| entry.io.standing));
    }

    /// Takes who makes room for a newcomer, and dooms it. With `heads_only`, an idle connection is left alone.
    pub(super) fn evict(&mut self, heads_only: bool) -> bool {
        let standing = |token| {
            let io = &self.table.get(token)?.io;
            (!io.is_closing()).then_some(io.standing)
        };
        let is_head = |token| matches!(standing(token), Some(Standing::Silent | Standing::Head));
        let eviction = &mut self.shared.eviction;
        let victim = if heads_only { eviction.pop_head_of(is_head) } else { eviction.pop(standing) };
        if let Some(token) = victim {
            self.doom(token, CloseReason::Evicted);
        }
        victim.is_some()
    }
}

impl<C, S: System> Visit<C> for Connections<C, S> {
    fn visit(&mut self, token: Token, f: &mut dyn FnMut(&mut C, &mut Context<'_>) -> Flow) -> bool {
        let Some(Connection { stream, io, conn: Some(conn) }) = self.table.get_mut(token) else {
            return false;
        };
        if io.phase != Phase::Open {
            return false;
        }
        let mut wire = Bound { system: &mut self.system, stream };
        let mut cx = Context { io, wire: &mut wire, shared: &mut self.shared };
        // One connection's panic is that connection's end, not the daemon's.
        let flow = catch_unwind(AssertUnwindSafe(|| f(conn, &mut cx))).ok();
        self.settle(token, flow);
        true
    }

    fn len(&self) -> usize {
        self.table.len()
    }

    fn configure(&mut self, settings: Settings) {
        self.system.configure(&settings);
        self.shared.settings = settings;
    }
}

fn flush<S: System>(system: &mut S, stream: &mut S::Stream, io: &mut Io, shared: &mut Shared) {
    if io.failed {
        return shared.doom(io, CloseReason::Error);
    }
    if io.is_closing() || io.blocked {
        return;
    }
    if !io.outbox.is_empty() {
        match io.outbox.flush(&mut Bound { system, stream }) {
            Ok(Flushed::All) => io.stalled_at = None,
            Ok(Flushed::Budget) => {
                io.stalled_at = None;
                return shared.list_ready(io);
            }
            Ok(Flushed::Blocked { progress }) => return block(system, stream, io, shared, progress),
            Err(_) => {
                io.failed = true;
                return shared.doom(io, CloseReason::Error);
            }
        }
    }
    match io.phase {
        Phase::Flushing => linger(system, stream, io, shared),
        Phase::Open if io.owes_drain => shared.list_ready(io),
        _ => {}
    }
}

/// The kernel took no more: waits for room, and for so long at the most.
fn block<S: System>(
    system: &mut S,
    stream: &mut S::Stream,
    io: &mut Io,
    shared: &mut Shared,
    progress: bool,
) {
    io.blocked = true;
    io.owes_drain = true;
    if progress || io.stalled_at.is_none() {
        io.stalled_at = Some(shared.now + shared.settings.write_timeout);
    }
    if !io.watches_writable {
        io.watches_writable = true;
        if system.watch_writable(stream, io.token).is_err() {
            shared.doom(io, CloseReason::Error);
        }
    }
}

/// All was sent: says so, and reads on for a while, because closing with unread input would reset the connection and the
/// reset could overtake the answer.
fn linger<S: System>(system: &mut S, stream: &mut S::Stream, io: &mut Io, shared: &mut Shared) {
    if io.ended || io.hung_up || system.shutdown_write(stream).is_err() {
        let why = if io.ended { CloseReason::Peer } else { CloseReason::Handler };
        return shared.doom(io, why);
    }
    io.phase = Phase::Lingering { bytes_left: shared.settings.linger_bytes };
    io.stalled_at = None;
    io.deadline = shared.now + shared.settings.linger;
    shared.list_ready(io);
}

/// True while the connection has so much queued that nothing more is read from it.
pub(super) fn is_paused(io: &Io) -> bool {
    !io.outbox.is_empty() && io.outbox.len() > READ_PAUSE
}
