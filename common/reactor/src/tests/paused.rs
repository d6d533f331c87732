//! Input that a handler has paused: nothing of it is shown, and nothing is lost.

use super::*;

/// More than a tail may hold that waits for more behind it.
fn many_lines() -> Vec<u8> {
    (0..20_000u32).flat_map(|number| format!("{number}\n").into_bytes()).collect()
}

/// Gives a paused peer its input back, again and again, and reads all that it echoes.
fn resume_and_read(sim: &mut Simulation<Echo>, peer: usize) -> Vec<u8> {
    sim.mail(b"resume");
    all(sim, peer)
}

#[test]
fn paused_input_waits_whole_and_comes_in_order_when_it_is_resumed() {
    for seed in 0..50 {
        let mut sim = simulation(seed, Settings::default());
        let peer = sim.connect();
        let lines = many_lines();
        sim.send(peer, b"first\nwait\n");
        sim.send(peer, &lines);
        assert_eq!(all(&mut sim, peer), b"first\n", "seed {seed}");
        sim.send(peer, b"wait\nlast\n");
        assert_eq!(all(&mut sim, peer), b"", "seed {seed}");
        assert_eq!(resume_and_read(&mut sim, peer), lines, "seed {seed}");
        assert_eq!(resume_and_read(&mut sim, peer), b"last\n", "seed {seed}");
    }
}

#[test]
fn the_end_of_a_peer_comes_behind_its_paused_input() {
    for seed in 0..50 {
        let mut sim = simulation(seed, Settings::default());
        let peer = sim.connect();
        sim.send(peer, b"wait\nlast\nrest");
        sim.end(peer);
        assert_eq!(all(&mut sim, peer), b"", "seed {seed}");
        assert!(!sim.is_ended(peer), "seed {seed}");
        assert_eq!(resume_and_read(&mut sim, peer), b"last\nrest", "seed {seed}");
        assert!(sim.is_ended(peer), "seed {seed}");
    }
}

#[test]
fn a_peer_that_is_gone_is_closed_once_its_input_is_resumed() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    sim.send(peer, b"wait\n");
    sim.settle();
    sim.reset(peer);
    sim.settle();
    assert!(!sim.is_closed(peer));
    resume_and_read(&mut sim, peer);
    assert!(sim.is_closed(peer));
}

#[test]
fn a_peer_that_has_ended_and_is_gone_loses_none_of_its_paused_input() {
    for seed in 0..50 {
        let mut sim = simulation(seed, Settings::default());
        let peer = sim.connect();
        sim.send(peer, b"wait\nwait\nlast\n");
        sim.end(peer);
        sim.settle();
        // Its end is read with what was paused, which is paused again.
        sim.mail(b"resume");
        sim.settle();
        sim.reset(peer);
        sim.settle();
        assert!(!sim.is_closed(peer), "seed {seed}");
        sim.mail(b"resume");
        sim.settle();
        assert!(sim.is_closed(peer), "seed {seed}");
    }
}

#[test]
fn the_deadline_of_a_paused_connection_counts() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    sim.send(peer, b"wait\nmore\n");
    sim.settle();
    sim.advance(LIFE + Duration::from_millis(16));
    sim.settle();
    assert!(sim.is_closed(peer));
}

#[test]
fn a_hand_over_takes_paused_input_along() {
    for seed in 0..50 {
        let mut sim = simulation(seed, Settings::default());
        let peer = sim.connect();
        let lines = many_lines();
        sim.send(peer, b"wait\n");
        sim.send(peer, &lines);
        sim.settle();
        let mut sim = sim.hand_over(|_, _| echo());
        assert_eq!(all(&mut sim, peer), lines, "seed {seed}");
    }
}
