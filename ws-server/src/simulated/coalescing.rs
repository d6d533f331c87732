//! Lines that come one by one and leave together: what a busy stream costs, and when a line goes out.

use reactor::simulation::Call;

use super::*;
use crate::{peers::post, stream::SourceKind};

const LINES: [&str; 4] = ["--source", "-", "--leave-notices", "off"];

/// Lines, to clients whose sockets take whole writes.
fn lines(args: &[&str]) -> World {
    let mut world = world(1, &[&LINES, args].concat());
    world.short_writes(0);
    world
}

/// A reader of lines that has its answer, and nothing else to get.
fn reader(world: &mut World) -> Reader {
    let mut reader = Reader::new(world);
    world.settle();
    reader.read(world, usize::MAX);
    reader
}

/// Publishes one line, in a batch of its own, as the thread of a source does.
fn line(world: &mut World, number: u64) {
    line_from(&SourceKind::Stdin, world, number);
}

fn line_from(source: &SourceKind, world: &mut World, number: u64) {
    let mut batch = Batch::new(id(number));
    batch.push(|out| write!(out, "{number}").unwrap());
    post(world.mailboxes(), source, &batch.shared());
}

/// How often the worker looks for what there is until it sleeps.
fn turns(world: &mut World) -> u64 {
    let before = world.uses(Call::Poll);
    world.settle();
    world.uses(Call::Poll) - before
}

/// How many writes it takes until all is sent that goes out now.
fn writes(world: &mut World) -> u64 {
    let before = world.uses(Call::Write);
    world.settle();
    world.uses(Call::Write) - before
}

#[test]
fn lines_that_came_one_by_one_leave_in_one_write() {
    let mut world = lines(&[]);
    let mut readers = [(); 2].map(|()| reader(&mut world));
    for numbers in [1..2, 2..18, 18..20, 20..500] {
        numbers.for_each(|number| line(&mut world, number));
        assert_eq!(writes(&mut world), 2, "for two clients");
    }
    for reader in &mut readers {
        reader.read(&mut world, usize::MAX);
        assert!(reader.numbers().into_iter().eq(1..500));
    }
}

#[test]
fn a_line_goes_out_at_once_and_those_behind_it_together_when_its_time_is_over() {
    let mut world = lines(&["--coalesce", "5ms"]);
    let mut reader = reader(&mut world);
    // Milliseconds since the step before, lines that come then, and what was sent after it.
    let steps =
        [(0, 1, 1), (1, 1, 0), (2, 1, 0), (1, 1, 0), (1, 0, 1), (4, 1, 0), (1, 0, 1), (5, 1, 1), (99, 1, 1)];
    let mut next = 1;
    for (at, (millis, lines, wanted)) in steps.into_iter().enumerate() {
        world.advance(Duration::from_millis(millis));
        for _ in 0..lines {
            line(&mut world, next);
            next += 1;
        }
        assert_eq!(writes(&mut world), wanted, "step {at}");
    }
    reader.read(&mut world, usize::MAX);
    assert!(reader.numbers().into_iter().eq(1..next));
}

#[test]
fn a_newcomer_gets_the_lines_that_wait_at_once_and_none_of_them_twice() {
    let mut world = lines(&["--coalesce", "5ms"]);
    let mut old = reader(&mut world);
    (1..4).for_each(|number| {
        line(&mut world, number);
        world.settle();
    });
    let new = reader(&mut world);
    old.read(&mut world, usize::MAX);
    assert_eq!((old.numbers(), new.numbers()), (vec![1], vec![1, 2, 3]));
    line(&mut world, 4);
    assert_eq!(writes(&mut world), 0, "it waits for the next one as the others do");
    world.advance(Duration::from_millis(5));
    assert_eq!(writes(&mut world), 2);
    for mut reader in [old, new] {
        reader.read(&mut world, usize::MAX);
        assert_eq!(reader.numbers(), [1, 2, 3, 4]);
    }
}

#[test]
fn lines_that_come_seldom_are_never_late_and_a_busy_stream_writes_once_in_its_time() {
    // Milliseconds from line to line, how many come, and in how many writes they leave.
    for (gap, count, wanted) in [(50, 20, 20), (5, 20, 20), (1, 100, 20)] {
        let mut world = lines(&["--coalesce", "5ms"]);
        let mut reader = reader(&mut world);
        let mut sent = 0;
        for number in 1..=count {
            line(&mut world, number);
            sent += writes(&mut world);
            world.advance(Duration::from_millis(gap));
        }
        sent += writes(&mut world);
        // The first of a busy stream goes out alone.
        assert_eq!(sent, wanted + u64::from(gap < 5), "a line each {gap} ms");
        reader.read(&mut world, usize::MAX);
        assert!(reader.numbers().into_iter().eq(1..=count));
    }
}

#[test]
fn lines_that_wait_are_sent_before_the_stream_ends_or_another_process_goes_on() {
    let args = ["--coalesce", "1h"];
    let mut world = lines(&args);
    let mut reader = reader(&mut world);
    line(&mut world, 1);
    world.settle();
    line(&mut world, 2);
    assert_eq!(writes(&mut world), 0);
    let mut world = world.hand_over(|old, birth| successor(old, birth, &[&LINES[..], &args].concat()));
    world.settle();
    reader.read(&mut world, usize::MAX);
    assert_eq!(reader.numbers(), [1, 2]);
    line(&mut world, 3);
    world.settle();
    line(&mut world, 4);
    world.control().stop(Stop::Finished);
    world.settle();
    reader.read(&mut world, usize::MAX);
    assert_eq!(reader.numbers(), [1, 2, 3, 4]);
}

#[test]
fn a_client_that_hears_of_a_stop_has_the_lines_that_came_before_it() {
    for stop in [Stop::Shutdown, Stop::Restart] {
        let mut world = lines(&["--coalesce", "1h"]);
        let mut readers = [(); 3].map(|()| reader(&mut world));
        (1..4).for_each(|number| {
            line(&mut world, number);
            world.settle();
        });
        line(&mut world, 4); // no worker has taken it
        world.control().stop(stop);
        for _ in 0..10 {
            world.settle();
            world.advance(Duration::from_secs(1));
        }
        for reader in &mut readers {
            reader.read(&mut world, usize::MAX);
            assert_eq!(reader.numbers(), [1, 2, 3, 4], "{stop:?}");
        }
    }
}

#[test]
fn a_slow_client_gets_all_lines_from_before_a_stop_though_the_source_is_faster_than_it_is() {
    for stop in [Stop::Shutdown, Stop::Restart] {
        let mut world = lines(&["--max-backlog", "64MiB"]);
        let mut reader = reader(&mut world);
        world.mail(batch(1..90_001)); // more than a turn brings to one client
        world.control().stop(stop);
        for next in (90_001..590_001).step_by(200) {
            world.settle();
            reader.read(&mut world, 2000);
            world.advance(Duration::from_millis(1));
            world.mail(batch(next..next + 200));
        }
        let numbers = reader.numbers();
        assert!(numbers.len() >= 90_000 && numbers.iter().copied().eq(1..=numbers.len() as u64), "{stop:?}");
        assert!(numbers.len() < 200_000, "{stop:?}: the connection ends");
        assert_eq!(world.counters().open, 0, "{stop:?}");
    }
}

#[test]
fn a_busy_stream_to_many_leaves_the_core_as_much_time_as_a_round_takes() {
    // Milliseconds that a round of 300 clients takes, lines that came one by one before it, and when the next round may begin.
    for (took, lines_before, wanted) in [(8, 4, 16), (8, 3, 8), (2, 4, 5), (30, 4, 30), (15, 4, 20)] {
        let mut world = lines(&["--coalesce", "5ms"]);
        let mut readers: Vec<Reader> = (0..300).map(|_| reader(&mut world)).collect();
        (1..=lines_before).for_each(|number| line(&mut world, number));
        // A part of the round, then the rest.
        assert!(world.turn());
        world.advance(Duration::from_millis(took));
        world.settle();
        line(&mut world, lines_before + 1);
        world.settle();
        for millisecond in took..wanted {
            readers[0].read(&mut world, usize::MAX);
            assert!(
                readers[0].numbers().into_iter().eq(1..=lines_before),
                "{took} ms: after {millisecond} ms"
            );
            world.advance(Duration::from_millis(1));
            world.settle();
        }
        for reader in &mut readers {
            reader.read(&mut world, usize::MAX);
            assert!(reader.numbers().into_iter().eq(1..=lines_before + 1), "{took} ms: after {wanted} ms");
        }
    }
}

#[test]
fn a_time_that_is_changed_holds_for_the_lines_that_wait() {
    let mut world = lines(&["--coalesce", "1h"]);
    let mut reader = reader(&mut world);
    line(&mut world, 1);
    world.settle();
    line(&mut world, 2);
    assert_eq!(writes(&mut world), 0);
    world.mail(Mail::Reload(configured(&[&LINES[..], &["--coalesce", "5ms"]].concat())));
    world.settle();
    world.advance(Duration::from_millis(5));
    assert_eq!(writes(&mut world), 1);
    reader.read(&mut world, usize::MAX);
    assert_eq!(reader.numbers(), [1, 2]);
}

#[test]
fn lines_that_wait_for_others_do_not_wake_a_worker_that_waits_too() {
    let mut world = lines(&["--coalesce", "5ms"]);
    let mut reader = reader(&mut world);
    line(&mut world, 1);
    assert_eq!(writes(&mut world), 1);
    line(&mut world, 2);
    assert_eq!(turns(&mut world), 1, "it learns that a line waits");
    for number in 3..19 {
        line(&mut world, number);
        let is_eighth = number == 10 || number == 18;
        assert_eq!(
            turns(&mut world),
            u64::from(is_eighth),
            "line {number}: half of what the source is ahead"
        );
    }
    line(&mut world, 19);
    world.advance(Duration::from_millis(5));
    assert_eq!(writes(&mut world), 1);
    reader.read(&mut world, usize::MAX);
    assert!(reader.numbers().into_iter().eq(1..20));
    line(&mut world, 20);
    assert_eq!(turns(&mut world), 1, "the first of the next window");
}

#[test]
fn lines_of_clients_that_may_wait_for_room_wake_a_worker_at_once() {
    let mut world = lines(&["--coalesce", "5ms"]);
    let _reader = reader(&mut world);
    for number in 1..6 {
        line_from(&SourceKind::Http, &mut world, number);
        assert!(turns(&mut world) > 0, "line {number}");
    }
}

#[test]
fn a_read_that_waits_for_lines_gets_them_as_they_come() {
    let mut world = world_after(1, &[&LINES[..], &["--coalesce", "1h"]].concat(), Some(lines_before(7)));
    (1..4).for_each(|number| {
        line(&mut world, number);
        world.settle();
    });
    let mut read = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(read.peer, b"GET /?since=1&until=6 HTTP/1.0\r\n\r\n");
    for (number, so_far) in [(4, 2..5), (5, 2..6), (6, 2..7)] {
        world.settle();
        line(&mut world, number);
        world.settle();
        read.read(&mut world, usize::MAX);
        assert!(read.numbers().into_iter().eq(so_far), "after line {number}");
    }
}

#[test]
fn lines_that_come_while_a_round_is_under_way_go_out_in_the_next_one() {
    let mut world = lines(&["--coalesce", "5ms"]);
    let mut readers: Vec<Reader> = (0..300).map(|_| reader(&mut world)).collect();
    (1..3).for_each(|number| {
        line(&mut world, number);
        world.settle();
    });
    world.advance(Duration::from_millis(5));
    assert!(world.turn(), "a part of the round");
    line(&mut world, 3);
    world.settle();
    world.advance(Duration::from_millis(5));
    world.settle();
    for reader in &mut readers {
        reader.read(&mut world, usize::MAX);
        assert_eq!(reader.numbers(), [1, 2, 3]);
    }
}
