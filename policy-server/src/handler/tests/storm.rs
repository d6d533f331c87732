//! Any order of peers, faults and clocks from a seed, and each failure of each call at each of its uses: every peer gets a
//! part of the policy or all of it, whoever asks properly gets all of it, and every connection ends.

use reactor::Stop;
use reactor::simulation::{Call, Failure, Seed, Successor, each_failure};

use super::*;

const SEEDS: u64 = 100;
const STEPS: u64 = 120;

fn workers(seed: u64, count: usize, config: &Arc<Config>) -> Simulation<PolicyHandler> {
    let handler = |_, _| PolicyHandler::new(Arc::clone(config));
    Simulation::with_workers(seed, config.settings.clone(), count, handler)
}

/// A peer, and the part of the policy that it has got.
struct Client {
    peer: usize,
    asks: bool,
    got: Vec<u8>,
}

impl Client {
    fn read(&mut self, sim: &mut Simulation<PolicyHandler>, most: usize) {
        self.got.extend(sim.read(self.peer, most));
        assert!(ANSWER.starts_with(&self.got), "{}", self.got.escape_ascii());
    }
}

fn fault(sim: &mut Simulation<PolicyHandler>, seed: &mut Seed) {
    let call = Call::ALL[seed.index(Call::ALL.len())];
    match seed.below(3) {
        0 => sim.disturb(call, 2 + seed.below(20), &call.errors()),
        1 => sim.limit_descriptors(seed.index(9)),
        _ => sim.calm(),
    }
}

fn misbehave(sim: &mut Simulation<PolicyHandler>, peer: usize, seed: &mut Seed) {
    let pieces: [&[u8]; 5] = [REQUEST, b"\0", b"<policy", &[b'<'; 500], b"GET / HTTP/1.1\r\n\r\n"];
    match seed.below(8) {
        0 => sim.end(peer),
        1 => sim.reset(peer),
        _ => sim.send(peer, pieces[seed.index(pieces.len())]),
    }
}

fn storm(seed: u64) {
    let is_harsh = seed % 2 == 1;
    let config = config(if is_harsh { 3 } else { 0 });
    let mut choices = Seed(seed);
    let mut sim = workers(seed, choices.index(3) + 1, &config);
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..STEPS {
        match choices.below(20) {
            0..=5 => {
                let asks = choices.once_in(2);
                let peer = sim.connect_from([127, 0, 0, u8::try_from(choices.below(9)).unwrap()]);
                clients.push(Client { peer, asks, got: Vec::new() });
                if asks {
                    sim.send(peer, &[REQUEST, b"\0"].concat());
                }
            }
            6..=9 if !clients.is_empty() => {
                let place = choices.index(clients.len());
                let client = &mut clients[place];
                if !client.asks {
                    misbehave(&mut sim, client.peer, &mut choices);
                }
                client.read(&mut sim, choices.index(40));
            }
            10..=14 => drop(sim.turn()),
            15 => sim.pass(Duration::from_millis([1, 100, 1500][choices.index(3)])),
            16 => sim.mailboxes().send_all(|| Arc::clone(&config)),
            17 => sim.stand_still(Duration::from_secs(choices.below(4)), |_| ()),
            18 if is_harsh => fault(&mut sim, &mut choices),
            19 => {
                sim.settle(); // a client that has asked is answered
                let (workers, settings) = (choices.index(3) + 1, config.settings.clone());
                let next = Successor { workers, settings, delay: Duration::ZERO };
                let count = next.workers;
                let make = |_, _| (0..count).map(|_| PolicyHandler::new(Arc::clone(&config))).collect();
                sim = sim.hand_over_to(next, make);
            }
            _ => {}
        }
    }
    sim.calm();
    sim.settle();
    for client in &mut clients {
        client.read(&mut sim, usize::MAX);
        assert!(is_harsh || !client.asks || client.got == ANSWER, "seed {seed}: peer {}", client.peer);
    }
    sim.pass(LIFETIME * 3);
    sim.check_all();
    assert_eq!((sim.counters().open, sim.descriptors()), (0, 0), "seed {seed}");
}

#[test]
fn any_storm_leaves_whoever_asks_with_the_policy_and_no_connection_behind() {
    (0..SEEDS).for_each(storm);
}

#[test]
fn each_call_may_fail_at_each_use_with_each_error() {
    let failures = each_failure(|failure| {
        let config = config(4);
        let mut sim = workers(3, 2, &config);
        sim.spurious_events(0);
        sim.fail_once(failure);
        let peers: Vec<usize> = (0..4).map(|_| sim.connect()).collect();
        sim.send(peers[0], &[REQUEST, b"\0"].concat());
        sim.send(peers[1], REQUEST);
        sim.send(peers[2], b"GET /");
        sim.settle();
        sim.end(peers[1]);
        sim.pass(LIFETIME * 2);
        let last = sim.connect();
        sim.send(last, &[REQUEST, b"\r"].concat());
        sim.pass(Duration::from_secs(1));
        let unserved = [peers[0], peers[1], last].map(|peer| {
            let got = sim.read(peer, usize::MAX);
            assert!(ANSWER.starts_with(&got) && sim.is_ended(peer), "{failure:?}");
            usize::from(got != ANSWER)
        });
        let most = usize::from(failure.is_some_and(Failure::may_cost_a_connection));
        assert!(unserved.iter().sum::<usize>() <= most, "{failure:?}");
        sim.control().stop(Stop::Restart);
        sim.pass(LIFETIME * 2);
        assert_eq!((sim.counters().open, sim.descriptors(), sim.turn()), (0, 0, false), "{failure:?}");
        sim.all_uses()
    });
    assert!(failures > 100, "{failures}");
    println!("{failures} failures");
}
