//! What a handler sees of the reactor: [`Context`] for one connection, [`Turn`] for all of a worker's.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::connection::Io;
use super::connections::Shared;
use super::eviction::Standing;
use super::outbox::Wire;
use super::{Control, Flow, Settings, Stop, Token, limits};

/// One connection, during a callback about it.
pub struct Context<'a> {
    pub(super) io: &'a mut Io,
    pub(super) wire: &'a mut dyn Wire,
    pub(super) shared: &'a mut Shared,
}

impl Context<'_> {
    /// This turn's monotonic time; the clock is read once per turn.
    pub fn now(&self) -> Instant {
        self.shared.now
    }

    /// This turn's wall-clock time.
    pub fn wall(&self) -> SystemTime {
        self.shared.wall
    }

    /// The connection's name within its worker.
    pub fn token(&self) -> Token {
        self.io.token
    }

    /// Who connected; `None` for a Unix socket.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.io.ends.peer
    }

    /// To which of our addresses; `None` for a Unix socket.
    pub fn local(&self) -> Option<SocketAddr> {
        self.io.ends.local
    }

    /// Sets the connection's one deadline: `on_deadline` is called at most 16 ms after it, never before.
    pub fn set_deadline(&mut self, at: Instant) {
        self.io.deadline = at;
    }

    /// The first request is complete: from now on the connection does not make room for a newcomer.
    pub fn set_established(&mut self) {
        if self.io.standing.is_head() {
            self.shared.control.counters().count_established();
        }
        self.io.standing = Standing::Established;
    }

    /// An established connection waits for its next request: the longest idle one makes room when all is full.
    pub fn set_idle(&mut self) {
        self.set_established();
        self.io.standing = Standing::Idle;
        if !self.io.listed_idle {
            self.io.listed_idle = true;
            self.shared.eviction.push_idle(self.io.token);
        }
    }

    /// A trusted proxy told who the peer really is: the limit per address counts that one from now on.
    /// False if it has its share already; the caller then refuses the connection.
    pub fn set_real_peer(&mut self, address: IpAddr) -> bool {
        if self.io.counted.map(limits::network) == Some(limits::network(address)) {
            return true;
        }
        let counters = self.shared.control.counters();
        if !counters.enter(address, self.shared.settings.max_per_address) {
            return false;
        }
        if let Some(proxy) = self.io.counted.replace(address) {
            counters.leave(proxy);
        }
        true
    }

    /// Queues a copy of these bytes. They leave when the callback returns; several calls make one write.
    pub fn send(&mut self, bytes: &[u8]) {
        self.out().extend_from_slice(bytes);
    }

    /// The own bytes at the end of the queue, for encoders that append to a `Vec<u8>`.
    pub fn out(&mut self) -> &mut Vec<u8> {
        self.io.outbox.own()
    }

    /// Sends `bytes[range]`: straight from this memory when nothing is queued before it. What the kernel does not take is
    /// queued by reference count.
    pub fn send_shared(&mut self, bytes: &Arc<[u8]>, range: Range<usize>) {
        let Some(slice) = bytes.get(range.clone()) else { return };
        if !self.io.outbox.is_empty() || self.io.blocked {
            return self.io.outbox.push_shared(bytes.clone(), range);
        }
        match self.wire.write(&[slice]) {
            Ok(sent) if sent == slice.len() => {}
            Ok(sent) => self.io.outbox.push_shared(bytes.clone(), range.start + sent..range.end),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                self.io.outbox.push_shared(bytes.clone(), range);
            }
            Err(_) => self.io.failed = true,
        }
    }

    /// Queues a range of a file, both in bytes. A file that turns out shorter resets the connection: nothing is padded.
    pub fn send_file(&mut self, file: Arc<File>, offset: u64, len: u64) {
        self.io.outbox.push_file(file, offset, len);
    }

    /// True while something is queued that the kernel did not take: wait for `on_drain` instead of adding to it.
    pub fn is_blocked(&self) -> bool {
        self.io.blocked
    }

    /// Asks for one `on_drain` as soon as nothing is queued, even if the kernel takes everything without a pause: for who
    /// has more to send than it wants to queue.
    pub fn want_drain(&mut self) {
        self.io.owes_drain = true;
    }

    /// Bytes that are queued in user space.
    pub fn queued(&self) -> u64 {
        self.io.outbox.len()
    }
}

/// Reaches every connection of a worker, whatever the system below.
pub(super) trait Visit<C> {
    fn visit(&mut self, token: Token, f: &mut dyn FnMut(&mut C, &mut Context<'_>) -> Flow) -> bool;
    fn len(&self) -> usize;
    fn configure(&mut self, settings: Settings);
}

/// All connections of a worker, between events.
pub struct Turn<'a, C> {
    pub(super) now: Instant,
    pub(super) wall: SystemTime,
    pub(super) connections: &'a mut dyn Visit<C>,
    pub(super) control: &'a Control,
}

impl<C> Turn<'_, C> {
    /// This turn's monotonic time; the clock is read once per turn.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// This turn's wall-clock time.
    pub fn wall(&self) -> SystemTime {
        self.wall
    }

    /// Runs `f` on a connection and carries out its flow; false if it is gone or closing. `on_close` follows after the
    /// turn, never inside it.
    pub fn visit(&mut self, token: Token, f: impl FnOnce(&mut C, &mut Context<'_>) -> Flow) -> bool {
        let mut once = Some(f);
        self.connections.visit(token, &mut |conn, cx| match once.take() {
            Some(f) => f(conn, cx),
            None => Flow::Continue,
        })
    }

    /// Other limits and timeouts for this worker, from now on; deadlines that are set stay.
    pub fn configure(&mut self, settings: Settings) {
        self.connections.configure(settings);
    }

    /// Asks every worker to stop.
    pub fn stop_all(&mut self, stop: Stop) {
        self.control.stop(stop);
    }

    /// Open connections of this worker, those that are being closed included.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }
}
