//! The limit per address, exact over the two workers of a process. All simulated peers have one address.

use super::*;

const LIMIT: usize = 4;

fn pair(seed: u64, address_eviction: AddressEviction) -> Simulation<Echo> {
    let settings = Settings { max_per_address: LIMIT, address_eviction, ..Settings::default() };
    Simulation::with_workers(seed, settings, 2, |_, _| echo())
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
fn no_order_of_events_on_two_workers_exceeds_the_limit_or_leaks_a_place() {
    for seed in 0..300 {
        let kinds = [AddressEviction::OldestUnfinished, AddressEviction::Oldest];
        let mut sim = pair(seed, kinds[usize::try_from(seed % 2).unwrap()]);
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
            assert!(taken(&sim) <= LIMIT, "seed {seed}");
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
