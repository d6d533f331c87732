//! Taking new connections: bounded per turn, within the limits, and never stuck when descriptors run out.

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::connection::{Connection, Phase};
use super::connections::Connections;
use super::eviction::Standing;
use super::settings::{MAX_REFUSED, TURN_ACCEPTS};
use super::system::{Ends, System};
use super::{CloseReason, Handler, limits};

/// How long accepting pauses when the process or the machine has no more descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// The listeners of one worker.
pub(super) struct Listeners<L> {
    /// With each: whether there may be a connection to accept.
    pub(super) sockets: Vec<(L, bool)>,
    /// No accepting before this instant: an edge-triggered listener says nothing more after `EMFILE`, so time must.
    pub(super) paused_until: Option<Instant>,
    /// Newcomers that are being refused politely.
    pub(super) refused: usize,
}

impl<L> Listeners<L> {
    pub(super) fn new(sockets: Vec<L>) -> Self {
        // A connection may have come before the poll watched: look once without being told.
        let sockets = sockets.into_iter().map(|socket| (socket, true)).collect();
        Self { sockets, paused_until: None, refused: 0 }
    }

    /// True while there may be something to accept right now.
    pub(super) fn is_ready(&self) -> bool {
        self.paused_until.is_none() && self.sockets.iter().any(|(_, ready)| *ready)
    }

    /// Accepts from every listener that is ready.
    pub(super) fn accept<H, S>(&mut self, handler: &mut H, connections: &mut Connections<H::Conn, S>)
    where
        H: Handler,
        S: System<Listener = L>,
    {
        if self.paused_until.is_some_and(|until| until > connections.shared.now) {
            return;
        }
        self.paused_until = None;
        for number in 0..self.sockets.len() {
            for _ in 0..TURN_ACCEPTS {
                let Some((socket, ready)) = self.sockets.get_mut(number).filter(|(_, ready)| *ready) else {
                    break;
                };
                match connections.system.accept(socket) {
                    Ok((stream, ends)) => self.admit(stream, ends, handler, connections),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => *ready = false,
                    Err(error) => {
                        connections.shared.control.counters().count_accept_error();
                        if is_shortage(&error) {
                            self.paused_until = Some(connections.shared.now + PAUSE);
                            return;
                        }
                        // Anything else (ECONNABORTED, EPROTO, EPERM ...) is that connection's trouble.
                    }
                }
            }
        }
    }

    fn admit<H, S>(
        &mut self,
        stream: S::Stream,
        ends: Ends,
        handler: &mut H,
        connections: &mut Connections<H::Conn, S>,
    ) where
        H: Handler,
        S: System<Listener = L>,
    {
        connections.shared.control.counters().count_accepted();
        let address = ends.peer.map(|peer| peer.ip());
        let counted = address.filter(|address| !handler.is_proxy(*address));
        let admitted = make_room(counted, connections);
        if !admitted && self.refused >= MAX_REFUSED {
            connections.shared.control.counters().count_refused();
            return connections.system.close(stream, false);
        }
        let token = connections.insert(stream, ends);
        match token {
            Some(token) if admitted => {
                connections.shared.control.counters().count_open();
                connections.shared.eviction.push_head(token);
                if let Some(entry) = connections.table.get_mut(token) {
                    entry.io.counted = counted;
                }
                connections.open(token, |cx| handler.on_open(cx));
                if let Some(entry) = connections.table.get_mut(token) {
                    connections.shared.list_ready(&mut entry.io);
                }
            }
            Some(token) => {
                connections.shared.control.counters().count_refused();
                self.refused += 1;
                if let Some(entry) = connections.table.get_mut(token) {
                    entry.io.counted = None;
                    entry.io.phase = Phase::Flushing;
                    entry.io.outbox.own().extend_from_slice(handler.on_refuse());
                }
                connections.flush(token);
            }
            None if admitted => {
                if let Some(address) = counted {
                    connections.shared.control.counters().leave(address);
                }
            }
            None => {}
        }
    }
}

/// Counts the newcomer's address and evicts who has to go; false if there is no room.
fn make_room<C, S: System>(address: Option<IpAddr>, connections: &mut Connections<C, S>) -> bool {
    let settings = connections.shared.settings.clone();
    let counters = connections.shared.control.counters().clone();
    let reaches = |count: usize, limit: usize| limit > 0 && count >= limit;
    // One goes for one that comes: where both limits are reached, who has no request yet goes first anyway.
    let has_room = if reaches(counters.open(), settings.max_connections) {
        connections.evict(false)
    } else {
        !reaches(counters.heads(), settings.max_heads) || connections.evict(true)
    };
    if !has_room {
        return false;
    }
    let Some(address) = address else { return true };
    if counters.enter(address, settings.max_per_address) {
        return true;
    }
    evict_same_address(address, connections) && counters.enter(address, settings.max_per_address)
}

/// An address that has its share gives up its own oldest unfinished connection.
fn evict_same_address<C, S: System>(address: IpAddr, connections: &mut Connections<C, S>) -> bool {
    let network = limits::network(address);
    let table = &connections.table;
    let victim = connections.shared.eviction.pop_head_of(|token| {
        let Some(Connection { io, .. }) = table.get(token) else { return false };
        let unfinished = matches!(io.standing, Standing::Silent | Standing::Head);
        unfinished && !io.is_closing() && io.counted.map(limits::network) == Some(network)
    });
    let Some(entry) = victim.and_then(|token| connections.table.get_mut(token)) else { return false };
    if let Some(counted) = entry.io.counted.take() {
        connections.shared.control.counters().leave(counted);
    }
    connections.shared.doom(&mut entry.io, CloseReason::Evicted);
    true
}

/// The process or the machine is out of something that comes back when connections close.
fn is_shortage(error: &io::Error) -> bool {
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    shortages.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
