//! Accepts new connections: bounded per turn, within the limits, and never stuck when descriptors run out.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::connections::Connections;
use super::eviction::EvictionClass;
use super::settings::{MAX_REFUSED, TURN_ACCEPTS};
use super::system::{Ends, System};
use super::{CloseReason, Flow, Handler, Token};

/// How long accepting pauses when the process or the machine has no more descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Listeners<L> {
    /// Each with whether there may be a connection to accept.
    pub(super) sockets: Vec<(L, bool)>,
    /// After `EMFILE` an edge-triggered listener raises no event for what waits, so accepting resumes at this instant.
    pub(super) paused_until: Option<Instant>,
    /// Connections that no handler knows: they still get their refusal or their closing bytes.
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
        for (listener, ready) in &mut self.sockets {
            for _ in 0..TURN_ACCEPTS {
                if !*ready {
                    break;
                }
                match connections.system.accept(listener) {
                    Ok((socket, ends)) => admit(socket, ends, &mut self.refused, handler, connections),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => *ready = false,
                    Err(error) => {
                        connections.state.control.counters().accept_errors.fetch_add(1, Relaxed);
                        if is_shortage(&error) {
                            self.paused_until = Some(connections.state.now + PAUSE);
                            return;
                        }
                        // Any other error (ECONNABORTED, EPROTO, EPERM ...) concerns that connection alone.
                    }
                }
            }
        }
    }
}

fn admit<H: Handler, S: System>(
    socket: S::Socket,
    ends: Ends,
    refused: &mut usize,
    handler: &mut H,
    connections: &mut Connections<H::Conn, S>,
) {
    connections.state.control.counters().accepted.fetch_add(1, Relaxed);
    let Some(token) = connections.insert(socket, ends) else { return };
    let address = ends.peer.map(|peer| peer.ip()).filter(|address| !handler.is_proxy(*address));
    if make_room(token, address, connections) {
        let opened = connections.open(token, b"", |cx| Some(handler.on_open(cx)));
        *refused += usize::from(!opened);
        return;
    }
    connections.state.control.counters().refused.fetch_add(1, Relaxed);
    *refused += 1;
    if *refused > MAX_REFUSED {
        return connections.schedule_close(token, CloseReason::Handler);
    }
    connections.with(token, |_, cx| {
        cx.send(handler.on_refuse());
        cx.settle(Some(Flow::CloseWhenFlushed));
    });
}

/// Makes room for the newcomer, at the cost of another connection where all places are taken. False if none may go.
fn make_room<C, S: System>(
    token: Token,
    address: Option<IpAddr>,
    connections: &mut Connections<C, S>,
) -> bool {
    let (counters, settings) = (connections.state.control.counters(), &connections.state.settings);
    let reaches = |count: &AtomicUsize, limit: usize| limit > 0 && count.load(Relaxed) >= limit;
    let is_full = reaches(&counters.open, settings.max_connections);
    let is_full_of_heads = reaches(&counters.heads, settings.max_heads);
    // One eviction serves both limits: `evict(false)` takes an unfinished connection first anyway.
    let has_room =
        if is_full { connections.evict(false) } else { !is_full_of_heads || connections.evict(true) };
    has_room && address.is_none_or(|address| take_place(token, address, connections))
}

/// Takes a place at the newcomer's address; where all are taken, the address gives up its own oldest candidate, on
/// whichever worker that is.
fn take_place<C, S: System>(token: Token, address: IpAddr, connections: &mut Connections<C, S>) -> bool {
    let Connections { table, state, .. } = connections;
    let candidate = state.candidate(token, EvictionClass::Silent);
    let addresses = &state.control.counters().addresses;
    let Some((place, victims)) = addresses.enter_or_evict(address, state.settings.max_per_address, candidate)
    else {
        return false;
    };
    if let Some(newcomer) = table.get_mut(token) {
        newcomer.io.place = Some(place);
    }
    for (worker, victim) in victims {
        if worker == connections.state.number {
            connections.give_up_place(victim);
        } else {
            connections.state.control.evictions().send(worker, victim);
        }
    }
    true
}

/// True if the process or the machine is out of something that comes back when connections close.
fn is_shortage(error: &io::Error) -> bool {
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    shortages.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
