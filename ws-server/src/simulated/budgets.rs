//! What a client may send, and what we keep of it while it takes nothing.

use super::*;

fn socket(world: &mut World) -> usize {
    let peer = world.connect();
    world.send(peer, MODERN);
    world.settle();
    peer
}

/// True if the client was closed with 1008.
fn is_refused(world: &mut World, peer: usize) -> bool {
    world.read(peer, usize::MAX).windows(2).any(|code| code == [0x03, 0xF0])
}

#[test]
fn pings_pongs_and_messages_that_nobody_wants_have_their_budgets() {
    let args = ["--source", "-", "--control-rate", "1", "--control-burst", "50", "--message-rate", "1"];
    let args = [&args[..], &["--message-burst", "50", "--max-fragments", "0"]].concat();
    let first = b"\x01\x80\0\0\0\0".as_slice();
    let table = [
        ("pings", b"".as_slice(), b"\x89\x80\0\0\0\0"),
        ("pongs", b"", b"\x8a\x80\0\0\0\0"),
        ("messages", b"", b"\x81\x80\0\0\0\0"),
        ("empty fragments", first, b"\x00\x80\0\0\0\0"),
    ];
    for (name, before, frame) in table {
        let mut world = world(1, &args);
        let [patient, flooding] = [(); 2].map(|()| socket(&mut world));
        for (peer, count) in [(patient, 49), (flooding, 60)] {
            world.send(peer, before);
            world.send(peer, &frame.repeat(count));
        }
        world.settle();
        let refused = [patient, flooding].map(|peer| is_refused(&mut world, peer));
        assert_eq!(refused, [false, true], "{name}");
    }
}

#[test]
fn of_the_pings_that_come_while_the_socket_is_full_only_the_newest_is_answered() {
    let mut world = world(1, &["--source", "-", "--write-timeout", "1h"]);
    let peer = socket(&mut world);
    for number in 1..60 {
        let mut batch = Batch::new(id(number));
        batch.push(|out| write!(out, "{number:0100}").unwrap());
        world.mail(Mail::Batch(Arc::new(batch)));
        world.settle();
    }
    for number in b'a'..=b'z' {
        world.send(peer, &[0x89, 0x81, 0, 0, 0, 0, number]);
        world.settle();
    }
    let mut bytes = Vec::new();
    for _ in 0..100 {
        bytes.extend(world.read(peer, usize::MAX));
        world.settle();
    }
    let pongs: Vec<u8> = bytes.windows(3).filter(|pong| pong[..2] == [0x8A, 1]).map(|pong| pong[2]).collect();
    assert_eq!(pongs, b"z");
}

/// Sends the first part of a message, lowers its limit from 100 bytes to 10 and sends the next part: true if the client is closed with
/// 1009 then.
fn is_too_big(on_message: &str, first: &[u8], next: &[u8]) -> bool {
    let args = |most| ["--interval", "0", "--on-message", on_message, "--max-message", most];
    let mut world = world(1, &args("100"));
    let peer = socket(&mut world);
    world.send(peer, first);
    world.settle();
    world.mail(Mail::Reload(configured(&args("10"))));
    world.settle();
    world.send(peer, next);
    world.settle();
    world.read(peer, usize::MAX).ends_with(&[0x88, 2, 0x03, 0xF1])
}

#[test]
fn a_limit_that_a_reload_has_lowered_counts_for_a_message_that_has_begun() {
    let (fragment, last) = (b"\x01\x88\0\0\0\0abcdefgh", b"\x80\x88\0\0\0\0ijklmnop");
    assert!(is_too_big("echo", fragment, last));
    assert!(is_too_big("ignore", fragment, last));
    assert!(!is_too_big("echo", fragment, b"\x80\x82\0\0\0\0ij"));
}

#[test]
fn a_limit_that_a_reload_has_lowered_counts_for_a_frame_that_has_begun() {
    assert!(is_too_big("echo", b"\x81\x90\0\0\0\0abcdefgh", b"ijklmnop"));
}

#[test]
fn a_restart_gives_no_budget_back_and_forgets_no_ping_of_ours() {
    let args = ["--source", "-", "--ping-interval", "30s", "--pong-timeout", "10s", "--control-rate", "1"];
    let args = [&args[..], &["--control-burst", "50"]].concat();
    let mut world = world(1, &args);
    let [flooding, dead] = [(); 2].map(|()| socket(&mut world));
    world.advance(Duration::from_secs(31));
    world.settle();
    world.send(flooding, &b"\x8a\x80\0\0\0\0".repeat(40));
    world.settle();
    let mut world = world.hand_over(|old, birth| successor(old, birth, &args));
    world.settle();
    world.send(flooding, &b"\x8a\x80\0\0\0\0".repeat(20));
    world.settle();
    assert!(is_refused(&mut world, flooding));
    world.advance(Duration::from_secs(11));
    world.settle();
    assert!(world.is_closed(dead), "it has not answered the ping of the process before");
}
