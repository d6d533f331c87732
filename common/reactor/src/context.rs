//! What a handler sees of the reactor: [`Context`] for one connection, [`Turn`] for all of a worker's.

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime};

use super::connection::{Io, Lifecycle};
use super::evictable::List;
use super::eviction::EvictionClass;
use super::network::Network;
use super::outbox::Wire;
use super::pieces::Pieces;
use super::system::is_shortage;
use super::worker_state::WorkerState;
use super::{CloseReason, CompactInstant, Flow, Pages, Settings, Stop, Token};

/// One connection, lent to a callback about it.
pub struct Context<'a> {
    pub(super) io: &'a mut Io,
    pub(super) wire: &'a mut dyn Wire,
    pub(super) state: &'a mut WorkerState,
}

impl Context<'_> {
    /// This turn's monotonic time; the worker reads the clock once per turn.
    #[inline]
    pub fn now(&self) -> Instant {
        self.state.now
    }

    /// The same as [`Context::now`], for what a handler keeps for each connection.
    pub fn compact_now(&self) -> CompactInstant {
        self.state.compact_now
    }

    /// When the worker started: [`CompactInstant`]s count from here.
    pub fn start(&self) -> Instant {
        self.state.start
    }

    /// This turn's wall-clock time: for text, not for deadlines, as it may jump.
    pub fn wall(&self) -> SystemTime {
        self.state.wall
    }

    /// The same time as [`Context::wall`] in whole seconds since 1970; 0 before that.
    pub fn wall_seconds(&self) -> u64 {
        self.state.wall_seconds
    }

    /// Names the connection for [`Turn::visit`] of its own worker.
    pub fn token(&self) -> Token {
        self.io.token
    }

    /// The peer's address; `None` for a Unix socket.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.io.peer()
    }

    /// The server's address to which the peer connected; `None` for a Unix socket, and where the peer is gone already. Asks the
    /// kernel each time.
    pub fn local(&self) -> Option<SocketAddr> {
        self.wire.local()
    }

    /// Sets the connection's one deadline: the reactor calls `on_deadline` at most 16 ms after it, never before.
    pub fn set_deadline(&mut self, at: Instant) {
        self.io.deadline = self.state.compact(at);
    }

    /// Sets the deadline as [`Context::set_deadline`] does, so long from now.
    pub fn set_timeout(&mut self, time: Duration) {
        self.io.deadline = self.state.after(time);
    }

    /// The first request is complete: from now on the connection does not make room for a newcomer, unless it becomes idle
    /// or the settings say `AddressEviction::Oldest`.
    pub fn set_established(&mut self) {
        if self.io.eviction_class.is_unfinished() {
            self.state.control.counters().heads.fetch_sub(1, Relaxed);
            self.state.keep_place(self.io);
        }
        self.io.eviction_class = EvictionClass::Established;
        self.state.leave_unfinished(self.io);
    }

    /// An established connection waits for its next request from now on: when all is full, the one that became idle first
    /// makes room. While the kernel takes no more of its answer it is not idle; `on_drain` has to say so again.
    #[inline]
    pub fn set_idle(&mut self) {
        if self.io.eviction_class != EvictionClass::Idle {
            self.leave_class_for_idle();
        }
        self.io.eviction_class = EvictionClass::Idle;
        self.state.eviction.push(self.io.token, &mut self.io.linked, List::Idle, self.state.now);
    }

    fn leave_class_for_idle(&mut self) {
        self.set_established();
        if self.io.linked.is_some() {
            self.state.make_candidate(self.io); // with its age: among the idle ones, it is as old as its last request
        }
    }

    /// A trusted proxy named the real peer, or none (`None`): the limit per address counts that one from now on. A connection
    /// that came when all places were taken gets a place only now, so that a client beyond its own limit costs nobody
    /// anything. False if its address has as many connections as it may, or no other one may make room; the caller then
    /// refuses it.
    pub fn set_real_peer(&mut self, address: Option<IpAddr>) -> bool {
        address.is_none_or(|address| self.move_place(address)) && self.state.settle_room(self.io)
    }

    /// Counts the connection at this address from now on; false if that has as many as it may.
    fn move_place(&mut self, address: IpAddr) -> bool {
        if self.io.counted() == Some(Network::of(address)) {
            return true;
        }
        let max = self.state.settings.max_per_address;
        let Some(place) = self.state.enter_place(address, max) else { return false };
        self.state.leave_place(self.io);
        self.io.set_place(place);
        self.state.offer_place(self.io);
        true
    }

    /// Reads no more of the peer's input while the connection is open, and calls neither `on_data` nor `on_end` again: what
    /// the peer sends fills the kernel's buffer and stops there. That it is gone still shows.
    pub fn ignore_input(&mut self) {
        self.io.ignores_input = true;
    }

    /// Shows the handler no more input until [`Context::resume_input`]: neither what it did not consume, of which the reactor keeps
    /// as much as there is, nor what the peer sends meanwhile, which fills the kernel's buffer and stops there. That the peer
    /// has gone shows behind that input; a hand-over takes all of it along, and resumes.
    pub fn pause_input(&mut self) {
        self.io.is_paused = true;
    }

    /// Shows the handler its input again, from the next turn on.
    pub fn resume_input(&mut self) {
        if std::mem::take(&mut self.io.is_paused) {
            self.state.list_ready(self.io);
        }
    }

    /// Queues a copy of these bytes. They leave when the callback returns; several calls make one write.
    pub fn send(&mut self, bytes: &[u8]) {
        self.out().extend_from_slice(bytes);
    }

    /// The connection's own bytes at the end of the queue, for encoders that append to a `Vec<u8>`.
    pub fn out(&mut self) -> &mut Vec<u8> {
        if self.is_free() {
            self.io.outbox.begin(&mut self.state.spare);
        }
        self.io.outbox.own()
    }

    /// Sends `bytes[range]`: straight from this memory when nothing is queued before it. Only what the kernel does not take
    /// costs a reference count, or a copy if it is short, and waits in the queue. Once a write has failed nothing more is sent:
    /// the next one might succeed, and the peer would miss the bytes between.
    #[inline]
    pub fn send_shared(&mut self, bytes: &Arc<[u8]>, range: Range<usize>) {
        let Some(slice) = bytes.get(range.clone()) else { return };
        if let Some(sent) = self.write(&[IoSlice::new(slice)])
            && sent < slice.len()
        {
            self.io.outbox.push_shared(bytes, range.start + sent..range.end);
        }
    }

    /// Sends these bytes at once, when nothing is queued before them. What the kernel does not take is copied, and waits in the queue.
    pub fn send_now(&mut self, bytes: &[u8]) {
        if let Some(rest) = self.write(&[IoSlice::new(bytes)]).and_then(|sent| bytes.get(sent..))
            && !rest.is_empty()
        {
            self.out().extend_from_slice(rest);
        }
    }

    /// Sends `head` as [`Context::send_now`] does, and `bytes[range]` behind it as [`Context::send_shared`] does, in one write.
    pub fn send_with_body(&mut self, head: &[u8], bytes: &Arc<[u8]>, range: Range<usize>) {
        let Some(body) = bytes.get(range.clone()) else { return };
        if let Some(sent) = self.write(&[IoSlice::new(head), IoSlice::new(body)]) {
            self.queue_rest(sent, head, bytes, range);
        }
    }

    /// The same where head and body have been joined in one piece: `joined` ends with a copy of `bytes[range]`.
    #[inline]
    pub fn send_joined(&mut self, joined: &[u8], bytes: &Arc<[u8]>, range: Range<usize>) {
        if let Some(sent) = self.write(&[IoSlice::new(joined)])
            && sent < joined.len()
        {
            let (head, _) = joined.split_at(joined.len().saturating_sub(range.len()));
            self.queue_rest(sent, head, bytes, range);
        }
    }

    /// Queues what the kernel did not take of a head, by a copy, and of the body behind it.
    fn queue_rest(&mut self, sent: usize, head: &[u8], bytes: &Arc<[u8]>, range: Range<usize>) {
        if let Some(rest) = head.get(sent..).filter(|rest| !rest.is_empty()) {
            self.out().extend_from_slice(rest);
        }
        self.io.outbox.push_shared(bytes, range.start + sent.saturating_sub(head.len())..range.end);
    }

    /// Adds `bytes[range]` to what leaves in one write, and sends all of it once no more fits.
    pub fn gather<'a>(&mut self, pieces: &mut Pieces<'a>, bytes: &'a Arc<[u8]>, range: Range<usize>) {
        if pieces.push(bytes, range) {
            self.send_pieces(pieces);
        }
    }

    /// Sends all of `pieces` as [`Context::send_shared`] does one, in one write, and empties them.
    pub fn send_pieces(&mut self, pieces: &mut Pieces<'_>) {
        if pieces.is_empty() {
            return;
        }
        if let Some((bytes, range)) = pieces.take_only() {
            return self.send_shared(bytes, range);
        }
        let (slices, count) = pieces.slices();
        let sent = self.write(slices.get(..count).unwrap_or_default());
        for (bytes, rest) in pieces.take_rest(sent.unwrap_or(usize::MAX)) {
            self.io.outbox.push_shared(bytes, rest);
        }
    }

    /// Writes at once, when nothing is queued before. The answer is how many bytes are gone; `None` if nothing more is sent.
    #[inline]
    fn write(&mut self, slices: &[IoSlice<'_>]) -> Option<usize> {
        if self.io.lifecycle == Lifecycle::Closing {
            return None;
        }
        if !self.is_free() {
            return Some(0);
        }
        match self.wire.write(slices, false) {
            Ok(sent) => Some(sent),
            // The flush after the callback tries again, and waits where it has to.
            Err(error) if is_transient(&error) => Some(0),
            Err(_) => {
                self.state.schedule_close(self.io, CloseReason::Error);
                None
            }
        }
    }

    /// Queues a range of a copy, both in bytes: of it the kernel makes no other one.
    pub fn send_pages(&mut self, pages: Arc<Pages>, offset: u64, len: u64) {
        self.io.outbox.push_pages(pages, offset, len);
    }

    /// Queues a range of a file, both in bytes. A file that turns out shorter resets the connection; the
    /// reactor pads nothing.
    pub fn send_file(&mut self, file: Arc<File>, offset: u64, len: u64) {
        self.io.outbox.push_file(file, offset, len);
    }

    /// True while nothing waits for the kernel: what is sent now leaves at once, as far as the kernel has room.
    #[inline]
    pub fn is_free(&self) -> bool {
        !self.io.blocked && self.io.outbox.is_empty()
    }

    /// True while something is queued that the kernel did not take: wait for `on_drain` instead of adding to it.
    pub fn is_blocked(&self) -> bool {
        self.io.blocked
    }

    /// Asks for one `on_drain` as soon as nothing is queued, even if the kernel takes everything without a pause: for a
    /// handler with more to send than it wants to queue.
    pub fn want_drain(&mut self) {
        self.io.owes_drain = true;
    }

    /// True while the connection is about to be served by itself, and hears of its drain then: it is behind, and goes on where it is.
    #[inline]
    pub fn is_about_to_drain(&self) -> bool {
        self.io.owes_drain && self.io.listed_ready
    }

    /// Bytes that have arrived and wait for more behind them.
    pub fn unconsumed(&self) -> usize {
        self.io.tail.len()
    }

    /// Bytes that are queued in user space: not those that the kernel has taken.
    pub fn queued(&self) -> u64 {
        self.io.outbox.len()
    }
}

/// True if a later write may succeed.
fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) || is_shortage(error)
}

/// Reaches every connection of a worker, whatever the system below.
pub(super) trait Visit<C> {
    /// Runs `f` on each of these connections, one after the other, and carries out its flow; how many of them there are.
    fn visit_each(&mut self, tokens: &[Token], f: &mut dyn FnMut(&mut C, &mut Context<'_>) -> Flow) -> usize;
    fn configure(&mut self, settings: Settings);
    fn tokens(&self) -> Vec<Token>;
    fn clock(&self) -> Instant;
    fn state(&self) -> &WorkerState;
}

/// A worker's connections, lent to a callback that is not about one of them.
pub struct Turn<'a, C> {
    pub(super) connections: &'a mut dyn Visit<C>,
}

impl<C> Turn<'_, C> {
    /// The same instant as [`Context::now`] in this turn.
    pub fn now(&self) -> Instant {
        self.connections.state().now
    }

    /// The instant of this call, which reads the clock: for a handler that wants to know how long its own work took. What is due is
    /// judged by [`Turn::now`].
    pub fn clock(&self) -> Instant {
        self.connections.clock()
    }

    /// The same time as [`Context::wall`] in this turn.
    pub fn wall(&self) -> SystemTime {
        self.connections.state().wall
    }

    /// True while connections of the previous process wait for this worker to adopt them.
    pub fn is_adopting(&self) -> bool {
        self.connections.state().is_adopting
    }

    /// Runs `f` on a connection and carries out its flow; false if it is gone or closing. `on_close` follows after the
    /// turn, never inside it.
    pub fn visit(&mut self, token: Token, f: impl FnOnce(&mut C, &mut Context<'_>) -> Flow) -> bool {
        let mut once = Some(f);
        let visited = self.connections.visit_each(&[token], &mut |conn, cx| match once.take() {
            Some(f) => f(conn, cx),
            None => Flow::Continue,
        });
        visited > 0
    }

    /// As [`Turn::visit`], for several connections in this order: those that are gone or closing are left out. One whose callback
    /// panics is closed, and the others have their turns.
    pub fn visit_each(&mut self, tokens: &[Token], mut f: impl FnMut(&mut C, &mut Context<'_>) -> Flow) {
        self.connections.visit_each(tokens, &mut f);
    }

    /// The tokens of all its connections, those that are closing included: for a handler that has to look at each of them.
    pub fn tokens(&self) -> Vec<Token> {
        self.connections.tokens()
    }

    /// Gives this worker other limits and timeouts, from now on; deadlines that are set stay.
    pub fn configure(&mut self, settings: Settings) {
        self.connections.configure(settings);
    }

    /// Asks every worker to stop, this one included.
    pub fn stop_all(&mut self, stop: Stop) {
        self.connections.state().control.stop(stop);
    }

    /// Lends the same connections to a callback of another handler, which knows only a part of what this one keeps for each;
    /// `part` finds it.
    pub fn with_part<D, R>(
        &mut self,
        part: fn(&mut C) -> &mut D,
        f: impl FnOnce(&mut Turn<'_, D>) -> R,
    ) -> R {
        f(&mut Turn { connections: &mut Part { whole: self.connections, part } })
    }
}

/// The connections of a worker, by a part of what its handler keeps for each.
struct Part<'a, C, D> {
    whole: &'a mut dyn Visit<C>,
    part: fn(&mut C) -> &mut D,
}

impl<C, D> Visit<D> for Part<'_, C, D> {
    fn visit_each(&mut self, tokens: &[Token], f: &mut dyn FnMut(&mut D, &mut Context<'_>) -> Flow) -> usize {
        let part = self.part;
        self.whole.visit_each(tokens, &mut |conn, cx| f(part(conn), cx))
    }

    fn configure(&mut self, settings: Settings) {
        self.whole.configure(settings);
    }

    fn tokens(&self) -> Vec<Token> {
        self.whole.tokens()
    }

    fn clock(&self) -> Instant {
        self.whole.clock()
    }

    fn state(&self) -> &WorkerState {
        self.whole.state()
    }
}
