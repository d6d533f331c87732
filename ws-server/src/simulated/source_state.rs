//! What the source is doing, as clients hear it: behind every line that came before, once, whatever their sockets do.

use common::source_state::{SourcePhase, SourceState};

use super::*;
use crate::stream::SourceChange;

const WAITING: &str = r#"{"source":"waiting","said":"exit code 3"}"#;
const ENDED: &str = r#"{"source":"ended","said":"the input has ended"}"#;

fn change(number: u64, phase: SourcePhase, said: &str) -> Mail {
    Mail::Source(Arc::new(SourceChange { number, state: SourceState::new(phase, said) }))
}

fn waiting(number: u64) -> Mail {
    change(number, SourcePhase::Waiting, "exit code 3")
}

fn connect(world: &mut World, request: &[u8]) -> Reader {
    let reader = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(reader.peer, request);
    world.settle();
    reader
}

/// What a reader got behind the answer to its request.
fn body(world: &mut World, reader: &mut Reader) -> String {
    for _ in 0..50 {
        world.settle();
        reader.read(world, usize::MAX);
    }
    let text = String::from_utf8(reader.bytes.clone()).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn event(json: &str) -> String {
    format!("event: source\ndata: {json}\n\n")
}

#[test]
fn a_change_comes_behind_the_lines_before_it_and_before_those_after_it() {
    let mut world = world(1, FED);
    let mut events = connect(&mut world, EVENTS);
    let mut frames = connect(&mut world, &modern("ids=1"));
    let mut others = [LINES, MODERN, &modern("numbered=1")].map(|request| connect(&mut world, request));
    world.mail(batch(1..3));
    world.mail(waiting(1));
    world.settle();
    world.mail(change(2, SourcePhase::Running, ""));
    world.mail(batch(3..4));
    let text = body(&mut world, &mut events);
    let told = text.split_once("data: 2\n\n").unwrap().1;
    assert!(told.starts_with(&event(WAITING)), "{text}");
    assert_eq!(text.matches("event: source\n").count(), 2, "{text}");
    for _ in 0..50 {
        world.settle();
        frames.read(&mut world, usize::MAX);
        for other in &mut others {
            other.read(&mut world, usize::MAX);
        }
    }
    let text = String::from_utf8_lossy(&frames.bytes);
    assert!(text.contains(&format!("\t2\u{fffd}+!\t{WAITING}")), "{text}");
    assert_eq!(text.matches(r#"!	{"source":"running","said":""}"#).count(), 1, "{text}");
    for other in others {
        assert!(!String::from_utf8_lossy(&other.bytes).contains("source"));
    }
}

#[test]
fn a_newcomer_hears_it_behind_its_greeting_unless_nothing_was_ever_said() {
    let mut world = world_after(1, FED, Some(lines_before(3)));
    world.mail(batch(1..3));
    world.settle();
    let mut early = connect(&mut world, EVENTS);
    assert!(!body(&mut world, &mut early).contains("event: source"));
    world.mail(waiting(1));
    world.settle();
    for request in [EVENTS, b"GET /?since=1 HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n"] {
        let mut late = connect(&mut world, request);
        let text = body(&mut world, &mut late);
        assert!(text.ends_with(&format!("data: 2\n\n{}", event(WAITING))), "{text}");
        assert_eq!(text.matches("event: source").count(), 1);
    }
    assert_eq!(body(&mut world, &mut early).matches("event: source").count(), 1);
    // Nothing has changed.
    world.mail(waiting(1));
    assert_eq!(body(&mut world, &mut early).matches("event: source").count(), 1);
}

#[test]
fn a_client_that_is_behind_hears_the_newest_state_once_behind_its_last_line() {
    for seed in 0..SEEDS {
        let mut world = world_after(seed, &[FED, &["--max-queue", "1000"]].concat(), Some(lines_before(1)));
        let mut reader = connect(&mut world, b"GET /?since=0 HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n");
        world.mail(batch(1..2000));
        world.settle();
        world.mail(waiting(1));
        world.settle();
        world.mail(change(2, SourcePhase::Running, ""));
        world.settle();
        world.mail(batch(2000..3000));
        world.mail(change(3, SourcePhase::Ended, "the input has ended"));
        for _ in 0..3000 {
            world.settle();
            let most = world.seed().below(3000);
            reader.read(&mut world, usize::try_from(most).unwrap());
        }
        let text = body(&mut world, &mut reader);
        assert!(text.ends_with(&format!("data: 2999\n\n{}", event(ENDED))), "seed {seed}");
        assert_eq!(text.matches("event: source").count(), 1, "seed {seed}");
    }
}

#[test]
fn at_the_end_of_the_input_it_has_ended_by_itself_also_where_the_connections_end() {
    for (args, is_kept) in [(&["--at-eof", "keep"], true), (&["--at-eof", "exit"], false)] {
        let mut world = world(1, &[FED, args].concat());
        let mut reader = connect(&mut world, EVENTS);
        world.mail(batch(1..4));
        world.mail(Mail::Ended { well: true });
        let text = body(&mut world, &mut reader);
        assert!(text.ends_with(&format!("data: 3\n\n{}", event(ENDED))), "{text}");
        assert_eq!(world.is_ended(reader.peer), !is_kept);
    }
}

#[test]
fn over_a_hand_over_it_is_heard_neither_twice_nor_never() {
    let args = &[FED, &["--at-eof", "keep"]].concat();
    // The next process reads a source again: what has ended runs.
    let running = event(r#"{"source":"running","said":""}"#);
    let kept = event(r#"{"source":"running","said":"vmstat"}"#);
    for (said, after) in [
        (None, String::new()),
        (Some(change(1, SourcePhase::Running, "vmstat")), String::new()),
        (Some(waiting(1)), running.clone()),
        (Some(change(1, SourcePhase::Ended, "")), running),
    ] {
        let mut world = world(1, args);
        let mut reader = connect(&mut world, EVENTS);
        let is_said = said.is_some();
        world.mail(batch(1..3));
        if let Some(change) = said {
            world.mail(change);
        }
        let before = body(&mut world, &mut reader);
        assert_eq!(before.matches("event: source").count(), usize::from(is_said));
        let mut world = world.hand_over(|old, birth| successor(old, birth, args));
        let text = body(&mut world, &mut reader);
        assert_eq!(text[before.len()..], after);
        let mut late = connect(&mut world, EVENTS);
        let text = body(&mut world, &mut late);
        let expected = if is_said && after.is_empty() { &kept } else { &after };
        assert!(text.ends_with(expected) && text.matches("event: source").count() == usize::from(is_said));
    }
}

#[test]
fn what_is_said_while_a_client_takes_nothing_follows_over_a_hand_over() {
    let args = &[FED, &["--max-queue", "1000"]].concat();
    let mut world = world_after(1, args, Some(lines_before(1)));
    let mut reader = connect(&mut world, EVENTS);
    world.mail(batch(1..2000));
    world.settle();
    world.mail(change(1, SourcePhase::Running, "vmstat"));
    world.settle();
    let mut world = world.hand_over(|old, birth| successor(old, birth, args));
    for _ in 0..300 {
        let _text = body(&mut world, &mut reader);
    }
    let text = body(&mut world, &mut reader);
    let told = event(r#"{"source":"running","said":"vmstat"}"#);
    assert!(text.ends_with(&format!("data: 1999\n\n{told}")), "{}", &text[text.len() - 200..]);
    assert_eq!(text.matches("event: source").count(), 1);
}

#[test]
fn a_clock_can_be_spoken_of_as_well() {
    let mut world = world(1, &["--template", "{seq}"]);
    let mut reader = connect(&mut world, EVENTS);
    world.mail(waiting(1));
    let text = body(&mut world, &mut reader);
    assert!(text.ends_with(&format!("data: 1\n\n{}", event(WAITING))), "{text}");
}

#[test]
fn a_client_that_takes_nothing_hears_only_the_newest_state_and_before_its_end() {
    for is_end in [false, true] {
        let mut world = world_after(1, &[FED, &["--at-eof", "exit"]].concat(), Some(lines_before(1)));
        let mut reader = connect(&mut world, EVENTS);
        // All of it is queued, and the socket is full.
        world.mail(batch(1..1000));
        world.settle();
        for number in 1..100 {
            world.mail(waiting(number));
            world.settle();
        }
        if is_end {
            world.mail(Mail::Ended { well: true });
        }
        for _ in 0..100 {
            let _text = body(&mut world, &mut reader);
        }
        let text = body(&mut world, &mut reader);
        assert!(text.ends_with(&format!("data: 999\n\n{}", event(WAITING))), "{}", &text[text.len() - 200..]);
        assert_eq!(text.matches("event: source").count(), 1);
        assert_eq!(world.is_ended(reader.peer), is_end);
    }
}
