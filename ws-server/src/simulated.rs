//! The whole handler in a simulated network: short reads and writes, resets, garbage and pauses from seeds. A client that
//! behaves gets each message once and in order, whatever the others do.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use reactor::{
    Stop,
    simulation::{Birth, Simulation},
};

use crate::{
    config::{Config, tests::config},
    hand_over::{FORMAT, ProcessState},
    peers::Mail,
    stream::{Batch, Moment},
    worker::{SharedStart, WsHandler},
};

const SEEDS: u64 = 20;
const STEPS: u64 = 400;

type World = Simulation<WsHandler>;

fn configured(args: &[&str]) -> Arc<Config> {
    let limits = ["--workers", "1", "--max-connections", "2000", "--max-connections-per-ip", "0"];
    Arc::new(config(&[args, &limits[..]].concat()).unwrap())
}

/// Now and then another process adopts everything, by way of the bytes that the first one exports.
fn perhaps_restart(world: World, args: &[&str]) -> World {
    if !world.seed().once_in(20) {
        return world;
    }
    world.hand_over(|old, birth| successor(old, birth, args))
}

fn successor(mut old: WsHandler, birth: Birth<Mail>, args: &[&str]) -> WsHandler {
    let mut state = ProcessState::default();
    old.export_state(&mut state);
    let moment = Moment { instant: birth.now, since_boot: Duration::ZERO };
    let state = ProcessState::from_bytes(&state.to_bytes(moment), FORMAT, moment);
    assert!(state.is_some());
    handler(configured(args), state, birth)
}

fn handler(config: Arc<Config>, previous: Option<ProcessState>, birth: Birth<Mail>) -> WsHandler {
    let Birth { mailboxes, now, wall } = birth;
    let start = SharedStart::new(&config, 1, previous, now, wall);
    WsHandler::new(config, &start, 0, mailboxes)
}

fn world(seed: u64, args: &[&str]) -> World {
    let config = configured(args);
    let previous = ProcessState { next_id: 1, next_line: 1000, ..ProcessState::default() };
    let settings = config.reactor_settings();
    Simulation::new(seed, settings, |birth| handler(config, Some(previous), birth))
}

/// A peer that reads lines, and what it has read.
struct Reader {
    peer: usize,
    bytes: Vec<u8>,
}

impl Reader {
    fn new(world: &mut World) -> Self {
        let peer = world.connect();
        world.send(peer, b"GET /?since=0 HTTP/1.0\r\n\r\n");
        Self { peer, bytes: Vec::new() }
    }

    fn read(&mut self, world: &mut World, most: usize) {
        self.bytes.extend(world.read(self.peer, most));
    }

    /// The numbers it got.
    fn numbers(&self) -> Vec<u64> {
        let text = std::str::from_utf8(&self.bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        assert!(head.is_empty() || head.starts_with("HTTP/1.1 200 "), "{head}");
        let whole = body.rfind('\n').map_or("", |end| &body[..end]);
        whole.lines().map(|line| line.parse().unwrap()).collect()
    }
}

/// A stranger does something unexpected.
fn misbehave(world: &mut World, strangers: &mut Vec<usize>) {
    const GREETINGS: [&[u8]; 8] = [
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost",
        b"<policy-file-request/>\0",
        b"\x16\x03\x01",
        b"\x89\x80\x01\x02\x03\x04",
        b"\x81\x85\x00\x00\x00\x00hello",
    ];
    let mut seed = world.seed();
    let greeting = GREETINGS[usize::try_from(seed.below(8)).unwrap()];
    if strangers.is_empty() || seed.once_in(3) {
        let peer = world.connect();
        world.send(peer, greeting);
        strangers.push(peer);
        return;
    }
    let peer = strangers[usize::try_from(seed.below(strangers.len() as u64)).unwrap()];
    match seed.below(5) {
        0 => world.reset(peer),
        1 => world.end(peer),
        2 => drop(world.read(peer, 100)),
        _ => world.send(peer, greeting),
    }
}

#[test]
fn a_client_of_the_clock_gets_every_date_once_across_processes() {
    let args = ["--template", "{seq}", "--leave-notices", "off"];
    for seed in 0..SEEDS {
        let mut world = world(seed, &args);
        let (mut readers, mut strangers) = (Vec::new(), Vec::new());
        for step in 0..STEPS {
            if step % 100 == 0 {
                readers.push(Reader::new(&mut world));
            }
            misbehave(&mut world, &mut strangers);
            world = perhaps_restart(world, &args);
            world.settle();
            world.advance(Duration::from_millis(world.seed().below(15)));
            world.settle();
            for reader in &mut readers {
                reader.read(&mut world, usize::MAX);
            }
        }
        for reader in &readers {
            let numbers = reader.numbers();
            assert!(!numbers.is_empty(), "seed {seed}");
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "seed {seed}: {numbers:?}");
        }
    }
}

#[test]
fn a_client_of_lines_gets_every_line_once_at_any_speed_across_processes() {
    let args = ["--source", "-", "--max-queue", "100", "--leave-notices", "off"];
    for seed in 0..SEEDS {
        let mut world = world(seed, &args);
        let (mut fast, mut slow) = (Reader::new(&mut world), Reader::new(&mut world));
        world.settle();
        let mut strangers = Vec::new();
        let mut next = 1;
        for _ in 0..STEPS {
            let mut batch = Batch::new(next);
            for _ in 0..world.seed().below(30) {
                let number = batch.next();
                batch.push(|out| write!(out, "{number}").unwrap());
            }
            next = batch.next();
            world.mail(Mail::Batch(Arc::new(batch)));
            misbehave(&mut world, &mut strangers);
            world = perhaps_restart(world, &args);
            world.settle();
            world.advance(Duration::from_millis(1));
            fast.read(&mut world, usize::MAX);
            let most = world.seed().below(200);
            slow.read(&mut world, usize::try_from(most).unwrap());
        }
        while !(fast.numbers().len() as u64 == next - 1 && slow.numbers().len() as u64 == next - 1) {
            let before = (fast.bytes.len(), slow.bytes.len());
            world.settle();
            fast.read(&mut world, usize::MAX);
            slow.read(&mut world, 1000);
            world.settle();
            let stuck = before == (fast.bytes.len(), slow.bytes.len()) && world.read(slow.peer, 0).is_empty();
            world.advance(Duration::from_millis(1));
            assert!(!stuck || world.turn(), "seed {seed}: nothing comes any more");
            assert!(
                !world.is_ended(fast.peer) && !world.is_ended(slow.peer),
                "seed {seed}: a reader was let go"
            );
        }
        for reader in [&fast, &slow] {
            assert!(reader.numbers().into_iter().eq(1..next), "seed {seed}");
        }
    }
}

#[test]
fn a_client_ahead_of_this_worker_gets_nothing_twice() {
    let mut world = world(1, &["--source", "-"]);
    let batch = |numbers: std::ops::Range<u64>| {
        let mut batch = Batch::new(numbers.start);
        numbers.for_each(|number| batch.push(|out| write!(out, "{number}").unwrap()));
        Mail::Batch(Arc::new(batch))
    };
    world.mail(batch(1..4));
    world.settle();
    let mut ahead = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(ahead.peer, b"GET /?since=6 HTTP/1.0\r\n\r\n");
    world.settle();
    world.mail(batch(4..6));
    world.mail(batch(6..9));
    for _ in 0..10 {
        world.settle();
        ahead.read(&mut world, usize::MAX);
    }
    assert_eq!(ahead.numbers(), [7, 8]);
}

#[test]
fn a_notice_that_is_on_its_way_when_the_process_changes_reaches_everybody() {
    let args = ["--interval", "1s", "--notice-rate", "100"];
    let mut world = world(1, &args);
    let mut readers: Vec<Reader> = (0..1000).map(|_| Reader::new(&mut world)).collect();
    world.settle();
    world.advance(Duration::from_secs(2));
    world.settle();
    let leaves = readers.pop().unwrap();
    world.reset(leaves.peer);
    // The turn that sees it leave, and the one that begins to tell.
    world.turn();
    world.turn();
    let mut world = world.hand_over(|old, birth| successor(old, birth, &args));
    world.settle();
    for mut reader in readers {
        reader.read(&mut world, usize::MAX);
        let text = String::from_utf8(reader.bytes).unwrap();
        assert_eq!(text.matches(" disconnected\n").count(), 1, "{text}");
    }
}

/// A peer takes nothing while many lines come, and then everything; what it got, without the answer to its request.
fn sleep_through(args: &[&str], request: &[u8]) -> Vec<u8> {
    let mut world = world(1, args);
    let mut sleeper = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(sleeper.peer, request);
    for number in 1..2000 {
        let mut batch = Batch::new(number);
        batch.push(|out| write!(out, "{number:01000}").unwrap());
        world.mail(Mail::Batch(Arc::new(batch)));
        world.settle();
    }
    for _ in 0..2000 {
        sleeper.read(&mut world, usize::MAX);
        world.settle();
    }
    let head = sleeper.bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    sleeper.bytes.split_off(head + 4)
}

const MODERN: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn what_a_client_sent_while_the_process_stood_still_comes_before_its_deadline() {
    let args = ["--source", "-", "--head-timeout", "3s", "--ping-interval", "5s", "--pong-timeout", "3s"];
    let mut world = world(1, &args);
    let head = world.connect();
    world.send(head, &MODERN[..60]);
    world.stand_still(Duration::from_secs(9), |world| world.send(head, &MODERN[60..]));
    assert!(world.read(head, usize::MAX).starts_with(b"HTTP/1.1 101 "));

    let (pong, dead) = (world.connect(), world.connect());
    world.send(pong, MODERN);
    world.send(dead, MODERN);
    world.settle();
    world.advance(Duration::from_millis(5_020));
    world.settle();
    let got = world.read(pong, usize::MAX);
    assert!(got.ends_with(b"\x89\0"), "no ping: {}", got.escape_ascii());
    world.stand_still(Duration::from_secs(9), |world| world.send(pong, b"\x8a\x80\0\0\0\0"));
    assert!(!world.is_closed(pong) && world.is_closed(dead));

    world.control().stop(Stop::Shutdown);
    world.settle();
    world.stand_still(Duration::from_millis(4_900), |world| world.send(pong, b"\x88\x80\0\0\0\0"));
    assert!(world.is_ended(pong) && !world.is_closed(pong), "its Close has come: the connection lingers");
}

#[test]
fn a_client_that_falls_out_of_the_ring_is_closed_as_slow_after_a_whole_message() {
    let bytes = sleep_through(&["--source", "-", "--max-backlog", "10000"], MODERN);
    let close = [b"\x88\x06".as_slice(), &1008_u16.to_be_bytes(), b"slow"].concat();
    assert!(bytes.ends_with(&close), "{}", bytes[bytes.len() - 20..].escape_ascii());
    assert_eq!((bytes.len() - close.len()) % 1004, 0, "frames are whole");
}

#[test]
fn a_client_of_a_latest_stream_that_slept_gets_only_the_newest() {
    let bytes = sleep_through(&["--source", "-", "--delivery", "latest"], b"GET / HTTP/1.0\r\n\r\n");
    let text = String::from_utf8(bytes).unwrap();
    let numbers: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(numbers.last(), Some(&1999));
    assert!(numbers.len() < 500, "{} of 1999 were kept for it", numbers.len());
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn a_client_that_takes_more_than_a_minute_for_the_rest_of_the_input_gets_all_of_it() {
    const SENT: u64 = 40_000;
    let mut world = world(1, &["--source", "-", "--leave-notices", "off"]);
    let mut lines = Reader::new(&mut world);
    let mut frames = Reader { peer: world.connect(), bytes: Vec::new() };
    let request: &[u8] =
        b"GET /?since=0 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    world.send(frames.peer, request);
    world.settle();
    let mut batch = Batch::new(1);
    (1..=SENT).for_each(|number| batch.push(|out| write!(out, "{number}").unwrap()));
    world.mail(Mail::Batch(Arc::new(batch)));
    world.settle();
    world.mail(Mail::Ended { well: true });
    for _ in 0..1000 {
        world.settle();
        lines.read(&mut world, 300);
        frames.read(&mut world, 300);
        world.advance(Duration::from_millis(100));
    }
    assert_eq!(lines.numbers().len() as u64, SENT);
    let close = [0x88, 2, 0x03, 0xe8];
    assert!(frames.bytes.ends_with(&close), "{:?}", frames.bytes.rchunks(20).next());
}

#[test]
fn jumps_of_the_wall_clock_and_pauses_never_make_a_burst() {
    for seed in 0..SEEDS {
        let mut world = world(seed, &["--template", "{seq}", "--ping-interval", "10h", "--heartbeat", "10h"]);
        let mut reader = Reader::new(&mut world);
        world.settle();
        reader.read(&mut world, usize::MAX);
        let mut got = reader.numbers().len();
        for _ in 0..50 {
            let jump = i64::try_from(world.seed().below(20_000)).unwrap() - 10_000;
            world.step_wall_clock(jump);
            let pause = world.seed().below(5000);
            world.advance(Duration::from_millis(pause));
            for _ in 0..5 {
                world.settle();
                reader.read(&mut world, usize::MAX);
            }
            let now = reader.numbers().len();
            assert!(now <= got + 1, "seed {seed}: {} dates after one pause", now - got);
            got = now;
        }
        assert!(reader.numbers().windows(2).all(|pair| pair[0] < pair[1]));
    }
}

/// A client that opened at a phase of the clock other than 0; what it gets after a hand-over to a process with these options.
fn after_a_hand_over(args: &[&str], mail: Option<Mail>) -> String {
    let mut world = world(1, &["--leave-notices", "off"]);
    world.advance(Duration::from_millis(357));
    world.settle();
    let mut reader = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(reader.peer, b"GET / HTTP/1.0\r\n\r\n");
    world.settle();
    reader.read(&mut world, usize::MAX);
    let before = reader.bytes.len();
    let mut world = world.hand_over(|old, birth| successor(old, birth, args));
    world.settle();
    if let Some(mail) = mail {
        world.mail(mail);
    }
    for _ in 0..50 {
        world.settle();
        world.advance(Duration::from_millis(100));
    }
    reader.read(&mut world, usize::MAX);
    String::from_utf8(reader.bytes.split_off(before)).unwrap()
}

#[test]
fn a_client_of_dates_gets_lines_when_the_source_has_changed_at_a_restart() {
    let mut batch = Batch::new(1000);
    batch.push(|out| out.push_str("a line"));
    let lines = Mail::Batch(Arc::new(batch));
    assert_eq!(after_a_hand_over(&["--source", "-", "--leave-notices", "off"], Some(lines)), "a line\n");
}

#[test]
fn a_client_of_dates_gets_dates_when_the_delivery_has_changed_at_a_restart() {
    let text = after_a_hand_over(&["--delivery", "ordered", "--leave-notices", "off"], None);
    assert!(text.lines().count() >= 4, "got {text:?}");
}
