//! Runs a seed, and finds which of its actions a failure takes.

use std::{
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    action::draw,
    number,
    run::{Step, Storm},
};

/// Runs that shrinking may take, if `TRIES=` says nothing else.
const TRIES: u64 = 400;

/// Something that did not hold.
#[derive(Debug)]
pub(super) struct Failure {
    seed: u64,
    steps: u64,
    error: String,
    setting: String,
    left: Vec<Step>,
}

impl Failure {
    /// The seed, the fault, the fewest actions that lead to it, and how to see it again.
    pub(super) fn shown(&self) -> String {
        let Self { seed, steps, error, setting, left } = self;
        let places: Vec<String> = left.iter().map(|(place, ..)| place.to_string()).collect();
        let mut text =
            format!("seed {seed}: {error}\nwith {setting}\n{} actions of {steps} are enough:\n", left.len());
        for (place, action, turns) in left {
            let _infallible = writeln!(text, "{place:>6} {action:?}, {turns} turns");
        }
        let _infallible = writeln!(text, "again: STORM={seed}:{steps}:{}", places.join(","));
        text
    }
}

/// Runs the storm of this seed, and shrinks it if it fails.
pub(super) fn storm(seed: u64, steps: u64) -> Option<Failure> {
    let all = draw(seed, steps);
    let (at, error, setting) = run(seed, &all)?;
    let first = all[..=at.min(all.len() - 1)].to_vec();
    let (left, error) = shrink(seed, first, error);
    Some(Failure { seed, steps, error, setting, left })
}

/// Runs what a failure has printed behind `STORM=`.
///
/// # Errors
/// It fails again.
pub(super) fn replay(text: &str) -> Result<(), String> {
    let mut parts = text.split(':');
    let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok());
    let (Some(seed), Some(steps)) = (number(), number()) else { return Err(format!("no storm: {text}")) };
    let all = draw(seed, steps);
    let places: Option<Vec<u64>> =
        parts.next().map(|places| places.split(',').filter_map(|place| place.parse().ok()).collect());
    let chosen: Vec<Step> = match places {
        Some(places) => all.into_iter().filter(|(place, ..)| places.contains(place)).collect(),
        None => all,
    };
    let Some((at, error, setting)) = run(seed, &chosen) else { return Ok(()) };
    Err(Failure { seed, steps, error: format!("after {at} actions: {error}"), setting, left: chosen }.shown())
}

/// Which action has failed, how, and under which settings.
fn run(seed: u64, steps: &[Step]) -> Option<(usize, String, String)> {
    let (mut at, mut setting) = (0, String::new());
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let mut storm = Storm::new(seed);
        for step in steps {
            setting = storm.shown();
            storm.step(step)?;
            at += 1;
        }
        storm.calm()
    }));
    let error = match ran {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
        }
    };
    Some((at, error, setting))
}

/// Delta debugging: leaves parts out, large ones first, as long as something fails.
fn shrink(seed: u64, mut steps: Vec<Step>, mut error: String) -> (Vec<Step>, String) {
    let most = number("TRIES", TRIES);
    let mut tries = 0;
    let mut part = steps.len() / 2;
    while part > 0 && tries < most {
        let (mut at, before) = (0, steps.len());
        while at < steps.len() && tries < most {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + part).min(steps.len()));
            tries += 1;
            match run(seed, &fewer) {
                Some((_, now, _)) => (steps, error) = (fewer, now),
                None => at += part,
            }
        }
        if part > 1 || steps.len() == before {
            part /= 2;
        }
    }
    (steps, error)
}
