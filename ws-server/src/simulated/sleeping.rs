//! Clients that take nothing for a while.

use super::*;

/// A peer takes nothing while many lines come, and then everything; what it got, without the answer to its request.
fn sleep_through(args: &[&str], request: &[u8]) -> Vec<u8> {
    let mut world = world(1, args);
    let mut sleeper = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(sleeper.peer, request);
    for number in 1..2000 {
        let mut batch = Batch::new(id(number));
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

#[test]
fn a_client_that_falls_out_of_the_ring_is_closed_as_slow_after_a_whole_message() {
    let bytes = sleep_through(&["--source", "-", "--max-backlog", "10000"], MODERN);
    let close = [b"\x88\x06".as_slice(), &1008_u16.to_be_bytes(), b"slow"].concat();
    assert!(bytes.ends_with(&close), "{}", bytes[bytes.len() - 20..].escape_ascii());
    assert_eq!((bytes.len() - close.len()) % 1004, 0, "frames are whole");
}

#[test]
fn a_client_of_a_latest_stream_that_slept_is_told_how_many_it_missed() {
    // Whether the ring has what it missed, or only the newest.
    for backlog in ["8MiB", "1000"] {
        let args = ["--source", "-", "--delivery", "latest", "--max-backlog", backlog];
        let bytes = sleep_through(&args, b"GET /?since=0 HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n");
        let text = String::from_utf8(bytes).unwrap();
        let (_, events) = text.split_once("\n\n").unwrap();
        assert!(events.contains("event: gap\ndata: {\"missed\":"));
        assert_eq!(dense(events), (1..2000).collect::<Vec<_>>());
    }
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
    let mut batch = Batch::new(id(1));
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
