//! Requests that publish, in pieces, under backpressure and among strangers: each whole line is out once and in its place, and the answer
//! says which ones.

use std::sync::atomic::{AtomicU64, Ordering};

use reactor::Mailboxes;

use super::*;
use crate::{
    publish::{Inlet, Publications},
    source::{Intake, Publisher, SourceProgress},
};

const SOURCE: [&str; 2] = ["--source", "http"];

/// Another worker of the same process, which is as far with the stream as the test says.
struct Other {
    intake: Intake,
    passed_on: u64,
    posted: Arc<AtomicU64>,
    mailboxes: Mailboxes<Mail>,
}

impl Other {
    fn new(progress: &Arc<SourceProgress>, posted: Arc<AtomicU64>, mailboxes: Mailboxes<Mail>) -> Self {
        Self { intake: Intake::new(1, Arc::clone(progress)), passed_on: 0, posted, mailboxes }
    }

    fn behind(&self) -> u64 {
        self.posted.load(Ordering::Relaxed) - self.passed_on
    }

    /// Passes on so many batches more, at most all.
    fn pass_on(&mut self, batches: u64) {
        for _ in 0..batches.min(self.behind()) {
            self.intake.count_batch();
            self.passed_on += 1;
        }
        self.intake.report();
        self.mailboxes.wake(0); // what waits there may have room now
    }
}

/// A worker that takes lines, and another one beside it.
fn world_of_two(seed: u64, args: &[&str]) -> (World, Other) {
    let config = configured(&[&SOURCE, args].concat());
    let settings = config.reactor_settings();
    let mut other = None;
    let world = Simulation::new(seed, settings, |birth: Birth<Mail>| {
        let Birth { mailboxes, now, wall, .. } = birth;
        let start = SharedStart::new(&config, 2, None, SourceStates::default(), now, wall);
        let posted = Arc::<AtomicU64>::default();
        let mut handler = WsHandler::new(Arc::clone(&config), &start, 0, mailboxes.clone());
        handler.inlet = Some(inlet(&config, &start, mailboxes.clone(), Arc::clone(&posted)));
        other = Some(Other::new(&start.progress, posted, mailboxes));
        handler
    });
    (world, other.unwrap())
}

fn inlet(config: &Config, start: &SharedStart, mailboxes: Mailboxes<Mail>, posted: Arc<AtomicU64>) -> Inlet {
    let wakers = mailboxes.clone();
    let post = move |batch| {
        posted.fetch_add(1, Ordering::Relaxed);
        mailboxes.send_all(|| Mail::Batch(Arc::clone(&batch)));
    };
    let progress = Arc::clone(&start.progress);
    let publisher = Publisher::new(Arc::clone(&progress), config.line_format(), post);
    let wake = move |worker| wakers.wake(worker);
    Inlet::new(Publications::new(Arc::new(publisher), progress, 2, wake), 0)
}

/// A peer that publishes, and the answers that it has read.
struct Producer {
    peer: usize,
    to_send: Vec<u8>,
    answers: Vec<u8>,
    lines: Vec<String>,
}

impl Producer {
    fn new(world: &mut World, to_send: Vec<u8>, lines: Vec<String>) -> Self {
        Self { peer: world.connect(), to_send, answers: Vec::new(), lines }
    }

    /// Sends a piece, and reads what there is.
    fn step(&mut self, world: &mut World, most: u64) {
        let most = usize::try_from(world.seed().below(most) + 1).unwrap().min(self.to_send.len());
        let piece: Vec<u8> = self.to_send.drain(..most).collect();
        world.send(self.peer, &piece);
        self.read(world);
    }

    fn read(&mut self, world: &mut World) {
        self.answers.extend(world.read(self.peer, usize::MAX));
    }

    /// The bodies of its answers, all of which are a 200.
    fn receipts(&self) -> Vec<String> {
        let text = String::from_utf8(self.answers.clone()).unwrap();
        let parts: Vec<&str> = text.split("HTTP/1.1 ").skip(1).collect();
        assert!(parts.iter().all(|part| part.starts_with("200 OK")), "{text}");
        parts.iter().map(|part| part.split("\r\n\r\n").nth(1).unwrap().trim().to_owned()).collect()
    }
}

/// A request with these lines, by its length or in chunks of all sizes.
fn request(world: &World, body: &str) -> Vec<u8> {
    let mut seed = world.seed();
    if seed.once_in(2) {
        return format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            .into_bytes();
    }
    let mut bytes = b"PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let mut rest = body;
    while !rest.is_empty() {
        let (chunk, after) =
            rest.split_at(usize::try_from(seed.below(40)).unwrap_or(0).min(rest.len() - 1) + 1);
        bytes.extend(format!("{:x}\r\n{chunk}\r\n", chunk.len()).into_bytes());
        rest = after;
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

/// Reads the stream as lines.
struct Lines(Reader);

impl Lines {
    fn new(world: &mut World) -> Self {
        Self(Reader::new(world))
    }

    fn read(&mut self, world: &mut World) -> Vec<String> {
        let mut before = usize::MAX;
        while before != self.0.bytes.len() {
            before = self.0.bytes.len();
            world.settle();
            self.0.read(world, usize::MAX);
        }
        world.settle();
        let text = std::str::from_utf8(&self.0.bytes).unwrap();
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        body.lines().map(str::to_owned).collect()
    }
}

fn number_in(receipt: &str, name: &str) -> usize {
    let rest = receipt.split(&format!("\"{name}\":")).nth(1).unwrap();
    let digits = rest.trim_start_matches('"');
    let digits = digits.split_once('_').map_or(digits, |(_, number)| number);
    digits.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[test]
fn every_line_is_out_once_in_the_order_of_its_request_whatever_others_do() {
    publish_among_strangers(SEEDS, STEPS, &[]);
}

#[test]
fn so_it_is_where_hardly_ever_there_is_room() {
    // Lines that are long once they are messages.
    let template = format!("{{line}};{}", "-".repeat(5000));
    publish_among_strangers(3, 60, &["--template", &template, "--max-backlog", "1GiB"]);
}

fn publish_among_strangers(seeds: u64, steps: u64, args: &[&str]) {
    for seed in 0..seeds {
        let (mut world, mut other) = world_of_two(seed, args);
        let mut lines = Lines::new(&mut world);
        let (mut peers, mut strangers) = (Vec::new(), Vec::new());
        for step in 0..steps {
            if step % 20 == 0 {
                let (mut bytes, mut sent) = (Vec::new(), Vec::new());
                for number in 0..=world.seed().below(3) {
                    let count = world.seed().below(200) + 1;
                    let of_request: Vec<_> =
                        (0..count).map(|line| format!("{step} {number} {line}")).collect();
                    let end = if world.seed().once_in(2) { "\n" } else { "" };
                    bytes.extend(request(&world, &(of_request.join("\n") + end)));
                    sent.extend(of_request);
                }
                peers.push(Producer::new(&mut world, bytes, sent));
            }
            misbehave(&mut world, &mut strangers);
            for peer in &mut peers {
                peer.step(&mut world, 2000);
            }
            world.settle();
            let some = world.seed().below(2);
            other.pass_on(some);
            world.advance(Duration::from_millis(1));
        }
        while other.behind() > 0 || peers.iter().any(|peer| !peer.to_send.is_empty()) {
            other.pass_on(u64::MAX);
            for peer in &mut peers {
                peer.step(&mut world, 10_000);
            }
            world.settle();
        }
        let out = lines.read(&mut world);
        let out: Vec<String> = out.iter().map(|line| line.split(';').next().unwrap().to_owned()).collect();
        assert!(!out.is_empty());
        for peer in &mut peers {
            peer.read(&mut world);
            let first = peer.lines[0].split(' ').next().unwrap();
            let of_peer: Vec<_> =
                out.iter().filter(|line| line.split(' ').next() == Some(first)).cloned().collect();
            assert!(of_peer == peer.lines, "seed {seed}");
            let mut sent = peer.lines.iter();
            for receipt in peer.receipts() {
                let (from, to) = (number_in(&receipt, "first"), number_in(&receipt, "last"));
                let mine: Vec<_> = sent.by_ref().take(number_in(&receipt, "lines")).cloned().collect();
                assert_eq!((&out[from - 1], &out[to - 1]), (&mine[0], &mine[mine.len() - 1]), "{receipt}");
            }
            assert_eq!(sent.next(), None, "seed {seed}: each request has its answer");
        }
    }
}

/// A flood fills the room: so much that it would take hundreds of batches.
fn flood(world: &mut World) -> usize {
    let peer = world.connect();
    world.send(peer, b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40000000\r\n\r\n");
    world.send(peer, &b"a line of a flood\n".repeat(2_000_000)[..30_000_000]);
    peer
}

#[test]
fn a_producer_that_floods_waits_and_small_requests_have_their_turn() {
    let (mut world, mut other) = world_of_two(1, &[]);
    let floods = [flood(&mut world), flood(&mut world)];
    world.settle();
    // The other worker has passed on nothing: the room is full, and nothing more is read.
    let full = other.behind();
    world.settle();
    assert_eq!(other.behind(), full);
    let small: Vec<_> = (0..20)
        .map(|number| {
            let body = request(&world, &format!("small {number}\n"));
            let mut peer = Producer::new(&mut world, body, Vec::new());
            peer.step(&mut world, 1);
            let rest = std::mem::take(&mut peer.to_send);
            world.send(peer.peer, &rest);
            peer
        })
        .collect();
    world.settle();
    assert_eq!(other.behind(), full, "they wait");
    let mut empty = Producer::new(&mut world, Vec::new(), Vec::new());
    world.send(empty.peer, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    world.settle();
    empty.read(&mut world);
    assert_eq!(empty.receipts().len(), 1, "it needs no room");
    // Each batch of room is one turn: all of the 20 are answered before the floods have had three turns more each.
    for _ in 0..30 {
        other.pass_on(1);
        world.settle();
    }
    for mut peer in small {
        peer.read(&mut world);
        assert_eq!(peer.receipts().len(), 1);
    }
    assert!(floods.iter().all(|flood| !world.is_ended(*flood)));
}

#[test]
fn a_request_that_comes_with_new_room_does_not_overtake_those_that_wait() {
    let (mut world, mut other) = world_of_two(1, &[]);
    for _ in 0..2 {
        flood(&mut world);
    }
    world.settle();
    let mut late = Producer::new(&mut world, Vec::new(), Vec::new());
    world.settle();
    other.pass_on(1);
    world.send(late.peer, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nsmall\n");
    world.settle();
    late.read(&mut world);
    assert_eq!(late.receipts().len(), 0, "the room is for one of the two that waited before");
    for _ in 0..10 {
        other.pass_on(1);
        world.settle();
    }
    late.read(&mut world);
    assert_eq!(late.receipts().len(), 1);
}

#[test]
fn a_key_is_known_as_long_as_the_history_of_the_last_reload() {
    let (mut world, _) = world_of_two(5, &["--history", "2"]);
    world.mail(Mail::Reload(configured(&[&SOURCE[..], &["--history", "1000"]].concat())));
    let mut peer = Producer::new(&mut world, Vec::new(), Vec::new());
    for (fields, body) in
        [("Idempotency-Key: \"k\"\r\n", "a"), ("", "b\nc\nd\n"), ("Idempotency-Key: \"k\"\r\n", "a")]
    {
        let length = body.len();
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: {length}\r\n\r\n");
        world.send(peer.peer, format!("{head}{body}").as_bytes());
        world.settle();
        peer.read(&mut world);
    }
    let receipts = peer.receipts();
    assert_eq!(receipts[2], receipts[0], "the line is not published again");
}

#[test]
fn a_thousand_small_requests_at_once_wait_for_nobody() {
    let (mut world, other) = world_of_two(2, &[]);
    let mut peers: Vec<_> = (0..1000)
        .map(|number| {
            let bytes = request(&world, &format!("small {number}\n"));
            Producer::new(&mut world, bytes, Vec::new())
        })
        .collect();
    for peer in &mut peers {
        let bytes = std::mem::take(&mut peer.to_send);
        world.send(peer.peer, &bytes);
    }
    world.settle();
    for peer in &mut peers {
        peer.read(&mut world);
        assert_eq!(peer.receipts().len(), 1);
    }
    assert_eq!(other.behind(), 1000, "no worker but this one has had to pass on anything");
}

#[test]
fn a_body_with_a_length_is_late_after_the_timeout_and_what_is_chunked_or_waits_is_not() {
    let (mut world, mut other) = world_of_two(3, &[]);
    let mut lines = Lines::new(&mut world);
    let peer = |world: &mut World, fields: &str, body: &str| {
        let peer = world.connect();
        world.send(peer, format!("PUT / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n\r\n{body}").as_bytes());
        peer
    };
    let late = peer(&mut world, "Content-Length: 100", "one\ntwo\nhalf");
    let silent = peer(&mut world, "Transfer-Encoding: chunked", "a\r\nthree\nhalf\r\n");
    let kept = peer(&mut world, "Content-Length: 5", "four\n");
    world.settle();
    for _ in 0..29 {
        world.advance(Duration::from_secs(1));
        world.settle();
    }
    assert!(!world.is_ended(late));
    world.advance(Duration::from_secs(2));
    world.settle();
    let answer = String::from_utf8(world.read(late, usize::MAX)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.ends_with("\"lines\":2}\n"), "{answer}");
    assert!(world.is_ended(late) && !world.is_ended(kept));
    for _ in 0..3600 {
        world.advance(Duration::from_secs(1));
        world.settle();
    }
    assert!(world.is_ended(kept), "nothing more came on it");
    assert!(!world.is_ended(silent));
    world.send(silent, b"3\r\n, 5\r\n0\r\n\r\n");
    world.settle();
    assert_eq!(lines.read(&mut world), ["one", "two", "three", "four", "half, 5"]);
    // Whoever waits for room is not late.
    flood(&mut world);
    world.settle();
    let waits = peer(&mut world, "Content-Length: 5", "six\n\n");
    for _ in 0..300 {
        world.advance(Duration::from_secs(1));
        world.settle();
    }
    assert!(!world.is_ended(waits));
    for _ in 0..20 {
        other.pass_on(2);
        world.settle();
    }
    assert!(String::from_utf8(world.read(waits, usize::MAX)).unwrap().starts_with("HTTP/1.1 200 "));
}

#[test]
fn one_that_has_had_its_turn_and_sends_nothing_is_late() {
    let (mut world, mut other) = world_of_two(6, &[]);
    let floods = [flood(&mut world), flood(&mut world)];
    world.settle();
    let late = world.connect();
    world.send(late, b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\none\nhalf");
    world.settle();
    // It publishes what it has, waits with the others for more, and has a turn for which nothing comes.
    for _ in 0..12 {
        other.pass_on(1);
        world.settle();
    }
    for flood in floods {
        world.reset(flood);
    }
    for _ in 0..70 {
        other.pass_on(u64::MAX);
        world.settle();
        world.advance(Duration::from_secs(1));
    }
    let answer = String::from_utf8(world.read(late, usize::MAX)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.ends_with("\"lines\":1}\n"), "{answer}");
}

#[test]
fn a_turn_after_a_long_wait_gives_the_whole_time_for_what_is_still_to_come() {
    let (mut world, mut other) = world_of_two(6, &[]);
    let mut lines = Lines::new(&mut world);
    let floods = [flood(&mut world), flood(&mut world)];
    world.settle();
    let slow = world.connect();
    world.send(slow, b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\none\n");
    world.settle();
    while !lines.read(&mut world).contains(&"one".to_owned()) {
        other.pass_on(1);
        world.settle();
    }
    // It waits again, with nothing to be read.
    world.advance(Duration::from_secs(29));
    world.settle();
    for flood in floods {
        world.reset(flood);
    }
    for _ in 0..9 {
        other.pass_on(u64::MAX);
        world.settle();
    }
    world.advance(Duration::from_secs(2));
    world.settle();
    world.send(slow, b"two!\n");
    world.settle();
    let answer = String::from_utf8(world.read(slow, usize::MAX)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\"lines\":2}\n"), "{answer}");
}

#[test]
fn a_connection_that_is_kept_has_the_time_of_a_head_from_its_first_byte_on() {
    let (mut world, _) = world_of_two(4, &[]);
    let peer = world.connect();
    world.send(peer, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na\n");
    world.settle();
    for _ in 0..50 {
        world.advance(Duration::from_secs(1));
        world.settle();
    }
    world.send(peer, b"POST / HT");
    world.settle();
    for byte in b"TP/1.1\r\nX" {
        world.advance(Duration::from_secs(1));
        world.settle();
        assert!(!world.is_ended(peer));
        // Not from each of them.
        world.send(peer, &[*byte]);
        world.settle();
    }
    world.advance(Duration::from_secs(2));
    world.settle();
    let answers = String::from_utf8(world.read(peer, usize::MAX)).unwrap();
    assert!(answers.contains("HTTP/1.1 408 ") && world.is_ended(peer), "{answers}");
}

#[test]
fn a_stop_publishes_the_lines_that_have_arrived_although_there_is_no_room() {
    let (mut world, other) = world_of_two(5, &[]);
    let mut lines = Lines::new(&mut world);
    flood(&mut world);
    world.settle();
    let full = other.behind();
    let [cut, whole] = ["Content-Length: 100", "Content-Length: 10"].map(|fields| {
        let peer = world.connect();
        world.send(
            peer,
            format!("PUT / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n\r\none\ntwo\nto").as_bytes(),
        );
        peer
    });
    world.settle();
    assert_eq!(other.behind(), full);
    world.control().stop(Stop::Restart);
    for _ in 0..100 {
        if !world.turn() {
            break;
        }
    }
    let answers = [cut, whole].map(|peer| String::from_utf8(world.read(peer, usize::MAX)).unwrap());
    assert!(
        answers[0].starts_with("HTTP/1.1 503 ") && answers[0].contains("\r\nRetry-After: "),
        "{answers:?}"
    );
    assert!(answers[0].ends_with("\"lines\":2}\n"), "{answers:?}");
    assert!(answers[1].starts_with("HTTP/1.1 200 ") && answers[1].ends_with("\"lines\":3}\n"), "{answers:?}");
    drop(lines.read(&mut world));
}

#[test]
fn strangers_that_are_cut_off_anywhere_leave_whole_lines_only() {
    for seed in 0..SEEDS {
        let (mut world, mut other) = world_of_two(seed, &[]);
        let mut lines = Lines::new(&mut world);
        let mut numbers = 0_u64;
        for _ in 0..STEPS {
            let mut body = String::new();
            for _ in 0..world.seed().below(50) {
                numbers += 1;
                writeln!(body, "<{numbers}>").unwrap();
            }
            let bytes = request(&world, &body);
            let peer = world.connect();
            let cut = usize::try_from(world.seed().below(bytes.len() as u64)).unwrap();
            world.send(peer, &bytes[..cut]);
            if world.seed().once_in(2) {
                world.settle();
            }
            match world.seed().below(3) {
                0 => world.reset(peer),
                1 => world.end(peer),
                _ => world.send(peer, &[0xFF; 1000]),
            }
            world.settle();
            other.pass_on(3);
        }
        other.pass_on(u64::MAX);
        world.settle();
        let out = lines.read(&mut world);
        let whole = |line: &&String| line.starts_with('<') && line.ends_with('>');
        // A stranger's own bytes may make a line of a body that has a length.
        let strange = |line: &&String| line.contains('\u{fffd}');
        let other = out.iter().find(|line| !whole(line) && !strange(line));
        assert_eq!(other, None, "seed {seed}");
        let numbers: Vec<u64> =
            out.iter().filter(whole).map(|line| line[1..line.len() - 1].parse().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "seed {seed}");
    }
}

#[test]
fn what_waits_for_room_goes_on_in_the_next_process() {
    for seed in 0..2 {
        let (mut world, other) = world_of_two(seed, &[]);
        let mut lines = Lines::new(&mut world);
        world.settle();
        let mut peers: Vec<_> = [250_000, 3, 20_000, 3]
            .into_iter()
            .enumerate()
            .map(|(peer, count)| {
                let of_peer: Vec<_> = (0..count).map(|line| format!("{peer} {line}")).collect();
                let body = of_peer.join("\n");
                let head = "PUT / HTTP/1.1\r\nHost: localhost\r\n";
                let bytes = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
                Producer::new(&mut world, bytes, of_peer)
            })
            .collect();
        for peer in &mut peers {
            let bytes = std::mem::take(&mut peer.to_send);
            world.send(peer.peer, &bytes);
            world.settle();
        }
        let behind = other.behind();
        assert!(behind > 0 && peers.iter_mut().all(|peer| world.read(peer.peer, 1).is_empty()));
        let mut world = publishing_across_processes::next_process(world);
        // Turn by turn: a reader that comes back too late falls out of the ring.
        while peers.iter().any(|peer| peer.answers.is_empty()) {
            world.turn();
            lines.0.read(&mut world, usize::MAX);
            for peer in &mut peers {
                peer.read(&mut world);
            }
        }
        let out = lines.read(&mut world);
        for peer in &mut peers {
            assert_eq!(number_in(&peer.receipts()[0], "lines"), peer.lines.len(), "seed {seed}");
            let name = peer.lines[0].split(' ').next();
            let of_peer = out.iter().filter(|line| line.split(' ').next() == name);
            assert!(of_peer.eq(&peer.lines), "seed {seed}");
        }
    }
}
