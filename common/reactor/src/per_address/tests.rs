//! Places at addresses, of one worker and of several.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::known_addresses::KNOWN;

mod racing;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn candidate(index: u32) -> Candidate {
    (0, Token { index, generation: 0 })
}

/// What a worker has: the places that it shares with others, and the addresses that it knows.
struct Worker<'a> {
    places: &'a PerAddress,
    known: KnownAddresses,
    now: Instant,
}

impl<'a> Worker<'a> {
    #[allow(clippy::disallowed_methods)] // Any instant will do.
    fn new(places: &'a PerAddress) -> Self {
        Self { places, known: KnownAddresses::default(), now: Instant::now() }
    }

    fn enter(&mut self, address: IpAddr, max: usize) -> Option<Place> {
        self.places.enter(&mut self.known, address, max).map(|(place, _)| place)
    }

    /// Takes a place, if need be from another one, and offers it to the next.
    fn enter_or_evict(
        &mut self,
        address: IpAddr,
        max: usize,
        number: u32,
    ) -> Option<(Place, Vec<Candidate>)> {
        let free = self.enter(address, max).map(|place| (place, Vec::new()));
        let (mut place, victims) = free.or_else(|| self.places.evict(&mut self.known, address, max, 0))?;
        self.places.offer(&mut place, candidate(number), self.now);
        Some((place, victims))
    }

    fn leave(&self, place: Place) -> bool {
        self.places.leave(&self.known, place)
    }

    /// Makes it forget this address.
    fn forget(&mut self, address: IpAddr) {
        let network = Network::of(address);
        let place = self.enter(same_slot(network), 0).unwrap();
        assert!(self.known.find(network).is_none());
        self.leave(place);
    }
}

/// Two workers that have met this address.
fn two_that_know(places: &PerAddress, us: IpAddr) -> [Worker<'_>; 2] {
    [(); 2].map(|()| {
        let mut worker = Worker::new(places);
        let place = worker.enter(us, 1).unwrap();
        assert!(worker.leave(place));
        worker
    })
}

/// Another address, of the same slot.
fn same_slot(network: Network) -> IpAddr {
    let number = network.number_below(KNOWN);
    let others = (1..).map(|bits| IpAddr::from(Ipv4Addr::from_bits(0x0A00_0000 + bits)));
    others
        .map(Network::of)
        .find(|other| *other != network && other.number_below(KNOWN) == number)
        .unwrap()
        .address()
}

#[test]
fn an_address_may_enter_as_often_as_the_limit_says_and_again_after_leaving() {
    let places = PerAddress::default();
    let mut worker = Worker::new(&places);
    let (v4, mapped) = (address("192.0.2.1"), address("::ffff:192.0.2.1"));
    assert!(worker.enter(v4, 2).is_some());
    let second = worker.enter(mapped, 2).unwrap();
    assert!(worker.enter(v4, 2).is_none(), "mapped and plain are one address");
    assert!(worker.enter(address("192.0.2.2"), 2).is_some());
    assert!(worker.leave(second));
    assert!(worker.enter(v4, 2).is_some());
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
        ("v4", v4.map(|address| Network::of(address).number_below(LOCKS)).collect::<BTreeSet<_>>()),
        ("v6", v6.map(|address| Network::of(address).number_below(LOCKS)).collect()),
    ] {
        assert!(numbers.len() > 32 && numbers.last() < Some(&LOCKS), "{few}: {numbers:?}");
    }
}

#[test]
fn a_v6_network_of_64_bits_counts_as_one_address() {
    let places = PerAddress::default();
    let mut worker = Worker::new(&places);
    assert!(worker.enter(address("2001:db8::1"), 1).is_some());
    assert!(worker.enter(address("2001:db8::ffff:1"), 1).is_none());
    assert!(worker.enter(address("2001:db8:0:1::1"), 1).is_some());
}

#[test]
fn the_oldest_candidate_of_an_address_loses_its_place_to_the_newest() {
    let places = PerAddress::default();
    let mut worker = Worker::new(&places);
    let (us, them) = (address("127.0.0.2"), address("127.0.0.3"));
    let (first, _) = worker.enter_or_evict(us, 2, 1).unwrap();
    let (mut second, _) = worker.enter_or_evict(us, 2, 2).unwrap();
    assert!(worker.enter_or_evict(them, 2, 3).unwrap().1.is_empty());
    let (third, victims) = worker.enter_or_evict(address("::ffff:127.0.0.2"), 2, 4).unwrap();
    assert_eq!(victims, [candidate(1)]);
    assert!(!worker.leave(first), "its place is the newcomer's");
    assert!(places.keep(&mut second));
    assert_eq!(worker.enter_or_evict(us, 2, 5).unwrap().1, [candidate(4)]);
    assert!(!worker.leave(third) && worker.leave(second));
    assert!(worker.enter_or_evict(us, 2, 6).unwrap().1.is_empty());
}

#[test]
fn the_oldest_has_waited_longest_whichever_became_a_candidate_first() {
    let places = PerAddress::default();
    let (mut ours, mut theirs) = (Worker::new(&places), Worker::new(&places));
    let us = address("127.0.0.2");
    ours.now += Duration::from_millis(3);
    for (number, worker) in [(1, &mut ours), (2, &mut theirs)] {
        worker.enter_or_evict(us, 2, number).unwrap();
    }
    theirs.now += Duration::from_millis(9);
    let victims = [3, 4, 5].map(|number| theirs.enter_or_evict(us, 2, number).unwrap().1);
    assert_eq!(victims, [2, 1, 3].map(|number| [candidate(number)]));
}

#[test]
fn places_are_short_once_more_than_half_are_taken_and_always_where_they_are_few() {
    let short = |max| (1..=max).filter(|taken| is_pressed(*taken, max)).collect::<Vec<_>>();
    assert_eq!((short(1), short(31)), (vec![1], (1..=31).collect()));
    assert_eq!((short(32), short(33)), ((17..=32).collect(), (17..=33).collect()));
    assert!(!is_pressed(usize::MAX, 0), "without a limit they never are");
}

#[test]
fn a_newcomer_that_is_refused_costs_nobody_a_place() {
    let places = PerAddress::default();
    let mut worker = Worker::new(&places);
    let us = address("127.0.0.2");
    let (mut established, _) = worker.enter_or_evict(us, 2, 1).unwrap();
    assert!(places.keep(&mut established));
    let (unfinished, _) = worker.enter_or_evict(us, 2, 2).unwrap();
    // A lower limit now: the one candidate would not be enough.
    assert!(worker.enter_or_evict(us, 1, 3).is_none());
    assert!(worker.leave(unfinished) && worker.leave(established));
}

#[test]
fn a_lower_limit_holds_with_the_next_newcomer() {
    let places = PerAddress::default();
    let mut worker = Worker::new(&places);
    let us = address("127.0.0.2");
    let kept: Vec<Place> = (0..4).map(|number| worker.enter_or_evict(us, 9, number).unwrap().0).collect();
    let (newest, victims) = worker.enter_or_evict(us, 2, 4).unwrap();
    assert_eq!(victims, [0, 1, 2].map(candidate));
    assert_eq!(places.taken(), 2);
    assert_eq!(kept.into_iter().map(|place| worker.leave(place)).filter(|left| *left).count(), 1);
    assert!(worker.leave(newest));
}

#[test]
fn without_room_elsewhere_a_place_is_had_only_for_another_one() {
    let places = PerAddress::default();
    let mut worker = Worker::new(&places);
    let us = address("127.0.0.2");
    let exchange = |worker: &mut Worker<'_>| places.evict(&mut worker.known, us, 2, 1);
    assert!(exchange(&mut worker).is_none(), "nobody is there");
    worker.enter_or_evict(us, 2, 1).unwrap();
    assert!(exchange(&mut worker).is_none(), "there is room, so nobody would go");
    worker.enter_or_evict(us, 2, 2).unwrap();
    assert_eq!(exchange(&mut worker).unwrap().1, [candidate(1)]);
}

#[test]
fn an_address_without_connections_is_kept_only_while_a_worker_knows_it() {
    let places = PerAddress::default();
    let us = address("127.0.0.1");
    let [mut ours, mut theirs] = two_that_know(&places, us);
    assert!(places.taken_by_network().is_empty());
    ours.forget(us);
    assert_eq!((places.each().count(), places.unused()), (2, 0), "the other worker knows it");
    theirs.forget(us);
    assert_eq!((places.each().count(), places.unused()), (1, 0));
}

#[test]
fn the_last_connection_at_an_address_that_no_worker_knows_takes_it_along() {
    let places = PerAddress::default();
    let mut worker = Worker::new(&places);
    let us = address("127.0.0.1");
    let [first, last] = [(); 2].map(|()| worker.enter(us, 2).unwrap());
    worker.forget(us);
    assert!(worker.leave(first));
    assert_eq!(places.taken_by_network(), [(us, 1)].into());
    assert!(worker.leave(last));
    assert_eq!((places.taken(), places.unused(), places.each().count()), (0, 0, 1));
}

#[test]
fn a_connection_at_a_known_address_takes_no_lock() {
    let places = PerAddress::default();
    let mut worker = Worker::new(&places);
    let us = address("192.0.2.1");
    let first = worker.enter(us, 2).unwrap();
    let lock = places.lock(Network::of(us));
    thread::scope(|scope| {
        let (done, life) = mpsc::channel();
        scope.spawn(move || {
            let second = worker.enter(us, 2).unwrap();
            assert!(worker.leave(first) && worker.leave(second));
            done.send(()).unwrap();
        });
        let life = life.recv_timeout(Duration::from_secs(10));
        drop(lock);
        assert!(life.is_ok(), "it waits for the lock");
    });
    assert_eq!(places.taken(), 0);
}

#[test]
fn many_addresses_make_a_worker_forget_and_never_grow() {
    let places = PerAddress::default();
    let mut worker = Worker::new(&places);
    for network in 0..100_000 {
        let place = worker.enter(Ipv6Addr::from_bits((0x2001_0DB8 << 32 | network) << 64).into(), 1).unwrap();
        assert!(worker.leave(place));
    }
    assert!(places.each().count() <= KNOWN);
}
