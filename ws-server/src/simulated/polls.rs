//! Long polls: on one connection or many, what each is answered, and what becomes of those that wait.

use common::source_state::{SourcePhase, SourceState};

use super::*;
use crate::stream::SourceChange;

pub(super) const FED: &[&str] = &["--source", "-"];

/// A client that polls, and the answers that it has had.
pub(super) struct Poller {
    pub(super) peer: usize,
    bytes: Vec<u8>,
}

/// An answer: its head and its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn last(&self) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix("Datecast-Last-Id: "));
        line.unwrap_or_else(|| panic!("no id in {}", self.head))
    }

    pub(super) fn last_number(&self) -> u64 {
        self.last().split_once('_').unwrap().1.parse().unwrap()
    }

    pub(super) fn status(&self) -> &str {
        &self.head[9..12]
    }

    /// The texts of its messages, and the kind of all that is none.
    pub(super) fn texts(&self) -> Vec<String> {
        let part = |line: &str, from: &str| {
            line.split_once(from)?.1.split_once('"').map(|(text, _)| text.to_owned())
        };
        let told = |line: &str| match part(line, "\"kind\":\"").unwrap().as_str() {
            "message" => part(line, "\"text\":\"").unwrap(),
            kind => kind.to_owned(),
        };
        self.body.lines().map(told).collect()
    }
}

impl Poller {
    pub(super) fn new(world: &mut World) -> Self {
        Self { peer: world.connect(), bytes: Vec::new() }
    }

    pub(super) fn ask(&mut self, world: &mut World, query: &str) {
        world.send(self.peer, format!("GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    }

    /// The next whole answer, as far as one is there.
    pub(super) fn answer(&mut self, world: &mut World) -> Option<Answer> {
        self.bytes.extend(world.read(self.peer, usize::MAX));
        let end = self.bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(self.bytes[..end].to_vec()).unwrap();
        let len = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let all = end + len.map_or(0, |len| len.parse().unwrap());
        if self.bytes.len() < all {
            return None;
        }
        let body = String::from_utf8(self.bytes[end..all].to_vec()).unwrap();
        self.bytes.drain(..all);
        Some(Answer { head, body })
    }

    /// The next answer, which comes without time passing.
    pub(super) fn answered(&mut self, world: &mut World) -> Answer {
        for _ in 0..500 {
            world.settle();
            if let Some(answer) = self.answer(world) {
                return answer;
            }
        }
        panic!("no answer")
    }

    /// Asserts that it waits.
    pub(super) fn waits(&mut self, world: &mut World) {
        for _ in 0..50 {
            world.settle();
            assert!(self.answer(world).is_none() && !world.is_ended(self.peer));
        }
    }
}

/// What one request of a new client gets.
fn polled(world: &mut World, query: &str) -> Answer {
    let mut poller = Poller::new(world);
    poller.ask(world, query);
    poller.answered(world)
}

/// The answer to a whole request, on a connection of its own.
fn answered(world: &mut World, request: &str) -> (Answer, bool) {
    let mut poller = Poller::new(world);
    world.send(poller.peer, request.as_bytes());
    let mut answer = None;
    for _ in 0..500 {
        world.settle();
        answer = answer.or_else(|| poller.answer(world));
    }
    (answer.expect("an answer"), world.is_ended(poller.peer))
}

/// A world in which these lines have come.
pub(super) fn with_lines(args: &[&str], numbers: std::ops::Range<u64>) -> World {
    let mut world = world_after(1, args, Some(lines_before(numbers.end)));
    world.mail(batch(numbers));
    world.settle();
    world
}

/// The same, and the source has read a hundred more, which are on their way.
pub(super) fn with_more_to_come(args: &[&str], numbers: std::ops::Range<u64>) -> World {
    let mut world = world_after(1, args, Some(lines_before(numbers.end + 100)));
    world.mail(batch(numbers));
    world.settle();
    world
}

fn state(number: u64, phase: SourcePhase) -> Mail {
    Mail::Source(Arc::new(SourceChange { number, state: SourceState::new(phase, "said") }))
}

#[test]
fn a_poll_gets_at_once_what_is_behind_the_message_that_it_names() {
    let mut world = with_lines(&[FED, &["--history", "5", "--greet", "2"]].concat(), 1..21);
    let new_stream = "{\"id\":null,\"text\":\"\",\"kind\":\"gap\",\"missed\":null,\"stream\":\"new\",\"next\":\"000000000007_16\"}\n";
    for (query, texts, last) in [
        ("since=18", &["19", "20"][..], 20),
        ("since=000000000007_18", &["19", "20"], 20),
        ("lastEventId=19", &["20"], 20),
        // What a newcomer gets.
        ("", &["19", "20"], 20),
        ("since=", &["19", "20"], 20),
        // Before the history, of another stream, and ahead of everything.
        ("since=10", &["gap", "16", "17", "18", "19", "20"], 20),
        ("since=000000000006_19", &["gap", "16", "17", "18", "19", "20"], 20),
        ("since=21", &["gap", "16", "17", "18", "19", "20"], 20),
        // A part of the history.
        ("since=16&until=18", &["17", "18"], 18),
        ("since=18&until=99", &["19", "20"], 20),
        ("since=18&until=18", &[], 18),
        ("until=16", &["16"], 16),
    ] {
        let answer = polled(&mut world, &format!("poll=10&{query}"));
        assert_eq!(answer.texts(), texts, "{query}");
        assert_eq!(answer.last(), format!("000000000007_{last}"), "{query}");
        assert!(!answer.head.contains("X-Connection-Id"), "{query}");
    }
    assert!(polled(&mut world, "poll=10&since=000000000006_19").body.starts_with(new_stream));
    let answer = polled(&mut world, "poll=10&since=x");
    assert!(answer.status() == "400" && answer.body.starts_with("since=x: "), "{answer:?}");
}

#[test]
fn a_poll_without_anything_to_say_waits_for_its_time_and_is_empty_then() {
    let mut world = with_lines(FED, 1..21);
    for (query, seconds) in [("poll=10&since=20", 10), ("poll=90&since=20", 60), ("poll&since=20", 25)] {
        let mut poller = Poller::new(&mut world);
        poller.ask(&mut world, query);
        poller.waits(&mut world);
        world.advance(Duration::from_millis(seconds * 1000 - 1));
        poller.waits(&mut world);
        world.advance(Duration::from_millis(50));
        let answer = poller.answered(&mut world);
        assert_eq!((answer.status(), answer.body.as_str(), answer.last_number()), ("200", "", 20), "{query}");
        poller.ask(&mut world, "poll=0&since=19");
        assert_eq!(poller.answered(&mut world).texts(), ["20"], "{query}");
    }
    assert_eq!(polled(&mut world, "poll=0&since=20").body, "");
}

#[test]
fn a_history_without_a_message_has_an_id_that_the_next_poll_can_name() {
    let mut world = with_lines(&["--source", "-", "--history", "0", "--greet", "0"], 1..21);
    let answer = polled(&mut world, "poll=0");
    assert_eq!((answer.body.as_str(), answer.last()), ("", "000000000007_20"));
    // The gap alone is worth an answer, and the next poll waits.
    let answer = polled(&mut world, "poll=10&since=000000000006_3");
    assert_eq!((answer.texts(), answer.last()), (vec!["gap".to_owned()], "000000000007_20"));
    let mut poller = Poller::new(&mut world);
    poller.ask(&mut world, &format!("poll=10&since={}", answer.last()));
    poller.waits(&mut world);
    world.mail(batch(21..22));
    assert_eq!(poller.answered(&mut world).texts(), ["21"]);
}

#[test]
fn requests_that_come_together_are_answered_one_behind_the_other() {
    let mut world = with_more_to_come(FED, 1..21);
    let mut poller = Poller::new(&mut world);
    for query in ["poll=5&since=18", "poll=30&since=20", "callback=f&poll=5&since=20", "poll=0&since=21"] {
        poller.ask(&mut world, query);
    }
    assert_eq!(poller.answered(&mut world).texts(), ["19", "20"]);
    poller.waits(&mut world);
    world.mail(batch(21..22));
    assert_eq!(poller.answered(&mut world).texts(), ["21"]);
    let script = poller.answered(&mut world).body;
    assert!(
        script.starts_with("/**/f({\"last\":\"000000000007_21\",\"messages\":[{\"id\":\"000000000007_21\","),
        "{script}"
    );
    assert_eq!(poller.answered(&mut world).body, "");
    assert!(!world.is_ended(poller.peer));
}

#[test]
fn an_answer_is_bounded_and_the_next_poll_gets_the_rest() {
    let mut world = with_lines(&["--source", "-", "--history", "2000", "--max-queue", "1000"], 1..1001);
    let mut poller = Poller::new(&mut world);
    let (mut texts, mut last) = (Vec::new(), "0".to_owned());
    while texts.len() < 1000 {
        poller.ask(&mut world, &format!("poll=10&since={last}"));
        let answer = poller.answered(&mut world);
        assert!(answer.body.len() <= 1100 && !answer.body.is_empty());
        texts.extend(answer.texts());
        last = answer.last().to_owned();
    }
    let expected: Vec<String> = (1..1001).map(|number: u64| number.to_string()).collect();
    assert_eq!(texts, expected);
}

#[test]
fn a_connection_is_kept_as_its_version_of_http_has_it() {
    let mut world = with_lines(FED, 1..21);
    for (request, field, is_ended) in [
        ("GET /?poll=0 HTTP/1.0\r\n\r\n", "\r\nConnection: close\r\n", true),
        ("GET /?poll=0 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "\r\nConnection: keep-alive\r\n", false),
        ("GET /?poll=0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "\r\nConnection: close\r\n", true),
        ("HEAD /?poll=60&since=20 HTTP/1.1\r\nHost: a\r\n\r\n", "\r\nContent-Length: 0\r\n", false),
        ("GET / HTTP/1.1\r\nHost: a\r\nPrefer: wait=0\r\n\r\n", "\r\nPreference-Applied: wait=0\r\n", false),
        ("GET /?poll=0 HTTP/1.1\r\nHost: a\r\n\r\n", "\r\nCache-Control: no-store\r\n", false),
        (
            "GET /?poll=0 HTTP/1.1\r\nHost: a\r\nContent-Length: 23\r\n\r\nGET /?poll=9 HTTP/1.0\r\n\r\n",
            "\r\nConnection: close\r\n",
            true,
        ),
    ] {
        let (answer, ended) = answered(&mut world, request);
        assert!(answer.head.contains(field), "{request}: {}", answer.head);
        assert_eq!(ended, is_ended, "{request}");
        assert_eq!(answer.head.contains("\r\nConnection: "), field.contains("Connection: "), "{request}");
    }
    // The head of what is there, and no byte behind it.
    let mut poller = Poller::new(&mut world);
    world.send(poller.peer, b"HEAD /?callback=f&since=19 HTTP/1.1\r\nHost: a\r\n\r\n");
    for _ in 0..50 {
        world.settle();
    }
    let head = String::from_utf8(world.read(poller.peer, usize::MAX)).unwrap();
    assert!(
        head.ends_with("\r\n\r\n") && head.contains("\r\nContent-Type: application/javascript;"),
        "{head}"
    );
    assert!(head.contains("\r\nDatecast-Last-Id: 000000000007_20\r\n"), "{head}");
    poller.ask(&mut world, "poll=0");
    poller.answered(&mut world);
}

#[test]
fn the_state_of_the_source_comes_with_every_answer_and_at_once_where_it_is_new() {
    let mut world = with_lines(FED, 1..21);
    let mut poller = Poller::new(&mut world);
    poller.ask(&mut world, "poll=60&since=20");
    poller.waits(&mut world);
    world.mail(state(1, SourcePhase::Waiting));
    let answer = poller.answered(&mut world);
    let line = "{\"id\":null,\"text\":\"said\",\"kind\":\"source\",\"source\":\"waiting\"}\n";
    assert_eq!(answer.body, line);
    // It has heard that, whichever connection it comes by; nobody polls in a circle.
    for query in ["poll=10&since=20", "poll=60&since=20"] {
        poller.ask(&mut world, query);
        poller.waits(&mut world);
        world.advance(Duration::from_secs(61));
        assert_eq!(poller.answered(&mut world).body, line);
        poller = Poller::new(&mut world);
    }
    // A newcomer has not; a bounded read hears nothing of it.
    assert_eq!(polled(&mut world, "poll=60").texts().pop().unwrap(), "source");
    assert_eq!(polled(&mut world, "poll=60&since=18&until=20").texts(), ["19", "20"]);
    assert_eq!(polled(&mut world, "poll=60&since=19").texts(), ["20", "source"]);
    // Between two polls of one connection.
    poller.ask(&mut world, "poll=60&since=19");
    poller.answered(&mut world);
    world.mail(state(2, SourcePhase::Ended));
    world.settle();
    poller.ask(&mut world, "poll=60&since=20");
    assert!(poller.answered(&mut world).body.contains("\"ended\""));
    // A stream on the same connection is a newcomer's.
    world.send(poller.peer, b"GET /?since=20 HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    let mut text = String::new();
    for _ in 0..50 {
        world.settle();
        text.push_str(&String::from_utf8(world.read(poller.peer, usize::MAX)).unwrap());
    }
    assert!(text.contains("event: source\ndata: {\"source\":\"ended\""), "{text}");
}

#[test]
fn a_poll_of_the_clock_gets_the_newest_date_or_the_next_one() {
    for args in [&[][..], &["--align"], &["--delivery", "ordered"], &["--delivery", "ordered", "--align"]] {
        let mut world = world(3, &[&["--template", "{seq}"], args].concat());
        world.settle();
        world.advance(Duration::from_millis(2500));
        world.settle();
        let mut poller = Poller::new(&mut world);
        poller.ask(&mut world, "poll=10");
        let mut answer = poller.answered(&mut world);
        let mut number = answer.last_number();
        assert_eq!(answer.texts().pop().unwrap(), number.to_string(), "{args:?}");
        let mut waited = 0;
        for _ in 0..1000 {
            if waited == 0 {
                poller.ask(&mut world, &format!("poll=10&since={}", answer.last()));
            }
            world.settle();
            let Some(next) = poller.answer(&mut world) else {
                waited += 1;
                assert!(waited <= 120, "{args:?}: no date in a second");
                world.advance(Duration::from_millis(10));
                continue;
            };
            assert_eq!(next.texts(), [(number + 1).to_string()], "{args:?}");
            (number, answer, waited) = (number + 1, next, 0);
        }
        assert!(number > 8, "{args:?}: {number}");
    }
}

#[test]
fn an_id_of_the_clock_means_one_date_to_polls_of_whatever_moment_and_connection() {
    let mut world = world(5, &["--format", "[unix_timestamp precision:millisecond]"]);
    // A stream, so that the clock runs between the polls, too.
    let watcher = world.connect();
    world.advance(Duration::from_millis(730));
    world.send(watcher, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut pollers: Vec<_> = (0..3).map(|_| Poller::new(&mut world)).collect();
    let mut dates: Vec<(u64, u64)> = Vec::new();
    for (turn, pause) in [0, 990, 20, 10, 450, 999, 5, 730, 260, 1].into_iter().cycle().take(60).enumerate() {
        world.advance(Duration::from_millis(pause));
        let poller = &mut pollers[turn % 3];
        let since = dates.last().map_or(String::new(), |(number, _)| format!("&since={number}"));
        poller.ask(&mut world, &format!("poll=10{since}"));
        let answer = loop {
            world.settle();
            if let Some(answer) = poller.answer(&mut world) {
                break answer;
            }
            world.advance(Duration::from_millis(10));
        };
        dates.push((answer.last_number(), answer.texts().pop().unwrap().parse().unwrap()));
    }
    for pair in dates.windows(2) {
        let [(before, said), (number, date)] = pair else { unreachable!() };
        assert_eq!(date - said, (number - before) * 1000, "{dates:?}");
    }
}
