//! Each call fails at each of its uses with each of its errors, once, also while another process takes over: it costs one client
//! at most, and that one sees the end of its connection. All others get every line once.

use reactor::simulation::{Failure, each_failure};

use super::*;

const ARGS: [&str; 4] = ["--source", "-", "--leave-notices", "off"];

/// The numbers in the frames of a WebSocket, as far as they are whole.
fn numbers_of_frames(bytes: &[u8]) -> Vec<u64> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let (mut rest, mut numbers) = (head.map_or(&[][..], |end| &bytes[end + 4..]), Vec::new());
    while let [opcode, len @ 0..126, behind @ ..] = rest {
        let Some((payload, next)) = behind.split_at_checked(usize::from(*len)) else { break };
        if *opcode == 0x81 {
            let text = std::str::from_utf8(payload).unwrap();
            numbers.extend(text.lines().map(|line| line.parse::<u64>().unwrap()));
        }
        rest = next;
    }
    numbers
}

struct Clients {
    readers: Vec<Reader>,
    /// The place of the WebSocket among them.
    web_socket: usize,
}

impl Clients {
    fn new(world: &mut World) -> Self {
        let mut readers: Vec<Reader> =
            ["text/plain", "text/event-stream", "text/plain"].map(|media| Reader::of(world, media)).into();
        let peer = world.connect();
        world.send(peer, MODERN);
        readers.push(Reader { peer, bytes: Vec::new() });
        Self { readers, web_socket: 3 }
    }

    /// A second passes, in which the clients read: the first one all, the others little at a time.
    fn pass(&mut self, world: &mut World) {
        for _ in 0..20 {
            world.pass(Duration::from_millis(50));
            for (place, reader) in self.readers.iter_mut().enumerate() {
                reader.read(world, if place == 0 { usize::MAX } else { 300 });
            }
        }
    }

    fn numbers(&self, place: usize) -> Vec<u64> {
        let reader = &self.readers[place];
        if place == self.web_socket { numbers_of_frames(&reader.bytes) } else { reader.numbers() }
    }
}

fn scenario(failure: Option<Failure>) -> Vec<u64> {
    let mut world = world(5, &ARGS);
    world.spurious_events(0);
    world.fail_once(failure);
    let mut clients = Clients::new(&mut world);
    clients.pass(&mut world);
    world.mail(batch(1..40));
    // Asks for a pong, with a mask of zeros.
    world.send(clients.readers[3].peer, b"\x89\x82\0\0\0\0hi");
    clients.pass(&mut world);
    world.mail(batch(40..50));
    let mut world = world.hand_over(|old, birth| successor(old, birth, &ARGS));
    clients.readers.push(Reader::new(&mut world));
    clients.pass(&mut world);
    world.mail(batch(50..60));
    clients.pass(&mut world);
    let lost = (0..clients.readers.len()).filter(|place| {
        let numbers = clients.numbers(*place);
        let last = numbers.last().copied().unwrap_or(0);
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{failure:?}: {numbers:?}");
        let begins = *place == 4 || numbers.first().is_none_or(|first| *first == 1);
        assert!(begins, "{failure:?}: {numbers:?}");
        let is_lost = last != 59;
        let peer = clients.readers[*place].peer;
        assert!(!is_lost || world.is_ended(peer), "{failure:?}: client {place} has {last}");
        is_lost
    });
    let most = usize::from(failure.is_some_and(Failure::may_cost_a_connection));
    assert!(lost.count() <= most, "{failure:?}");
    world.control().stop(Stop::Shutdown);
    world.pass(Duration::from_mins(1));
    assert_eq!((world.counters().open, world.descriptors(), world.turn()), (0, 0, false), "{failure:?}");
    world.all_uses()
}

#[test]
fn each_call_may_fail_at_each_use_with_each_error() {
    let failures = each_failure(scenario);
    println!("{failures} failures");
    assert!(failures > 300, "{failures}");
}
