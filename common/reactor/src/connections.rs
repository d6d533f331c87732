//! All connections of one worker, and what happens to one after a callback: flush, close, deadline.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::connection::{Connection, Io, Phase};
use super::context::Visit;
use super::deadlines::Deadlines;
use super::eviction::Eviction;
use super::outbox::{Flushed, Wire};
use super::system::{Ends, System};
use super::table::Table;
use super::worker_state::WorkerState;
use super::{CloseReason, Context, Control, Flow, Settings, Token};

pub(super) struct Connections<C, S: System> {
    pub(super) table: Table<Connection<C, S::Socket>>,
    pub(super) system: S,
    pub(super) state: WorkerState,
}

/// A socket and the system that knows how to write to it.
pub(super) struct Bound<'a, S: System> {
    pub(super) system: &'a mut S,
    pub(super) socket: &'a mut S::Socket,
}

impl<S: System> Wire for Bound<'_, S> {
    fn write(&mut self, bytes: &[&[u8]]) -> io::Result<usize> {
        self.system.write(self.socket, bytes)
    }

    fn send_file(&mut self, file: &File, offset: u64, len: usize) -> io::Result<usize> {
        self.system.send_file(self.socket, file, offset, len)
    }
}

impl<C, S: System> Connections<C, S> {
    pub(super) fn new(number: usize, system: S, settings: Settings, control: Control) -> Self {
        let now = system.now();
        let state = WorkerState {
            number,
            now,
            wall: system.wall(),
            settings,
            control,
            deadlines: Deadlines::new(now),
            eviction: Eviction::default(),
            ready: VecDeque::new(),
            to_close: Vec::new(),
        };
        Self { table: Table::new(), system, state }
    }

    /// Puts a socket into the table and watches it. `None` when the kernel will not.
    pub(super) fn insert(&mut self, socket: S::Socket, ends: Ends) -> Option<Token> {
        let deadline = self.state.now + Duration::from_secs(1); // until the handler sets its own
        let make = |token| Connection { socket, io: Io::new(token, ends, deadline), conn: None };
        let token = self.table.insert_with(make)?;
        let entry = self.table.get_mut(token)?;
        if self.system.add(&mut entry.socket, token).is_err() {
            let entry = self.table.remove(token)?;
            self.system.close(entry.socket, true);
            return None;
        }
        Some(token)
    }

    /// The first callback about a connection makes the handler's part of it.
    pub(super) fn open(&mut self, token: Token, make: impl FnOnce(&mut Context<'_>) -> (C, Flow)) {
        let Some(Connection { socket, io, conn }) = self.table.get_mut(token) else { return };
        let mut wire = Bound { system: &mut self.system, socket };
        let mut cx = Context { io, wire: &mut wire, state: &mut self.state };
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
        let Some(Connection { socket, io, .. }) = self.table.get_mut(token) else { return };
        let state = &mut self.state;
        match flow {
            None => return state.schedule_close(io, CloseReason::Panic),
            Some(Flow::Close) => return state.schedule_close(io, CloseReason::Handler),
            Some(Flow::CloseWhenFlushed) => {
                io.phase = Phase::Flushing;
                io.tail = Vec::new();
                io.deadline = state.now + state.settings.write_timeout;
            }
            Some(Flow::Continue) => {}
        }
        flush(&mut self.system, socket, io, state);
        state.arm(io);
    }

    /// Sends what is queued; when it has all gone, the phase goes on.
    pub(super) fn flush(&mut self, token: Token) {
        if let Some(Connection { socket, io, .. }) = self.table.get_mut(token) {
            flush(&mut self.system, socket, io, &mut self.state);
            self.state.arm(io);
        }
    }

    pub(super) fn schedule_close(&mut self, token: Token, why: CloseReason) {
        if let Some(entry) = self.table.get_mut(token) {
            self.state.schedule_close(&mut entry.io, why);
        }
    }

    /// Forgets the candidates for eviction that are gone, now and then.
    pub(super) fn sweep(&mut self) {
        let open = self.table.len();
        let class = |token| self.table.get(token).map(|entry| entry.io.eviction_class);
        self.state.eviction.sweep(open, class);
    }

    /// Schedules the close of the connection that makes room for a newcomer; false if there is none. With
    /// `unfinished_only`, an idle one stays.
    pub(super) fn evict(&mut self, unfinished_only: bool) -> bool {
        let class = |token| {
            let io = &self.table.get(token)?.io;
            (!io.is_closing()).then_some(io.eviction_class)
        };
        let eviction = &mut self.state.eviction;
        let victim = if unfinished_only { eviction.pop_unfinished(class) } else { eviction.pop(class) };
        if let Some(token) = victim {
            self.schedule_close(token, CloseReason::Evicted);
        }
        victim.is_some()
    }
}

impl<C, S: System> Visit<C> for Connections<C, S> {
    fn visit(&mut self, token: Token, f: &mut dyn FnMut(&mut C, &mut Context<'_>) -> Flow) -> bool {
        let Some(Connection { socket, io, conn: Some(conn) }) = self.table.get_mut(token) else {
            return false;
        };
        if io.phase != Phase::Open {
            return false;
        }
        let mut wire = Bound { system: &mut self.system, socket };
        let mut cx = Context { io, wire: &mut wire, state: &mut self.state };
        // One connection's panic is that connection's end, not the daemon's.
        let flow = catch_unwind(AssertUnwindSafe(|| f(conn, &mut cx))).ok();
        self.settle(token, flow);
        true
    }

    fn configure(&mut self, settings: Settings) {
        self.system.configure(&settings);
        self.state.settings = settings;
    }

    fn state(&self) -> &WorkerState {
        &self.state
    }
}

fn flush<S: System>(system: &mut S, socket: &mut S::Socket, io: &mut Io, state: &mut WorkerState) {
    if io.failed {
        return state.schedule_close(io, CloseReason::Error);
    }
    if io.is_closing() || io.blocked {
        return;
    }
    if !io.outbox.is_empty() {
        match io.outbox.flush(&mut Bound { system, socket }) {
            Ok(Flushed::All) => io.stalled_at = None,
            Ok(Flushed::Budget) => {
                io.stalled_at = None;
                return state.list_ready(io);
            }
            Ok(Flushed::Blocked { progress }) => return block(system, socket, io, state, progress),
            Err(_) => {
                io.failed = true;
                return state.schedule_close(io, CloseReason::Error);
            }
        }
    }
    match io.phase {
        Phase::Flushing => linger(system, socket, io, state),
        Phase::Open if io.owes_drain => state.list_ready(io),
        _ => {}
    }
}

/// The kernel took no more: waits for room, and for so long at the most.
fn block<S: System>(
    system: &mut S,
    socket: &mut S::Socket,
    io: &mut Io,
    state: &mut WorkerState,
    progress: bool,
) {
    io.blocked = true;
    io.owes_drain = true;
    if progress || io.stalled_at.is_none() {
        io.stalled_at = Some(state.now + state.settings.write_timeout);
    }
    if !io.watches_writable {
        io.watches_writable = true;
        if system.watch_writable(socket, io.token).is_err() {
            state.schedule_close(io, CloseReason::Error);
        }
    }
}

/// All was sent: says so, and reads on for a while, because closing with unread input would reset the connection and the
/// reset could overtake the answer.
fn linger<S: System>(system: &mut S, socket: &mut S::Socket, io: &mut Io, state: &mut WorkerState) {
    if io.ended || io.hung_up || system.shutdown_write(socket).is_err() {
        let why = if io.ended { CloseReason::Peer } else { CloseReason::Handler };
        return state.schedule_close(io, why);
    }
    io.phase = Phase::Lingering { bytes_left: state.settings.linger_bytes };
    io.stalled_at = None;
    io.deadline = state.now + state.settings.linger;
    state.list_ready(io);
}
