//! The lines that a server reads: `NUMBER @MICROSECONDS PADDING`, at a steady rate, each with its number and the moment at which it was
//! written, from which all its bytes follow: a reader sees any that is wrong.

use std::{
    io::{self, Write},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Lines that are due are written together once in this time.
const STEP: Duration = Duration::from_millis(1);
/// The least that a line has, with its end: the number, the moment and some padding.
const LEAST: usize = 48;
/// What the padding repeats: letters and digits that differ from one another, twice, so that it can begin anywhere. There are 61, a prime: each
/// single digit of a number or a moment that is wrong makes another padding.
const PERIOD: usize = 61;
const PATTERN: &[u8; 2 * PERIOD] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz012345678\
    ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz012345678";

/// A period of the padding of this line.
fn period(number: u64, written: u64) -> &'static [u8] {
    let period = PERIOD as u64;
    let start = ((number % period * 31 + written % period) % period) as usize;
    &PATTERN[start..start + PERIOD]
}

/// Appends a line of so many bytes with its end.
fn push(text: &mut Vec<u8>, number: u64, written: u64, bytes: usize) {
    let end = text.len() + bytes - 1;
    text.extend_from_slice(format!("{number} @{written} ").as_bytes());
    while text.len() < end {
        let part = &period(number, written)[..PERIOD.min(end - text.len())];
        text.extend_from_slice(part);
    }
    text.push(b'\n');
}

/// How long ago a line of so many bytes was written.
///
/// # Errors
/// A sentence, when any of its bytes is not what it was written with.
pub(crate) fn age(text: &str, bytes: usize) -> Result<Duration, String> {
    let written =
        written(text, bytes).ok_or_else(|| format!("no line of the feed of {bytes} bytes: {text:?}"))?;
    Ok(Duration::from_micros(stamp().saturating_sub(written)))
}

/// The moment at which a line was written, if it is one of so many bytes and they are all right.
fn written(text: &str, bytes: usize) -> Option<u64> {
    let (number, rest) = text.split_once(" @")?;
    let (written, padding) = rest.split_once(' ')?;
    let [number, written] = [number.parse().ok()?, written.parse().ok()?];
    let period = period(number, written);
    let is_right = padding.as_bytes().chunks(PERIOD).all(|part| *part == period[..part.len()]);
    (is_right && text.len() + 1 == bytes).then_some(written)
}

/// Microseconds of the wall clock, which all processes share.
fn stamp() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros() as u64)
}

/// From the first line of standard input on, writes `first` lines at once and then `rate` lines a second, of `bytes` each with their ends, until
/// nobody reads them.
pub(crate) fn run(rate: u32, bytes: usize, first: u32) {
    assert!(bytes >= LEAST, "--bytes {bytes}: a line has {LEAST} at least");
    // Nobody who could say "go" is left: an end is no reason to begin.
    if io::stdin().read_line(&mut String::new()).unwrap_or(0) == 0 {
        return;
    }
    let (mut output, begun, mut number, mut text) = (io::stdout().lock(), Instant::now(), 0, Vec::new());
    loop {
        let due = u64::from(first) + (begun.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        text.clear();
        while number < due {
            number += 1;
            push(&mut text, number, stamp(), bytes);
        }
        if output.write_all(&text).and_then(|()| output.flush()).is_err() {
            return;
        }
        thread::sleep(STEP);
    }
}

/// A line without its end, for the tests of those that read it.
#[cfg(test)]
pub(crate) fn line(number: u64, bytes: usize) -> String {
    let mut text = Vec::new();
    push(&mut text, number, stamp() - 2_000_000, bytes);
    assert_eq!(text.pop(), Some(b'\n'));
    String::from_utf8(text).expect("letters and digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_its_age_and_has_its_length() {
        for bytes in [LEAST, 100, 110, 1000] {
            let text = line(123_456, bytes);
            let age = age(&text, bytes).unwrap();
            assert!(age >= Duration::from_secs(2) && age < Duration::from_mins(1), "{age:?}");
            assert!(super::age(&text, bytes + 1).is_err() && super::age(&text, bytes - 1).is_err());
        }
    }

    #[test]
    fn each_wrong_byte_is_seen() {
        let right = line(123_456, 100);
        for at in 0..right.len() {
            for wrong in (b' '..=b'~').filter(|byte| *byte != right.as_bytes()[at]) {
                let mut bytes = right.clone().into_bytes();
                bytes[at] = wrong;
                let text = String::from_utf8(bytes).unwrap();
                assert!(age(&text, 100).is_err(), "{text}");
            }
        }
        for text in ["7 Wed Nov 25 2026", "7 @now ...", "7"] {
            assert!(age(text, 100).is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_with_the_padding_of_another_or_without_a_part_is_seen() {
        let (one, other) = (line(1000, 100), line(1001, 100));
        let place = one.rfind(' ').unwrap();
        assert!(age(&format!("{}{}", &one[..place], &other[place..]), 100).is_err());
        assert!(age(&format!("{}{}", &one[..60], &one[70..]), 100).is_err());
    }
}
