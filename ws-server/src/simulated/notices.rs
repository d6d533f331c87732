//! Notices to many clients: in parts, once to each, and only to those that take them.

use super::*;

/// So many connections a broadcast visits in one turn, at most.
const VISITS: usize = 256;

fn body(world: &mut World, reader: &mut Reader) -> String {
    reader.read(world, usize::MAX);
    let text = String::from_utf8(reader.bytes.clone()).unwrap();
    text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

fn readers(world: &mut World, count: usize) -> Vec<Reader> {
    let readers = (0..count).map(|_| Reader::new(world)).collect();
    world.settle();
    readers
}

#[test]
fn a_broadcast_to_many_leaves_others_their_turns() {
    let mut world = world(1, &["--source", "-"]);
    let mut readers = readers(&mut world, 6 * VISITS);
    world.mail(batch(1..2));
    let mut reached = Vec::new();
    for _ in 0..4 {
        world.turn();
        let texts = readers.iter_mut().map(|reader| body(&mut world, reader));
        reached.push(texts.filter(|text| text == "1\n").count());
    }
    let steps = reached.iter().scan(0, |before, now| Some(now - std::mem::replace(before, *now)));
    assert!(steps.into_iter().all(|step| step <= VISITS), "{reached:?}");
    world.settle();
    assert!(readers.iter_mut().all(|reader| body(&mut world, reader) == "1\n"));
}

#[test]
fn a_client_that_moves_in_the_list_hears_a_notice_once() {
    let mut world = world(1, &["--interval", "1s", "--align", "--notice-rate", "100"]);
    let mut readers = readers(&mut world, 4 * VISITS);
    world.advance(Duration::from_secs(2));
    world.settle();
    let leaves = readers.remove(VISITS);
    world.reset(leaves.peer);
    // The turn that sees it leave, and the one that tells the last quarter of the list.
    world.turn();
    world.turn();
    // The last one of the list, which has heard it, takes the place of another one, which has not.
    let goes_too = readers.remove(10);
    world.reset(goes_too.peer);
    world.settle();
    for mut reader in readers {
        let text = body(&mut world, &mut reader);
        let notices: Vec<&str> = text.lines().filter(|line| line.ends_with(" disconnected")).collect();
        assert!(notices.len() == 2 && notices[0] != notices[1], "{notices:?}");
    }
}

#[test]
fn a_client_that_lived_no_interval_is_not_announced() {
    let mut world = world(1, &["--interval", "10s"]);
    let [mut stays, leaves] = [(); 2].map(|()| Reader::new(&mut world));
    world.settle();
    world.advance(Duration::from_secs(9));
    world.settle();
    world.reset(leaves.peer);
    world.settle();
    world.advance(Duration::from_secs(2));
    world.settle();
    assert!(!body(&mut world, &mut stays).contains("disconnected"));
}

/// A WebSocket whose opening handshake is over, with the head read.
fn socket(world: &mut World) -> usize {
    let peer = world.connect();
    world.send(peer, MODERN);
    world.settle();
    world.read(peer, usize::MAX);
    peer
}

#[test]
fn a_message_to_all_others_does_not_come_back_to_its_sender() {
    let mut world = world(1, &["--interval", "0", "--on-message", "broadcast"]);
    let [sender, other] = [(); 2].map(|()| socket(&mut world));
    world.send(sender, b"\x81\x82\0\0\0\0hi");
    world.settle();
    assert_eq!(world.read(other, 99), b"\x81\x02hi");
    assert_eq!(world.read(sender, 99), b"");
}

#[test]
fn messages_of_others_do_not_queue_up_for_a_client_that_takes_nothing() {
    let mut world = world(1, &["--interval", "0", "--on-message", "broadcast", "--message-rate", "0"]);
    let [sender, sleeper] = [(); 2].map(|()| socket(&mut world));
    let message = [b"\x81\xfe\x03\xe8\0\0\0\0".as_slice(), &[b'x'; 1000]].concat();
    for _ in 0..200 {
        world.send(sender, &message);
        world.settle();
    }
    world.control().ask();
    world.settle();
    let queued = world.control().stats()[0].queued();
    assert!(queued <= 1004, "{queued} bytes: more than the message that filled the socket");
    assert!(!world.is_closed(sleeper));
}
