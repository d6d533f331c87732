//! Storms: everything at once, from a seed. Clients of every dialect and strangers, a source, faults of every call, clocks that jump,
//! reloads and restarts, against a model of what each client should get.
//!
//! ```text
//!  seed ──▶ actions ──▶ Storm ──▶ Simulation: workers, handlers, a world
//!                        │ ▲           │
//!      Shadow: what was  │ │           ▼ bytes
//!      published         │ └── Client: decoder (the grammar), place (what may come next)
//!                        ▼
//!                  shrinking: which of the actions does it take?
//! ```
//!
//! `SEEDS=`, `FIRST=` and `STEPS=` choose other runs, `TRIES=0` shrinks nothing; `STORM=SEED:STEPS:PLACES` replays the actions at these places, as a failure
//! prints it.

mod action;
mod asking;
mod calm;
mod changes;
mod client;
mod decode;
mod deeds;
mod listening;
mod place;
mod post;
mod process;
mod publishing;
mod run;
mod said;
mod seed;
mod setting;
mod shadow;
mod shrink;
mod way;

use std::{
    env,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use self::shrink::{Failure, replay, storm};

/// Few and short without optimisation: `tests/run` runs the others.
const SEEDS: u64 = if cfg!(debug_assertions) { 12 } else { 200 };
const STEPS: u64 = if cfg!(debug_assertions) { 600 } else { 5000 };

fn number(name: &str, default: u64) -> u64 {
    #[allow(clippy::disallowed_methods, reason = "chosen by whoever runs the test")]
    let value = env::var(name);
    value.map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

#[test]
fn nothing_is_lost_in_any_storm() {
    #[allow(clippy::disallowed_methods, reason = "printed by the run that has failed")]
    if let Ok(replayed) = env::var("STORM") {
        replay(&replayed).unwrap();
        return;
    }
    let (first, seeds, steps) = (number("FIRST", 0), number("SEEDS", SEEDS), number("STEPS", STEPS));
    let next = AtomicU64::new(first);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let failure: Option<Failure> = thread::scope(|scope| {
        let run = || loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return None;
            }
            if let Some(failure) = storm(seed, steps) {
                next.store(first + seeds, Ordering::Relaxed);
                return Some(failure);
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
        threads.into_iter().find_map(|thread| thread.join().unwrap())
    });
    assert!(failure.is_none(), "{}", failure.map(|failure| failure.shown()).unwrap_or_default());
}
