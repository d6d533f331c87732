//! A restart in the middle of notices: each client hears of each one exactly once, whichever workers it was and is with.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::collections::BTreeMap;

use harness::{Client, Holder, Signal, frame, handshake};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");
const WORKERS: u64 = 2;

/// A client of lines that remembers what it has read.
struct Observer {
    id: u64,
    client: Client,
    heard: Vec<u8>,
}

impl Observer {
    fn new(holder: &Holder) -> Self {
        let mut client = holder.request("GET / HTTP/1.0");
        let head = client.head();
        let (_, rest) = head.split_once("X-Connection-Id: ").unwrap();
        let id = rest.split_once("\r\n").unwrap().0.parse().unwrap();
        Self { id, client, heard: Vec::new() }
    }

    fn until(&mut self, end: &str) {
        self.heard.extend(self.client.until(end.as_bytes()));
    }

    /// Three dates, of which the first came at once: from then on it counts as one that was there.
    fn live_an_interval(&mut self) {
        for _ in 0..3 {
            self.until("date ");
            self.until("\n");
        }
    }

    /// How often each line came that is not a date.
    fn notices(&self) -> BTreeMap<&str, usize> {
        let text = std::str::from_utf8(&self.heard).unwrap();
        let mut counts = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with("date ")) {
            *counts.entry(line).or_default() += 1;
        }
        counts
    }
}

/// Clients of which each worker has at least two: the remainder of an id says which worker gave it.
fn observers(holder: &Holder) -> Vec<Observer> {
    let mut observers: Vec<Observer> = Vec::new();
    let has_two = |all: &Vec<Observer>, worker| {
        all.iter().filter(|observer| observer.id % WORKERS == worker).count() >= 2
    };
    while !(0..WORKERS).all(|worker| has_two(&observers, worker)) {
        observers.push(Observer::new(holder));
        assert!(observers.len() < 1000, "one worker gets no connection");
    }
    observers
}

/// A client comes and leaves; its notice is the last one that all of these read.
fn read_all(holder: &Holder, observers: &mut [Observer]) -> String {
    let mut last = Observer::new(holder);
    last.live_an_interval();
    let text = format!("{} disconnected", last.id);
    drop(last);
    for observer in observers {
        observer.until(&format!("{text}\n"));
    }
    text
}

/// Each client has heard each of these texts once, and no other but dates.
fn assert_heard_once(observers: &[Observer], texts: &[String], when: &str) {
    let expected = texts.iter().map(|text| (text.as_str(), 1)).collect();
    for observer in observers {
        assert_eq!(observer.notices(), expected, "{when}, client {}", observer.id);
    }
}

fn start(more: &[&str]) -> Holder {
    let args = ["--hand-over", "on", "--workers", "2", "--interval", "50ms", "--template", "date {seq}"];
    Holder::start(WS_SERVER, &[&args[..], &["--max-connections-per-ip", "0"], more].concat())
}

#[test]
fn each_leaver_of_the_moment_of_a_restart_is_announced_once_to_each_client_of_either_worker() {
    for round in 0..6 {
        let mut holder = start(&["--notice-rate", "100"]);
        let mut observers = observers(&holder);
        let mut leavers: Vec<_> = (0..20).map(|_| Observer::new(&holder)).collect();
        leavers.iter_mut().chain(&mut observers).for_each(Observer::live_an_interval);
        let mut expected: Vec<String> =
            leavers.iter().map(|leaver| format!("{} disconnected", leaver.id)).collect();
        drop(leavers);
        // Another number of workers, too.
        holder.args[3] = ["2", "1", "4"][round % 3].to_owned();
        holder.restart();
        holder.restart();
        expected.push(read_all(&holder, &mut observers));
        assert_heard_once(&observers, &expected, &format!("round {round}"));
    }
}

#[test]
fn a_client_that_leaves_during_the_restart_is_announced_to_all_that_the_next_process_adopts() {
    let mut holder = start(&["--max-connections", "2000"]);
    let mut observers: Vec<Observer> = (0..700).map(|_| Observer::new(&holder)).collect();
    let mut first = observers.remove(0);
    first.live_an_interval();
    holder.end(Signal::USR2);
    let text = format!("{} disconnected", first.id);
    drop(first);
    holder.start_next();
    let last = read_all(&holder, &mut observers);
    assert_heard_once(&observers, &[text, last], "after the restart");
}

#[test]
fn each_message_of_a_client_reaches_all_others_once_whenever_the_process_changes() {
    let mut holder = start(&["--on-message", "broadcast"]);
    let mut observers = observers(&holder);
    let mut author = holder.request(&handshake("/", 13));
    author.head();
    author.text();
    let mut expected = Vec::new();
    for round in 0..3 {
        for number in 0..25 {
            let text = format!("message {number} of round {round}");
            author.send(frame(0x81, text.as_bytes()));
            expected.push(text);
        }
        holder.restart();
    }
    // The pong says that the server has read what came before it; the leaver of `read_all` comes later.
    author.send(frame(0x89, b"?"));
    while author.frame().0 != 0x8A {}
    expected.push(read_all(&holder, &mut observers));
    assert_heard_once(&observers, &expected, "after the restarts");
}

#[test]
fn a_restart_gives_nobody_a_new_budget() {
    for (first, opcode, flag) in [(0x81, "messages", "--message-burst"), (0x8A, "pings", "--control-burst")] {
        let mut holder = start(&[flag, "20", "--message-rate", "1", "--control-rate", "1"]);
        let mut client = holder.request(&handshake("/", 13));
        client.head();
        for restart in 0..2 {
            for _ in 0..15 {
                client.send(frame(first, b"x"));
            }
            if restart == 0 {
                // The pong says that the server has read what came before it.
                client.send(frame(0x89, b"?"));
                while client.frame().0 != 0x8A {}
                holder.restart();
            }
        }
        assert_eq!(client.close_code(), Some(1008), "too many {opcode}");
    }
}
