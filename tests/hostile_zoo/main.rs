//! The hostile zoo: one attack at a time on a server, and beside it 200 canaries, clients that behave and notice each message that is
//! missing or late.
//!
//! ```text
//! hostile-zoo quick                         each mode in small, against ours; exits with 1 where a promise is broken
//! hostile-zoo run   [--modes A,B] [--seconds 6] [--record FILE]
//!                                           each mode in full, against ours and, where it is there, its peer
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

mod canaries;
mod figures;
mod lateness;
mod modes;
mod plan;
mod round;
mod stream_modes;
mod swarm;
mod usage;
mod victim;

// Parts of the load generator, of which it uses the half.
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
use round::Size;

/// The waker's token, as in the load generator.
const COMMAND: Token = Token(usize::MAX);
/// Rounds at once, in small.
const AT_ONCE: usize = 6;

fn main() {
    harness::raise_file_limit();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let size = match arguments.first().map(String::as_str) {
        Some("quick") => Size::Quick,
        Some("run") => {
            let seconds = value("--seconds").map_or(6, |text| text.parse().expect("--seconds N"));
            Size::Full(Duration::from_secs(seconds))
        }
        _ => panic!("hostile-zoo quick|run: see tests/hostile_zoo/main.rs"),
    };
    let wanted: Option<Vec<&str>> = value("--modes").map(|names| names.split(',').collect());
    let is_wanted = |mode: &Mode| wanted.as_ref().is_none_or(|wanted| wanted.contains(&mode.name));
    let modes = Mutex::new(modes::all().into_iter().filter(is_wanted).collect::<VecDeque<Mode>>());
    let broken = AtomicUsize::new(0);
    // In small most of a round is waiting; in full it is alone, as it is measured.
    let at_once = if size == Size::Quick { AT_ONCE } else { 1 };
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(mode) = next(&modes) {
                    broken.fetch_add(report(&round::run(&mode, size)), Ordering::Relaxed);
                }
            });
        }
    });
    if broken.into_inner() > 0 {
        process::exit(1);
    }
}

fn next(modes: &Mutex<VecDeque<Mode>>) -> Option<Mode> {
    modes.lock().expect("no round panics while it takes the next mode").pop_front()
}

/// Prints it; how many promises are broken.
fn report(outcome: &Outcome) -> usize {
    let mut lines = vec![outcome.to_string()];
    lines.extend(outcome.broken.iter().map(|promise| format!("not ok {}: {promise}", outcome.mode)));
    if outcome.broken.is_empty() {
        lines.push(format!("ok {}", outcome.mode));
    }
    println!("{}", lines.join("\n"));
    outcome.broken.len()
}
