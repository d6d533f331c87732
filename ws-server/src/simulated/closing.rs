//! After our Close nothing follows, and the other side has its time to answer.

use super::*;

/// A client that a hand-over meets in the middle of a frame: the first process sends 1012, the next one waits for the answer.
fn closing(
    from: &[&str],
    to: &[&str],
    query: &str,
    before: impl FnOnce(&mut World),
) -> (World, usize, Reader) {
    let mut world = world(1, from);
    let peer = world.connect();
    world.send(peer, &modern(query));
    let leaves = Reader::new(&mut world);
    world.settle();
    before(&mut world);
    world.advance(Duration::from_secs(2));
    world.settle();
    world.send(peer, b"\x81\x85\0\0\0\0he");
    world.settle();
    let mut world = world.hand_over(|old, birth| successor(old, birth, to));
    world.settle();
    (world, peer, leaves)
}

/// The bytes behind our Close.
fn behind_close(world: &mut World, peer: usize) -> Vec<u8> {
    let bytes = world.read(peer, usize::MAX);
    let text = b"back at once";
    let at = bytes.windows(text.len()).position(|bytes| bytes == text).unwrap();
    assert_eq!(bytes[at - 4..at], [0x88, 14, 0x03, 0xF4]);
    bytes[at + text.len()..].to_vec()
}

#[test]
fn neither_dates_nor_notices_follow_our_close() {
    let args = ["--interval", "1s", "--align", "--close-timeout", "5s"];
    let (mut world, peer, leaves) = closing(&args, &args, "", |_| {});
    world.reset(leaves.peer);
    world.settle();
    for _ in 0..3 {
        world.advance(Duration::from_secs(1));
        world.settle();
    }
    assert!(!world.is_closed(peer));
    assert_eq!(behind_close(&mut world, peer), b"");
}

#[test]
fn neither_lines_nor_gaps_follow_our_close() {
    let lines = ["--source", "-", "--close-timeout", "5s"];
    let clock = ["--interval", "1s", "--close-timeout", "5s"];
    for to in [&lines[..], &clock[..]] {
        let (mut world, peer, _) = closing(&lines, to, "ids=1", |world| world.mail(batch(1..5)));
        if to == lines {
            world.mail(batch(5..9));
        }
        world.settle();
        assert!(!world.is_closed(peer), "{to:?}");
        assert_eq!(behind_close(&mut world, peer), b"", "{to:?}");
    }
}

#[test]
fn a_client_of_draft_75_in_the_middle_of_a_frame_ends_at_once_with_all_that_came_before() {
    let args = ["--source", "-", "--leave-notices", "on", "--close-timeout", "5s"];
    let mut world = world(1, &args);
    let peer = world.connect();
    let mut stays = Reader::new(&mut world);
    // Draft 75, section 1.3: neither a key nor a version.
    world.send(peer, b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n");
    world.settle();
    world.advance(Duration::from_secs(2));
    world.send(peer, b"\0he");
    world.mail(batch(1..4));
    world.settle();
    let mut world = world.hand_over(|old, birth| successor(old, birth, &args));
    world.settle();
    assert!(world.is_ended(peer), "the end of the stream takes the place of a Close");
    let text = world.read(peer, usize::MAX);
    assert!(text.ends_with(b"\xff") && text.windows(1).filter(|byte| *byte == b"\0").count() == 3);
    world.reset(peer);
    world.advance(Duration::from_secs(1));
    world.settle();
    stays.read(&mut world, usize::MAX);
    assert!(String::from_utf8_lossy(&stays.bytes).contains("disconnected"));
}

#[test]
fn a_client_that_never_answers_our_close_has_as_long_as_the_options_say() {
    let args = ["--source", "-", "--close-timeout", "5s", "--drain-timeout", "1h"];
    let mut world = world(1, &args);
    let peer = world.connect();
    world.send(peer, MODERN);
    world.settle();
    world.control().stop(Stop::Restart);
    world.settle();
    world.advance(Duration::from_millis(4900));
    world.settle();
    assert!(!world.is_closed(peer));
    world.advance(Duration::from_millis(200));
    world.settle();
    assert!(world.is_closed(peer));
}

#[test]
fn a_source_that_failed_stops_the_daemon_like_a_signal() {
    for (well, expected) in [(false, Stop::Shutdown), (true, Stop::Finished)] {
        let mut world = world(1, &["--source", "-", "--at-eof", "exit"]);
        world.mail(Mail::Ended { well });
        world.turn();
        assert_eq!(world.control().stopping(), Some(expected));
    }
}

#[test]
fn where_the_next_process_cannot_read_the_stream_each_client_gets_1012() {
    let args = ["--interval", "1s"];
    let mut world = world(1, &args);
    let peers = [(); 5].map(|()| world.connect());
    for peer in peers {
        world.send(peer, &modern(""));
    }
    world.settle();
    let mut world = world.hand_over(|_, birth| handler(configured(&args), None, birth));
    world.settle();
    for peer in peers {
        assert_eq!(behind_close(&mut world, peer), b"");
    }
}
