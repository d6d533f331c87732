//! Each call fails at each of its uses with each of its errors, once: it costs one connection at most, and that one ends.

use super::*;
use crate::simulation::{Failure, each_failure};

/// Two workers, then one: peers that take all that there is to send, wait for room, pause, end, and go along.
fn scenario(failure: Option<Failure>, file: &Arc<File>) -> Vec<u64> {
    let settings = Settings { max_per_address: 5, linger: Duration::from_millis(200), ..Settings::default() };
    let make = |_, _| Storm::new(file.clone());
    let mut sim = Simulation::with_workers(7, settings.clone(), 2, make);
    sim.spurious_events(0);
    sim.fail_once(failure);
    let asks: [&[u8]; 5] = [b"sess", b"bs", b"fs", b"wsc", b"ss"];
    let mut peers: Vec<Peer> = asks.iter().map(|_| Peer::new(sim.connect(), true)).collect();
    for (peer, ask) in peers.iter_mut().zip(asks) {
        sim.send(peer.number, ask);
        peer.asked = ask.iter().map(|byte| u32::from(*byte == b's')).sum();
    }
    let read = |sim: &mut Simulation<Storm>, peers: &mut [Peer]| {
        for _ in 0..30 {
            sim.pass(Duration::from_millis(20));
            for peer in peers.iter_mut() {
                peer.read(sim, 6000);
            }
        }
    };
    read(&mut sim, &mut peers);
    sim.mailboxes().send_all(|| Mail::Broadcast);
    read(&mut sim, &mut peers);
    let next = Successor { workers: 1, settings, delay: Duration::ZERO };
    let mut sim = sim.hand_over_to(next, |_, _| vec![Storm::new(file.clone())]);
    let mut newcomer = Peer::new(sim.connect(), true);
    for peer in peers.iter_mut().chain([&mut newcomer]) {
        sim.send(peer.number, b"s");
        peer.asked += 1;
    }
    peers[3].asked -= 1; // it has said that it goes
    peers.push(newcomer);
    read(&mut sim, &mut peers);
    let lost = peers.iter().filter(|peer| peer.small != peer.asked).inspect(|peer| {
        assert!(sim.is_ended(peer.number), "{failure:?}: {} of {}", peer.small, peer.asked);
    });
    let most = usize::from(failure.is_some_and(Failure::may_cost_a_connection));
    assert!(lost.count() <= most, "{failure:?}");
    sim.control().stop(Stop::Shutdown);
    sim.pass(Duration::from_secs(20));
    assert_eq!((sim.counters().open, sim.descriptors(), sim.turn()), (0, 0, false), "{failure:?}");
    sim.all_uses()
}

#[test]
fn each_call_may_fail_at_each_use_with_each_error() {
    let file = file();
    let failures = each_failure(|failure| scenario(failure, &file));
    println!("{failures} failures");
    assert!(failures > 1000, "{failures}");
}
