//! The loop in a simulated world, with the smallest handler that uses all of it.

use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::simulation::{Call, Simulation};
use super::*;

mod bounds;
mod echo;
mod eviction;
mod faults;
mod hand_over;
mod input_before_time;
mod newcomers;
mod paused;
mod per_address;
mod seen;
mod short_lives;
mod spurious;
mod stopping;
mod storm;

use echo::{Echo, LIFE, PROXY, STAYS, echo};

fn simulation(seed: u64, settings: Settings) -> Simulation<Echo> {
    Simulation::new(seed, settings, |_| echo())
}

fn all(sim: &mut Simulation<Echo>, peer: usize) -> Vec<u8> {
    let mut got = Vec::new();
    loop {
        sim.settle();
        let read = sim.read(peer, usize::MAX);
        if read.is_empty() {
            return got;
        }
        got.extend(read);
    }
}

#[test]
fn lines_come_back_in_order_however_they_are_cut() {
    for seed in 0..200 {
        let mut sim = simulation(seed, Settings::default());
        let peer = sim.connect();
        let mut seeds = sim.seed();
        let text: Vec<u8> = (0..100).flat_map(|i| format!("line {i}\n").into_bytes()).collect();
        let mut rest = &text[..];
        while !rest.is_empty() {
            let cut = usize::try_from(seeds.below(rest.len() as u64) + 1).unwrap();
            sim.send(peer, &rest[..cut]);
            rest = &rest[cut..];
            if seeds.once_in(2) {
                sim.settle();
            }
        }
        assert_eq!(all(&mut sim, peer), text, "seed {seed}");
    }
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from_and_gets_everything_once_it_does() {
    for seed in 0..50 {
        let mut sim = simulation(seed, Settings::default());
        let peer = sim.connect();
        sim.send(peer, b"big\none\nbig\ntwo\n");
        sim.settle();
        let got = all(&mut sim, peer);
        assert_eq!(got.len(), 100_008, "seed {seed}");
        assert_eq!(&got[50_000..50_004], b"one\n");
        assert_eq!(&got[100_004..], b"two\n");
    }
}

#[test]
fn one_connection_that_panics_is_closed_and_the_others_go_on() {
    let mut sim = simulation(1, Settings::default());
    let (bad, good) = (sim.connect(), sim.connect());
    sim.send(bad, b"panic\n");
    sim.send(good, b"hello\n");
    turn_with_panic(&mut sim);
    assert!(sim.is_closed(bad));
    assert_eq!(sim.counters().open, 1);
    assert_eq!(sim.read(good, 99), b"hello\n");
}

#[test]
fn a_connection_that_panics_amid_a_visit_of_several_is_closed_and_those_behind_it_are_visited() {
    let mut sim = simulation(1, Settings::default());
    let peers = [sim.connect(), sim.connect(), sim.connect()];
    for peer in peers {
        sim.send(peer, b"hello\n");
        sim.settle();
        assert_eq!(sim.read(peer, 99), b"hello\n");
    }
    sim.mailboxes().send(0, b"panic at the second\n");
    turn_with_panic(&mut sim);
    assert_eq!(peers.map(|peer| sim.is_closed(peer)), [false, true, false]);
    assert_eq!(sim.handler(0).closed, [CloseReason::Panic]);
    for peer in [peers[0], peers[2]] {
        assert_eq!(sim.read(peer, 99), b"panic at the second\n");
    }
}

#[test]
fn a_connection_whose_opening_panics_ends_and_is_not_counted_as_open() {
    let mut sim = Simulation::new(1, Settings::default(), |_| Echo { panics: true, ..echo() });
    let (bad, good) = (sim.connect(), sim.connect());
    sim.send(good, b"hello\n");
    turn_with_panic(&mut sim);
    assert!(sim.is_ended(bad));
    assert_eq!(sim.counters().open, 1);
    assert_eq!(sim.read(good, 99), b"hello\n");
}

/// A turn in which a handler panics, without its report on standard error.
fn turn_with_panic(sim: &mut Simulation<Echo>) {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let turned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sim.turn()));
    std::panic::set_hook(hook);
    assert!(turned.is_err(), "the simulation reports a panic");
}

#[test]
fn a_connection_ends_at_its_deadline_and_a_slow_one_at_the_write_timeout() {
    let settings = Settings { write_timeout: Duration::from_secs(3), ..Settings::default() };
    let mut sim = simulation(2, settings);
    let (silent, slow) = (sim.connect(), sim.connect());
    sim.send(slow, b"big\n");
    sim.settle();
    for _ in 0..9 {
        sim.advance(Duration::from_secs(1));
        sim.read(slow, 1); // a byte a second is no progress
        sim.settle();
    }
    assert!(sim.is_closed(slow) && !sim.is_closed(silent));
    assert_eq!(sim.counters().closed[CloseReason::Slow as usize], 1);
    sim.advance(Duration::from_millis(1_016));
    sim.settle();
    assert!(sim.is_closed(silent));
}

#[test]
fn the_answer_arrives_before_the_end_and_late_bytes_are_read_away() {
    let mut sim = simulation(3, Settings::default());
    let peer = sim.connect();
    sim.send(peer, b"hello\nbye\nlate");
    assert_eq!(all(&mut sim, peer), b"hello\n");
    assert!(sim.is_ended(peer) && !sim.is_closed(peer), "it lingers");
    sim.send(peer, &[b'x'; 1000]);
    sim.settle();
    assert!(!sim.is_closed(peer));
    sim.end(peer);
    sim.settle();
    assert!(sim.is_closed(peer));
}

#[test]
fn accepting_goes_on_by_itself_after_descriptors_ran_out() {
    let mut sim = simulation(4, Settings::default());
    sim.fail(Call::Accept, 2, Errno::MFILE);
    let peer = sim.connect();
    sim.send(peer, b"hello\n");
    sim.settle();
    assert_eq!(sim.counters().accept_errors, 1);
    for _ in 0..2 {
        sim.advance(Duration::from_millis(100));
        sim.settle();
    }
    assert_eq!(all(&mut sim, peer), b"hello\n");
}

#[test]
fn a_newcomer_takes_the_place_of_a_silent_one_and_is_refused_when_all_have_spoken() {
    let mut sim = simulation(5, Settings { max_connections: 2, ..Settings::default() });
    let (silent, spoke) = (sim.connect(), sim.connect());
    sim.send(spoke, b"hello\n");
    sim.settle();
    let newcomer = sim.connect();
    sim.send(newcomer, b"hello\n");
    sim.settle();
    assert!(sim.is_closed(silent) && !sim.is_closed(spoke));
    let refused = sim.connect();
    assert_eq!(all(&mut sim, refused), b"full\n");
    assert!(sim.is_ended(refused));
}

#[test]
fn one_goes_for_one_that_comes_also_where_two_limits_are_reached() {
    let mut sim = simulation(5, Settings { max_connections: 4, max_heads: 4, ..Settings::default() });
    let silent = [sim.connect(), sim.connect(), sim.connect(), sim.connect()];
    sim.settle();
    let newcomer = sim.connect();
    sim.settle();
    assert_eq!(silent.map(|peer| sim.is_closed(peer)), [true, false, false, false]);
    assert!(!sim.is_closed(newcomer));
    assert_eq!(sim.counters().closed[CloseReason::Evicted as usize], 1);
}

#[test]
fn only_so_many_long_requests_may_be_unfinished_and_short_ones_do_not_mind() {
    let settings = Settings { max_connections: 0, max_heads: 0, ..Settings::default() };
    let mut sim = simulation(5, settings);
    let long = |sim: &mut Simulation<Echo>| {
        let peer = sim.connect();
        sim.send(peer, &[b'x'; super::settings::LONG_TAIL + 1]);
        sim.settle();
        peer
    };
    let many: Vec<usize> = (0..super::settings::MAX_LONG_TAILS).map(|_| long(&mut sim)).collect();
    assert!(many.iter().all(|&peer| !sim.is_closed(peer)));
    let (short, one_more) = (sim.connect(), long(&mut sim));
    assert!(sim.is_closed(one_more) && sim.counters().closed[CloseReason::Evicted as usize] == 1);
    sim.send(short, b"hel");
    sim.settle();
    sim.send(short, b"lo\n");
    assert_eq!(all(&mut sim, short), b"hello\n");
    // One that is complete, and one that is gone, make room.
    sim.send(many[0], b"\n");
    assert_eq!(all(&mut sim, many[0]).len(), super::settings::LONG_TAIL + 2);
    sim.reset(many[1]);
    sim.settle();
    let (first, second) = (long(&mut sim), long(&mut sim));
    assert!(!sim.is_closed(first) && !sim.is_closed(second));
    let third = long(&mut sim);
    assert!(sim.is_closed(third));
}

#[test]
fn an_address_over_its_limit_gives_up_its_own_oldest_silent_connection() {
    let mut sim = simulation(6, Settings { max_per_address: 2, ..Settings::default() });
    let (first, second) = (sim.connect(), sim.connect());
    sim.settle();
    let peers = [first, second, sim.connect()];
    sim.settle();
    assert_eq!(peers.map(|peer| sim.is_closed(peer)), [true, false, false]);
}

#[test]
fn any_order_of_events_keeps_the_invariants() {
    let steps: [(u64, &[u8]); 5] = [(0, b"hello\n"), (1, b"hel"), (2, b"big\n"), (3, b"bye\n"), (4, b"\n")];
    for seed in 0..300 {
        let settings = Settings { max_connections: 8, max_heads: 5, ..Settings::default() };
        let mut sim = simulation(seed, settings);
        let mut seeds = sim.seed();
        let mut peers = vec![sim.connect()];
        for _ in 0..200 {
            let peer = peers[usize::try_from(seeds.below(peers.len() as u64)).unwrap()];
            match seeds.below(12) {
                step @ 0..=4 => sim.send(peer, steps[usize::try_from(step).unwrap()].1),
                5 => sim.end(peer),
                6 => sim.reset(peer),
                7 => sim.advance(Duration::from_millis(seeds.below(4000))),
                8 => sim.fail(Call::Accept, 1, Errno::MFILE),
                9 => sim.mail(b"tick\n"),
                10 => drop(sim.read(peer, usize::try_from(seeds.below(5000)).unwrap())),
                _ => peers.push(sim.connect()),
            }
            sim.turn();
        }
        sim.settle();
        sim.control().stop(Stop::Shutdown);
        sim.settle();
        for _ in 0..2 {
            sim.advance(Duration::from_secs(6));
            sim.settle();
        }
        assert_eq!(sim.counters().open, 0, "seed {seed}");
    }
}

#[test]
fn what_a_handler_learns_from_a_close_waits_for_no_other_event() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    sim.settle();
    sim.reset(peer);
    sim.settle();
    assert_eq!(sim.handler(0).told, [CloseReason::Error]);
    let peer = sim.connect();
    sim.settle();
    sim.control().stop(Stop::Shutdown);
    for turns in 0.. {
        if !sim.turn() {
            break;
        }
        assert!(turns < 10_000, "the stop has no end");
        sim.end(peer);
        sim.advance(Duration::from_millis(1));
    }
    assert_eq!(sim.handler(0).told.len(), 2, "with the last connection, too");
}

#[test]
fn a_connection_that_ignores_its_input_reads_none_and_still_sees_its_peer_go() {
    let mut sim = simulation(1, Settings::default());
    let (ends, resets) = (sim.connect(), sim.connect());
    for peer in [ends, resets] {
        sim.send(peer, b"deaf\n");
        sim.settle();
        for _ in 0..10 {
            sim.send(peer, b"hello\n");
            sim.settle();
        }
        assert_eq!(all(&mut sim, peer), b"");
    }
    sim.end(ends);
    sim.reset(resets);
    sim.settle();
    assert!(!sim.is_closed(ends), "it may read on");
    assert!(sim.is_closed(resets));
    sim.mail(b"news\n");
    assert_eq!(all(&mut sim, ends), b"news\n");
}
