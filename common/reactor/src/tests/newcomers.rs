//! A flood of half requests: how long each newcomer has for its own request, whichever worker accepts it.

use super::*;

/// Unfinished requests that the process may have.
const HEADS: usize = 100;
/// A newcomer of the flood comes each millisecond.
const STEP: Duration = Duration::from_millis(1);

/// What became of the newcomers that behave.
#[derive(Debug, Default, PartialEq, Eq)]
struct Met {
    came: usize,
    answered: usize,
}

/// A process of two workers, of which the first one accepted all half requests that there may be.
fn lopsided(settings: Settings) -> Simulation<Echo> {
    let heads = settings.max_heads.max(settings.max_connections);
    let mut sim = Simulation::with_workers(1, settings, 2, |_, _| echo());
    for _ in 0..heads {
        let peer = sim.connect_at(0);
        sim.send(peer, b"hel");
    }
    sim.settle();
    sim
}

/// A thousand half requests a second, for 300 ms, from the address of the newcomers or from many others. Of the newcomers one comes each 20 ms,
/// and sends its request `delay` after it connected.
fn flood(seed: u64, max_per_address: usize, is_one_address: bool, delay: Duration) -> Met {
    let settings = Settings { max_heads: HEADS, max_per_address, ..Settings::default() };
    let (mut sim, mut met) = (lopsided(settings), Met::default());
    sim.reseed(seed);
    let mut waiting: Vec<(usize, Duration)> = Vec::new();
    for step in 0..300u32 {
        let host = if is_one_address { 1 } else { u8::try_from(step % 90).unwrap() + 2 };
        let attacker = sim.connect_from([127, 0, 0, host]);
        sim.send(attacker, b"hel");
        let now = STEP * step;
        if step % 20 == 0 {
            waiting.push((sim.connect_from([127, 0, 0, 1]), now + delay));
        }
        for (peer, _) in waiting.extract_if(.., |(_, due)| *due <= now) {
            sim.send(peer, b"hello\n");
            sim.settle();
            met.came += 1;
            met.answered += usize::from(sim.read(peer, 99) == b"hello\n");
            sim.reset(peer);
        }
        sim.settle();
        sim.advance(STEP);
    }
    met
}

#[test]
fn a_newcomer_takes_the_place_of_a_half_request_of_another_worker() {
    for (max_connections, max_heads) in [(4, 0), (0, 4), (8, 4)] {
        let mut sim = lopsided(Settings { max_connections, max_heads, ..Settings::default() });
        let newcomer = sim.connect_at(1);
        sim.send(newcomer, b"hello\n");
        sim.settle();
        assert_eq!(sim.read(newcomer, 99), b"hello\n");
        assert_eq!(sim.counters().refused, 0);
    }
}

#[test]
fn a_newcomer_of_a_flood_has_half_of_the_time_in_which_all_places_are_taken_anew() {
    for (max_per_address, is_one_address, time) in
        [(0, false, 50), (256, true, 50), (20, false, 50), (20, true, 10)]
    {
        for delay in [0, time] {
            let met = flood(delay, max_per_address, is_one_address, Duration::from_millis(delay));
            assert!(met.came > 10);
            assert_eq!(met.answered, met.came, "{max_per_address}, {is_one_address}, after {delay} ms");
        }
    }
}

#[test]
fn nobody_gets_an_answer_and_makes_room_then_also_where_its_place_is_taken_in_that_moment() {
    let settings = Settings { max_per_address: 4, ..Settings::default() };
    let mut sim = Simulation::with_workers(1, settings, 2, |_, _| echo());
    let old = [0; 4].map(|worker| sim.connect_at(worker));
    for peer in old {
        sim.send(peer, b"hel");
    }
    sim.settle();
    let newcomer = sim.connect_at(1);
    sim.send(newcomer, b"hello\n");
    sim.turn_of(1);
    sim.send(old[0], b"lo\n");
    sim.settle();
    assert_eq!(sim.read(newcomer, 99), b"hello\n");
    assert!(sim.is_closed(old[0]) && sim.read(old[0], 99).is_empty());
    assert_eq!(sim.counters().closed[CloseReason::Evicted as usize], 1);
}

/// Half requests become whole ones in any order, beside newcomers on one or two workers that cost others their places.
#[test]
fn no_order_of_events_evicts_one_that_has_its_answer() {
    for seed in 0..200 {
        let (max_connections, max_heads, max_per_address) =
            [(8, 0, 0), (0, 4, 0), (8, 4, 4)][usize::try_from(seed % 3).unwrap()];
        let settings = Settings { max_connections, max_per_address, max_heads, ..Settings::default() };
        let workers = 1 + usize::from(seed % 5 > 0);
        let mut sim = Simulation::with_workers(seed, settings, workers, |_, _| echo());
        let mut seeds = sim.seed();
        let mut below = |below: usize| usize::try_from(seeds.below(below as u64)).unwrap();
        let (mut peers, mut answered) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let worker = below(workers);
            match below(5) {
                0 | 1 => peers.push(sim.connect_at(worker)),
                2 if !peers.is_empty() => sim.send(peers[below(peers.len())], b"hel"),
                3 if !peers.is_empty() => sim.send(peers[below(peers.len())], b"lo\n"),
                _ => sim.advance(Duration::from_millis(below(50) as u64)),
            }
            sim.turn_of(worker);
            answered.extend(
                peers.extract_if(.., |peer| sim.unread(*peer) > 0 && sim.read(*peer, 99) != b"full\n"),
            );
            peers.retain(|peer| !sim.is_closed(*peer));
            assert!(answered.iter().all(|peer| !sim.is_closed(*peer)), "seed {seed}");
            if below(10) == 0 && !answered.is_empty() {
                sim.reset(answered.swap_remove(below(answered.len())));
            }
        }
    }
}
