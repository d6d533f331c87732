//! What the workers count together is what their tables hold: connections, unfinished requests, places of addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::held::Held;
use super::{Simulation, Stepped};
use crate::connection::{Io, Lifecycle};
use crate::evictable::List;
use crate::settings::{MAX_LONG_TAILS, MAX_TAIL, TURN_BUDGET};
use crate::{Control, Handler};

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    open: usize,
    heads: usize,
    unnamed: usize,
    places: BTreeMap<IpAddr, usize>,
}

pub(super) fn check<H: Handler>(workers: &[Stepped<H>], control: &Control) {
    let counters = control.counters();
    let mut found = Counts::default();
    for (number, stepped) in workers.iter().enumerate() {
        count(number, stepped, control, &mut found);
    }
    let counted = Counts {
        open: counters.open.load(Relaxed),
        heads: counters.heads.load(Relaxed),
        unnamed: counters.unnamed.load(Relaxed),
        places: counters.addresses.taken_by_network(),
    };
    assert_eq!(counted, found, "what is counted, and what there is");
    assert_eq!(counters.addresses.unused(), 0, "addresses that nobody needs");
}

fn count<H: Handler>(number: usize, stepped: &Stepped<H>, control: &Control, found: &mut Counts) {
    let connections = &stepped.worker.connections;
    // While a worker hands over, one that has to end there has left its place already.
    let leaves = control.evictions().waiting(number) > 0 || stepped.worker.is_stopping();
    let (mut refused, mut long) = (0, 0);
    for entry in connections.table.iter() {
        let io = &entry.io;
        long += usize::from(io.tail.is_long());
        found.unnamed += usize::from(io.owes_room);
        assert!(io.tail.len() <= MAX_TAIL + TURN_BUDGET, "a tail of {} bytes", io.tail.len());
        let room = io.tail.capacity();
        assert!(room <= 2 * io.tail.len(), "room for {room} bytes, and a tail of {}", io.tail.len());
        let place = io.counted().filter(|_| io.is_place_held(&control.counters().addresses));
        if let Some(network) = place {
            *found.places.entry(network.address()).or_default() += 1;
        }
        if entry.conn.is_none() {
            refused += 1;
            continue;
        }
        found.open += 1;
        found.heads += usize::from(io.eviction_class.is_unfinished());
        let is_counted = place.is_some() || leaves || !is_peer_of_its_own(io, &stepped.worker.handler);
        assert!(is_counted, "a connection from {:?} is not counted at its address", io.peer());
        check_candidate(io, stepped, leaves);
    }
    check_evictable(number, stepped, control);
    assert_eq!(stepped.worker.refused(), refused, "connections without a handler");
    assert_eq!(Arc::strong_count(&connections.state.long_tails) - 1, long, "long unfinished inputs");
    assert!(long <= MAX_LONG_TAILS, "{long} long unfinished inputs");
}

/// A newcomer that finds all places of an address taken finds those that wait there for their first request among the candidates.
fn check_candidate<H: Handler>(io: &Io, stepped: &Stepped<H>, leaves: bool) {
    let state = &stepped.worker.connections.state;
    let waits = io.armed.is_some() && io.eviction_class.is_unfinished() && io.lifecycle == Lifecycle::Open;
    if leaves || state.candidates_due || !waits || state.candidate(io.token, io.eviction_class).is_none() {
        return;
    }
    let is_candidate = io.counted().is_none_or(|network| !state.is_pressed(network) || io.offers_place());
    assert!(is_candidate, "one from {:?} makes no room at its address", io.peer());
}

/// What newcomers of other workers may take is what this one has, less what they have taken.
fn check_evictable<H: Handler>(number: usize, stepped: &Stepped<H>, control: &Control) {
    let state = &stepped.worker.connections.state;
    if control.evictions().waiting(number) > 0 {
        return;
    }
    for list in [List::Unfinished, List::Idle] {
        let due = state.rooms_due.iter().filter(|room| room.list == list).count();
        let there = state.eviction.listed_as(list).cast_signed() - due.cast_signed();
        assert_eq!(control.evictable().listed(number, list), there, "connections that may make room");
    }
}

/// True if the connection counts at the address from which it came.
fn is_peer_of_its_own<H: Handler>(io: &Io, handler: &H) -> bool {
    let address = io.peer_ip();
    io.lifecycle == Lifecycle::Open && address.is_some() && !handler.is_proxy(address)
}

impl<H: Handler> Simulation<H> {
    /// What the process holds at this moment.
    pub fn held(&self) -> Held {
        let mut held =
            Held { addresses: self.taken_places().len(), descriptors: self.descriptors(), ..Held::default() };
        for (number, stepped) in self.workers.iter().enumerate() {
            let (table, state) = (&stepped.worker.connections.table, &stepped.worker.connections.state);
            held.connections += table.len();
            held.timers += state.deadlines.armed();
            held.listed +=
                state.ready.len() + state.short.len() + state.to_close.len() + state.eviction.listed();
            held.bytes +=
                table.iter().map(|entry| entry.io.tail.len() as u64 + entry.io.outbox.len()).sum::<u64>();
            held.mail += self.mailboxes.waiting(number);
        }
        held
    }
}
