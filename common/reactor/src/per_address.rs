//! Open connections by address, over all workers: how many there are, and which of them make room for a newcomer.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Token;
use super::known_addresses::{KnownAddresses, Taken};
use super::network::Network;

/// A connection that may make room: its worker's number, and its name there.
pub(super) type Candidate = (usize, Token);

/// The place that a connection holds among those of its address, until [`PerAddress::leave`] or until a newcomer takes it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) network: Network,
    /// Its key among the candidates; `None` if it does not make room, or not yet.
    ticket: Option<Ticket>,
}

/// Orders the candidates of an address: since when each waits, and a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket {
    /// `None` is before all others, and nobody's.
    since: Option<Instant>,
    number: u64,
}

/// True if so many taken places of `max` (0: no limit) are so many that the connections that may make room have to be candidates; with fewer,
/// the address is far from its limit. Where the limit is low, a few newcomers of one moment would reach it: there, they always have to.
pub(super) fn is_pressed(taken: usize, max: usize) -> bool {
    max > 0 && (max < FEW || taken > max / 2)
}

/// A limit below this is a low one. Half of a higher one is left to newcomers until the other workers have listed those that wait, which
/// takes them a turn.
const FEW: usize = 32;

impl Place {
    /// One that no newcomer takes.
    pub(super) fn kept(network: Network) -> Self {
        Self { network, ticket: None }
    }

    /// True for the place of a candidate.
    pub(super) fn is_offered(&self) -> bool {
        self.ticket.is_some()
    }
}

/// How many locks share the addresses: two workers seldom need the same one at the same time.
const LOCKS: usize = 64;

/// All places: how many are taken at each address, and which connections make room there.
///
/// Each worker keeps the counts of the addresses that it has met last ([`KnownAddresses`]). A connection at one of those adds itself and
/// subtracts itself by one atomic operation each. The lock of its address is taken where the worker does not know that, and, under a
/// limit of which half is taken ([`is_pressed`]), when the connection becomes a candidate, when it stops being one, and when a newcomer
/// finds all places taken. The newcomer that takes the first place of the other half makes all workers list those that wait.
///
/// A newcomer compares the count with the limit and adds itself in one operation, so the count never exceeds the limit. It takes a
/// victim's place under the lock. The victim's own worker finds the ticket gone and counts nothing off again, whatever happens to
/// the connection meanwhile.
#[derive(Debug)]
pub(super) struct PerAddress(Box<[Locked]>);

/// On cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Locked(Mutex<Shares>);

impl Default for PerAddress {
    fn default() -> Self {
        Self((0..LOCKS).map(|_| Locked::default()).collect())
    }
}

/// The addresses of one lock.
#[derive(Debug, Default)]
struct Shares {
    /// Those with a place that is taken, and those that a worker knows.
    by_network: HashMap<Network, Taken>,
    /// The connections that may make room by their tickets: those of one address lie together, the oldest first. Empty while there
    /// is no limit.
    candidates: BTreeMap<(Network, Ticket), Candidate>,
    last_number: u64,
}

impl Shares {
    /// Counts a place off that was taken at this address.
    fn give_back(&mut self, network: Network) {
        if let Some(taken) = self.by_network.get(&network) {
            taken.fetch_sub(1, Relaxed);
        }
        self.forget_unused(network);
    }

    /// Forgets an address without places. While a worker knows it, its count has to stay the only one.
    fn forget_unused(&mut self, network: Network) {
        if let Entry::Occupied(entry) = self.by_network.entry(network)
            && Arc::strong_count(entry.get()) == 1
            && entry.get().load(Relaxed) == 0
        {
            entry.remove();
        }
    }

    /// The tickets of so many of the oldest candidates of an address; fewer if there are no more.
    fn oldest(&self, network: Network, count: usize) -> impl Iterator<Item = Ticket> {
        let first = Ticket { since: None, number: 0 };
        let from = self.candidates.range((network, first)..).map(|(key, _)| *key);
        from.take_while(move |(of, _)| *of == network).map(|(_, ticket)| ticket).take(count)
    }
}

impl PerAddress {
    /// Takes a place at `address`; the answer has how many were taken before. `None` if `max` are taken (0: no limit).
    pub(super) fn enter(
        &self,
        known: &mut KnownAddresses,
        address: IpAddr,
        max: usize,
    ) -> Option<(Place, usize)> {
        let network = Network::of(address);
        let free = |taken| (max == 0 || taken < max).then_some(taken + 1);
        let before = self.count(known, network).fetch_update(Relaxed, Relaxed, free).ok()?;
        Some((Place::kept(network), before))
    }

    /// Takes a place at `address`, of which `max` are taken, from its oldest candidates; the caller closes those. `None`, and
    /// no connection loses its place, if there are too few candidates, or fewer than `least_victims` have to go.
    pub(super) fn evict(
        &self,
        known: &mut KnownAddresses,
        address: IpAddr,
        max: usize,
        least_victims: usize,
    ) -> Option<(Place, Vec<Candidate>)> {
        let network = Network::of(address);
        let taken = self.count(known, network);
        let mut shares = self.lock(network);
        let mut excess = 0;
        // Places are taken and given back meanwhile without the lock, one maybe since `enter` found none, but candidates stay.
        let exchange = |taken: usize| {
            // More than one has to go only after a lower limit came into force.
            excess = if max == 0 { 0 } else { (taken + 1).saturating_sub(max) };
            let can = excess >= least_victims && shares.oldest(network, excess).count() == excess;
            can.then(|| taken + 1 - excess)
        };
        taken.fetch_update(Relaxed, Relaxed, exchange).ok()?;
        let oldest: Vec<Ticket> = shares.oldest(network, excess).collect();
        let victims = oldest.into_iter().filter_map(|ticket| shares.candidates.remove(&(network, ticket)));
        Some((Place::kept(network), victims.collect()))
    }

    /// From now on the connection of this place, which has waited since then, may make room.
    pub(super) fn offer(&self, place: &mut Place, candidate: Candidate, since: Instant) {
        let mut shares = self.lock(place.network);
        shares.last_number += 1;
        let ticket = Ticket { since: Some(since), number: shares.last_number };
        shares.candidates.insert((place.network, ticket), candidate);
        place.ticket = Some(ticket);
    }

    /// No newcomer takes this place from now on. False if one has taken it already.
    pub(super) fn keep(&self, place: &mut Place) -> bool {
        let Some(ticket) = place.ticket.take() else { return true };
        self.lock(place.network).candidates.remove(&(place.network, ticket)).is_some()
    }

    /// Gives the place back. False if a newcomer has taken it already.
    pub(super) fn leave(&self, known: &KnownAddresses, Place { network, ticket }: Place) -> bool {
        if ticket.is_none()
            && let Some(taken) = known.find(network)
        {
            taken.fetch_sub(1, Relaxed);
            return true;
        }
        let mut shares = self.lock(network);
        if ticket.is_some_and(|ticket| shares.candidates.remove(&(network, ticket)).is_none()) {
            return false;
        }
        shares.give_back(network);
        true
    }

    /// The count of this address, which the worker knows from now on.
    #[inline]
    fn count<'k>(&self, known: &'k mut KnownAddresses, network: Network) -> &'k AtomicUsize {
        known.find_or_learn(network, |other| {
            if let Some((network, taken)) = other {
                self.forget(network, taken);
            }
            Arc::clone(self.lock(network).by_network.entry(network).or_default())
        })
    }

    /// A worker knows this address no longer.
    fn forget(&self, network: Network, taken: Taken) {
        let mut shares = self.lock(network);
        drop(taken);
        shares.forget_unused(network);
    }

    #[allow(clippy::indexing_slicing)] // there is a lock for each number
    fn lock(&self, network: Network) -> MutexGuard<'_, Shares> {
        let Locked(shares) = &self.0[network.number_below(LOCKS)];
        shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(any(test, feature = "simulated"))]
impl PerAddress {
    /// Places that are taken, by what counts as one address.
    pub(super) fn taken_by_network(&self) -> BTreeMap<IpAddr, usize> {
        let known = self.each().map(|(network, taken)| (network.address(), taken.load(Relaxed)));
        known.filter(|(_, taken)| *taken > 0).collect()
    }

    /// Addresses that are kept though no place is taken there and no worker knows them.
    pub(super) fn unused(&self) -> usize {
        // `each` has a reference of its own.
        self.each().filter(|(_, taken)| taken.load(Relaxed) == 0 && Arc::strong_count(taken) <= 2).count()
    }

    fn each(&self) -> impl Iterator<Item = (Network, Taken)> {
        self.0.iter().flat_map(|Locked(shares)| {
            let shares = shares.lock().unwrap_or_else(PoisonError::into_inner);
            let each = shares.by_network.iter().map(|(network, taken)| (*network, Arc::clone(taken)));
            each.collect::<Vec<_>>()
        })
    }

    /// False once a newcomer has taken this place.
    pub(super) fn is_held(&self, place: &Place) -> bool {
        let Some(ticket) = place.ticket else { return true };
        self.lock(place.network).candidates.contains_key(&(place.network, ticket))
    }
}

#[cfg(test)]
impl PerAddress {
    /// Places that are taken, over all addresses.
    pub(super) fn taken(&self) -> usize {
        self.taken_by_network().values().sum()
    }

    /// How many may make room, over all addresses.
    pub(super) fn candidates(&self) -> usize {
        self.0.iter().map(|Locked(shares)| shares.lock().unwrap().candidates.len()).sum()
    }
}

#[cfg(test)]
mod tests;
