//! Long polls: on one connection or many, what each is answered, and what becomes of those that wait.

use common::source_state::{SourcePhase, SourceState};

use super::{
    publishing_across_processes::{next_process_of, with_inlet},
    *,
};
use crate::stream::SourceChange;

const FED: &[&str] = &["--source", "-"];

/// A client that polls, and the answers that it has had.
struct Poller {
    peer: usize,
    bytes: Vec<u8>,
}

/// An answer: its head and its body.
#[derive(Debug)]
struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn last(&self) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix("Datecast-Last-Id: "));
        line.unwrap_or_else(|| panic!("no id in {}", self.head))
    }

    fn last_number(&self) -> u64 {
        self.last().split_once('_').unwrap().1.parse().unwrap()
    }

    fn status(&self) -> &str {
        &self.head[9..12]
    }

    /// The texts of its messages, and the kind of all that is none.
    fn texts(&self) -> Vec<String> {
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
    fn new(world: &mut World) -> Self {
        Self { peer: world.connect(), bytes: Vec::new() }
    }

    fn ask(&mut self, world: &mut World, query: &str) {
        world.send(self.peer, format!("GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    }

    /// The next whole answer, as far as one is there.
    fn answer(&mut self, world: &mut World) -> Option<Answer> {
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
    fn answered(&mut self, world: &mut World) -> Answer {
        for _ in 0..500 {
            world.settle();
            if let Some(answer) = self.answer(world) {
                return answer;
            }
        }
        panic!("no answer")
    }

    /// Asserts that it waits.
    fn waits(&mut self, world: &mut World) {
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
fn with_lines(args: &[&str], numbers: std::ops::Range<u64>) -> World {
    let mut world = world_after(1, args, Some(lines_before(numbers.end)));
    world.mail(batch(numbers));
    world.settle();
    world
}

/// The same, and the source has read a hundred more, which are on their way.
fn with_more_to_come(args: &[&str], numbers: std::ops::Range<u64>) -> World {
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
fn thousands_of_polls_that_wait_are_answered_by_the_next_line_each_once() {
    let mut world = with_lines(FED, 1..21);
    let mut pollers: Vec<Poller> = (0..1500).map(|_| Poller::new(&mut world)).collect();
    for poller in &mut pollers {
        poller.ask(&mut world, "poll=60&since=20");
    }
    for _ in 0..50 {
        world.settle();
    }
    let mut other = Reader::new(&mut world);
    world.settle();
    other.read(&mut world, usize::MAX);
    world.mail(batch(21..23));
    world.turn();
    let answered = pollers.iter_mut().filter(|poller| !world.read(poller.peer, 1).is_empty()).count();
    assert!(answered <= 300, "one turn has answered {answered}");
    for _ in 0..50 {
        world.settle();
    }
    for poller in &mut pollers {
        let text = String::from_utf8(world.read(poller.peer, usize::MAX)).unwrap();
        // The first byte of some was read above.
        assert_eq!(text.matches("TTP/1.1 200 ").count(), 1);
        assert_eq!(text.matches("\"kind\":\"message\"").count(), 2);
    }
}

#[test]
fn thousands_of_polls_whose_time_is_up_hold_no_turn_up() {
    let mut world = with_more_to_come(FED, 1..21);
    let mut pollers: Vec<Poller> = (0..1500).map(|_| Poller::new(&mut world)).collect();
    for poller in &mut pollers {
        poller.ask(&mut world, "poll=5&since=20");
    }
    for _ in 0..50 {
        world.settle();
    }
    world.advance(Duration::from_millis(5100));
    let mut most = 0;
    let mut answered = 0;
    for _ in 0..2000 {
        world.turn();
        let now = pollers.iter_mut().filter_map(|poller| poller.answer(&mut world)).count();
        (most, answered) = (most.max(now), answered + now);
    }
    assert!(answered == pollers.len() && most <= 300, "{answered} answers, {most} in one turn");
    for poller in &mut pollers {
        poller.ask(&mut world, "poll=5&since=19");
    }
    for poller in &mut pollers {
        assert_eq!(poller.answered(&mut world).texts(), ["20"]);
    }
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
fn a_client_that_has_half_closed_gets_its_answer_and_then_the_end() {
    let mut world = with_lines(FED, 1..21);
    let mut poller = Poller::new(&mut world);
    poller.ask(&mut world, "poll=60&since=20");
    world.settle();
    world.end(poller.peer);
    poller.waits(&mut world);
    world.mail(batch(21..22));
    let answer = poller.answered(&mut world);
    assert_eq!(answer.texts(), ["21"]);
    assert!(answer.head.contains("\r\nConnection: close\r\n"));
    world.settle();
    assert!(world.is_ended(poller.peer));
}

#[test]
fn a_poll_that_ends_is_no_client_that_leaves() {
    let args = [FED, &["--leave-notices", "on", "--interval", "1s"]].concat();
    let mut world = with_lines(&args, 1..21);
    let mut events = Reader { peer: world.connect(), bytes: Vec::new() };
    world.send(events.peer, b"GET / HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n");
    let mut pollers: Vec<Poller> = (0..4).map(|_| Poller::new(&mut world)).collect();
    for poller in &mut pollers {
        poller.ask(&mut world, "poll=30&since=20");
    }
    world.settle();
    world.advance(Duration::from_secs(20));
    world.settle();
    world.reset(pollers[0].peer);
    world.end(pollers[1].peer);
    world.settle();
    world.advance(Duration::from_secs(20));
    // A client of the stream leaves, of whom all hear that follow it; no poll does.
    let leaver = Reader::new(&mut world);
    world.settle();
    world.advance(Duration::from_secs(20));
    world.settle();
    world.reset(leaver.peer);
    for _ in 0..50 {
        world.settle();
        events.read(&mut world, usize::MAX);
    }
    let text = String::from_utf8(events.bytes).unwrap();
    assert_eq!(text.matches("disconnected").count(), 1, "{text}");
    for poller in &mut pollers[1..] {
        assert!(!poller.answered(&mut world).body.contains("disconnected"));
    }
}

#[test]
fn a_stop_answers_the_polls_that_wait_and_a_restart_keeps_their_connections() {
    for stop in [Stop::Shutdown, Stop::Restart, Stop::Finished] {
        let mut world = with_lines(FED, 1..21);
        let (mut waiting, mut idle) = (Poller::new(&mut world), Poller::new(&mut world));
        waiting.ask(&mut world, "poll=60&since=20");
        idle.ask(&mut world, "poll=0&since=19");
        idle.answered(&mut world);
        world.settle();
        world.control().stop(stop);
        let mut answer = None;
        for _ in 0..200 {
            world.settle();
            answer = answer.or_else(|| waiting.answer(&mut world));
            // The worker lets them go one after the other, so that they do not come back together.
            world.advance(Duration::from_millis(100));
        }
        let answer = answer.expect("an answer");
        assert!(answer.head.contains("\r\nConnection: close\r\n"), "{stop:?}: {}", answer.head);
        assert_eq!((answer.body.as_str(), answer.last_number()), ("", 20), "{stop:?}");
        assert!(world.is_ended(waiting.peer) && world.is_ended(idle.peer), "{stop:?}");
    }
    let mut world = with_lines(FED, 1..21);
    let (mut waiting, mut idle) = (Poller::new(&mut world), Poller::new(&mut world));
    waiting.ask(&mut world, "poll=60&since=20");
    // The next one is there already, and goes along.
    waiting.ask(&mut world, "poll=60&since=20");
    idle.ask(&mut world, "poll=0&since=19");
    idle.answered(&mut world);
    world.settle();
    let mut world = world.hand_over(|old, birth| successor(old, birth, FED));
    let answer = waiting.answered(&mut world);
    assert!(answer.body.is_empty() && !answer.head.contains("Connection: close"), "{answer:?}");
    waiting.waits(&mut world);
    idle.ask(&mut world, "poll=60&since=20");
    idle.waits(&mut world);
    world.mail(batch(21..22));
    assert_eq!(waiting.answered(&mut world).texts(), ["21"]);
    assert_eq!(idle.answered(&mut world).texts(), ["21"]);
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
fn a_client_that_polls_gets_every_line_once_across_processes_and_faults() {
    for seed in 0..SEEDS {
        let mut world = Simulation::new(seed, published().reactor_settings(), |birth| {
            with_inlet(published(), None, birth)
        });
        let mut producer = Poller::new(&mut world);
        let mut pollers: Vec<Persistent> = (0..3).map(|_| Persistent::new(&mut world)).collect();
        let (mut strangers, mut next) = (Vec::new(), 1);
        for step in 0..STEPS {
            if step < STEPS - 100 {
                misbehave(&mut world, &mut strangers);
                if world.seed().once_in(20) {
                    world = next_process_of(world, published());
                }
                let lines: Vec<String> =
                    (next..next + world.seed().below(10)).map(|line| line.to_string()).collect();
                next += lines.len() as u64;
                let body = lines.join("\n");
                let head =
                    format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
                world.send(producer.peer, format!("{head}{body}").as_bytes());
                assert_eq!(producer.answered(&mut world).status(), "200");
            }
            for poller in &mut pollers {
                let is_cut = step < STEPS - 100 && world.seed().once_in(30);
                poller.step(&mut world, is_cut);
            }
            world.advance(Duration::from_millis(world.seed().below(300)));
        }
        let expected: Vec<String> = (1..next).map(|number| number.to_string()).collect();
        for poller in &pollers {
            let right =
                poller.had.iter().zip(&expected).take_while(|(had, expected)| had == expected).count();
            assert!(poller.had == expected, "seed {seed}: {} lines, wrong from {right} on", poller.had.len());
        }
    }
}

fn published() -> Arc<Config> {
    configured(&["--source", "http", "--history", "100000", "--greet", "0", "--max-queue", "200"])
}

/// A client that asks again until it is answered, and names what it has.
struct Persistent {
    poller: Poller,
    is_waiting: bool,
    last: String,
    had: Vec<String>,
}

impl Persistent {
    fn new(world: &mut World) -> Self {
        Self { poller: Poller::new(world), is_waiting: false, last: "0".to_owned(), had: Vec::new() }
    }

    /// Asks, unless it waits for an answer, and reads. One that is cut may lose the answer that is on its way to it.
    fn step(&mut self, world: &mut World, is_cut: bool) {
        if is_cut {
            world.reset(self.poller.peer);
        }
        if is_cut || world.is_ended(self.poller.peer) {
            self.poller = Poller::new(world);
            self.is_waiting = false;
        }
        if !self.is_waiting {
            let form = if world.seed().once_in(3) { "poll=1" } else { "poll=3" };
            self.poller.ask(world, &format!("{form}&since={}", self.last));
            self.is_waiting = true;
        }
        world.settle();
        if let Some(answer) = self.poller.answer(world) {
            assert_eq!(answer.status(), "200");
            self.had.extend(answer.texts());
            self.last = answer.last().to_owned();
            self.is_waiting = false;
        }
    }
}
