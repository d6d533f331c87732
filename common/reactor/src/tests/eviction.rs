//! Which connection makes room for a newcomer: in the documented order, and none for a newcomer that is refused.

use super::*;

fn evicted(sim: &Simulation<Echo>) -> u64 {
    sim.counters().closed[CloseReason::Evicted as usize]
}

/// Peers of these addresses that have sent this, and were served.
fn arrive<const N: usize>(sim: &mut Simulation<Echo>, hosts: [u8; N], bytes: &[u8]) -> [usize; N] {
    let peers = hosts.map(|host| sim.connect_from([127, 0, 0, host]));
    for peer in peers {
        sim.send(peer, bytes);
    }
    sim.settle();
    peers
}

#[test]
fn who_is_beyond_its_own_limit_costs_no_stranger_anything() {
    for (max_connections, max_heads) in [(8, 0), (0, 4), (8, 4)] {
        let settings = Settings { max_connections, max_heads, max_per_address: 4, ..Settings::default() };
        let mut sim = simulation(1, settings);
        let attacker = arrive(&mut sim, [66; 4], b"hello\n");
        let strangers = arrive(&mut sim, [1, 2, 3, 4], b"hel");
        for _ in 0..50 {
            let [refused] = arrive(&mut sim, [66], b"");
            assert_eq!(sim.read(refused, 99), b"full\n");
        }
        assert_eq!(evicted(&sim), 0);
        assert!(strangers.iter().chain(&attacker).all(|peer| !sim.is_closed(*peer)));
        let [newcomer] = arrive(&mut sim, [5], b"hello\n");
        assert_eq!(
            sim.read(newcomer, 99),
            b"hello\n",
            "another address has the place of the oldest stranger"
        );
        assert!(sim.is_closed(strangers[0]) && evicted(&sim) == 1);
    }
}

#[test]
fn a_request_that_is_there_makes_no_room_for_one_that_came_later() {
    for (max_connections, max_heads) in [(4, 0), (4, 2)] {
        let settings = Settings { max_connections, max_heads, ..Settings::default() };
        let mut sim = simulation(1, settings);
        let peers: [usize; 90] =
            arrive(&mut sim, std::array::from_fn(|host| u8::try_from(host).unwrap()), b"hello\n");
        let answers = peers.map(|peer| sim.read(peer, 99));
        assert_eq!(answers.iter().filter(|answer| *answer == b"hello\n").count(), 4);
        assert!(answers[4..].iter().all(|answer| answer != b"hello\n"), "first come, first served");
        assert_eq!(evicted(&sim), 0);
    }
}

#[test]
fn an_address_that_sends_more_requests_at_once_than_it_may_loses_none_of_its_own() {
    let mut sim = simulation(1, Settings { max_per_address: 4, ..Settings::default() });
    let peers = arrive(&mut sim, [7; 12], b"hello\n");
    let answers = peers.map(|peer| sim.read(peer, 99));
    assert!(answers[..4].iter().all(|answer| answer == b"hello\n"));
    assert!(answers[4..].iter().all(|answer| answer == b"full\n"));
    assert_eq!(evicted(&sim), 0);
}

#[test]
fn a_request_whose_rest_is_there_makes_no_room_either() {
    let mut sim = simulation(1, Settings { max_connections: 4, ..Settings::default() });
    let peers = arrive(&mut sim, [1, 2, 3, 4], b"hel");
    let newcomer = sim.connect_from([127, 0, 0, 5]);
    sim.send(newcomer, b"hello\n");
    for peer in peers {
        sim.send(peer, b"lo\n");
    }
    sim.settle();
    assert!(peers.iter().all(|peer| sim.read(*peer, 99) == b"hello\n"));
    assert_eq!(sim.read(newcomer, 99), b"full\n");
}

#[test]
fn who_replaces_one_of_its_own_costs_no_stranger_anything() {
    let settings = Settings { max_connections: 8, max_heads: 8, max_per_address: 4, ..Settings::default() };
    let mut sim = simulation(1, settings);
    let strangers = arrive(&mut sim, [1, 2, 3, 4], b"hel");
    let attacker = arrive(&mut sim, [66; 4], b"");
    let newest = arrive(&mut sim, [66; 4], b"");
    assert!(strangers.iter().chain(&newest).all(|peer| !sim.is_closed(*peer)));
    assert!(attacker.iter().all(|peer| sim.is_closed(*peer)));
    assert_eq!(evicted(&sim), 4);
}

#[test]
fn an_address_renews_its_own_where_no_stranger_may_make_room() {
    let mut sim = simulation(1, Settings { max_connections: 4, max_per_address: 2, ..Settings::default() });
    let streams = arrive(&mut sim, [1, 2], b"hello\n");
    let own = arrive(&mut sim, [3, 4], b"hello\n");
    let refused = arrive(&mut sim, [5, 1], b"hello\n");
    assert!(refused.iter().all(|peer| sim.read(*peer, 99) == b"full\n"));
    sim.reset(own[0]);
    sim.settle();
    let [old] = arrive(&mut sim, [1], b"hel");
    let [new] = arrive(&mut sim, [1], b"hello\n");
    assert!(sim.is_closed(old) && sim.read(new, 99) == b"hello\n");
    assert!(streams.iter().all(|peer| !sim.is_closed(*peer)));
}

#[test]
fn a_client_of_a_proxy_that_is_beyond_its_limit_costs_nobody_anything() {
    for (max_connections, max_heads) in [(8, 0), (0, 4), (8, 4)] {
        let settings = Settings { max_connections, max_heads, max_per_address: 4, ..Settings::default() };
        let mut sim = simulation(1, settings);
        let attacker = arrive(&mut sim, [PROXY; 4], b"@x\nhello\n");
        let strangers = arrive(&mut sim, [1, 2, 3, 4], b"hel");
        for _ in 0..50 {
            let [refused] = arrive(&mut sim, [PROXY], b"@x\n");
            assert_eq!(sim.read(refused, 99), b"full\n");
            // Nor do clients whose names have not come yet.
            arrive(&mut sim, [PROXY], b"");
        }
        assert!(strangers.iter().chain(&attacker).all(|peer| !sim.is_closed(*peer)));
        let [newcomer] = arrive(&mut sim, [PROXY], b"@y\nhello\n");
        assert_eq!(sim.read(newcomer, 99), b"hello\n", "another client has the place of the oldest stranger");
        assert!(sim.is_closed(strangers[0]) && !sim.is_closed(strangers[1]));
        sim.advance(2 * LIFE);
        sim.settle();
        sim.advance(2 * LIFE);
        sim.settle();
        assert_eq!(sim.counters().open, 0);
    }
}

#[test]
fn a_client_of_a_proxy_is_refused_where_all_places_are_those_of_streams() {
    let mut sim = simulation(1, Settings { max_connections: 2, ..Settings::default() });
    let streams = arrive(&mut sim, [1, 2], b"hello\n");
    let [client] = arrive(&mut sim, [PROXY], b"@x\nhello\n");
    assert_eq!(sim.read(client, 99), b"full\n");
    assert!(streams.iter().all(|peer| !sim.is_closed(*peer)));
}

#[test]
fn the_longest_idle_goes_first_whatever_happened_before() {
    const PEERS: usize = 8;
    for seed in 0..100 {
        let settings = Settings { max_connections: PEERS, ..Settings::default() };
        let mut sim = simulation(seed, settings);
        let mut seeds = sim.seed();
        let mut below = |below: usize| usize::try_from(seeds.below(below as u64)).unwrap();
        let mut open = Vec::new();
        // The plain model: those that are idle, in the order in which each became so.
        let mut idle: Vec<usize> = Vec::new();
        for step in 0..300 {
            let peer = if open.is_empty() { usize::MAX } else { open[below(open.len())] };
            match below(4) {
                _ if peer == usize::MAX || open.len() < PEERS => open.push(sim.connect()),
                0 => {
                    let newcomer = sim.connect();
                    sim.send(newcomer, b"more\n");
                    sim.settle();
                    if idle.is_empty() {
                        assert_eq!(sim.read(newcomer, 99), b"full\n", "seed {seed}, step {step}");
                    } else {
                        let longest = idle.remove(0);
                        assert!(sim.is_closed(longest), "seed {seed}, step {step}");
                        open.retain(|other| *other != longest);
                        open.push(newcomer);
                    }
                    continue;
                }
                1 => {
                    sim.send(peer, b"more\n");
                    idle.retain(|other| *other != peer);
                }
                _ => {
                    sim.send(peer, b"more\nidle\n");
                    idle.retain(|other| *other != peer);
                    idle.push(peer);
                }
            }
            if let Some(newest) = open.last().filter(|newest| **newest != peer) {
                sim.send(*newest, b"more\n");
                idle.retain(|other| other != newest);
            }
            sim.settle();
            assert!(open.iter().all(|peer| !sim.is_closed(*peer)), "seed {seed}, step {step}");
        }
    }
}

#[test]
fn one_that_still_takes_its_answer_is_not_idle() {
    let mut sim = simulation(1, Settings { max_connections: 2, ..Settings::default() });
    let [busy] = arrive(&mut sim, [1], b"big\nidle\n");
    let [idle] = arrive(&mut sim, [2], b"idle\n");
    let [newcomer] = arrive(&mut sim, [3], b"hello\n");
    assert!(sim.is_closed(idle) && !sim.is_closed(busy));
    assert_eq!(sim.read(newcomer, 99), b"hello\n");
}
