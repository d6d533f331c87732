//! Open connections by address, over all workers: how many there are, and which of them make room for a newcomer.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Token;

/// A connection that may make room: its worker's number, and its name there.
pub(super) type Candidate = (usize, Token);

/// What counts as one address: an IPv4 address (also when it is mapped into IPv6), or the /64 of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(u64);

/// The upper half of an IPv4 address among the networks of IPv6: no sender has one of these. RFC 4291 §2.7: "Multicast addresses must
/// not be used as source addresses in IPv6 packets".
const V4: u64 = 0xFFFF_FFFF;

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(V4 << 32 | u64::from(address.to_bits())),
            IpAddr::V6(address) => Self(u64::try_from(address.to_bits() >> 64).unwrap_or_default()),
        }
    }

    /// Its first address.
    pub(super) fn address(self) -> IpAddr {
        match (self.0 >> 32, u32::try_from(self.0 & V4)) {
            (V4, Ok(v4)) => Ipv4Addr::from_bits(v4).into(),
            _ => Ipv6Addr::from_bits(u128::from(self.0) << 64).into(),
        }
    }
}

/// The place that a connection holds among those of its address, until [`PerAddress::leave`] or until a newcomer takes it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) network: Network,
    /// Its key among the candidates; `None` if it does not make room, or not yet.
    ticket: Option<u64>,
}

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

/// All places, behind the lock of their address: taken when a connection opens and when it closes, and, under a limit, when it
/// becomes a candidate and when it stops being one.
///
/// A newcomer takes its victim's place under that lock, so the count never exceeds the limit. The victim's own worker finds
/// the ticket gone and counts nothing off again, whatever happens to the connection meanwhile.
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
    by_network: HashMap<Network, Share>,
    last_ticket: u64,
}

#[derive(Debug, Default)]
struct Share {
    places: usize,
    /// The connections that may make room, oldest first. Empty while there is no limit.
    candidates: BTreeMap<u64, Candidate>,
}

impl PerAddress {
    /// Takes a place at `address`; `None` if `max` are taken (0: no limit).
    pub(super) fn enter(&self, address: IpAddr, max: usize, candidate: Option<Candidate>) -> Option<Place> {
        self.take(address, max, candidate, 0..=0).map(|(place, _)| place)
    }

    /// Takes a place at `address`, from its oldest candidates if `max` are taken; the caller closes those. `None`, and
    /// no connection loses its place, if there are too few candidates, or fewer than `least_victims` have to go.
    pub(super) fn enter_or_evict(
        &self,
        address: IpAddr,
        max: usize,
        candidate: Option<Candidate>,
        least_victims: usize,
    ) -> Option<(Place, Vec<Candidate>)> {
        self.take(address, max, candidate, least_victims..=usize::MAX)
    }

    /// `None` if the number of connections that would have to go lies outside of `victims`.
    fn take(
        &self,
        address: IpAddr,
        max: usize,
        candidate: Option<Candidate>,
        victims: RangeInclusive<usize>,
    ) -> Option<(Place, Vec<Candidate>)> {
        let network = Network::of(address);
        let Shares { by_network, last_ticket } = &mut *self.lock(network);
        let entry = by_network.entry(network);
        let (places, candidates) = match &entry {
            Entry::Occupied(share) => (share.get().places, share.get().candidates.len()),
            Entry::Vacant(_) => (0, 0),
        };
        // More than one has to go only after a lower limit came into force.
        let excess = if max == 0 { 0 } else { (places + 1).saturating_sub(max) };
        if excess > candidates || !victims.contains(&excess) {
            return None;
        }
        let Share { places, candidates } = entry.or_default();
        let victims: Vec<Candidate> =
            (0..excess).filter_map(|_| candidates.pop_first()).map(|(_, victim)| victim).collect();
        *places = *places + 1 - excess;
        let ticket = candidate.map(|candidate| {
            *last_ticket += 1;
            candidates.insert(*last_ticket, candidate);
            *last_ticket
        });
        Some((Place { network, ticket }, victims))
    }

    /// From now on the connection of this place may make room.
    pub(super) fn offer(&self, place: &mut Place, candidate: Candidate) {
        let Shares { by_network, last_ticket } = &mut *self.lock(place.network);
        if let Some(share) = by_network.get_mut(&place.network) {
            *last_ticket += 1;
            share.candidates.insert(*last_ticket, candidate);
            place.ticket = Some(*last_ticket);
        }
    }

    /// No newcomer takes this place from now on. False if one has taken it already.
    pub(super) fn keep(&self, place: &mut Place) -> bool {
        let Some(ticket) = place.ticket.take() else { return true };
        let by_network = &mut self.lock(place.network).by_network;
        let share = by_network.get_mut(&place.network);
        share.is_some_and(|share| share.candidates.remove(&ticket).is_some())
    }

    /// Gives the place back. False if a newcomer has taken it already.
    pub(super) fn leave(&self, Place { network, ticket }: Place) -> bool {
        let by_network = &mut self.lock(network).by_network;
        let Entry::Occupied(mut entry) = by_network.entry(network) else { return false };
        let share = entry.get_mut();
        if ticket.is_some_and(|ticket| share.candidates.remove(&ticket).is_none()) {
            return false;
        }
        share.places -= 1;
        if share.places == 0 {
            entry.remove();
        }
        true
    }

    #[allow(clippy::indexing_slicing)] // there is a lock for each number
    fn lock(&self, network: Network) -> MutexGuard<'_, Shares> {
        let Locked(shares) = &self.0[lock_number(network)];
        shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which lock an address has: neighbours have different ones (Fibonacci hashing).
fn lock_number(network: Network) -> usize {
    let mixed = network.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    usize::try_from(mixed).unwrap_or_default() % LOCKS
}

#[cfg(any(test, feature = "simulated"))]
impl PerAddress {
    /// Places that are taken, by what counts as one address.
    pub(super) fn taken_by_network(&self) -> BTreeMap<IpAddr, usize> {
        let mut taken = BTreeMap::new();
        for Locked(shares) in &self.0 {
            let shares = shares.lock().unwrap_or_else(PoisonError::into_inner);
            taken.extend(shares.by_network.iter().map(|(network, share)| (network.address(), share.places)));
        }
        taken
    }

    /// False once a newcomer has taken this place.
    pub(super) fn is_held(&self, place: &Place) -> bool {
        let Some(ticket) = place.ticket else { return true };
        let by_network = &self.lock(place.network).by_network;
        by_network.get(&place.network).is_some_and(|share| share.candidates.contains_key(&ticket))
    }
}

#[cfg(test)]
impl PerAddress {
    /// Places that are taken, over all addresses.
    pub(super) fn taken(&self) -> usize {
        self.taken_by_network().values().sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn candidate(index: u32) -> Candidate {
        (0, Token { index, generation: 0 })
    }

    #[test]
    fn an_address_may_enter_as_often_as_the_limit_says_and_again_after_leaving() {
        let places = PerAddress::default();
        let (v4, mapped) = (address("192.0.2.1"), address("::ffff:192.0.2.1"));
        assert!(places.enter(v4, 2, None).is_some());
        let second = places.enter(mapped, 2, None).unwrap();
        assert!(places.enter(v4, 2, None).is_none(), "mapped and plain are one address");
        assert!(places.enter(address("192.0.2.2"), 2, None).is_some());
        assert!(places.leave(second));
        assert!(places.enter(v4, 2, None).is_some());
    }

    #[test]
    fn a_network_is_known_by_its_first_address() {
        for (any, first) in [
            ("192.0.2.255", "192.0.2.255"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("255.255.255.255", "255.255.255.255"),
            ("0.0.0.0", "0.0.0.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("::1", "::"),
        ] {
            let network = Network::of(address(any));
            assert_eq!((network.address(), Network::of(network.address())), (address(first), network));
        }
    }

    #[test]
    fn neighbours_do_not_wait_for_each_other() {
        let v4 = (0..64).map(|host| IpAddr::from([192, 0, 2, host]));
        let v6 = (0..64).map(|net| IpAddr::from([0x2001, 0xdb8, 1, net, 0, 0, 0, 1]));
        for (few, numbers) in [
            ("v4", v4.map(|address| lock_number(Network::of(address))).collect::<BTreeSet<_>>()),
            ("v6", v6.map(|address| lock_number(Network::of(address))).collect()),
        ] {
            assert!(numbers.len() > 32 && numbers.last() < Some(&LOCKS), "{few}: {numbers:?}");
        }
    }

    #[test]
    fn a_v6_network_of_64_bits_counts_as_one_address() {
        let places = PerAddress::default();
        assert!(places.enter(address("2001:db8::1"), 1, None).is_some());
        assert!(places.enter(address("2001:db8::ffff:1"), 1, None).is_none());
        assert!(places.enter(address("2001:db8:0:1::1"), 1, None).is_some());
    }

    #[test]
    fn the_oldest_candidate_of_an_address_loses_its_place_to_the_newest() {
        let places = PerAddress::default();
        let (us, them) = (address("127.0.0.2"), address("127.0.0.3"));
        let enter = |address, index| places.enter_or_evict(address, 2, Some(candidate(index)), 0);
        let (first, _) = enter(us, 1).unwrap();
        let (mut second, _) = enter(us, 2).unwrap();
        assert!(enter(them, 3).unwrap().1.is_empty());
        let (third, victims) = enter(address("::ffff:127.0.0.2"), 4).unwrap();
        assert_eq!(victims, [candidate(1)]);
        assert!(!places.leave(first), "its place is the newcomer's");
        assert!(places.keep(&mut second));
        assert_eq!(enter(us, 5).unwrap().1, [candidate(4)]);
        assert!(!places.leave(third) && places.leave(second));
        assert!(enter(us, 6).unwrap().1.is_empty());
    }

    #[test]
    fn a_newcomer_that_is_refused_costs_nobody_a_place() {
        let places = PerAddress::default();
        let us = address("127.0.0.2");
        let (mut established, _) = places.enter_or_evict(us, 2, Some(candidate(1)), 0).unwrap();
        assert!(places.keep(&mut established));
        let (unfinished, _) = places.enter_or_evict(us, 2, Some(candidate(2)), 0).unwrap();
        // A lower limit now: the one candidate would not be enough.
        assert!(places.enter_or_evict(us, 1, Some(candidate(3)), 0).is_none());
        assert!(places.leave(unfinished) && places.leave(established));
    }

    #[test]
    fn a_lower_limit_holds_with_the_next_newcomer() {
        let places = PerAddress::default();
        let us = address("127.0.0.2");
        let kept: Vec<Place> = (0..4).filter_map(|i| places.enter(us, 9, Some(candidate(i)))).collect();
        let (newest, victims) = places.enter_or_evict(us, 2, Some(candidate(4)), 0).unwrap();
        assert_eq!(victims, [0, 1, 2].map(candidate));
        assert_eq!(places.taken(), 2);
        assert_eq!(kept.into_iter().map(|place| places.leave(place)).filter(|left| *left).count(), 1);
        assert!(places.leave(newest));
    }

    #[test]
    fn nothing_is_kept_about_an_address_without_connections() {
        let places = PerAddress::default();
        let place = places.enter(address("127.0.0.1"), 1, Some(candidate(1))).unwrap();
        assert!(places.leave(place));
        assert!(places.taken_by_network().is_empty());
    }
}
