//! A worker that comes late (it was busy, or the process was stopped) serves what came meanwhile before any deadline counts.

use super::*;

#[test]
fn input_that_came_meanwhile_moves_the_deadline_first() {
    let mut sim = simulation(1, Settings::default());
    let (spoke, silent) = (sim.connect(), sim.connect());
    sim.stand_still(2 * LIFE, |sim| sim.send(spoke, b"more\n"));
    assert!(!sim.is_closed(spoke));
    assert!(sim.is_closed(silent), "a late deadline still counts");
}

#[test]
fn more_input_than_one_poll_shows_is_looked_at_to_its_end() {
    for seed in 0..20 {
        let mut sim = simulation(seed, Settings::default());
        sim.limit_events(3);
        let peers: Vec<usize> = (0..50).map(|_| sim.connect()).collect();
        sim.stand_still(2 * LIFE, |sim| peers.iter().for_each(|peer| sim.send(*peer, b"more\n")));
        assert!(peers.iter().all(|peer| !sim.is_closed(*peer)), "seed {seed}");
    }
}

#[test]
fn as_much_as_can_come_at_once_is_looked_at_to_its_end() {
    for seed in 0..20 {
        let mut sim = simulation(seed, Settings::default());
        sim.limit_events(1);
        let peers: Vec<usize> = (0..5).map(|_| sim.connect()).collect();
        sim.stand_still(2 * LIFE, |sim| {
            for peer in &peers {
                sim.send(*peer, b"more\n");
            }
            for listener in 0..2 {
                sim.connect_to(listener, [127, 0, 0, 1]);
            }
            sim.mail(b"mail\n");
        });
        assert!(peers.iter().all(|peer| !sim.is_closed(*peer)), "seed {seed}");
    }
}

#[test]
fn more_connections_with_input_than_one_turn_serves_are_served_first() {
    let settings = Settings { max_connections: 0, max_heads: 0, ..Settings::default() };
    let mut sim = simulation(1, settings);
    let peers: Vec<usize> = (0..600).map(|_| sim.connect()).collect();
    sim.stand_still(2 * LIFE, |sim| peers.iter().for_each(|peer| sim.send(*peer, b"more\n")));
    assert!(peers.iter().all(|peer| !sim.is_closed(*peer)));
}

#[test]
fn input_behind_more_than_one_turn_reads_is_served_first() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    let comment = [vec![b'#'; 50_000].as_slice(), b"\n"].concat();
    sim.stand_still(2 * LIFE, |sim| {
        for input in [&comment, &comment, &comment, &b"more\n"[..]] {
            sim.send(peer, input);
        }
    });
    assert!(!sim.is_closed(peer));
}

#[test]
fn room_to_write_that_came_meanwhile_is_used_before_the_write_timeout_counts() {
    for seed in 0..20 {
        let write_timeout = LIFE / 4;
        let mut sim = simulation(seed, Settings { write_timeout, ..Settings::default() });
        let (reads, stuck) = (sim.connect(), sim.connect());
        sim.send(reads, b"big\nmore\n");
        sim.send(stuck, b"big\n");
        sim.settle();
        let mut got = 0;
        sim.stand_still(LIFE / 2, |sim| got = sim.read(reads, usize::MAX).len());
        assert!(sim.is_closed(stuck), "seed {seed}");
        while got < 50_000 {
            assert!(!sim.is_closed(reads), "seed {seed}: {got} bytes");
            got += sim.read(reads, usize::MAX).len();
            sim.settle();
        }
    }
}

#[test]
fn the_end_of_the_peer_counts_before_the_end_of_a_drain() {
    let mut sim = simulation(1, Settings { linger: LIFE, ..Settings::default() });
    let (ended, stays) = (sim.connect(), sim.connect());
    sim.settle();
    sim.advance(Duration::from_secs(1));
    sim.control().stop(Stop::Shutdown);
    sim.stand_still(LIFE / 10 * 6, |sim| sim.end(ended));
    assert!(sim.is_closed(ended) && sim.is_closed(stays));
    assert_eq!(sim.counters().closed[CloseReason::Drained as usize], 1);
}

#[test]
fn every_connection_has_its_farewell_and_time_to_answer_however_late_the_worker_is() {
    let stop_spread = Duration::from_millis(2500);
    let settings = Settings { stop_spread, max_heads: 0, ..Settings::default() };
    let mut sim = simulation(1, settings);
    let peers: Vec<usize> = (0..600).map(|_| sim.connect()).collect();
    for peer in &peers {
        sim.send(*peer, b"more\n");
    }
    sim.settle();
    sim.control().stop(Stop::Shutdown);
    sim.stand_still(LIFE / 10 * 9, |_| ());
    assert!(peers.iter().all(|peer| sim.read(*peer, usize::MAX) == b"stop\n"));
    let lingering = peers.iter().filter(|peer| !sim.is_closed(**peer)).count();
    assert_eq!(lingering, peers.len() - 1, "all but the one whose turn was before");
}
