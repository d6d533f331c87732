//! How long a request that publishes may take, whether it waits for room or its client for nothing.

use super::{
    super::*,
    flood,
    peers::{Lines, world_of_two},
};

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
