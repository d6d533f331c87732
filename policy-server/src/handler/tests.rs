mod storm;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use clap::Parser as _;
use common::policy::REQUEST;
use reactor::simulation::Simulation;

use super::*;
use crate::config::Options;

const ANSWER: &[u8] = b"<cross-domain-policy/>\n\0";
const LIFETIME: Duration = Duration::from_secs(5);

fn config(max_per_address: usize) -> Arc<Config> {
    let options =
        Options::parse_from(["policy-server", "--max-connections-per-ip", &max_per_address.to_string()]);
    let mut config = Config::check(options).expect("right");
    config.answer = ANSWER.into();
    Arc::new(config)
}

fn simulation(seed: u64, max_per_address: usize) -> Simulation<PolicyHandler> {
    let config = config(max_per_address);
    Simulation::new(seed, config.settings.clone(), |_| PolicyHandler::new(config))
}

/// Counts what the reactor reads for the handler.
struct Counting(PolicyHandler, Arc<AtomicUsize>);

impl Handler for Counting {
    type Conn = PolicyRequest;
    type Mail = Arc<Config>;

    fn on_open(&mut self, cx: &mut Context<'_>) -> (PolicyRequest, Flow) {
        self.0.on_open(cx)
    }

    fn on_data(&mut self, conn: &mut PolicyRequest, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        self.1.fetch_add(input.len(), Ordering::Relaxed);
        self.0.on_data(conn, input, cx)
    }

    fn on_deadline(&mut self, conn: &mut PolicyRequest, cx: &mut Context<'_>) -> Flow {
        self.0.on_deadline(conn, cx)
    }
}

#[test]
fn at_most_64_bytes_of_a_firehose_are_read() {
    for (seed, start) in [(1, &b"GET /"[..]), (2, REQUEST), (3, b"<policy-file-request/>\0")] {
        let read = Arc::new(AtomicUsize::new(0));
        let (config, count) = (config(0), Arc::clone(&read));
        let mut sim =
            Simulation::new(seed, config.settings.clone(), |_| Counting(PolicyHandler::new(config), count));
        let peer = sim.connect();
        sim.send(peer, start);
        sim.send(peer, &vec![b'x'; 100_000]);
        sim.settle();
        let read = read.load(Ordering::Relaxed);
        assert!((1..=64).contains(&read), "{read} bytes");
    }
}

#[test]
fn every_ending_of_the_request_at_every_split_is_answered() {
    let endings: [&[u8]; 4] = [b"\0", b"\r", b"\n", b"\r\n"];
    for (seed, ending) in endings.iter().enumerate() {
        for split in 0..=REQUEST.len() + ending.len() {
            let request = [REQUEST, ending].concat();
            let mut sim = simulation(seed as u64, 0);
            let peer = sim.connect();
            sim.send(peer, &request[..split]);
            sim.settle();
            sim.send(peer, &request[split..]);
            sim.settle();
            assert_eq!(sim.read(peer, usize::MAX), ANSWER, "{ending:?} split at {split}");
            assert!(sim.is_ended(peer));
        }
    }
}

#[test]
fn after_the_answer_a_little_more_is_read_so_that_no_reset_eats_it() {
    for request in
        [&b"<policy-file-request/>\r"[..], b"<policy-file-request/>\n", b"<policy-file-request/>\0x"]
    {
        let mut sim = simulation(5, 0);
        let peer = sim.connect();
        sim.send(peer, request);
        sim.settle();
        assert!(
            sim.is_ended(peer) && !sim.is_closed(peer),
            "our side is ended, the connection is not closed"
        );
        sim.send(peer, &[b'x'; 40]);
        sim.settle();
        assert!(!sim.is_closed(peer), "40 more bytes are read and thrown away");
        sim.advance(Duration::from_millis(1100));
        sim.settle();
        assert!(sim.is_closed(peer), "for a second, not longer");
        assert!(!sim.is_reset(peer));
        assert_eq!(sim.read(peer, usize::MAX), ANSWER);
    }
}

#[test]
fn a_request_in_flashs_own_form_is_answered_and_closed_at_once() {
    let mut sim = simulation(5, 0);
    let peer = sim.connect();
    sim.send(peer, &[REQUEST, b"\0"].concat());
    sim.settle();
    assert!(sim.is_closed(peer) && !sim.is_reset(peer));
    sim.send(peer, b"late");
    assert_eq!(sim.read(peer, usize::MAX), ANSWER);
}

#[test]
fn however_many_bytes_come_with_the_request_the_answer_is_whole() {
    for extra in 0..100 {
        for seed in 0..20 {
            let mut sim = simulation(seed, 0);
            let peer = sim.connect();
            sim.send(peer, &[REQUEST, b"\0", &vec![b'x'; extra]].concat());
            sim.settle();
            assert_eq!(sim.read(peer, usize::MAX), ANSWER, "seed {seed}, {extra} bytes");
        }
    }
}

#[test]
fn after_the_answer_a_firehose_is_closed() {
    let mut sim = simulation(6, 0);
    let peer = sim.connect();
    sim.send(peer, &[REQUEST, b"\0", &[b'x'; 1000]].concat());
    sim.settle();
    assert!(sim.is_closed(peer));
    assert_eq!(sim.read(peer, usize::MAX), ANSWER);
}

#[test]
fn the_end_of_the_stream_ends_the_request() {
    let mut sim = simulation(1, 0);
    let peer = sim.connect();
    sim.send(peer, REQUEST);
    sim.settle();
    assert_eq!(sim.read(peer, usize::MAX), b"");
    sim.end(peer);
    sim.settle();
    assert_eq!(sim.read(peer, usize::MAX), ANSWER);
}

#[test]
fn an_unfinished_request_that_ends_gets_nothing() {
    let mut sim = simulation(2, 0);
    let peer = sim.connect();
    sim.send(peer, &REQUEST[..21]);
    sim.end(peer);
    sim.settle();
    assert_eq!(sim.read(peer, usize::MAX), b"");
    assert!(sim.is_closed(peer));
}

#[test]
fn the_first_wrong_byte_at_any_place_closes() {
    for place in 0..=REQUEST.len() {
        let mut sim = simulation(place as u64, 0);
        let peer = sim.connect();
        sim.send(peer, &[&REQUEST[..place], b"x"].concat());
        sim.settle();
        assert!(sim.is_closed(peer), "byte {place}");
        assert_eq!(sim.read(peer, usize::MAX), b"");
    }
}

#[test]
fn no_byte_prolongs_the_life() {
    let mut sim = simulation(3, 0);
    let (silent, dribbling) = (sim.connect(), sim.connect());
    sim.settle();
    for byte in REQUEST.chunks(1).take(4) {
        sim.send(dribbling, byte);
        sim.advance(Duration::from_secs(1));
        sim.settle();
    }
    assert!(!sim.is_closed(silent) && !sim.is_closed(dribbling));
    sim.advance(Duration::from_millis(1100));
    sim.settle();
    assert!(sim.is_closed(silent) && sim.is_closed(dribbling));
}

#[test]
fn a_request_that_came_while_the_process_stood_still_comes_before_the_end_of_the_life() {
    let mut sim = simulation(3, 0);
    let (peer, silent) = (sim.connect(), sim.connect());
    sim.stand_still(2 * LIFETIME, |sim| sim.send(peer, &[REQUEST, b"\0"].concat()));
    assert_eq!(sim.read(peer, usize::MAX), ANSWER);
    assert!(sim.is_closed(silent));
}

#[test]
fn the_oldest_connection_of_an_address_makes_room() {
    let mut sim = simulation(4, 2);
    let peers: Vec<usize> = (0..3)
        .map(|_| {
            let peer = sim.connect();
            sim.settle();
            peer
        })
        .collect();
    sim.settle();
    // Whether the simulated peers share an address is the simulation's choice; never are there more than two of one.
    let open = peers.iter().filter(|&&peer| !sim.is_closed(peer)).count();
    assert!(open >= 2, "only the oldest goes");
    assert!(!sim.is_closed(peers[2]), "the newest stays");
}

#[test]
fn an_answered_connection_gives_its_place_to_a_newcomer_and_lingers_on() {
    let mut sim = simulation(4, 3);
    let peers: Vec<usize> = (0..5)
        .map(|_| {
            let peer = sim.connect();
            sim.send(peer, &[REQUEST, b"\n"].concat());
            sim.settle();
            peer
        })
        .collect();
    for peer in peers {
        assert!(sim.is_ended(peer) && !sim.is_closed(peer));
        assert_eq!(sim.read(peer, usize::MAX), ANSWER);
    }
}

#[test]
fn a_lower_limit_holds_for_the_next_newcomer() {
    let mut sim = simulation(4, 3);
    let arrive = |sim: &mut Simulation<PolicyHandler>| {
        let peer = sim.connect();
        sim.settle();
        peer
    };
    let peers: Vec<usize> = (0..4).map(|_| arrive(&mut sim)).collect();
    let closed = |sim: &Simulation<PolicyHandler>| -> Vec<bool> {
        peers.iter().map(|&peer| sim.is_closed(peer)).collect()
    };
    assert_eq!(closed(&sim), [true, false, false, false]);
    sim.mail(config(2));
    sim.settle();
    assert_eq!(closed(&sim), [true, false, false, false], "the limit is for newcomers");
    let newest = arrive(&mut sim);
    assert_eq!(closed(&sim), [true, true, true, false]);
    assert!(!sim.is_closed(newest));
}

#[test]
fn healthy_peers_among_hostile_ones_all_get_the_policy() {
    for seed in 0..200 {
        let mut sim = simulation(seed, 0);
        let mut choose = sim.seed();
        let mut healthy = Vec::new();
        for _ in 0..20 {
            let peer = sim.connect();
            match choose.below(4) {
                0 => sim.send(peer, &[b'<'; 500]),
                1 => sim.reset(peer),
                2 => sim.send(peer, &REQUEST[..5]),
                _ => {
                    sim.send(peer, REQUEST);
                    healthy.push(peer);
                }
            }
            sim.turn();
        }
        for &peer in &healthy {
            sim.send(peer, b"\0");
        }
        sim.settle();
        for peer in healthy {
            assert_eq!(sim.read(peer, usize::MAX), ANSWER, "seed {seed}, peer {peer}");
            sim.end(peer);
        }
        sim.advance(LIFETIME * 2);
        sim.settle();
        assert_eq!(sim.counters().open, 0, "seed {seed}");
    }
}
