//! Simulated days: what a process holds after a week is what it held after an hour, and no date was late.
//!
//! `DAYS=7` chooses how many days: `make soak-simulated` has seven, `make test` one.

use std::env;

use common::framing::{Framing, encode};
use reactor::simulation::{Held, Successor};

use super::*;

const HOUR: u64 = 3600;
/// Without optimisation a day would take long.
const HOURS: u64 = if cfg!(debug_assertions) { 3 } else { 24 };
const WORKERS: usize = 2;
const ARGS: [&str; 6] = ["--template", "{seq}", "--delivery", "ordered", "--history", "100"];

/// A client that stays: each second it gets the next date, and no other.
struct Canary {
    peer: usize,
    framing: Framing,
    next: Option<MessageId>,
}

/// A process of two workers that begins, or goes on where the previous one stopped.
fn begin(previous: Option<ProcessState>, birth: Birth<Mail>) -> Vec<WsHandler> {
    let Birth { mailboxes, now, wall, .. } = birth;
    let config = configured_for(WORKERS);
    let start = SharedStart::new(&config, WORKERS, previous, SourceStates::default(), now, wall);
    (0..WORKERS)
        .map(|number| WsHandler::new(Arc::clone(&config), &start, number, mailboxes.clone()))
        .collect()
}

fn configured_for(workers: usize) -> Arc<Config> {
    let workers = workers.to_string();
    Arc::new(config(&[&ARGS[..], &["--workers", &workers, "--max-connections", "100"]].concat()).unwrap())
}

/// The next process, and how many bytes the state has from which it goes on.
fn restarted(world: World) -> (World, usize) {
    let mut len = 0;
    let settings = configured_for(WORKERS).reactor_settings();
    let successor = Successor { workers: WORKERS, settings, delay: Duration::ZERO };
    let world = world.hand_over_to(successor, |mut old, birth| {
        let moment = Moment { instant: birth.now, since_boot: birth.since_boot };
        let bytes = export_states(&mut old).to_bytes(moment);
        len = bytes.len();
        begin(ProcessState::from_bytes(&bytes, FORMAT, epoch_at(birth.wall), moment), birth)
    });
    (world, len)
}

impl Canary {
    /// A client of each kind.
    fn all(world: &mut World) -> Vec<Self> {
        let hixie =
            b"GET /?ids=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n".to_vec();
        [
            (b"GET / HTTP/1.0\r\n\r\n".to_vec(), Framing::Lines),
            (b"GET / HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n".to_vec(), Framing::EventStream),
            (modern("ids=1"), Framing::HybiIds),
            (hixie, Framing::HixieIds),
        ]
        .into_iter()
        .map(|(request, framing)| {
            let peer = world.connect();
            world.send(peer, &request);
            Self { peer, framing, next: None }
        })
        .collect()
    }

    /// It reads what this second has brought: one date, once, and its id is the one after the last.
    fn read(&mut self, world: &mut World, second: u64, epoch: Epoch) {
        let bytes = world.read(self.peer, usize::MAX);
        assert!(!world.is_ended(self.peer), "{:?} has ended in second {second}", self.framing);
        if bytes.starts_with(b"\x89") || bytes.windows(2).any(|pair| pair == b"\x89\0") {
            world.send(self.peer, b"\x8a\x80\0\0\0\0");
        }
        let Some(next) = &mut self.next else {
            self.next = Some(MessageId { epoch, number: 0 });
            return;
        };
        if next.number == 0 {
            let numbers = (1..100_000_u64)
                .find(|number| occurs(&bytes, self.framing, MessageId { epoch, number: *number }) == 1);
            next.number = numbers.expect("a date");
        }
        let times = occurs(&bytes, self.framing, *next);
        assert_eq!(times, 1, "{:?}: {next} in second {second}: {}", self.framing, bytes.escape_ascii());
        next.number += 1;
        assert_eq!(occurs(&bytes, self.framing, *next), 0, "{:?}: a burst in second {second}", self.framing);
    }
}

/// How many times a date is in these bytes.
fn occurs(bytes: &[u8], framing: Framing, id: MessageId) -> usize {
    let mut expected = Vec::new();
    encode(framing, id, &id.number.to_string(), &mut expected);
    bytes.windows(expected.len()).filter(|part| *part == expected).count()
}

/// Three of a minute's visitors: they come in another form each time, and go in one of three ways.
fn visit(world: &mut World, minute: u64, visitors: &mut Vec<usize>) {
    const REQUESTS: [&[u8]; 6] = [
        MODERN,
        b"GET /?poll=25 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n",
        b"GET /?since=1&until=9 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHo",
        b"\x16\x03\x01 no request",
    ];
    for (number, peer) in visitors.drain(..).enumerate() {
        if (minute + number as u64).is_multiple_of(2) {
            world.end(peer);
        }
        if !(minute + number as u64).is_multiple_of(3) {
            world.read(peer, usize::MAX);
        }
        world.reset(peer);
    }
    for number in minute..minute + 3 {
        let peer = world.connect_from([127, 0, 0, 2 + u8::try_from(number % 200).unwrap()]);
        world.send(peer, REQUESTS[usize::try_from(number % 6).unwrap()]);
        visitors.push(peer);
    }
}

/// What the process and the lists of its workers hold between two minutes, when the visitors have left.
fn held(world: &mut World, visitors: &mut Vec<usize>) -> (Held, usize) {
    for peer in visitors.drain(..) {
        world.reset(peer);
    }
    world.settle();
    let listed = (0..world.workers()).map(|worker| listed(world.handler(worker))).sum();
    (world.held(), listed)
}

/// Entries of a worker's lists of connections.
fn listed(handler: &WsHandler) -> usize {
    let reads = handler.waiting_reads.len();
    handler.fanout.subscribers.listed() + reads + handler.due_polls.len() + handler.rechecks.len()
}

fn hours() -> u64 {
    #[allow(clippy::disallowed_methods, reason = "chosen by whoever runs the test")]
    let days = env::var("DAYS").ok().map(|days| days.parse::<u64>().expect("a number of days"));
    days.map_or(HOURS, |days| days * 24)
}

#[test]
fn a_week_is_like_an_hour() {
    let settings = configured_for(WORKERS).reactor_settings();
    let mut handlers = None;
    let mut world = Simulation::with_workers(7, settings, WORKERS, |number, birth| {
        handlers.get_or_insert_with(|| begin(None, birth).into_iter().map(Some).collect::<Vec<_>>())[number]
            .take()
            .unwrap()
    });
    let epoch = epoch_at(world.wall());
    let mut canaries = Canary::all(&mut world);
    let (mut visitors, mut first, mut state, mut accepted) = (Vec::new(), None, None, 0);
    for second in 1..=hours() * HOUR {
        world.advance(Duration::from_secs(1));
        world.settle();
        for canary in &mut canaries {
            canary.read(&mut world, second, epoch);
        }
        if !second.is_multiple_of(HOUR) {
            if second.is_multiple_of(60) {
                visit(&mut world, second / 60, &mut visitors);
            }
            continue;
        }
        // All timers of those that have left are over by then, but for the few of the last minute. Nobody comes in this second: whether
        // a newcomer had a timer depends on whether it was served at once.
        let now = held(&mut world, &mut visitors);
        let counters = world.counters();
        assert_eq!(counters.open, canaries.len(), "in hour {}", second / HOUR);
        assert!(counters.accepted >= accepted, "a counter goes back in hour {}", second / HOUR);
        accepted = counters.accepted;
        assert_eq!(*first.get_or_insert(now.clone()), now, "in hour {}", second / HOUR);
        match second / HOUR % 24 {
            5 | 17 => world.suspend(Duration::from_secs(HOUR)),
            2 | 23 => {
                let len;
                (world, len) = restarted(world);
                accepted = 0;
                // The numbers in it have more digits by and by.
                let before = *state.get_or_insert(len);
                assert!(
                    len <= before + 1000,
                    "a state of {len} bytes in hour {}, and {before} at first",
                    second / HOUR
                );
            }
            _ => {}
        }
    }
}
