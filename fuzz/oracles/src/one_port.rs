//! The whole command under fuzzed events: stream, site and policy behind one listener. A client that reads gets each line once
//! and in order, whatever the others ask for, and no answer holds what lies outside of the root.

use std::sync::OnceLock;

use datecast::fuzzing::Front;
use ws_server::fuzzing::batch;

use crate::input::Choices;
use crate::static_world::{check_containment, site};
use crate::worlds::{check_lines, perform};

const GREETINGS: [&[u8]; 12] = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /large HTTP/1.1\r\nHost: localhost\r\nRange: bytes=-5\r\n\r\n",
    b"GET /link HTTP/1.0\r\n\r\n",
    b"HEAD /../secret HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET //stream?since=0 HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"GET /stream?poll=1&since=2 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nline\n",
    b"PUT /small HTTP/1.1\r\nHost: evil\r\nContent-Length: 9\r\n\r\nGET / HTT",
    b"<policy-file-request/>\0",
    b"GET /",
];

/// Each with whether lines are mailed to it.
const CONFIGURATIONS: [(&[&str], bool); 4] = [
    (&["--source", "-"], true),
    (&["--source", "-", "--on-message", "broadcast", "--leave-notices", "on"], true),
    (&["--source", "clock", "--template", "{seq}"], false),
    (&["--source", "http"], false),
];

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (number, seed) = (usize::from(choices.byte()) % CONFIGURATIONS.len(), u64::from(choices.byte()));
    let takes_lines = CONFIGURATIONS[number].1;
    let mut world = fronts()[number].world(seed);
    let (reader, mut next) = (0, 1);
    if takes_lines {
        world.connect_from([127, 0, 0, 200]);
        world.send(reader, b"GET /stream?since=0 HTTP/1.0\r\nAccept: text/plain\r\n\r\n");
        world.settle();
    }
    let (mut lines, mut others) = (Vec::new(), Vec::new());
    let other = |mut world: reactor::simulation::Simulation<_>, choice: u8| {
        if choice.is_multiple_of(2) && takes_lines {
            world.mail(batch(next..next + 3));
            next += 3;
        } else {
            world.step_wall_clock(i64::from(choice) - 10);
        }
        world.settle();
        world
    };
    let got = |peer, bytes: &[u8]| {
        let read = if takes_lines && peer == reader { &mut lines } else { &mut others };
        read.extend_from_slice(bytes);
    };
    perform(world, usize::from(takes_lines), choices, &GREETINGS, other, got);
    check_containment(&others);
    if takes_lines {
        check_lines(&lines, next);
    }
}

/// Each of the configurations, read once, with the folder of the static-server's target.
fn fronts() -> &'static [Front] {
    static FRONTS: OnceLock<Vec<Front>> = OnceLock::new();
    let root = || site().to_str().expect("a folder whose name is text");
    let limits = ["--max-connections", "50", "--max-connections-per-ip", "20", "--root", root()];
    let read =
        |(args, _): &(&[&str], bool)| Front::new(&[*args, &limits].concat()).expect("a right configuration");
    FRONTS.get_or_init(|| CONFIGURATIONS.iter().map(read).collect())
}
