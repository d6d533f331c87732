//! The whole handler in a simulated network: short reads and writes, resets, garbage and pauses from seeds. A client that
//! behaves gets each message once and in order, whatever the others do.

mod backlogs;
mod bounded_reads;
mod budgets;
mod changed_options;
mod closing;
mod coalescing;
mod documents;
mod echoes;
mod given;
mod heartbeats;
mod ids;
mod notices;
mod nth_failure;
mod polls;
mod private;
mod publishing;
mod publishing_across_processes;
mod revocation;
mod sleeping;
mod slow_hand_over;
mod source_state;
mod storm;
mod waiting_polls;
mod week;

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, SystemTime},
};

use common::id::{Epoch, MessageId};
use daemon::clock::Moment;
use reactor::{
    Stop,
    simulation::{Birth, Simulation},
};

use crate::{
    config::{Config, tests::config},
    hand_over::{FORMAT, ProcessState},
    peers::Mail,
    source::SourceStates,
    start::{SharedStart, epoch_at},
    stream::Batch,
    worker::{WsHandler, export_states},
};

const SEEDS: u64 = 20;
const STEPS: u64 = 400;

/// The epoch of a simulated stream.
const EPOCH: Epoch = Epoch::from_millis(7);
/// The moment of this epoch.
const BIRTH: Duration = Duration::from_millis(7);

fn id(number: u64) -> MessageId {
    MessageId { epoch: EPOCH, number }
}

type World = Simulation<WsHandler>;

/// Lines go out as they come, unless the arguments say otherwise: time passes only where a test lets it.
fn configured(args: &[&str]) -> Arc<Config> {
    let limits = ["--workers", "1", "--max-connections", "2000", "--max-connections-per-ip", "0"];
    let coalesce: &[&str] = if args.contains(&"--coalesce") { &[] } else { &["--coalesce", "0"] };
    Arc::new(config(&[args, &limits[..], coalesce].concat()).unwrap())
}

/// Now and then another process adopts everything, by way of the bytes that the first one exports.
fn perhaps_restart(world: World, args: &[&str]) -> World {
    if !world.seed().once_in(20) {
        return world;
    }
    world.hand_over(|old, birth| successor(old, birth, args))
}

fn successor(mut old: WsHandler, birth: Birth<Mail>, args: &[&str]) -> WsHandler {
    let state = export_states(std::slice::from_mut(&mut old));
    let moment = Moment { instant: birth.now, since_boot: Duration::ZERO };
    let state = ProcessState::from_bytes(&state.to_bytes(moment), FORMAT, epoch_at(birth.wall), moment);
    assert!(state.is_some());
    handler(configured(args), state, birth)
}

fn handler(config: Arc<Config>, previous: Option<ProcessState>, birth: Birth<Mail>) -> WsHandler {
    let Birth { mailboxes, now, wall, .. } = birth;
    // Lines are of the epoch that the tests say.
    let wall = if config.stream.is_clock() { wall } else { SystemTime::UNIX_EPOCH + BIRTH };
    let states = SourceStates::default();
    let posted = mailboxes.clone();
    states.connect(move |change| posted.send_all(|| Mail::Source(Arc::new(change.clone()))));
    let start = SharedStart::new(&config, 1, previous, states, now, wall);
    WsHandler::new(config, &start, 0, mailboxes)
}

fn world(seed: u64, args: &[&str]) -> World {
    world_after(seed, args, None)
}

fn world_after(seed: u64, args: &[&str], previous: Option<ProcessState>) -> World {
    let config = configured(args);
    let settings = config.reactor_settings();
    Simulation::new(seed, settings, |birth| handler(config, previous, birth))
}

/// What a process left whose source has read the lines before `next_line`, of which none is in a ring any more.
fn lines_before(next_line: u64) -> ProcessState {
    let source = "-".to_owned();
    ProcessState { format: FORMAT, epoch: EPOCH, next_id: 1, next_line, source, ..ProcessState::default() }
}

fn batch(numbers: std::ops::Range<u64>) -> Mail {
    batch_of(EPOCH, numbers)
}

fn batch_of(epoch: Epoch, numbers: std::ops::Range<u64>) -> Mail {
    let mut batch = Batch::new(MessageId { epoch, number: numbers.start });
    numbers.for_each(|number| batch.push(|out| write!(out, "{number}").unwrap()));
    Mail::Batch(Arc::new(batch))
}

/// A form of the stream over HTTP: its media type, and what stands before and behind each text.
type Form = (&'static str, &'static str, &'static str);

/// Lines first, a document last: that ends once it is full.
const FORMS: [Form; 4] = [
    ("text/plain", "", "\n"),
    ("application/x-ndjson", "\"text\":\"", "\",\"kind\":\"message\"}\n"),
    ("text/event-stream", "\ndata: ", "\n\n"),
    ("text/html", "<div>", "</div\n>"),
];

/// A peer that reads a form of the stream, and what it has read.
struct Reader {
    peer: usize,
    bytes: Vec<u8>,
}

impl Reader {
    fn new(world: &mut World) -> Self {
        Self::of(world, "text/plain")
    }

    /// One that reads the form of this media type.
    fn of(world: &mut World, media: &str) -> Self {
        let peer = world.connect();
        world.send(peer, format!("GET /?since=0 HTTP/1.0\r\nAccept: {media}\r\n\r\n").as_bytes());
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
        let media = |form: &&Form| head.contains(&format!("Content-Type: {};", form.0));
        let (_, begin, end) = FORMS.iter().find(media).unwrap_or(&FORMS[0]);
        let (mut numbers, mut rest) = (Vec::new(), body);
        while let Some((text, behind)) = rest.split_once(*end) {
            let text = if begin.is_empty() { text } else { text.rsplit_once(*begin).unwrap_or_default().1 };
            match text.parse() {
                Ok(number) => numbers.push(number),
                // What is told beside the messages.
                Err(_) => assert!(!begin.is_empty(), "{text}"),
            }
            rest = behind;
        }
        numbers
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
                let (media, ..) = FORMS[usize::try_from(step / 100 + seed).unwrap() % FORMS.len()];
                readers.push(Reader::of(&mut world, media));
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
        let media = |number: u64| FORMS[usize::try_from(number).unwrap() % 3].0;
        let mut fast = Reader::of(&mut world, media(seed));
        let mut slow = Reader::of(&mut world, media(seed + 1));
        world.settle();
        let mut strangers = Vec::new();
        let mut next = 1;
        for _ in 0..STEPS {
            let mut batch = Batch::new(id(next));
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
    let mut world = world_after(1, &["--source", "-"], Some(lines_before(9)));
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

#[test]
fn a_pong_that_waits_for_room_is_not_forgotten_when_the_process_changes() {
    let args = ["--source", "-"];
    for seed in 0..SEEDS {
        let mut world = world(seed, &args);
        let mut client = Reader { peer: world.connect(), bytes: Vec::new() };
        world.send(client.peer, MODERN);
        world.settle();
        let mut next = 1;
        // Until its socket is full: then a pong has to wait.
        while next < 60 {
            let mut batch = Batch::new(id(next));
            batch.push(|out| write!(out, "{next:0100}").unwrap());
            next = batch.next();
            world.mail(Mail::Batch(Arc::new(batch)));
            world.settle();
        }
        world.send(client.peer, b"\x89\x82\0\0\0\0hi");
        world.settle();
        let mut world = world.hand_over(|old, birth| successor(old, birth, &args));
        // By the time the next process has it, there is room.
        client.read(&mut world, usize::MAX);
        for _ in 0..1000 {
            world.settle();
            client.read(&mut world, usize::MAX);
        }
        let pongs = client.bytes.windows(4).filter(|bytes| bytes == b"\x8a\x02hi").count();
        assert_eq!(pongs, 1, "seed {seed}");
    }
}

#[test]
fn a_notice_that_is_on_its_way_at_a_stop_reaches_everybody_before_the_end() {
    let mut world = world(1, &["--interval", "1s"]);
    let mut readers: Vec<Reader> = (0..600).map(|_| Reader::new(&mut world)).collect();
    world.settle();
    world.advance(Duration::from_secs(2));
    world.settle();
    let mut leaves = readers.pop().unwrap();
    leaves.read(&mut world, usize::MAX);
    let head = String::from_utf8(leaves.bytes).unwrap();
    let id = head.split_once("X-Connection-Id: ").unwrap().1.split_once("\r\n").unwrap().0;
    world.reset(leaves.peer);
    // The turn that sees it leave, and the one that begins to tell.
    world.turn();
    world.turn();
    // Without a spread: hundreds of connections end in one turn.
    world.control().stop(Stop::Restart);
    for _ in 0..100 {
        world.turn();
        world.advance(Duration::from_millis(10));
    }
    for mut reader in readers {
        reader.read(&mut world, usize::MAX);
        let text = String::from_utf8(reader.bytes).unwrap();
        assert_eq!(text.matches(&format!("\n{id} disconnected\n")).count(), 1, "{text}");
    }
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
fn a_request_that_has_not_begun_gets_no_answer_and_one_that_is_not_complete_gets_one() {
    for (sent, stop, answer) in [
        (&b""[..], false, &b""[..]),
        (b"G", false, b"HTTP/1.1 408 "),
        (b"GET / HTTP/1.1\r\nHo", false, b"HTTP/1.1 408 "),
        (b"", true, b""),
        (b"GET / HTTP/1.1\r\nHo", true, b"HTTP/1.1 503 "),
    ] {
        let mut world = world(1, &["--source", "-", "--head-timeout", "3s"]);
        let peer = world.connect();
        world.send(peer, sent);
        world.settle();
        if stop {
            world.control().stop(Stop::Shutdown);
            world.settle();
            world.advance(Duration::from_secs(1));
        } else {
            world.advance(Duration::from_millis(3_020));
        }
        world.settle();
        let got = world.read(peer, usize::MAX);
        assert_eq!(got.is_empty(), answer.is_empty(), "{}", got.escape_ascii());
        assert!(got.starts_with(answer) && world.is_ended(peer), "{}", got.escape_ascii());
    }
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

const EVENTS: &[u8] = b"GET / HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n";
const LINES: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

const FED: &[&str] = &["--source", "-", "--leave-notices", "off"];

/// [`MODERN`] with a query.
fn modern(query: &str) -> Vec<u8> {
    String::from_utf8_lossy(MODERN).replace("GET / ", &format!("GET /?{query} ")).into_bytes()
}

/// The numbers that a client with ids has seen: of messages, and of those that a gap named as missed. Fails at a hole that no
/// gap names.
fn dense(frames: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    for event in frames.split("\n\n").filter(|event| !event.is_empty()) {
        if let Some(gap) = event.strip_prefix("event: gap\ndata: {\"missed\":") {
            let missed: u64 = gap.split_once(',').unwrap().0.parse().unwrap();
            let last = *numbers.last().unwrap();
            numbers.extend(last + 1..=last + missed);
        } else if let Some(message) = event.strip_prefix("id: ") {
            let (_, number) = message.split_once('\n').unwrap().0.split_once('_').unwrap();
            numbers.push(number.parse().unwrap());
        }
    }
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{frames}");
    numbers
}

#[test]
fn a_client_that_has_half_closed_is_probed_once_however_many_restarts_follow() {
    let args = ["--source", "-", "--at-eof", "keep"];
    let mut world = world(1, &args);
    let peer = world.connect();
    world.send(peer, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    world.end(peer);
    world.settle();
    for _ in 0..20 {
        world = world.hand_over(|old, birth| successor(old, birth, &args));
        world.settle();
    }
    world.mail(batch(1..2));
    world.settle();
    let answer = String::from_utf8(world.read(peer, 9999)).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "02\r\n1\n\r\n");
}
