//! Publishing under faults: many clients post lines and try again, one reader checks that each line came once.
//!
//! ```text
//!   client 1 … C ── POST, PUT ──▶ ws-server --source http --template '{seq} {line}' ──▶ reader
//!      │  plan: what, and in which bytes, from a seed                                     │
//!      └─ answers: first and last id ──▶ ledger ◀── number and text of every message ─────┘
//! ```

mod answer;
mod client;
#[cfg(test)]
mod fake;
mod ledger;
mod plan;
mod reader;
#[cfg(test)]
mod restarts;
mod wire;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

pub(crate) use self::wire::Target;
use self::{
    client::{Client, Figures},
    ledger::Verdict,
    plan::Head,
    reader::Seen,
};
use crate::json;

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) to: Target,
    pub(crate) path: String,
    pub(crate) requests: u32,
    pub(crate) clients: usize,
    pub(crate) seed: u64,
    /// How long a request may take with all its attempts.
    pub(crate) patience: Duration,
    /// Requests a second, for all clients together.
    pub(crate) rate: u32,
    /// Cuts, repetitions, other bodies and pipelines.
    pub(crate) faults: bool,
    pub(crate) token: Option<String>,
    pub(crate) reader_token: Option<String>,
}

/// What all clients share: the next request, and when it is due.
#[derive(Debug)]
struct Shared {
    next: AtomicU32,
    requests: u32,
    rate: u32,
    begun: Instant,
}

impl Shared {
    /// The number of the next request, once it is due.
    fn next(&self) -> Option<u32> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        if index >= self.requests {
            return None;
        }
        let due = Duration::from_secs_f64(f64::from(index) / f64::from(self.rate));
        thread::sleep(due.saturating_sub(self.begun.elapsed()));
        Some(index)
    }
}

/// What a run has found.
#[derive(Debug)]
struct Outcome {
    verdict: Verdict,
    figures: Figures,
    unanswered: u64,
    /// `open`, or how the reader's stream ended.
    reading: String,
    time: Duration,
}

impl Outcome {
    fn is_right(&self) -> bool {
        let reader = self.verdict.is_right() && self.reading == "open";
        reader && self.unanswered == 0 && self.figures.is_right()
    }
}

/// Posts, checks and prints the figures; true if all is right.
pub(crate) fn run(task: &Task) -> bool {
    let outcome = outcome(task);
    let right = outcome.is_right();
    print(task, outcome);
    right
}

fn outcome(task: &Task) -> Outcome {
    let head = Head {
        path: task.path.clone(),
        host: "localhost".to_owned(),
        token: task.token.clone(),
        run: format!("{:x}-{}", task.seed, std::process::id()),
    };
    let (opened, is_open) = reader::opening();
    let connection =
        reader::open(&task.to, &task.path, task.reader_token.as_deref()).expect("the stream opens");
    let seen: Arc<Seen> = Arc::default();
    // It is left behind at the end: only the server ends its stream.
    let reader = thread::spawn({
        let seen = Arc::clone(&seen);
        move || reader::run(connection, &seen, &opened)
    });
    let is_open = is_open.recv_timeout(task.patience).is_ok();
    assert!(is_open, "the reader is not open: {:?}", reader.is_finished().then(|| reader.join()));
    println!(r#"{{"reading":true}}"#);
    let begun = Instant::now();
    let mut figures = post(task, &head, task.requests, task.clients);
    let time = begun.elapsed();
    let caught_up = catch_up(task, &head, &seen);
    let reading = match reader.is_finished() {
        true => reader.join().expect("the reader does not panic"),
        false if caught_up => "open".to_owned(),
        false => "behind".to_owned(),
    };
    let mut answers = vec![None; task.requests as usize];
    for (index, answer) in std::mem::take(&mut figures.answers) {
        answers[index as usize] = answer;
    }
    let verdict = ledger::judge(task.seed, &answers, &seen.take());
    let unanswered = answers.iter().filter(|answer| answer.is_none()).count() as u64;
    Outcome { verdict, figures, unanswered, reading, time }
}

/// Waits until the reader has all: what may still be published of requests that were cut off comes before the line of one more.
fn catch_up(task: &Task, head: &Head, seen: &Seen) -> bool {
    thread::sleep(Duration::from_millis(300));
    let last = Task { seed: task.seed | (1 << 63), faults: false, ..task.clone() };
    let head = Head { run: format!("{}-last", head.run), ..head.clone() };
    let last = post(&last, &head, 1, 1).answers;
    let Some(&(_, Some(last))) = last.first() else { return false };
    let deadline = Instant::now() + task.patience;
    while seen.newest() < last.last && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    seen.newest() >= last.last
}

/// Runs the clients, each in a thread of its own, until all requests are done.
fn post(task: &Task, head: &Head, requests: u32, clients: usize) -> Figures {
    let shared = &Shared { next: AtomicU32::new(0), requests, rate: task.rate, begun: Instant::now() };
    let mut all = Figures::default();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..clients)
            .map(|number| {
                let client = Client::new(task, shared, head, number);
                let small = thread::Builder::new().stack_size(256 * 1024);
                small.spawn_scoped(scope, || client.run()).expect("a thread")
            })
            .collect();
        for client in clients {
            all.add(client.join().expect("no client panics"));
        }
    });
    all
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.answers.extend(other.answers);
        self.attempts += other.attempts;
        for (all, more) in [(&mut self.retries, other.retries), (&mut self.strange, other.strange)] {
            for (what, count) in more {
                *all.entry(what).or_default() += count;
            }
        }
        self.cut += other.cut;
        self.pipelined += other.pipelined;
        self.repeated += other.repeated;
        self.changed += other.changed;
        self.altered += other.altered;
        self.accepted += other.accepted;
        self.answer_times.extend(other.answer_times);
        self.request_times.extend(other.request_times);
    }

    /// Apart from what the reader saw.
    fn is_right(&self) -> bool {
        self.changed + self.accepted == 0 && self.strange.is_empty()
    }
}

fn print(task: &Task, outcome: Outcome) {
    let Outcome { verdict, figures, unanswered, reading, time } = outcome;
    let Verdict { lines, lost, doubled, disordered, altered, wrong_answers, gaps, examples } = verdict;
    let retries: u64 = figures.retries.values().sum();
    let reader = BTreeMap::from([(reading, 1)]);
    for example in examples {
        eprintln!("{example}");
    }
    println!(
        r#"{{"requests":{},"unanswered":{unanswered},"attempts":{},"retries":{retries},"lines":{lines},"lost":{lost},"doubled":{doubled},"disordered":{disordered},"torn":{altered},"wrong_answers":{wrong_answers},"gaps":{gaps},"cut":{},"pipelined":{},"repeated":{},"changed":{},"altered":{},"accepted":{},"why":{},"strange":{},"reader":{},"seconds":{:.1},"per_second":{:.0},"answer_ms":{},"request_ms":{}}}"#,
        task.requests,
        figures.attempts,
        figures.cut,
        figures.pipelined,
        figures.repeated,
        figures.changed,
        figures.altered,
        figures.accepted,
        json::counts(&figures.retries),
        json::counts(&figures.strange),
        json::counts(&reader),
        time.as_secs_f64(),
        f64::from(task.requests) / time.as_secs_f64(),
        json::percentiles(figures.answer_times),
        json::percentiles(figures.request_times),
    );
}
