//! Bounded reads: a part of the history on every way, and then an end that tells whether it is whole.

use common::source_state::SourceState;

use super::*;
use crate::stream::SourceChange;

const FED: &[&str] = &["--source", "-", "--notice-rate", "100"];
const CHUNKED: &str = " HTTP/1.1\r\nHost: a\r\n\r\n";
const EVENTS: &str = " HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n";
const CLOSE_1000: &[u8] = b"\x88\x02\x03\xe8";

/// A world in which these lines have come.
fn with_lines(args: &[&str], numbers: std::ops::Range<u64>) -> World {
    let mut world = world_after(1, args, Some(lines_before(numbers.end)));
    world.mail(batch(numbers));
    world.settle();
    world
}

/// The answer to a request, head and body, and whether the server has ended it.
fn answer(world: &mut World, request: &[u8]) -> (String, Vec<u8>, bool) {
    let peer = world.connect();
    world.send(peer, request);
    let mut bytes = Vec::new();
    for _ in 0..500 {
        world.settle();
        bytes.extend(world.read(peer, usize::MAX));
    }
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("the end of a head") + 4;
    let body = bytes.split_off(head);
    (String::from_utf8(bytes).unwrap(), body, world.is_ended(peer))
}

fn http(world: &mut World, request: &str) -> (String, String) {
    let (head, body, is_ended) = answer(world, request.as_bytes());
    assert!(is_ended, "{request}");
    (head, String::from_utf8(body).unwrap())
}

fn frame(text: &str) -> Vec<u8> {
    [&[0x81, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

#[test]
fn every_way_gets_the_messages_after_one_number_up_to_another_and_then_its_end() {
    let mut world = with_lines(FED, 1..21);
    let query = "GET /?since=3&until=5";
    // It hears nothing of the source.
    world.mail(Mail::Source(Arc::new(SourceChange { number: 1, state: SourceState::default() })));
    let (head, lines) = http(&mut world, &format!("{query} HTTP/1.0\r\n\r\n"));
    assert_eq!(lines, "4\n5\n");
    assert!(!head.contains("X-Connection-Id:") && !head.contains("Datecast-Gap:"), "{head}");
    let (_, chunks) = http(&mut world, &format!("{query}{CHUNKED}"));
    assert_eq!(chunks, "2\r\n4\n\r\n2\r\n5\n\r\n0\r\n\r\n");
    let (_, events) = http(&mut world, &format!("{query}{EVENTS}"));
    assert_eq!(events, "id: 000000000007_4\ndata: 4\n\nid: 000000000007_5\ndata: 5\n\n");
    let accept = " HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n";
    let (_, events) = http(&mut world, &format!("{query}{accept}"));
    assert!(events.starts_with("1c\r\nid: 000000000007_4\ndata: 4\n\n\r\n"), "{events}");
    assert!(events.ends_with("data: 5\n\n\r\n0\r\n\r\n"), "{events}");
    for (prefix, texts) in [
        ("", ["4", "5"]),
        ("&numbered=1", ["4\t4", "5\t5"]),
        ("&ids=1", ["000000000007_4\t4", "000000000007_5\t5"]),
    ] {
        let (head, body, _) = answer(&mut world, &modern(&format!("since=3&until=5{prefix}")));
        assert!(!head.contains("X-Connection-Id:"), "{head}");
        let expected = [&*frame(texts[0]), &*frame(texts[1]), CLOSE_1000].concat();
        assert_eq!(body, expected, "{prefix}");
    }
    let draft = b"GET /?since=3&until=5&ids=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
    let (_, body, is_ended) = answer(&mut world, draft);
    assert!(is_ended);
    assert!(
        body.starts_with(b"\x00000000000007_4\t4\xff\x00000000000007_5\t5\xff"),
        "{}",
        body.escape_ascii()
    );
}

#[test]
fn it_ends_at_the_newest_message_and_may_be_empty() {
    let mut world = with_lines(FED, 1..21);
    for (query, lines) in [
        ("since=18&until=99", "19\n20\n"),
        ("until=2", "1\n2\n"),
        ("since=20&until=30", ""),
        ("since=25&until=30", ""),
        ("since=9&until=9", ""),
        ("since=9&until=3", ""),
        ("since=000000000007_9&until=10", "10\n"),
        ("since=9&until=000000000007_10", "10\n"),
    ] {
        let (head, got) = http(&mut world, &format!("GET /?{query} HTTP/1.0\r\n\r\n"));
        assert!(head.starts_with("HTTP/1.1 200 ") && !head.contains("Datecast-Gap:"), "{query}: {head}");
        assert_eq!(got, lines, "{query}");
        let (_, got) = http(&mut world, &format!("GET /?{query}{CHUNKED}"));
        assert!(got.ends_with("0\r\n\r\n"), "{query}: {got}");
        let (head, got) = http(&mut world, &format!("HEAD /?{query}{CHUNKED}"));
        assert!(head.starts_with("HTTP/1.1 200 ") && got.is_empty());
    }
    let (_, body, _) = answer(&mut world, &modern("since=20&until=20&ids=1"));
    assert_eq!(body, CLOSE_1000);
    let (head, got) = http(&mut world, "GET /?until=x HTTP/1.0\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 400 ") && got.starts_with("until=x: this is no id"), "{got}");
}

#[test]
fn an_event_source_that_comes_back_to_its_end_is_told_to_stop() {
    let mut world = with_lines(FED, 1..21);
    for (had, status, events) in [("5", "204 ", 0), ("9", "204 ", 0), ("4", "200 ", 1), ("", "200 ", 2)] {
        let accept = "HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream";
        let request = format!("GET /?since=3&until=5 {accept}\r\nLast-Event-ID: {had}\r\n\r\n");
        let (head, got) = http(&mut world, &request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{had}: {head}");
        assert_eq!(got.matches("data: ").count(), events, "{had}: {got}");
        assert!(!got.contains("retry:"), "{got}");
    }
}

#[test]
fn what_is_missing_is_told_before_the_history() {
    let mut world = with_lines(&[FED, &["--history", "5"]].concat(), 1..21);
    let gap = r#"{"missed":12,"stream":"same","next":"000000000007_16"}"#;
    let (head, lines) = http(&mut world, "GET /?since=3&until=17 HTTP/1.0\r\n\r\n");
    assert!(head.contains(&format!("\r\nDatecast-Gap: {gap}\r\n")), "{head}");
    assert_eq!(lines, "16\n17\n");
    let (_, events) = http(&mut world, &format!("GET /?since=3&until=17{EVENTS}"));
    assert!(events.starts_with(&format!("event: gap\ndata: {gap}\n\nid: 000000000007_16\n")), "{events}");
    let (_, body, _) = answer(&mut world, &modern("since=3&until=17&ids=1"));
    assert!(body.starts_with(&frame(&format!("!\t{gap}"))), "{}", body.escape_ascii());
    // All of it is gone, or of another stream.
    let (head, lines) = http(&mut world, "GET /?since=3&until=9 HTTP/1.0\r\n\r\n");
    assert!(head.contains(r#"Datecast-Gap: {"missed":6,"stream":"same","next":null}"#), "{head}");
    assert_eq!(lines, "");
    let (head, lines) = http(&mut world, "GET /?until=000000000006_17 HTTP/1.0\r\n\r\n");
    assert!(head.contains(r#"Datecast-Gap: {"missed":null,"stream":"new","next":null}"#), "{head}");
    assert_eq!(lines, "");
}

#[test]
fn lines_that_have_a_number_are_waited_for_and_no_others() {
    let mut world = world_after(1, FED, Some(lines_before(9)));
    world.mail(batch(1..4));
    world.settle();
    let mut reader = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(reader.peer, b"GET /?since=2&until=99 HTTP/1.0\r\n\r\n");
    world.settle();
    reader.read(&mut world, usize::MAX);
    assert_eq!(reader.numbers(), [3]);
    assert!(!world.is_ended(reader.peer));
    world.mail(batch(4..7));
    world.settle();
    world.mail(batch(7..9));
    for _ in 0..10 {
        world.settle();
        reader.read(&mut world, usize::MAX);
    }
    assert_eq!(reader.numbers(), [3, 4, 5, 6, 7, 8]);
    assert!(world.is_ended(reader.peer));
}

#[test]
fn it_is_no_client() {
    let args = &["--source", "-", "--leave-notices", "on", "--on-message", "broadcast", "--interval", "1s"];
    let mut world = with_lines(args, 1..4);
    let mut others = [Reader::new(&mut world), Reader { peer: world.connect(), bytes: Vec::new() }];
    world.send(others[1].peer, &modern("since=0&until=3"));
    for _ in 0..30 {
        world.settle();
        world.advance(Duration::from_millis(100));
    }
    // It waits for the other side's Close; what it says reaches nobody, and nothing new reaches it.
    world.send(others[1].peer, b"\x81\x85\x00\x00\x00\x00hello");
    world.mail(batch(4..5));
    for _ in 0..30 {
        world.settle();
        world.advance(Duration::from_secs(1));
        for reader in &mut others {
            reader.read(&mut world, usize::MAX);
        }
    }
    assert!(world.is_closed(others[1].peer));
    assert!(others[1].bytes.ends_with(CLOSE_1000));
    let text = String::from_utf8_lossy(&others[0].bytes);
    assert!(text.contains("X-Connection-Id: 1\r\n") && text.ends_with("\r\n\r\n1\n2\n3\n4\n"), "{text}");
}

#[test]
fn while_it_reads_it_is_no_client_either() {
    let args =
        ["--max-queue", "1000", "--leave-notices", "on", "--on-message", "broadcast", "--interval", "1s"];
    let mut world = with_lines(&[&["--source", "-"], &args[..]].concat(), 1..3000);
    let mut other = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(other.peer, &modern("since=2999"));
    let leaver = world.connect();
    world.send(leaver, LINES);
    let mut reader = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(reader.peer, &modern("since=0&until=2999"));
    world.settle();
    // What it says reaches nobody.
    world.send(reader.peer, b"\x81\x85\x00\x00\x00\x00hello");
    for _ in 0..30 {
        world.settle();
        world.advance(Duration::from_millis(100));
    }
    world.reset(leaver);
    world.settle();
    other.read(&mut world, usize::MAX);
    let heard = String::from_utf8_lossy(&other.bytes);
    assert!(!heard.contains("hello") && heard.contains("disconnected"), "{heard}");
    // Nor does it hear of others, not even at its end.
    world.control().stop(Stop::Shutdown);
    for _ in 0..1000 {
        world.settle();
        reader.read(&mut world, usize::MAX);
    }
    let heard = String::from_utf8_lossy(&reader.bytes);
    assert!(heard.contains("101 ") && !heard.contains("disconnected"), "{heard}");
}

#[test]
fn of_a_latest_stream_it_gets_every_line_however_slowly_it_reads() {
    let args = ["--source", "-", "--delivery", "latest", "--greet", "3000", "--max-queue", "1000"];
    let mut world = world_after(1, &args, Some(lines_before(3000)));
    for number in 1..3000 {
        world.mail(batch(number..number + 1));
    }
    world.settle();
    let mut reader = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(reader.peer, b"GET /?since=0&until=2999 HTTP/1.0\r\n\r\n");
    for _ in 0..2000 {
        world.settle();
        reader.read(&mut world, 300);
    }
    assert!(reader.numbers().into_iter().eq(1..3000));
    assert!(world.is_ended(reader.peer));
}

#[test]
fn a_reader_that_falls_out_of_the_ring_can_tell_that_lines_are_missing() {
    let long = |number: u64| {
        let mut batch = Batch::new(id(number));
        batch.push(|out| write!(out, "{number:01000}").unwrap());
        Mail::Batch(Arc::new(batch))
    };
    let args = ["--source", "-", "--max-backlog", "30000", "--max-queue", "1000", "--greet", "100"];
    let plain = "GET /?since=0&until=20 HTTP/1.0\r\n\r\n".to_owned();
    let chunked = format!("GET /?since=0&until=20{CHUNKED}");
    for (request, is_reset, delivery) in [
        (&plain, true, "ordered"),
        (&chunked, false, "ordered"),
        (&plain, true, "latest"),
        (&chunked, false, "latest"),
    ] {
        let args = [&args[..], &["--delivery", delivery]].concat();
        let mut world = world_after(1, &args, Some(lines_before(21)));
        (1..21).for_each(|number| world.mail(long(number)));
        world.settle();
        let mut reader = Reader { peer: world.connect(), bytes: Vec::new() };
        world.send(reader.peer, request.as_bytes());
        world.settle();
        (21..60).for_each(|number| world.mail(long(number)));
        for _ in 0..100 {
            world.settle();
            reader.read(&mut world, usize::MAX);
        }
        let text = String::from_utf8_lossy(&reader.bytes);
        assert!(text.contains("Content-Type") && !text.contains(&format!("{:01000}", 20)), "{text}");
        assert!(!text.ends_with("0\r\n\r\n"));
        assert!(world.is_ended(reader.peer));
        assert_eq!(world.is_closed(reader.peer), is_reset, "without chunks, only a reset says so");
    }
}

/// What a reader that has got a little gets after a hand-over, and whether the server has ended it.
fn read_across_a_hand_over(to: &[&str], request: &[u8]) -> (Vec<u8>, bool) {
    let from = &["--source", "-", "--max-queue", "1000"];
    let mut world = with_lines(from, 1..3000);
    let mut reader = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(reader.peer, request);
    world.settle();
    let mut world = world.hand_over(|old, birth| successor(old, birth, to));
    for _ in 0..1000 {
        world.settle();
        reader.read(&mut world, usize::MAX);
    }
    (reader.bytes, world.is_ended(reader.peer))
}

#[test]
fn it_goes_on_in_the_next_process() {
    let args = &["--source", "-"];
    let (bytes, is_ended) = read_across_a_hand_over(args, b"GET /?since=10&until=2500 HTTP/1.0\r\n\r\n");
    let text = String::from_utf8(bytes).unwrap();
    let numbers: Vec<u64> =
        text.split_once("\r\n\r\n").unwrap().1.lines().map(|line| line.parse().unwrap()).collect();
    assert!(is_ended && numbers.into_iter().eq(11..=2500));
    let (bytes, is_ended) = read_across_a_hand_over(args, format!("GET /?until=2500{CHUNKED}").as_bytes());
    assert!(is_ended && bytes.ends_with(b"5\r\n2500\n\r\n0\r\n\r\n"));
    let (bytes, _) = read_across_a_hand_over(args, &modern("since=0&until=2500"));
    assert!(bytes.ends_with(&[b"\x81\x042500", CLOSE_1000].concat()));
}

#[test]
fn where_the_stream_has_become_another_one_it_is_cut_short_and_says_so() {
    let args = &["--source", "clock"];
    let (bytes, is_ended) = read_across_a_hand_over(args, format!("GET /?until=2500{CHUNKED}").as_bytes());
    assert!(is_ended && !bytes.ends_with(b"0\r\n\r\n"), "{}", bytes.escape_ascii());
    let (bytes, _) = read_across_a_hand_over(args, &modern("since=0&until=2500"));
    let close = [&b"\x88\x0e\x03\xf4"[..], b"back at once"].concat();
    assert!(bytes.ends_with(&close), "{}", bytes.escape_ascii());
}

#[test]
fn a_request_whose_third_key_comes_after_the_hand_over_is_bounded_as_well() {
    let mut world = with_lines(FED, 1..9);
    let mut reader = Reader { peer: world.connect(), bytes: Vec::new() };
    let head = b"GET /?since=3&until=5 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
        Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n";
    world.send(reader.peer, head);
    world.settle();
    let mut world = world.hand_over(|old, birth| successor(old, birth, FED));
    world.send(reader.peer, b"^n:ds[4U");
    for _ in 0..50 {
        world.settle();
        reader.read(&mut world, usize::MAX);
    }
    assert!(reader.bytes.ends_with(b"\x004\xff\x005\xff\xff\x00"), "{}", reader.bytes.escape_ascii());

    // The numbers of the request are those of the process that it came to.
    let mut world = with_lines(FED, 1..9);
    let mut reader = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(reader.peer, head);
    world.settle();
    let mut world = world.hand_over(|old, birth| successor(old, birth, &["--template", "{seq}"]));
    world.send(reader.peer, b"^n:ds[4U");
    for _ in 0..50 {
        world.settle();
        reader.read(&mut world, usize::MAX);
    }
    let (_, answer) = reader.bytes.split_at(reader.bytes.len() - 18);
    assert!(
        answer.ends_with(b"\xff\x00") && !answer[..16].contains(&0xff),
        "{}",
        reader.bytes.escape_ascii()
    );
}

#[test]
fn of_a_clock_there_is_the_present_date_or_the_history_of_an_ordered_one() {
    let args = &["--template", "{seq}"];
    let mut world = world(1, args);
    for _ in 0..40 {
        world.advance(Duration::from_millis(100));
        world.settle();
    }
    let (head, lines) = http(&mut world, "GET /?since=1&until=99 HTTP/1.0\r\n\r\n");
    assert_eq!(lines, "5\n");
    assert!(head.contains(r#"Datecast-Gap: {"missed":3,"stream":"same","#), "{head}");
    let (_, lines) = http(&mut world, "GET /?until=4 HTTP/1.0\r\n\r\n");
    assert_eq!(lines, "");
    let mut world = super::world(1, &["--template", "{seq}", "--delivery", "ordered"]);
    for _ in 0..40 {
        world.advance(Duration::from_millis(100));
        world.settle();
    }
    let (_, lines) = http(&mut world, "GET /?since=1&until=3 HTTP/1.0\r\n\r\n");
    assert_eq!(lines, "2\n3\n");
    let (_, lines) = http(&mut world, "GET /?since=3&until=99 HTTP/1.0\r\n\r\n");
    assert_eq!(lines, "4\n5\n");
    // The dates that nobody could send in time have numbers, too.
    world.stand_still(Duration::from_secs(5), |_| ());
    for _ in 0..20 {
        world.advance(Duration::from_millis(100));
        world.settle();
    }
    let (_, lines) = http(&mut world, "GET /?since=4&until=7 HTTP/1.0\r\n\r\n");
    assert_eq!(lines, "5\n");
}
