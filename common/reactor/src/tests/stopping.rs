//! How connections end at a stop.

use super::*;

#[test]
fn a_stop_reaches_every_connection_and_ends_within_the_drain_timeout() {
    let mut sim = simulation(7, Settings::default());
    let (polite, stuck) = (sim.connect(), sim.connect());
    sim.send(stuck, b"big\n");
    sim.settle();
    sim.advance(Duration::from_secs(1));
    sim.control().stop(Stop::Shutdown);
    assert_eq!(all(&mut sim, polite), b"stop\n");
    sim.end(polite);
    assert!(sim.turn(), "one is still there");
    sim.advance(Duration::from_secs(5));
    for turns in 0.. {
        if !sim.turn() {
            break;
        }
        assert!(turns < 1000, "the stop has no end");
    }
    assert!(sim.is_closed(polite) && sim.is_closed(stuck));
}

#[test]
fn a_request_that_is_under_way_at_a_stop_is_served_before_the_connection_ends() {
    for stop in [Stop::Shutdown, Stop::Restart, Stop::Finished] {
        let mut sim = simulation(7, Settings::default());
        let (older, young, silent) = (sim.connect(), sim.connect(), sim.connect());
        sim.send(older, b"hello\n");
        sim.settle();
        sim.advance(Duration::from_millis(300));
        sim.control().stop(stop);
        assert_eq!(all(&mut sim, older), b"hello\nstop\n", "it has spoken, and waits for nothing");
        sim.advance(Duration::from_millis(300));
        sim.settle();
        assert!(!sim.is_ended(young) && !sim.is_ended(silent));
        sim.send(young, b"hello\n");
        assert_eq!(all(&mut sim, young), b"hello\n");
        sim.advance(Duration::from_millis(700));
        assert_eq!(all(&mut sim, young), b"stop\n");
        assert_eq!(all(&mut sim, silent), b"stop\n", "it has had a second for its first byte");
    }
}

#[test]
fn a_stop_waits_for_no_connection_that_has_been_silent_for_a_second_or_has_ended() {
    let mut sim = simulation(7, Settings::default());
    let silent = sim.connect();
    sim.settle();
    sim.advance(Duration::from_secs(1));
    let ended = sim.connect();
    sim.settle();
    sim.end(ended);
    sim.control().stop(Stop::Shutdown);
    assert_eq!(all(&mut sim, silent), b"stop\n");
    sim.end(silent);
    sim.settle();
    assert!(sim.is_closed(ended) && sim.is_closed(silent));
}

#[test]
fn a_stop_for_good_is_spread_over_the_time_that_the_settings_say() {
    const PEERS: usize = 5000;
    let stop_spread = Duration::from_millis(2500);
    let settings = Settings { max_connections: PEERS, max_heads: 0, stop_spread, ..Settings::default() };
    let mut sim = simulation(8, settings);
    let peers: Vec<usize> = (0..PEERS).map(|_| sim.connect()).collect();
    sim.settle();
    sim.advance(Duration::from_secs(1));
    sim.control().stop(Stop::Shutdown);
    sim.settle();
    let ended = |sim: &Simulation<Echo>| peers.iter().filter(|peer| sim.is_ended(**peer)).count();
    for tenths in 1..=10 {
        sim.advance(Duration::from_millis(250));
        sim.settle();
        let ended = ended(&sim);
        assert!(ended.abs_diff(PEERS * tenths / 10) < PEERS / 50, "{ended} after {tenths} tenths");
    }
}
