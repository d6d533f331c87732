//! The limit per address, exact over the two workers of a process. All simulated peers have one address.

use super::*;

const LIMIT: usize = 4;

fn pair(seed: u64, address_eviction: AddressEviction) -> [Simulation<Echo>; 2] {
    let settings = Settings { max_per_address: LIMIT, address_eviction, ..Settings::default() };
    Simulation::pair(seed, &settings, echo)
}

fn taken(workers: &[Simulation<Echo>; 2]) -> usize {
    workers[0].control().counters().addresses.taken()
}

/// A peer whose worker has accepted it, or refused it.
fn arrive(workers: &mut [Simulation<Echo>; 2], worker: usize) -> usize {
    let peer = workers[worker].connect();
    workers[worker].settle();
    peer
}

fn lingering(simulation: &Simulation<Echo>, peers: &[usize]) -> usize {
    peers.iter().filter(|&&peer| simulation.is_ended(peer) && !simulation.is_closed(peer)).count()
}

fn settle(workers: &mut [Simulation<Echo>; 2]) {
    // Again: the second one may have evicted a connection of the first one.
    for worker in [0, 1, 0] {
        workers[worker].settle();
    }
}

#[test]
fn the_oldest_connection_makes_room_for_a_newcomer_on_another_worker() {
    let mut workers = pair(1, AddressEviction::OldestUnfinished);
    let old = [0, 0, 1, 1].map(|worker| (worker, arrive(&mut workers, worker)));
    let newcomer = arrive(&mut workers, 1);
    assert_eq!(taken(&workers), LIMIT, "the newcomer has the place before the other worker knows of it");
    settle(&mut workers);
    assert_eq!(old.map(|(worker, peer)| workers[worker].is_closed(peer)), [true, false, false, false]);
    assert!(!workers[1].is_closed(newcomer));
    assert_eq!((taken(&workers), workers[0].counters().open), (LIMIT, LIMIT));
    assert_eq!(workers[0].counters().closed[CloseReason::Evicted as usize], 1);
}

#[test]
fn a_connection_whose_first_request_is_complete_keeps_its_place() {
    let mut workers = pair(2, AddressEviction::OldestUnfinished);
    let old = [0, 1, 0, 1].map(|worker| (worker, arrive(&mut workers, worker)));
    for (worker, peer) in &old[..3] {
        workers[*worker].send(*peer, b"hello\n");
    }
    settle(&mut workers);
    let newcomer = arrive(&mut workers, 0);
    settle(&mut workers);
    assert!(!workers[0].is_ended(newcomer), "it takes the place of the silent one");
    assert_eq!(old.map(|(worker, peer)| workers[worker].is_closed(peer)), [false, false, false, true]);
    let newest = arrive(&mut workers, 1);
    settle(&mut workers);
    assert!(!workers[1].is_ended(newest), "it takes the place of the newcomer before it");
    workers[1].send(newest, b"hello\n");
    settle(&mut workers);
    let refused = arrive(&mut workers, 0);
    assert_eq!(all(&mut workers[0], refused), b"full\n");
    assert_eq!((taken(&workers), workers[0].counters().open), (LIMIT, LIMIT));
}

#[test]
fn the_oldest_goes_whatever_it_is_doing_where_the_settings_say_so() {
    let mut workers = pair(3, AddressEviction::Oldest);
    let old = [0, 1, 0, 1].map(|worker| (worker, arrive(&mut workers, worker)));
    for (worker, peer) in old {
        workers[worker].send(peer, b"hello\n");
    }
    settle(&mut workers);
    arrive(&mut workers, 1);
    settle(&mut workers);
    assert_eq!(old.map(|(worker, peer)| workers[worker].is_closed(peer)), [true, false, false, false]);
}

#[test]
fn no_order_of_events_on_two_workers_exceeds_the_limit_or_leaks_a_place() {
    for seed in 0..300 {
        let kinds = [AddressEviction::OldestUnfinished, AddressEviction::Oldest];
        let mut workers = pair(seed, kinds[usize::try_from(seed % 2).unwrap()]);
        let mut seeds = workers[0].seed();
        let mut below = |below: usize| usize::try_from(seeds.below(below as u64)).unwrap();
        let mut peers = [0, 1].map(|worker| vec![workers[worker].connect()]);
        for _ in 0..200 {
            let worker = below(2);
            let peer = peers[worker][below(peers[worker].len())];
            let simulation = &mut workers[worker];
            match below(9) {
                0 => simulation.send(peer, b"hello\n"),
                1 => simulation.send(peer, b"hel"),
                2 => simulation.send(peer, b"bye\n"),
                3 => simulation.end(peer),
                4 => simulation.reset(peer),
                5 => simulation.advance(Duration::from_millis(below(2000) as u64)),
                _ => peers[worker].push(simulation.connect()),
            }
            // The other worker lags behind: what this one evicts there may change in any way meanwhile.
            workers[worker].turn();
            assert!(taken(&workers) <= LIMIT, "seed {seed}");
            if below(10) == 0 {
                settle(&mut workers);
                // One that has its answer may linger on without the place that a newcomer took.
                let open = workers[0].counters().open;
                let lingering = [0, 1].map(|worker| lingering(&workers[worker], &peers[worker]));
                let (taken, lingering) = (taken(&workers), lingering.iter().sum::<usize>());
                assert!(taken <= open && open <= taken + lingering, "seed {seed}");
            }
        }
        for _ in 0..3 {
            for worker in &mut workers {
                worker.advance(LIFE);
            }
            settle(&mut workers);
        }
        assert_eq!((taken(&workers), workers[0].counters().open), (0, 0), "seed {seed}");
    }
}
