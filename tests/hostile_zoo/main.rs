//! The hostile zoo: one attack at a time on a server, and beside it 200 canaries, clients that behave and notice each message that is
//! missing or late.
//!
//! ```text
//! hostile-zoo quick                         each mode in small, against ours; exits with 1 where a promise is broken
//! hostile-zoo control                       the same without the guard, one at a time: exits with 1 where it did not notice
//! hostile-zoo run   [--modes A,B] [--peers A,B] [--seconds 4] [--record FILE]
//!                                           each mode in full, against ours and the peers that are there
//! hostile-zoo extremes                      a firehose, no descriptors, 100,000 connections
//! hostile-zoo lines INTERVAL PADDING        prints lines: what websocketd runs for each client
//!
//!            ┌─ canaries ──  200 clients: each number once, how late
//!   round ───┼─ visitors ──  new clients, ten a second: does each get a message?
//!            ├─ swarm ─────  the attackers: what they send and read is a `Plan`
//!            └─ usage ─────  RSS, kernel memory, descriptors, processor's time of the victim
//! ```
//!
//! What it asserts hangs on no machine's speed: losses, descriptors, notices. What it measures is printed, and asserted nowhere.

// A test's tool: a broken expectation ends it with its sentence, and it reads the real clock.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, clippy::print_stderr)]
#![allow(clippy::disallowed_methods, clippy::cast_possible_truncation, clippy::cast_precision_loss)]
#![allow(clippy::cast_sign_loss)]

mod canaries;
mod feeder;
mod figures;
mod firehose;
mod full;
mod modes;
mod other_modes;
mod peers;
mod plan;
mod report;
mod round;
mod site;
mod stream_modes;
mod swarm;
mod usage;
mod victim;

// Parts of the load generator, of which it uses the half.
#[allow(dead_code)]
#[path = "../load_generator/answers.rs"]
mod answers;
#[allow(dead_code)]
#[path = "../load_generator/decoder.rs"]
mod decoder;
#[allow(dead_code)]
#[path = "../load_generator/dialect.rs"]
mod dialect;
#[allow(dead_code)]
#[path = "../load_generator/json.rs"]
mod json;
#[allow(dead_code)]
#[path = "../load_generator/knock.rs"]
mod knock;
#[allow(dead_code)]
#[path = "../load_generator/lateness.rs"]
mod lateness;
#[allow(dead_code)]
#[path = "../load_generator/record.rs"]
mod record;
#[allow(dead_code)]
#[path = "../load_generator/sockets.rs"]
mod sockets;

use std::{
    collections::VecDeque,
    env, process,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use figures::Outcome;
use mio::Token;
use modes::Mode;
use peers::Peer;
use report::Report;
use round::Size;
use victim::Victim;

/// The waker's token, as in the load generator.
const COMMAND: Token = Token(usize::MAX);
/// Rounds at once, in small.
const AT_ONCE: usize = 8;

fn main() {
    harness::raise_file_limit();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let number =
        |text: Option<&str>| text.and_then(|text| text.parse().ok()).expect("a number where there is none");
    let is_wanted = |names: &str, name: &str| names == "all" || names.split(',').any(|one| one == name);
    let wanted = value("--modes").unwrap_or("all");
    let modes: Vec<Mode> = modes::all().into_iter().filter(|mode| is_wanted(wanted, mode.name)).collect();
    let broken = match arguments.first().map(String::as_str) {
        Some("quick") => {
            // It ends with a panic where a client waits for ever.
            let full = thread::spawn(|| full::run(Duration::from_secs(1)));
            let broken = in_small(modes, print);
            println!("ok without-descriptors: {:?}", full.join().expect("each client is served"));
            broken
        }
        Some("control") => in_small(modes::without_guards(), print_control),
        Some("run") => {
            let peers = value("--peers").unwrap_or("all");
            let peers: Vec<Peer> =
                Peer::ALL.into_iter().filter(|peer| is_wanted(peers, peer.name())).collect();
            let time = Duration::from_secs(value("--seconds").map_or(4, |_| number(value("--seconds"))));
            let file = value("--record").map(str::to_owned);
            let mut found = Report { file, load: report::load(), time, ..Report::default() };
            let broken = in_full(modes, &peers, &mut found);
            if wanted == "all" {
                extremes(&mut found);
                found.write();
            }
            broken
        }
        Some("extremes") => {
            extremes(&mut Report::default());
            0
        }
        Some("lines") => {
            let argument = |at: usize| number(arguments.get(at).map(String::as_str));
            let line = format!("GMT{}", ".".repeat(argument(2) as usize));
            feeder::print(&line, Duration::from_millis(argument(1)));
            0
        }
        _ => panic!("hostile-zoo quick|run|lines: see tests/hostile_zoo/main.rs"),
    };
    if broken > 0 {
        process::exit(1);
    }
}

/// Several rounds at once, as most of one is waiting; how many promises are broken.
fn in_small(modes: Vec<Mode>, print: fn(&Outcome) -> usize) -> usize {
    let modes = Mutex::new(VecDeque::from(modes));
    let broken = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(mode) = next(&modes) {
                    let outcome = round::run(&mode, Size::Quick, Victim::ours(&mode.settings));
                    broken.fetch_add(outcome.as_ref().map_or(1, print), Ordering::Relaxed);
                }
            });
        }
    });
    broken.into_inner()
}

/// One round at a time, as it is measured; how many promises of ours are broken.
fn in_full(modes: Vec<Mode>, peers: &[Peer], found: &mut Report) -> usize {
    let mut broken = 0;
    let time = found.time;
    for mode in modes {
        let mut outcomes = Vec::new();
        outcomes.extend(round::run(&mode, Size::Full(time), Victim::ours(&mode.settings)));
        broken += outcomes.iter().map(print).sum::<usize>();
        for &peer in peers.iter().filter(|_| !mode.is_for_ours) {
            let Some(victim) = Victim::peer(peer, &mode.settings) else { continue };
            let size = if peer.is_heavy() { Size::Tenth(time) } else { Size::Full(time) };
            match round::run(&mode, size, victim) {
                Some(outcome) => {
                    println!("{outcome}");
                    outcomes.push(outcome);
                }
                None => println!("NOT RUN {} on {}: no canary gets messages", mode.name, peer.name()),
            }
        }
        found.rounds.push((mode, outcomes));
        found.write();
    }
    broken
}

/// A firehose, a server without descriptors, and 100,000 connections.
fn extremes(found: &mut Report) {
    let ordered = [1_000, 10_000, 100_000, 1_000_000].map(|rate| (rate, true));
    for (rate, is_ordered) in ordered.into_iter().chain([(1_000_000, false)]) {
        let time = Duration::from_secs(4);
        let task = firehose::Task { time, rate, quick: 400, slow: 100, is_ordered };
        let figures = firehose::run(&task);
        println!("firehose {task:?}: {figures:?}");
        found.firehose.push((task, figures));
    }
    let full = full::run(Duration::from_secs(5));
    println!("without descriptors: {full:?}");
    found.full = Some(full);
    let connects = round::connects(100_000);
    println!("connections: {}, {:?}", connects.started, connects.outcomes);
    found.connects = Some(connects);
}

fn next(modes: &Mutex<VecDeque<Mode>>) -> Option<Mode> {
    modes.lock().expect("no round panics while it takes the next mode").pop_front()
}

/// Prints what an attack did to a server without its guard: it must have broken a promise.
fn print_control(outcome: &Outcome) -> usize {
    match outcome.broken.first() {
        Some(promise) => println!("ok {} is noticed without its guard: {promise}", outcome.mode),
        None => println!("not ok {}: nobody notices that its guard is out\n{outcome}", outcome.mode),
    }
    usize::from(outcome.broken.is_empty())
}

/// Prints it; how many promises are broken.
fn print(outcome: &Outcome) -> usize {
    let mut lines = vec![outcome.to_string()];
    lines.extend(outcome.broken.iter().map(|promise| format!("not ok {}: {promise}", outcome.mode)));
    if outcome.broken.is_empty() {
        lines.push(format!("ok {}", outcome.mode));
    }
    println!("{}", lines.join("\n"));
    outcome.broken.len()
}
