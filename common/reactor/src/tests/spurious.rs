//! Readiness that nothing is behind: row EV-11.

use super::*;

#[test]
fn an_event_without_anything_behind_it_ends_no_connection() {
    for seed in 0..20 {
        let mut sim = simulation(seed, Settings::default());
        sim.spurious_events(1);
        let peers: Vec<usize> = (0..5).map(|_| sim.connect()).collect();
        for _ in 0..20 {
            for peer in &peers {
                sim.send(*peer, b"hello\n");
            }
            (0..20).for_each(|_| _ = sim.turn());
        }
        assert_eq!(sim.counters().open, peers.len(), "seed {seed}");
        sim.spurious_events(0);
        for peer in peers {
            assert_eq!(all(&mut sim, peer), b"hello\n".repeat(20), "seed {seed}");
        }
    }
}
