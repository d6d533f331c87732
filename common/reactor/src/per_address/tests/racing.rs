//! Several workers at the same addresses, in threads, and one after the other in the orders that would lose a count.

use std::sync::atomic::Ordering::SeqCst;

use super::*;
use crate::simulation::Seed;

const LIMIT: usize = 3;
const WORKERS: u32 = 4;
const STEPS: usize = 20_000;

/// Enters, leaves and evicts at these addresses. `held` counts at each of them the places that no newcomer may take.
fn live(worker: &mut Worker<'_>, number: u32, addresses: &[IpAddr], held: &[AtomicUsize]) {
    let mut dice = Seed(u64::from(number));
    let mut mine: Vec<(usize, Place)> = Vec::new();
    for step in 0..STEPS {
        let at = dice.index(addresses.len());
        if dice.below(5) < 3 {
            // Half of the workers offer their places for a moment, so that counts change under the lock and without it.
            let place = if number.is_multiple_of(2) {
                worker.enter(addresses[at], LIMIT)
            } else {
                worker.enter_or_evict(addresses[at], LIMIT, number).map(|(place, _)| place)
            };
            if let Some(mut place) = place
                && worker.places.keep(&mut place)
            {
                let before = held[at].fetch_add(1, Relaxed);
                assert!(before < LIMIT, "{before} before, in step {step} of worker {number}");
                mine.push((at, place));
            }
        } else if !mine.is_empty() {
            let (at, place) = mine.swap_remove(dice.index(mine.len()));
            held[at].fetch_sub(1, Relaxed);
            assert!(worker.leave(place));
        }
    }
    for (at, place) in mine {
        held[at].fetch_sub(1, Relaxed);
        assert!(worker.leave(place));
    }
}

#[test]
fn no_count_is_lost_while_workers_meet_and_forget_the_same_addresses() {
    // Two of each slot: to meet one of them is to forget the other.
    let first = address("192.0.2.1");
    let second = same_slot(Network::of(first));
    let addresses = [first, second, address("192.0.2.7")];
    let (places, held) = (PerAddress::default(), [const { AtomicUsize::new(0) }; 3]);
    thread::scope(|scope| {
        for number in 0..WORKERS {
            let (places, held, addresses) = (&places, &held, &addresses);
            scope.spawn(move || live(&mut Worker::new(places), number, addresses, held));
        }
    });
    assert_eq!(places.taken_by_network(), BTreeMap::new());
}

#[test]
fn an_address_that_one_worker_forgets_keeps_the_count_that_another_one_knows() {
    let places = PerAddress::default();
    let us = address("192.0.2.1");
    let [mut ours, mut theirs] = two_that_know(&places, us);
    ours.forget(us);
    let place = theirs.enter(us, 1).unwrap();
    assert!(ours.enter(us, 1).is_none(), "there is one count, whoever knows it");
    assert!(theirs.leave(place));
    assert!(ours.enter(us, 1).is_some());
}

/// Waits until all workers are here for the `number`th time: without sleeping, so that they go on at one moment.
fn meet(arrived: &AtomicUsize, workers: usize, number: usize) {
    arrived.fetch_add(1, SeqCst);
    for spins in 0u32.. {
        if arrived.load(SeqCst) >= workers * number {
            return;
        }
        if spins % 1000 == 999 {
            thread::yield_now();
        }
    }
}

#[test]
fn of_two_workers_that_want_the_last_place_at_one_moment_one_gets_it() {
    const ROUNDS: usize = 5_000;
    let us = address("192.0.2.1");
    let places = PerAddress::default();
    let [arrived, inside] = [(); 2].map(|()| AtomicUsize::new(0));
    let alone = || {
        let mut worker = Worker::new(&places);
        let rounds = (0..ROUNDS).filter(|round| {
            meet(&arrived, 2, 3 * round + 1);
            let place = worker.enter(us, 1);
            inside.fetch_add(usize::from(place.is_some()), SeqCst);
            meet(&arrived, 2, 3 * round + 2);
            let is_one = inside.load(SeqCst) == 1;
            meet(&arrived, 2, 3 * round + 3);
            if let Some(place) = place {
                inside.fetch_sub(1, SeqCst);
                worker.leave(place);
            }
            is_one
        });
        rounds.count()
    };
    let rounds =
        thread::scope(|scope| [(); 2].map(|()| scope.spawn(alone)).map(|worker| worker.join().unwrap()));
    assert_eq!(rounds, [ROUNDS; 2]);
}
