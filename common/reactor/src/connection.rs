//! What the reactor keeps for one connection.

use std::net::{IpAddr, SocketAddr};

use super::deadlines::Bucket;
use super::eviction::{EvictionClass, LinkId};
use super::outbox::Outbox;
use super::settings::READ_PAUSE;
use super::system::Watched;
use super::tail::Tail;
use super::{CompactInstant, Token};

/// A connection in the table: the socket, the reactor's part and the handler's part.
pub(super) struct Entry<C, S> {
    pub(super) socket: S,
    pub(super) io: Io,
    /// `None` for a connection that no handler knows: a refused newcomer, or one whose state could not be adopted.
    pub(super) conn: Option<C>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifecycle {
    /// The handler's callbacks run; later none does but `on_close`.
    Open,
    /// The worker sends what is queued, then shuts its writing side down and lingers, or closes at once.
    Flushing { lingers: bool },
    /// The worker reads the peer's last bytes and throws them away; so many are still allowed.
    Lingering { bytes_left: u32 },
    /// It is on the list of connections to close at the end of the turn.
    Closing,
}

/// An address in 20 bytes where a [`SocketAddr`] takes 32; the zone of a link-local one is left out.
#[derive(Clone, Copy)]
struct Peer {
    ip: IpAddr,
    port: u16,
}

#[allow(clippy::struct_excessive_bools)] // edges are flags
pub(super) struct Io {
    pub(super) token: Token,
    /// The peer's address; `None` for a Unix socket.
    peer: Option<Peer>,
    /// It has a place among the connections of its peer's address, which no newcomer takes.
    pub(super) counts_at_peer: bool,
    pub(super) lifecycle: Lifecycle,
    pub(super) outbox: Outbox,
    /// Input that the handler did not consume yet; and its place at the address that a trusted proxy named, or one that a newcomer may
    /// take.
    pub(super) tail: Tail,
    /// The handler would consume more of the tail: it stopped because of its output, or of the turn's budget.
    pub(super) resume_tail: bool,
    /// Counted from the worker's start, as all that is kept here.
    pub(super) deadline: CompactInstant,
    /// Where the live entry in the list of deadlines is; `None` until the connection was served once.
    pub(super) armed: Option<Bucket>,
    pub(super) eviction_class: EvictionClass,
    /// Its link while it is in a list of those that may make room.
    pub(super) linked: Option<LinkId>,
    /// It was let in without a place, until [`Context::set_real_peer`](crate::Context::set_real_peer) says whose it is.
    pub(super) owes_room: bool,

    /// A read may find something: set by an event, cleared by `WouldBlock` or a short read.
    pub(super) readable: bool,
    /// The kernel has announced the end of the peer's stream: read until 0.
    pub(super) read_closed: bool,
    /// The handler wants no more input: what comes waits in the kernel, whose full buffer stops the peer.
    pub(super) ignores_input: bool,
    /// The handler takes no input for now: what comes waits in the tail and in the kernel.
    pub(super) is_paused: bool,
    /// A read has returned the end of the peer's stream.
    pub(super) ended: bool,
    /// `on_end` was called.
    pub(super) end_delivered: bool,
    /// The last write returned `WouldBlock`, and no writable event has come since.
    pub(super) blocked: bool,
    /// The handler gets an `on_drain` as soon as the outbox is empty.
    pub(super) owes_drain: bool,
    pub(super) watched: Watched,
    /// An event said that both directions are over.
    pub(super) hung_up: bool,
    pub(super) listed_ready: bool,
}

impl Io {
    pub(super) fn new(token: Token, peer: Option<SocketAddr>, deadline: CompactInstant) -> Self {
        Self {
            token,
            peer: peer.map(|peer| Peer { ip: peer.ip(), port: peer.port() }),
            counts_at_peer: false,
            lifecycle: Lifecycle::Open,
            outbox: Outbox::default(),
            tail: Tail::default(),
            resume_tail: false,
            deadline,
            armed: None,
            eviction_class: EvictionClass::Silent,
            linked: None,
            owes_room: false,
            readable: true, // a request often is there before its connection is accepted
            read_closed: false,
            ignores_input: false,
            is_paused: false,
            ended: false,
            end_delivered: false,
            blocked: false,
            owes_drain: false,
            watched: Watched::No,
            hung_up: false,
            listed_ready: false,
        }
    }

    /// The peer's address; `None` for a Unix socket.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer.map(|peer| SocketAddr::new(peer.ip, peer.port))
    }

    pub(super) fn peer_ip(&self) -> Option<IpAddr> {
        self.peer.map(|peer| peer.ip)
    }

    /// False while so much is queued that the worker reads nothing more.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.len() <= READ_PAUSE
    }

    /// True while the worker may show input to the handler; the rest of an input waits until the output has left.
    pub(super) fn takes_input(&self) -> bool {
        self.lifecycle == Lifecycle::Open
            && !self.ignores_input
            && !self.is_paused
            && self.has_room()
            && !(self.blocked && self.resume_tail)
    }

    /// True while the connection is open, and neither output nor an `on_drain` waits, as when its next request comes.
    #[inline]
    pub(super) fn owes_nothing(&self) -> bool {
        self.outbox.is_empty() && !self.owes_drain && self.lifecycle == Lifecycle::Open
    }

    /// True if an `on_drain` is due, which the caller then has to make: the next call returns false.
    pub(super) fn take_drain(&mut self) -> bool {
        let due =
            self.owes_drain && !self.blocked && self.outbox.is_empty() && self.lifecycle == Lifecycle::Open;
        self.owes_drain &= !due;
        due
    }

    /// The next instant at which something has to happen, whatever the peer does.
    #[inline]
    pub(super) fn next_deadline(&self) -> CompactInstant {
        match (self.lifecycle, self.outbox.stalled_at()) {
            (Lifecycle::Flushing { .. }, Some(stalled)) => stalled,
            (Lifecycle::Open, Some(stalled)) => stalled.min(self.deadline),
            _ => self.deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_a_connection_is_small() {
        // Every connection has one, and most of them are idle.
        assert!(size_of::<Io>() <= 88, "{} bytes", size_of::<Io>());
    }
}
