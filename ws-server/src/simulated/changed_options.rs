//! Restarts with other options: what a client hears of a stream that has become another one, or shorter.

use super::*;

/// A client of this server that opened at a phase of the clock other than 0; what it gets after a hand-over to a process with
/// other options, and whether that process has ended it.
fn after_a_hand_over(from: &[&str], to: &[&str], mail: Option<Mail>, request: &[u8]) -> (String, bool) {
    let mut world = world(1, from);
    world.advance(Duration::from_millis(357));
    world.settle();
    let mut reader = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(reader.peer, request);
    world.settle();
    reader.read(&mut world, usize::MAX);
    let before = reader.bytes.len();
    assert!(before > 0);
    let mut world = world.hand_over(|old, birth| successor(old, birth, to));
    world.settle();
    if let Some(mail) = mail {
        world.mail(mail);
    }
    for _ in 0..50 {
        world.settle();
        world.advance(Duration::from_millis(100));
    }
    reader.read(&mut world, usize::MAX);
    let text = reader.bytes.split_off(before).escape_ascii().to_string();
    (text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\""), world.is_ended(reader.peer))
}

/// Of the lines that come after dates: simulated clocks begin in 2026.
const AFTER_DATES: Epoch = Epoch::from_millis(490_896 * 3_600_000 + 1);

const DATES: &[&str] = &["--template", "{seq}", "--leave-notices", "off"];

#[test]
fn a_framing_that_tells_gaps_goes_on_when_the_stream_has_become_another_one() {
    let (events, ended) = after_a_hand_over(DATES, FED, Some(batch_of(AFTER_DATES, 1..3)), EVENTS);
    let gap = r#"event: gap
data: {"missed":null,"stream":"new","next":null}

"#;
    let rest = events.strip_prefix(gap).unwrap();
    let two = format!("id: {AFTER_DATES}_1\ndata: 1\n\nid: {AFTER_DATES}_2\ndata: 2\n\n");
    assert!(rest.starts_with(&two), "{rest}");
    assert!(!ended);
    let (frames, ended) = after_a_hand_over(DATES, FED, Some(batch_of(AFTER_DATES, 1..2)), &modern("ids=1"));
    let gap = r#"{"missed":null,"stream":"new","next":null}"#;
    assert_eq!(frames, format!("\\x81,!\t{gap}\\x81\\x10{AFTER_DATES}_1\t1"));
    assert!(!ended);
}

#[test]
fn a_framing_that_cannot_tell_gaps_ends_when_the_stream_has_become_another_one() {
    let close = r"\x88\x0e\x03\xf4back at once";
    for (request, expected) in [
        (LINES, ""),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "0\\r\n\\r\n"),
        (MODERN, close),
        (&modern("numbered=1"), close),
    ] {
        for (from, to) in [(DATES, FED), (FED, DATES), (&["--interval", "0"], DATES)] {
            let (text, ended) = after_a_hand_over(from, to, None, request);
            assert_eq!(text, expected, "from {from:?} to {to:?}");
            assert!(ended || expected == close, "the client answers the Close");
        }
    }
}

#[test]
fn a_client_of_dates_gets_dates_when_the_delivery_or_the_interval_has_changed_at_a_restart() {
    for args in [&["--delivery", "ordered"][..], &["--interval", "300ms"], &["--align"]] {
        let args = [DATES, args].concat();
        for (from, to) in [(DATES, &args[..]), (&args[..], DATES)] {
            let (text, ended) = after_a_hand_over(from, to, None, LINES);
            let numbers: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
            assert!(numbers.len() >= 4 && !ended, "to {to:?}: {text:?}");
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "to {to:?}: {numbers:?}");
            assert!(numbers[0] > 1, "the numbers go on");
        }
    }
}

/// What is left of 100 long lines for a client that slept, when the next process keeps only the newest.
fn after_a_shorter_history(request: &[u8]) -> (String, bool) {
    let mut world = world(1, FED);
    let mut sleeper = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(sleeper.peer, request);
    world.settle();
    for number in 1..=100 {
        let mut batch = Batch::new(id(number));
        batch.push(|out| write!(out, "{number:01000}").unwrap());
        world.mail(Mail::Batch(Arc::new(batch)));
        world.settle();
    }
    let less = [FED, &["--max-backlog", "5000"]].concat();
    let mut world = world.hand_over(|old, birth| successor(old, birth, &less));
    for _ in 0..200 {
        world.settle();
        sleeper.read(&mut world, usize::MAX);
        world.advance(Duration::from_millis(10));
    }
    (String::from_utf8_lossy(&sleeper.bytes).into_owned(), world.is_ended(sleeper.peer))
}

#[test]
fn lines_that_the_next_process_does_not_keep_are_never_lost_in_silence() {
    let (events, ended) = after_a_shorter_history(EVENTS);
    let (_, body) = events.split_once("retry: ").unwrap();
    let (_, body) = body.split_once("\n\n").unwrap();
    assert!(body.contains("event: gap"), "{body}");
    assert_eq!(dense(body), (1..=100).collect::<Vec<_>>());
    assert!(!ended);
    let (lines, ended) = after_a_shorter_history(LINES);
    assert!(ended && !lines.ends_with("100\n"), "it comes back, and is told");
    let (frames, _) = after_a_shorter_history(MODERN);
    assert!(frames.ends_with("slow"), "{}", &frames[frames.len() - 50..]);
}

#[test]
fn a_client_of_the_clock_is_told_of_every_date_that_it_does_not_get() {
    for seed in 0..SEEDS {
        let mut world = world(seed, DATES);
        let mut reader = Reader { peer: world.connect(), bytes: Vec::new() };
        world.send(reader.peer, EVENTS);
        world.settle();
        let mut paused = 0;
        for step in 0..100 {
            // Usually in time, now and then late by many dates, also while the process changes.
            let pause = if world.seed().once_in(10) { 400_000 } else { 1000 };
            let pause = world.seed().below(pause);
            paused += pause;
            world.advance(Duration::from_millis(pause));
            if step % 10 == 9 {
                world = world.hand_over(|old, birth| successor(old, birth, DATES));
            }
            world.settle();
            reader.read(&mut world, usize::MAX);
        }
        let text = String::from_utf8(reader.bytes).unwrap();
        let (_, body) = text.split_once("retry: ").unwrap();
        let (_, events) = body.split_once("\n\n").unwrap();
        let events = events.replace(":\n\n", "");
        let numbers = dense(&events);
        assert!(numbers.len() as u64 >= paused / 1000, "seed {seed}: {} of {paused} ms", numbers.len());
        assert!(events.contains("event: gap"), "seed {seed}");
    }
}
