//! The whole ws-server under fuzzed events, with hand-overs between them: a client that reads gets each line once and in order.

use reactor::simulation::Simulation;
use ws_server::fuzzing::{batch, configured, hand_over, world};
use ws_server::{Config, WsHandler};

use std::sync::{Arc, OnceLock};

use crate::{
    input::Choices,
    worlds::{check_lines, perform},
};

const GREETINGS: [&[u8]; 10] = [
    b"GET /?since=0 HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n\0echo\xff",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key1: 1 1\r\n\
      Sec-WebSocket-Key2: 2 2\r\n\r\n12345678",
    b"GET /?heartbeat=1 HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n",
    b"GET /?poll=1&since=2 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x89\x80\x01\x02\x03\x04",
    b"\x81\x85\x00\x00\x00\x00hello",
    b"\x88\x82\x00\x00\x00\x00\x03\xe8",
    b"POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: \"k\"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nline\n\r\n0\r\n\r\n",
];

const CONFIGURATIONS: [&[&str]; 4] = [
    &["--source", "-", "--leave-notices", "on"],
    &["--template", "{seq}"],
    &["--source", "-", "--max-queue", "100", "--on-message", "broadcast"],
    &["--source", "http"],
];

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (number, seed) = (usize::from(choices.byte()) % CONFIGURATIONS.len(), u64::from(choices.byte()));
    let config = &configurations()[number];
    let mut world = world(seed, Arc::clone(config));
    let takes_lines = CONFIGURATIONS[number].contains(&"-");
    let reader = 0;
    if takes_lines {
        world.connect_from([127, 0, 0, 200]);
        world.send(reader, b"GET /?since=0 HTTP/1.0\r\nAccept: text/plain\r\n\r\n");
        world.settle();
    }
    let (mut next, mut read) = (1, Vec::new());
    let other = |world: Simulation<WsHandler>, choice: u8| {
        let mut world = other(world, choice, config, takes_lines, &mut next);
        world.settle();
        world
    };
    let got = |peer, bytes: &[u8]| {
        if peer == reader {
            read.extend_from_slice(bytes);
        }
    };
    perform(world, usize::from(takes_lines), choices, &GREETINGS, other, got);
    if takes_lines {
        check_lines(&read, next);
    }
}

/// Each of the configurations, read once.
fn configurations() -> &'static [Arc<Config>] {
    static CONFIGS: OnceLock<Vec<Arc<Config>>> = OnceLock::new();
    let read = |args: &&[&str]| configured(args).expect("a right configuration");
    CONFIGS.get_or_init(|| CONFIGURATIONS.iter().map(read).collect())
}

/// What only this server knows.
fn other(
    mut world: Simulation<WsHandler>,
    choice: u8,
    config: &Arc<Config>,
    takes_lines: bool,
    next: &mut u64,
) -> Simulation<WsHandler> {
    match choice % 4 {
        0 if takes_lines => {
            world.mail(batch(*next..*next + 3));
            *next += 3;
        }
        1 => return hand_over(world, Arc::clone(config)),
        2 => world.step_wall_clock(i64::from(choice) - 10),
        _ => world.settle(),
    }
    world
}
