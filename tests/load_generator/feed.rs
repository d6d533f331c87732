//! The lines that a server reads: `NUMBER @MICROSECONDS ...`, at a steady rate, each with its number and the moment at which it was written.

use std::{
    io::{self, Write},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Lines that are due are written together once in this time.
const STEP: Duration = Duration::from_millis(1);

/// How long ago a line was written, if it says so.
pub(crate) fn age(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once(" @")?;
    let (written, _) = rest.split_once(' ')?;
    Some(Duration::from_micros(stamp().saturating_sub(written.parse().ok()?)))
}

/// Microseconds of the wall clock, which all processes share.
fn stamp() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros() as u64)
}

/// From the first line of standard input on, writes `rate` lines a second of `bytes` each with their ends, until nobody reads them.
pub(crate) fn run(rate: u32, bytes: usize) {
    // Nobody who could say "go" is left: an end is no reason to begin.
    if io::stdin().read_line(&mut String::new()).unwrap_or(0) == 0 {
        return;
    }
    let (mut output, begun, mut number, mut text) = (io::stdout().lock(), Instant::now(), 0, Vec::new());
    loop {
        let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        text.clear();
        while number < due {
            number += 1;
            let start = text.len();
            text.extend_from_slice(format!("{number} @{} ", stamp()).as_bytes());
            text.resize(start + bytes - 1, b'.');
            text.push(b'\n');
        }
        if output.write_all(&text).and_then(|()| output.flush()).is_err() {
            return;
        }
        thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_its_age_and_a_date_does_not() {
        let text = format!("7 @{} ....", stamp() - 2_000_000);
        let age = age(&text).unwrap();
        assert!(age >= Duration::from_secs(2) && age < Duration::from_mins(1), "{age:?}");
        for text in ["7 Wed Nov 25 2026", "7 @now ...", "7"] {
            assert_eq!(super::age(text), None);
        }
    }
}
