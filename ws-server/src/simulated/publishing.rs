//! Requests that publish, in pieces, under backpressure and among strangers: each whole line is out once and in its place, and the answer
//! says which ones.

mod deadlines;
mod peers;

use super::*;
use peers::{Lines, Producer, SOURCE, number_in, request, world_of_two};

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
