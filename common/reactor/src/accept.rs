//! Accepts new connections: bounded per turn, within the limits, and never stuck when descriptors run out.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::connections::Connections;
use super::control::EvictionMail;
use super::settings::{MAX_REFUSED, MAX_UNNAMED, TURN_ACCEPTS};
use super::system::System;
use super::worker_state::WorkerState;
use super::{CloseReason, Flow, Handler, Token};

/// How long accepting pauses when the process or the machine has no more descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);
/// Before which newcomers of a turn the worker looks whether there is one. An event tells of the first; where several have come, most
/// looks would be in vain. To accept where nobody waits took seven times as long as a look, when it was measured.
const LOOKS: Range<usize> = 1..4;

pub(super) struct Listeners<L> {
    /// Each with whether there may be a connection to accept.
    pub(super) sockets: Vec<(L, bool)>,
    /// After `EMFILE` an edge-triggered listener raises no event for what waits, so accepting resumes at this instant.
    pub(super) paused_until: Option<Instant>,
    /// Accepting pauses because the process or the machine is short of something, and the log says so.
    is_short: bool,
    /// Connections that no handler knows: they still get their refusal or their closing bytes.
    pub(super) refused: usize,
}

impl<L> Listeners<L> {
    pub(super) fn new(sockets: Vec<L>) -> Self {
        // A connection may have come before the poll watched: look once without an event.
        let sockets = sockets.into_iter().map(|socket| (socket, true)).collect();
        Self { sockets, paused_until: None, is_short: false, refused: 0 }
    }

    /// True while there may be something to accept right now.
    pub(super) fn is_ready(&self) -> bool {
        self.paused_until.is_none() && self.sockets.iter().any(|(_, ready)| *ready)
    }

    /// Accepts nobody for a while, for want of something.
    pub(super) fn pause(&mut self, now: Instant, error: &io::Error) {
        if !std::mem::replace(&mut self.is_short, true) {
            log::error!(reason:? = error.raw_os_error(); "no connections are accepted for now: {error}");
        }
        self.paused_until = Some(now + PAUSE);
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
        for (listener, ready) in &mut self.sockets {
            for count in 0..TURN_ACCEPTS {
                if !*ready {
                    break;
                }
                // Until the next turn: what makes room is read first, and all workers have the time to list those that do so at an
                // address that has become short of places.
                if connections.would_evict_unread() || connections.state.candidates_due {
                    return;
                }
                if LOOKS.contains(&count) && !connections.system.has_newcomer(listener) {
                    *ready = false;
                    break;
                }
                match connections.system.accept(listener) {
                    Ok((socket, peer)) => {
                        if admit(socket, peer, &mut self.refused, handler, connections) {
                            self.is_short = false;
                            continue;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        *ready = false;
                        continue;
                    }
                    Err(error) => {
                        connections.state.control.counters().accept_errors.fetch_add(1, Relaxed);
                        if is_about_one_connection(&error) {
                            continue;
                        }
                        return self.pause(connections.state.now, &error);
                    }
                }
                self.paused_until = Some(connections.state.now + PAUSE);
                return;
            }
        }
    }
}

/// False if the table is full, and the newcomer is lost.
fn admit<H: Handler, S: System>(
    socket: S::Socket,
    peer: Option<SocketAddr>,
    refused: &mut usize,
    handler: &mut H,
    connections: &mut Connections<H::Conn, S>,
) -> bool {
    let counters = connections.state.control.counters();
    counters.accepted.fetch_add(1, Relaxed);
    let Some(token) = connections.insert(socket, peer) else {
        connections.state.control.counters().refused.fetch_add(1, Relaxed);
        return false;
    };
    if make_room(token, peer, handler, connections) {
        let opened = connections.open(token, b"", |cx| Some(handler.on_open(cx)));
        *refused += usize::from(!opened);
        return true;
    }
    connections.state.control.counters().refused.fetch_add(1, Relaxed);
    *refused += 1;
    if *refused > MAX_REFUSED {
        connections.schedule_close(token, CloseReason::Handler);
        return true;
    }
    connections.with(token, |_, cx| {
        cx.send(handler.on_refuse());
        cx.settle(Some(Flow::CloseWhenFlushed));
    });
    true
}

/// Makes room for the newcomer, at the cost of another connection where all places are taken; false if it is refused. Its
/// own address's limit comes first, so that a newcomer that is refused costs no other connection its place.
fn make_room<H: Handler, S: System>(
    token: Token,
    peer: Option<SocketAddr>,
    handler: &H,
    connections: &mut Connections<H::Conn, S>,
) -> bool {
    let address = peer.map(|peer| peer.ip());
    let scarce = connections.state.scarce();
    if handler.is_proxy(address) {
        if scarce.is_some() {
            wait_for_name(token, connections);
        }
        return true;
    }
    let room = scarce.and_then(|scarce| connections.state.find_room(scarce));
    let has_room = scarce.is_none() || room.is_some();
    let own_victims = match address {
        Some(address) => take_place(token, address, has_room, connections),
        None => has_room.then_some(0),
    };
    match (own_victims, room) {
        // At once: the next newcomer of this turn finds the next one.
        (Some(0), Some(room)) if room.worker == connections.state.number => connections.evict(room.scarce),
        (Some(0), Some(room)) => connections.state.take_room(room),
        _ => {}
    }
    own_victims.is_some()
}

/// Lets a proxy's client in without a place: whether it may have one shows when the proxy names it.
fn wait_for_name<C, S: System>(token: Token, connections: &mut Connections<C, S>) {
    if let Some(oldest) = connections.state.eviction.oldest_unnamed(MAX_UNNAMED) {
        connections.schedule_close(oldest, CloseReason::Evicted);
    }
    connections.state.control.counters().unnamed.fetch_add(1, Relaxed);
    if let Some(newcomer) = connections.table.get_mut(token) {
        newcomer.io.owes_room = true;
    }
}

/// Takes a place at the newcomer's address; where all are taken, the address gives up its own oldest candidate, on
/// whichever worker that is; the newcomer becomes one once it was read from. The answer is how many have gone; `None`: the newcomer has no place. Without room elsewhere it
/// gets one only in exchange for another one of its address.
fn take_place<C, S: System>(
    token: Token,
    address: IpAddr,
    has_room: bool,
    connections: &mut Connections<C, S>,
) -> Option<usize> {
    let max = connections.state.settings.max_per_address;
    let free = if has_room { connections.state.enter_place(address, max) } else { None };
    let (place, victims) = if let Some(place) = free {
        (place, Vec::new())
    } else {
        let WorkerState { control, known_addresses, .. } = &mut connections.state;
        let addresses = &control.counters().addresses;
        addresses.evict(known_addresses, address, max, usize::from(!has_room))?
    };
    if let Some(newcomer) = connections.table.get_mut(token) {
        newcomer.io.set_place(place);
    }
    for (worker, victim) in &victims {
        if *worker == connections.state.number {
            connections.give_up_place(*victim);
        } else {
            connections.state.control.evictions().send(*worker, EvictionMail::OfPlace(*victim));
        }
    }
    Some(victims.len())
}

/// True if accept(2) reports what became of one connection, which it has taken off the backlog. After any other error it
/// would say the same again at once: out of descriptors, out of memory, a listener that is broken.
fn is_about_one_connection(error: &io::Error) -> bool {
    let errors = [
        Errno::CONNABORTED,
        Errno::CONNRESET,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
        Errno::INTR,
        Errno::NETDOWN,
        Errno::NETUNREACH,
        Errno::NONET,
        Errno::NOPROTOOPT,
        Errno::PERM,
        Errno::PROTO,
        Errno::TIMEDOUT,
    ];
    errors.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
