//! Accepts new connections: bounded per turn, within the limits, and never stuck when descriptors run out.

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::connection::Phase;
use super::connections::Connections;
use super::eviction::EvictionClass;
use super::per_address::Place;
use super::settings::{MAX_REFUSED, TURN_ACCEPTS};
use super::system::{Ends, System};
use super::worker_state::WorkerState;
use super::{CloseReason, Handler};

/// How long accepting pauses when the process or the machine has no more descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Listeners<L> {
    /// With each: whether there may be a connection to accept.
    pub(super) sockets: Vec<(L, bool)>,
    /// No accepting before this instant: an edge-triggered listener says nothing more after `EMFILE`, so time must.
    pub(super) paused_until: Option<Instant>,
    /// Newcomers that still get their refusal.
    pub(super) refused: usize,
}

impl<L> Listeners<L> {
    pub(super) fn new(sockets: Vec<L>) -> Self {
        // A connection may have come before the poll watched: look once without an event.
        let sockets = sockets.into_iter().map(|socket| (socket, true)).collect();
        Self { sockets, paused_until: None, refused: 0 }
    }

    /// True while there may be something to accept right now.
    pub(super) fn is_ready(&self) -> bool {
        self.paused_until.is_none() && self.sockets.iter().any(|(_, ready)| *ready)
    }

    pub(super) fn accept<H, S>(&mut self, handler: &mut H, connections: &mut Connections<H::Conn, S>)
    where
        H: Handler,
        S: System<Listener = L>,
    {
        if self.paused_until.is_some_and(|until| until > connections.state.now) {
            return;
        }
        self.paused_until = None;
        for number in 0..self.sockets.len() {
            for _ in 0..TURN_ACCEPTS {
                let Some((socket, ready)) = self.sockets.get_mut(number).filter(|(_, ready)| *ready) else {
                    break;
                };
                match connections.system.accept(socket) {
                    Ok((socket, ends)) => self.admit(socket, ends, handler, connections),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => *ready = false,
                    Err(error) => {
                        connections.state.control.counters().count_accept_error();
                        if is_shortage(&error) {
                            self.paused_until = Some(connections.state.now + PAUSE);
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
        socket: S::Socket,
        ends: Ends,
        handler: &mut H,
        connections: &mut Connections<H::Conn, S>,
    ) where
        H: Handler,
        S: System<Listener = L>,
    {
        connections.state.control.counters().count_accepted();
        let address = ends.peer.map(|peer| peer.ip()).filter(|address| !handler.is_proxy(*address));
        let admission = make_room(address, connections);
        if matches!(admission, Admission::Refused) && self.refused >= MAX_REFUSED {
            connections.state.control.counters().count_refused();
            return connections.system.close(socket, false);
        }
        let token = connections.insert(socket, ends);
        let entry = token.and_then(|token| connections.table.get_mut(token));
        let counters = connections.state.control.counters();
        match (token.zip(entry), admission) {
            (Some((token, entry)), Admission::Admitted(place)) => {
                counters.count_open();
                entry.io.place = place;
                connections.state.eviction.push_head(token);
                connections.state.list_ready(&mut entry.io);
                connections.open(token, |cx| handler.on_open(cx));
            }
            (Some((token, entry)), Admission::Refused) => {
                counters.count_refused();
                self.refused += 1;
                entry.io.phase = Phase::Flushing;
                entry.io.outbox.own().extend_from_slice(handler.on_refuse());
                connections.flush(token);
            }
            (None, Admission::Admitted(Some(place))) => {
                counters.addresses.leave(place);
            }
            (None, _) => {}
        }
    }
}

enum Admission {
    /// With its place at its address, if it has an address that counts.
    Admitted(Option<Place>),
    Refused,
}

/// Takes a place for the newcomer, from another connection where all are taken.
fn make_room<C, S: System>(address: Option<IpAddr>, connections: &mut Connections<C, S>) -> Admission {
    let WorkerState { settings, control, .. } = &connections.state;
    let reaches = |count: usize, limit: usize| limit > 0 && count >= limit;
    let is_full = reaches(control.counters().open(), settings.max_connections);
    let is_full_of_heads = reaches(control.counters().heads(), settings.max_heads);
    // One goes for one that comes: where both limits are reached, an unfinished one goes first anyway.
    let has_room =
        if is_full { connections.evict(false) } else { !is_full_of_heads || connections.evict(true) };
    match address {
        _ if !has_room => Admission::Refused,
        Some(address) => take_place(address, connections),
        None => Admission::Admitted(None),
    }
}

/// Takes a place at the newcomer's address; where all are taken, the address gives up its own oldest candidate, on
/// whichever worker that is.
fn take_place<C, S: System>(address: IpAddr, connections: &mut Connections<C, S>) -> Admission {
    let state = &connections.state;
    let next = connections.table.next_token();
    let newcomer = next.and_then(|token| state.candidate(token, EvictionClass::Silent));
    let addresses = &state.control.counters().addresses;
    let Some((place, victims)) = addresses.enter_or_evict(address, state.settings.max_per_address, newcomer)
    else {
        return Admission::Refused;
    };
    for (worker, token) in victims {
        if worker == connections.state.number {
            connections.schedule_close(token, CloseReason::Evicted);
        } else {
            connections.state.control.evict((worker, token));
        }
    }
    Admission::Admitted(Some(place))
}

/// The process or the machine is out of something that comes back when connections close.
fn is_shortage(error: &io::Error) -> bool {
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    shortages.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
