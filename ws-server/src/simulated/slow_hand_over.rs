//! Hand-overs that take long, as on a machine that is starved: whose time goes on meanwhile, and whose stands still.

use reactor::simulation::{Call, Successor};
use rustix::io::Errno;

use super::*;

const TENTH: Duration = Duration::from_millis(100);

/// The next process begins so long after this one has ended.
fn hand_over(world: World, delay: Duration, args: &[&str]) -> World {
    let next = Successor { workers: 1, settings: configured(args).reactor_settings(), delay };
    world.hand_over_to(next, |old, birth| {
        old.into_iter().map(|old| successor(old, birth.clone(), args)).collect()
    })
}

fn socket(world: &mut World, query: &str) -> usize {
    let peer = world.connect();
    world.send(peer, &modern(query));
    world.settle();
    assert!(world.read(peer, usize::MAX).starts_with(b"HTTP/1.1 101 "));
    peer
}

fn notices(world: &mut World, reader: &mut Reader) -> usize {
    reader.read(world, usize::MAX);
    String::from_utf8_lossy(&reader.bytes).matches(" disconnected\n").count()
}

#[test]
fn a_client_grows_older_while_nobody_serves_it_and_is_announced_when_it_leaves() {
    for args in [&["--interval", "1s"][..], &["--source", "-", "--interval", "1s", "--leave-notices", "on"]] {
        for (before, delay, announced) in [(5, 3_000, 1), (5, 100, 0), (0, 900, 0), (0, 1_100, 1)] {
            let mut world = world(1, args);
            let [mut stays, leaves] = [(); 2].map(|()| Reader::new(&mut world));
            world.settle();
            world.advance(before * TENTH);
            world.settle();
            let mut world = hand_over(world, Duration::from_millis(delay), args);
            // Before the next process has adopted it.
            world.reset(leaves.peer);
            world.settle();
            world.advance(TENTH);
            world.settle();
            let count = notices(&mut world, &mut stays);
            assert_eq!(count, announced, "{args:?}: {before} tenths, and {delay} ms between the processes");
        }
    }
}

#[test]
fn a_client_that_the_next_process_cannot_adopt_is_announced_like_any_other_that_left() {
    let args = ["--source", "-", "--interval", "1s", "--leave-notices", "on"];
    for call in [Call::Adopt, Call::Add] {
        let mut world = world(1, &args);
        let mut readers = [(); 2].map(|()| Reader::new(&mut world));
        world.settle();
        world.fail(call, 1, Errno::NOMEM);
        let mut world = hand_over(world, Duration::from_secs(2), &args);
        world.settle();
        world.advance(TENTH);
        world.settle();
        let counts = readers.each_mut().map(|reader| notices(&mut world, reader));
        assert_eq!(counts.iter().sum::<usize>(), 1, "{call:?}: {counts:?}");
    }
}

#[test]
fn the_clients_whose_date_is_due_first_are_the_first_to_be_served_again() {
    let args = ["--interval", "1s"];
    let mut world = world(1, &args);
    let early = [(); 200].map(|()| socket(&mut world, ""));
    world.advance(5 * TENTH);
    let late = [(); 200].map(|()| socket(&mut world, ""));
    world.advance(7 * TENTH);
    world.settle();
    early.iter().chain(&late).for_each(|peer| drop(world.read(*peer, usize::MAX)));
    // Those that came late have their date in three tenths, the others in eight.
    let mut world = hand_over(world, 9 * TENTH, &args);
    assert!(world.turn(), "one of many");
    let mut served =
        |peers: &[usize]| peers.iter().filter(|peer| !world.read(**peer, usize::MAX).is_empty()).count();
    let (early, late) = (served(&early), served(&late));
    assert!(late == 200 && early < 200, "{late} and {early}");
}

#[test]
fn a_client_that_kept_to_its_rate_all_the_time_has_sent_no_more_than_it_may() {
    let args = ["--source", "-", "--message-rate", "10", "--message-burst", "20"];
    let args = [&args[..], &["--control-rate", "10", "--control-burst", "20"]].concat();
    for frame in [b"\x81\x80\0\0\0\0", b"\x8a\x80\0\0\0\0"] {
        let mut world = world(1, &args);
        let [keeps, exceeds] = [(); 2].map(|()| socket(&mut world, ""));
        for peer in [keeps, exceeds] {
            world.send(peer, &frame.repeat(20));
        }
        world.settle();
        let mut world = hand_over(world, Duration::from_millis(1_500), &args);
        for (peer, count) in [(keeps, 15), (exceeds, 16)] {
            world.send(peer, &frame.repeat(count));
        }
        world.settle();
        let closed = [keeps, exceeds].map(|peer| world.read(peer, usize::MAX).starts_with(b"\x88"));
        assert_eq!(closed, [false, true], "{frame:?}");
    }
}

#[test]
fn a_sign_of_life_that_fell_due_between_two_processes_comes_with_the_next_one() {
    let args = ["--source", "-", "--heartbeat", "1h", "--ping-interval", "1h", "--leave-notices", "off"];
    let mut world = world(1, &args);
    let peer = socket(&mut world, "heartbeat=3");
    world.advance(20 * TENTH);
    world.settle();
    let mut world = hand_over(world, 50 * TENTH, &args);
    world.settle();
    assert_eq!(world.read(peer, usize::MAX), b"\x81\0", "after seven seconds");
    world.advance(28 * TENTH);
    world.settle();
    assert_eq!(world.read(peer, usize::MAX), b"");
    world.advance(3 * TENTH);
    world.settle();
    assert_eq!(world.read(peer, usize::MAX), b"\x81\0", "three seconds after the one before");
}

#[test]
fn the_time_for_an_answer_stands_still_between_two_processes() {
    let args = ["--source", "-", "--ping-interval", "5s", "--pong-timeout", "3s", "--head-timeout", "3s"];
    for query in ["", "heartbeat=1"] {
        let mut world = world(1, &args);
        let client = socket(&mut world, query);
        world.pass(51 * TENTH);
        let head = world.connect();
        world.send(head, &MODERN[..60]);
        world.pass(12 * TENTH);
        assert!(world.read(client, usize::MAX).windows(2).any(|ping| ping == b"\x89\0"));
        let mut world = hand_over(world, 100 * TENTH, &args);
        world.pass(14 * TENTH);
        assert!(!world.is_ended(client) && !world.is_ended(head), "{query:?}");
        world.pass(8 * TENTH);
        assert!(world.is_ended(client) && world.is_ended(head), "{query:?}: as much was left as before");
    }
}

/// The id of a client that was answered, and when that was.
struct Guest {
    peer: usize,
    id: String,
    since: std::time::Instant,
}

#[test]
fn whoever_has_stayed_an_interval_is_announced_once_however_its_time_was_spent() {
    let args = ["--interval", "1s", "--notice-rate", "1000", "--template", "{seq}"];
    let interval = Duration::from_secs(1);
    for seed in 0..SEEDS {
        let mut world = world(seed, &args);
        let mut stays = Reader::new(&mut world);
        let (mut guests, mut old, mut young): (Vec<Guest>, Vec<String>, Vec<String>) = Default::default();
        let mut seeds = world.seed();
        for _ in 0..SEEDS * 10 {
            world.settle();
            match seeds.below(8) {
                0..3 => {
                    let mut guest = Reader::new(&mut world);
                    world.settle();
                    guest.read(&mut world, usize::MAX);
                    let head = String::from_utf8(guest.bytes).unwrap();
                    let id = head.split_once("X-Connection-Id: ").unwrap().1.split_once("\r\n").unwrap().0;
                    guests.push(Guest { peer: guest.peer, id: id.to_owned(), since: world.now() });
                }
                3..5 if !guests.is_empty() => {
                    let Guest { peer, id, since } = guests.swap_remove(seeds.index(guests.len()));
                    let age = world.now() - since;
                    world.reset(peer);
                    // Some leave while nobody serves them.
                    let is_seen = seeds.once_in(2);
                    if is_seen {
                        world.settle();
                    } else {
                        world = hand_over(world, Duration::from_millis(seeds.below(2_000)), &args);
                    }
                    // A process writes down whole milliseconds.
                    if age >= interval + Duration::from_millis(SEEDS * 10) {
                        old.push(id);
                    } else if is_seen && age < interval {
                        young.push(id);
                    }
                }
                5 => world = hand_over(world, Duration::from_millis(seeds.below(2_000)), &args),
                _ => world.advance(Duration::from_millis(seeds.below(300))),
            }
        }
        world.pass(interval);
        stays.read(&mut world, usize::MAX);
        let text = String::from_utf8(stays.bytes).unwrap();
        let announced = |id: &&String| text.matches(&format!("\n{id} disconnected\n")).count();
        assert!(!old.is_empty() && !young.is_empty(), "seed {seed}");
        assert!(old.iter().all(|id| announced(&id) == 1), "seed {seed}: {old:?} in {text}");
        assert!(young.iter().all(|id| announced(&id) == 0), "seed {seed}: {young:?} in {text}");
    }
}
