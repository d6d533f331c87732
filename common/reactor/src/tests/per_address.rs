//! The limit per address, exact over the two workers of a process. All simulated peers have one address.

use super::*;

const LIMIT: usize = 4;
/// One of which half the places are taken before anybody makes room.
const HIGH: usize = 32;

fn pair(seed: u64, address_eviction: AddressEviction) -> Simulation<Echo> {
    pair_of(seed, LIMIT, address_eviction)
}

fn pair_of(seed: u64, max_per_address: usize, address_eviction: AddressEviction) -> Simulation<Echo> {
    let settings = Settings { max_per_address, address_eviction, ..Settings::default() };
    Simulation::with_workers(seed, settings, 2, |_, _| echo())
}

fn candidates(sim: &Simulation<Echo>) -> usize {
    sim.control().counters().addresses.candidates()
}

fn taken(sim: &Simulation<Echo>) -> usize {
    sim.control().counters().addresses.taken()
}

/// A peer whose worker has accepted it, or refused it.
fn arrive(sim: &mut Simulation<Echo>, worker: usize) -> usize {
    let peer = sim.connect_at(worker);
    while !sim.is_accepted(peer) {
        sim.turn_of(worker);
    }
    peer
}

/// One a millisecond behind all others.
fn arrive_later(sim: &mut Simulation<Echo>, worker: usize) -> usize {
    sim.advance(Duration::from_millis(1));
    arrive(sim, worker)
}

fn lingering(sim: &Simulation<Echo>, peers: &[usize]) -> usize {
    peers.iter().filter(|&&peer| sim.is_ended(peer) && !sim.is_closed(peer)).count()
}

#[test]
fn the_oldest_connection_makes_room_for_a_newcomer_on_another_worker() {
    let mut sim = pair(1, AddressEviction::OldestUnfinished);
    let old = [0, 0, 1, 1].map(|worker| arrive(&mut sim, worker));
    let newcomer = arrive(&mut sim, 1);
    assert_eq!(taken(&sim), LIMIT, "the newcomer has the place before the other worker knows of it");
    sim.settle();
    assert_eq!(old.map(|peer| sim.is_closed(peer)), [true, false, false, false]);
    assert!(!sim.is_closed(newcomer));
    assert_eq!((taken(&sim), sim.counters().open), (LIMIT, LIMIT));
    assert_eq!(sim.counters().closed[CloseReason::Evicted as usize], 1);
}

#[test]
fn a_connection_whose_first_request_is_complete_keeps_its_place() {
    let mut sim = pair(2, AddressEviction::OldestUnfinished);
    let old = [0, 1, 0, 1].map(|worker| arrive(&mut sim, worker));
    for peer in &old[..3] {
        sim.send(*peer, b"hello\n");
    }
    sim.settle();
    let newcomer = arrive(&mut sim, 0);
    sim.settle();
    assert!(!sim.is_ended(newcomer), "it takes the place of the silent one");
    assert_eq!(old.map(|peer| sim.is_closed(peer)), [false, false, false, true]);
    let newest = arrive(&mut sim, 1);
    sim.settle();
    assert!(!sim.is_ended(newest), "it takes the place of the newcomer before it");
    sim.send(newest, b"hello\n");
    sim.settle();
    let refused = arrive(&mut sim, 0);
    assert_eq!(all(&mut sim, refused), b"full\n");
    assert_eq!((taken(&sim), sim.counters().open), (LIMIT, LIMIT));
}

#[test]
fn the_oldest_goes_whatever_it_is_doing_where_the_settings_say_so() {
    let mut sim = pair(3, AddressEviction::Oldest);
    let old = [0, 1, 0, 1].map(|worker| arrive(&mut sim, worker));
    for peer in old {
        sim.send(peer, b"hello\n");
    }
    sim.settle();
    arrive(&mut sim, 1);
    sim.settle();
    assert_eq!(old.map(|peer| sim.is_closed(peer)), [true, false, false, false]);
}

#[test]
fn while_places_are_left_nobody_becomes_a_candidate_and_then_all_who_wait_do_on_every_worker() {
    for kind in [AddressEviction::OldestUnfinished, AddressEviction::Oldest] {
        let mut sim = pair_of(4, HIGH, kind);
        let early: Vec<usize> = (0..HIGH / 2).map(|number| arrive_later(&mut sim, number % 2)).collect();
        sim.settle();
        assert_eq!((taken(&sim), candidates(&sim)), (HIGH / 2, 0));
        arrive_later(&mut sim, 1);
        sim.settle();
        assert_eq!((taken(&sim), candidates(&sim)), (HIGH / 2 + 1, HIGH / 2 + 1));
        for _ in 1..HIGH / 2 {
            arrive_later(&mut sim, 1);
        }
        let closed = |sim: &Simulation<Echo>| early.iter().filter(|peer| sim.is_closed(**peer)).count();
        assert_eq!((taken(&sim), closed(&sim)), (HIGH, 0));
        for newcomers in 1..4 {
            arrive_later(&mut sim, 1);
            sim.settle();
            assert_eq!((taken(&sim), closed(&sim)), (HIGH, newcomers));
            assert!(sim.is_closed(early[newcomers - 1]), "the oldest goes first, on either worker");
        }
    }
}

#[test]
fn newcomers_of_one_moment_find_those_who_wait_on_their_worker() {
    let mut sim = pair_of(5, HIGH, AddressEviction::OldestUnfinished);
    let old = [(); HIGH / 2].map(|()| arrive_later(&mut sim, 0));
    sim.settle();
    sim.advance(Duration::from_millis(1));
    let newcomers = [(); HIGH].map(|()| sim.connect_at(0));
    sim.settle();
    assert_eq!(old.map(|peer| sim.is_closed(peer)), [true; HIGH / 2]);
    assert_eq!((taken(&sim), newcomers.map(|peer| sim.is_closed(peer))), (HIGH, [false; HIGH]));
}

#[test]
fn newcomers_of_one_moment_find_those_who_wait_on_another_worker_once_it_had_a_turn() {
    for limit in [31, HIGH, 64, 100, 126, 256] {
        for kind in [AddressEviction::OldestUnfinished, AddressEviction::Oldest] {
            let mut sim = pair_of(7, limit, kind);
            let old: Vec<usize> = (0..limit / 2).map(|_| arrive_later(&mut sim, 0)).collect();
            sim.settle();
            let newcomers: Vec<usize> = (0..=limit - limit / 2).map(|_| sim.connect_at(1)).collect();
            sim.turn_of(1);
            sim.turn_of(0);
            sim.settle();
            let closed = |peers: &[usize]| peers.iter().map(|peer| sim.is_ended(*peer)).collect::<Vec<_>>();
            assert_eq!(closed(&newcomers), vec![false; newcomers.len()], "{limit}, {kind:?}");
            let oldest_alone: Vec<bool> = (0..old.len()).map(|number| number == 0).collect();
            assert_eq!(closed(&old), oldest_alone, "{limit}, {kind:?}");
        }
    }
}

#[test]
fn one_that_was_answered_is_as_old_as_it_was_before() {
    for then in [b"hello\n".as_slice(), b"idle\n"] {
        let mut sim = pair_of(8, HIGH, AddressEviction::Oldest);
        let [older, younger] = [(); 2].map(|()| arrive_later(&mut sim, 0));
        sim.settle();
        for peer in [younger, older] {
            sim.advance(Duration::from_millis(100));
            sim.send(peer, then);
            sim.settle();
        }
        for _ in 2..=HIGH {
            arrive_later(&mut sim, 1);
            sim.settle();
        }
        assert_eq!([older, younger].map(|peer| sim.is_closed(peer)), [true, false]);
    }
}

#[test]
fn a_lower_limit_makes_those_candidates_who_wait() {
    let mut sim = pair_of(6, HIGH, AddressEviction::OldestUnfinished);
    let old = [0, 1, 0, 1].map(|worker| arrive_later(&mut sim, worker));
    sim.settle();
    assert_eq!(candidates(&sim), 0);
    sim.mailboxes().send_all(|| b"<\x05");
    sim.settle();
    assert_eq!(candidates(&sim), LIMIT);
    arrive(&mut sim, 1);
    sim.settle();
    assert_eq!(old.map(|peer| sim.is_closed(peer)), [true, false, false, false]);
}

#[test]
fn no_order_of_events_on_two_workers_exceeds_the_limit_or_leaks_a_place() {
    for seed in 0..300 {
        let kinds = [AddressEviction::OldestUnfinished, AddressEviction::Oldest];
        let limit = [LIMIT, HIGH][usize::try_from(seed / 2 % 2).unwrap()];
        let mut sim = pair_of(seed, limit, kinds[usize::try_from(seed % 2).unwrap()]);
        let mut seeds = sim.seed();
        let mut below = |below: usize| usize::try_from(seeds.below(below as u64)).unwrap();
        let mut peers: Vec<usize> = [0, 1].map(|worker| sim.connect_at(worker)).to_vec();
        for _ in 0..200 {
            let worker = below(2);
            let peer = peers[below(peers.len())];
            match below(9) {
                0 => sim.send(peer, b"hello\n"),
                1 => sim.send(peer, b"hel"),
                2 => sim.send(peer, b"bye\n"),
                3 => sim.end(peer),
                4 => sim.reset(peer),
                5 => sim.advance(Duration::from_millis(below(2000) as u64)),
                _ => peers.push(sim.connect_at(worker)),
            }
            // The other worker lags behind: what this one evicts there may change in any way meanwhile.
            sim.turn_of(worker);
            assert!(taken(&sim) <= limit, "seed {seed}");
            if below(10) == 0 {
                sim.settle();
                // One that has its answer may linger on without the place that a newcomer took.
                let open = sim.counters().open;
                let (taken, lingering) = (taken(&sim), lingering(&sim, &peers));
                assert!(taken <= open && open <= taken + lingering, "seed {seed}");
            }
        }
        for _ in 0..3 {
            sim.pass(LIFE);
        }
        assert_eq!((taken(&sim), sim.counters().open), (0, 0), "seed {seed}");
    }
}
