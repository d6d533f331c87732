//! The whole policy-server under fuzzed events.

use std::collections::BTreeMap;

use crate::{input::Choices, worlds::perform};

const GREETINGS: [&[u8]; 6] = [
    b"<policy-file-request/>\0",
    b"<policy-file-request/>",
    b"<policy-",
    b"\n",
    b"GET / HTTP/1.1\r\n",
    b"\x16\x03\x01",
];

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let seed = u64::from(choices.byte());
    let (world, answer) = policy_server::fuzzing::world(seed).expect("the defaults are right");
    let mut read: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    let got = |peer, bytes: &[u8]| read.entry(peer).or_default().extend_from_slice(bytes);
    let step = |mut world: reactor::simulation::Simulation<_>, choice: u8| {
        world.step_wall_clock(i64::from(choice) - 10);
        world
    };
    perform(world, 0, choices, &GREETINGS, step, got);
    for bytes in read.values() {
        assert!(answer.starts_with(bytes), "something else than the answer");
    }
}
