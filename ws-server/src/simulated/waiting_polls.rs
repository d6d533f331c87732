//! Long polls that wait: thousands of them, across processes, and what is left of one that ends.

use super::{
    polls::{FED, Poller, with_lines, with_more_to_come},
    publishing_across_processes::{next_process_of, with_inlet},
    *,
};

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
fn a_stop_answers_the_polls_that_wait_and_ends_their_connections() {
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
}

#[test]
fn the_end_of_the_source_leaves_a_moment_for_the_last_poll_of_each_connection() {
    let mut world = with_lines(&["--source", "-", "--history", "2000", "--max-queue", "1000"], 1..1001);
    let mut pollers: Vec<Poller> = (0..3).map(|_| Poller::new(&mut world)).collect();
    for poller in &mut pollers {
        poller.ask(&mut world, "poll=0&since=900");
        assert!(poller.answered(&mut world).last_number() < 1000);
    }
    world.control().stop(Stop::Finished);
    for _ in 0..50 {
        world.settle();
    }
    let [gets_all, script, silent] = pollers.as_mut_slice() else { panic!("there are three") };
    gets_all.ask(&mut world, "poll=60&since=901");
    script.ask(&mut world, "callback=f&poll=60&since=901");
    let answer = gets_all.answered(&mut world);
    assert_eq!((answer.texts().len(), answer.last_number()), (99, 1000));
    assert!(answer.head.contains("\r\nConnection: close\r\n"), "{}", answer.head);
    assert!(script.answered(&mut world).body.contains("\"last\":\"000000000007_1000\""));
    world.settle();
    assert!(world.is_ended(gets_all.peer) && world.is_ended(script.peer) && !world.is_ended(silent.peer));
    world.advance(Duration::from_secs(6));
    world.settle();
    assert!(world.is_ended(silent.peer));
}

#[test]
fn a_restart_answers_the_polls_that_wait_and_keeps_their_connections() {
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
