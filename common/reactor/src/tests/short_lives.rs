//! Connections that are served at once: which calls they cost, and what happens where the kernel cannot watch the others.

use super::*;

/// Calls of the kernel in a life that ends behind an answer to what was there at the start, by seeds: reads are interrupted and writes
/// are cut where the seed says.
fn life(seed: u64, ends_first: bool) -> [u64; 5] {
    let mut sim = simulation(seed, Settings::default());
    sim.spurious_events(0);
    let peer = sim.connect();
    sim.send(peer, b"hello\nbye\n");
    if ends_first {
        sim.end(peer);
    }
    while !sim.is_ended(peer) && !sim.is_closed(peer) {
        sim.turn();
    }
    assert_eq!(sim.read(peer, 99), b"hello\n");
    if !ends_first {
        sim.end(peer);
    }
    sim.settle();
    assert!(sim.is_closed(peer) && !sim.is_reset(peer), "seed {seed}");
    [Call::Accept, Call::Add, Call::Read, Call::Write, Call::Shutdown].map(|call| sim.uses(call))
}

#[test]
fn a_connection_that_is_served_at_once_is_never_watched_and_costs_a_read_and_a_write() {
    for (ends_first, fewest) in [(false, [1, 0, 2, 1, 1]), (true, [1, 0, 2, 1, 1])] {
        let lives = (0..50).map(|seed| life(seed, ends_first));
        assert!(lives.clone().all(|[_, watched, ..]| watched == 0));
        assert_eq!(lives.min(), Some(fewest), "accept, watch, read, write, shutdown");
    }
}

#[test]
fn a_newcomer_that_comes_alone_costs_a_look_and_no_accept_of_nobody() {
    for (together, most) in [(1, 0), (2, 0), (3, 0), (4, 1), (63, 1)] {
        let mut sim = simulation(1, Settings::default());
        sim.spurious_events(0);
        sim.settle();
        let before = sim.accepted_nobody();
        let peers: Vec<usize> = (0..together).map(|_| sim.connect()).collect();
        sim.settle();
        assert!(peers.iter().all(|peer| sim.is_accepted(*peer)));
        assert_eq!(sim.accepted_nobody() - before, most, "{together} at once");
    }
}

/// A peer whose protocol ends with its request.
fn finishes(seed: u64, settings: &Settings) -> (Simulation<Echo>, usize) {
    let mut sim = simulation(seed, settings.clone());
    sim.spurious_events(0);
    let peer = sim.connect();
    (sim, peer)
}

#[test]
fn where_the_peer_has_said_everything_a_life_is_one_turn_an_accept_a_read_a_write_and_a_close() {
    let mut timers = Vec::new();
    let lives = (0..50).map(|seed| {
        let (mut sim, peer) = finishes(seed, &Settings::default());
        sim.short_writes(0);
        sim.send(peer, b"done\n");
        sim.settle();
        assert_eq!(sim.read(peer, 99), b"done\n", "seed {seed}");
        assert!(sim.is_closed(peer) && !sim.is_reset(peer), "seed {seed}");
        timers.push(sim.held().timers);
        [Call::Accept, Call::Add, Call::Read, Call::Write, Call::Shutdown].map(|call| sim.uses(call))
    });
    assert_eq!(lives.min(), Some([1, 0, 1, 1, 0]), "accept, watch, read, write, shutdown");
    assert_eq!(timers.iter().min(), Some(&0), "its deadline is not listed");
}

#[test]
fn the_answer_to_one_that_has_said_everything_is_whole_whatever_comes_behind_its_request() {
    for seed in 0..200 {
        for (read_size, early, request) in [
            (5, &b""[..], &b"done\nunread"[..]), // the rest waits in the kernel
            (7, b"", b"done\nunread"),
            (64, b"", b"done\nunused"),
            (64, b"do", b"ne\nunused"),
            (64, b"", b"done\n"),
            (5, b"", b"done\n"), // as far as the reactor knows, there is more
        ] {
            let (mut sim, peer) = finishes(seed, &Settings { read_size, ..Settings::default() });
            sim.send(peer, early);
            if !early.is_empty() {
                sim.settle();
            }
            sim.send(peer, request);
            sim.settle();
            let may_say_more = request != b"done\n" || read_size == 5;
            assert_eq!(sim.is_closed(peer), !may_say_more, "seed {seed}, {read_size} {request:?}");
            sim.send(peer, b"more");
            sim.settle();
            assert_eq!(sim.read(peer, 99), b"done\n", "seed {seed}, {read_size} {request:?}");
            sim.end(peer);
            sim.settle();
            assert!(sim.is_closed(peer) && !sim.is_reset(peer), "seed {seed}, {read_size} {request:?}");
        }
    }
}

#[test]
fn an_answer_that_the_kernel_takes_in_parts_leaves_before_the_close() {
    for seed in 0..50 {
        let mut sim = simulation(seed, Settings::default());
        sim.send_buffer(3);
        let peer = sim.connect();
        sim.send(peer, b"done\n");
        sim.settle();
        assert!(!sim.is_ended(peer), "seed {seed}");
        assert_eq!(all(&mut sim, peer), b"done\n", "seed {seed}");
        assert!(sim.is_closed(peer) && !sim.is_reset(peer), "seed {seed}");
    }
}

#[test]
fn one_that_waits_is_watched_once_and_hears_what_came_before() {
    for seed in 0..50 {
        let mut sim = simulation(seed, Settings::default());
        let (silent, half, slow) = (sim.connect(), sim.connect(), sim.connect());
        sim.send(half, b"hel");
        sim.end(half); // behind a read that was short
        sim.send(slow, b"bye\n");
        sim.settle();
        assert_eq!(sim.read(half, 99), b"hel");
        sim.send(silent, b"hello\n");
        sim.settle();
        assert_eq!(sim.read(silent, 99), b"hello\n");
        assert!(!sim.is_closed(slow) && sim.is_closed(half));
        sim.end(slow);
        sim.settle();
        assert!(sim.is_closed(slow));
        assert!(sim.uses(Call::Add) <= 3);
    }
}

#[test]
fn while_the_kernel_can_watch_nothing_more_newcomers_are_served_without_and_others_wait() {
    for errno in [Errno::NOMEM, Errno::NOSPC] {
        let mut sim = simulation(1, Settings::default());
        sim.fail(Call::Add, 3, errno);
        let (first, second) = (sim.connect(), sim.connect());
        sim.settle();
        assert!(sim.control().stats()[0].is_paused());
        let later = sim.connect();
        sim.send(first, b"hello\n");
        sim.settle();
        assert_eq!((sim.read(first, 99), sim.is_accepted(later)), (Vec::new(), false), "{errno:?}");
        for peer in [second, later] {
            sim.send(peer, b"hello\n");
        }
        sim.pass(Duration::from_millis(110));
        for peer in [first, second] {
            assert_eq!(sim.read(peer, 99), b"hello\n", "{errno:?}");
        }
        sim.pass(Duration::from_millis(110));
        assert_eq!(all(&mut sim, later), b"hello\n", "{errno:?}");
        let counters = sim.counters();
        assert_eq!((counters.open, counters.accepted, counters.refused), (3, 3, 0), "{errno:?}");
    }
}

#[test]
fn a_newcomer_that_cannot_be_watched_for_another_reason_ends() {
    for errno in [Errno::PERM, Errno::BADF] {
        let mut sim = simulation(1, Settings::default());
        sim.fail(Call::Add, 1, errno);
        let (lost, served) = (sim.connect(), sim.connect());
        sim.send(served, b"hello\n");
        sim.settle();
        assert!(sim.is_reset(lost) && !sim.is_closed(served), "{errno:?}");
        assert_eq!(sim.handler(0).closed, [CloseReason::Error], "{errno:?}");
        assert_eq!(sim.read(served, 99), b"hello\n", "{errno:?}");
    }
}
