//! What the simulated servers have in common: an input is a list of actions.

use std::time::Duration;

use reactor::Handler;
use reactor::simulation::{Call, Simulation};
use ws_server::fuzzing::LINE;

use crate::input::Choices;

const CALLS: [Call; 6] =
    [Call::Accept, Call::Add, Call::WatchWritable, Call::Read, Call::Write, Call::Shutdown];
/// As long as lines wait for others at the most, and more.
const COALESCED: Duration = Duration::from_millis(10);
/// The most actions of a run.
const ACTIONS: usize = 200;

/// Performs the actions of an input; `greetings` are what peers send often, and `other` performs the actions that only this
/// server knows. Peers below `first` only read, all that comes; where there are none,
/// system calls fail, too. `got` gets what peers read.
pub fn perform<H: Handler>(
    mut world: Simulation<H>,
    first: usize,
    mut choices: Choices<'_>,
    greetings: &[&[u8]],
    mut other: impl FnMut(Simulation<H>, u8) -> Simulation<H>,
    mut got: impl FnMut(usize, &[u8]),
) -> Simulation<H> {
    let mut peers = 0;
    for _ in 0..ACTIONS {
        if choices.is_empty() {
            break;
        }
        let action = choices.byte();
        let peer = |choice: u8, peers: usize| first + usize::from(choice).checked_rem(peers).unwrap_or(0);
        match action % 12 {
            0 => {
                world.connect_from([127, 0, 0, 1 + action / 12 % 4]);
                peers += 1;
            }
            1 | 2 => {
                let (peer, greeting) = (peer(choices.byte(), peers), choices.one_of(greetings));
                world.send(peer, greeting);
            }
            3 => {
                let (peer, len) = (peer(choices.byte(), peers), usize::from(choices.byte() % 32));
                world.send(peer, choices.bytes(len));
            }
            4 => world.end(peer(choices.byte(), peers)),
            5 => world.reset(peer(choices.byte(), peers)),
            6 => {
                let peer = peer(choices.byte(), peers);
                let bytes = world.read(peer, 1 << (action / 12));
                got(peer, &bytes);
            }
            7 => world.advance(Duration::from_millis(u64::from(choices.byte()).pow(2))),
            8 => drop(world.turn()),
            9 => world.settle(),
            10 if first == 0 => {
                let call = choices.one_of(&CALLS);
                let errno = choices.one_of(&call.errors());
                world.fail_nth(call, world.uses(call) + u64::from(action / 12) + 1, errno);
            }
            _ => world = other(world, action / 12),
        }
        for peer in 0..first {
            let bytes = world.read(peer, usize::MAX);
            got(peer, &bytes);
        }
    }
    // Everybody leaves: nobody stays. Before that, the lines that wait for others go out.
    world.calm();
    world.advance(COALESCED);
    world.settle();
    for peer in 0..first + peers {
        let bytes = world.read(peer, usize::MAX);
        got(peer, &bytes);
        world.reset(peer);
    }
    world.settle();
    world.advance(Duration::from_secs(3600));
    world.settle();
    assert_eq!(world.counters().open, 0, "a connection that never ends");
    world
}

/// What a reader of lines got is an answer with each number below `next` once, in order, and none left out.
///
/// # Panics
/// If it is not.
pub fn check_lines(read: &[u8], next: u64) {
    let text = String::from_utf8_lossy(read);
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let lines = body.lines().filter_map(|line| line.strip_prefix(LINE));
    let numbers: Vec<u64> = lines.filter_map(|number| number.parse().ok()).collect();
    assert!(numbers.iter().copied().eq(1..next), "{numbers:?} before {next}");
}
