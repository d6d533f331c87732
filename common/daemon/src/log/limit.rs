//! How much one place in the program may say: an attacker who makes it say something cannot drown the rest. Pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use log::Level;

/// Lines that one place may write in a window.
const LINES: u32 = 10;
/// The length of a window.
pub(super) const WINDOW: Duration = Duration::from_secs(1);

/// File and line of the call.
pub(super) type Place = (&'static str, u32);

#[derive(Debug)]
struct Window {
    began: Instant,
    lines: u32,
    suppressed: u64,
    /// What was suppressed in windows before this one, and not told yet.
    untold: u64,
    level: Level,
}

/// What each place has said in its newest window. There are as many as the program has calls.
#[derive(Debug, Default)]
pub(super) struct Limiter(HashMap<Place, Window>);

impl Limiter {
    /// Counts a line; false if it is one too many.
    pub(super) fn admit(&mut self, place: Place, level: Level, now: Instant) -> bool {
        let new = || Window { began: now, lines: 0, suppressed: 0, untold: 0, level };
        let window = self.0.entry(place).or_insert_with(new);
        if now.saturating_duration_since(window.began) >= WINDOW {
            window.began = now;
            window.lines = 0;
            // While a flood goes on no window stays over: it is told all the same.
            window.untold += std::mem::take(&mut window.suppressed);
        }
        window.level = level;
        let admitted = window.lines < LINES;
        if admitted {
            window.lines += 1;
        } else {
            window.suppressed += 1;
        }
        admitted
    }

    /// How many lines of which places were suppressed in windows that are over (`all`: or are not).
    pub(super) fn take_suppressed(&mut self, now: Instant, all: bool) -> Vec<(Place, Level, u64)> {
        let over = |window: &Window| all || now.saturating_duration_since(window.began) >= WINDOW;
        let take = |window: &mut Window| {
            let suppressed = if over(window) { std::mem::take(&mut window.suppressed) } else { 0 };
            std::mem::take(&mut window.untold) + suppressed
        };
        let windows = self.0.iter_mut().map(|(place, window)| (*place, window.level, take(window)));
        windows.filter(|(_, _, count)| *count > 0).collect()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
mod tests {
    use super::*;

    const HERE: Place = ("here.rs", 1);

    #[test]
    fn ten_a_second_of_one_place_and_the_rest_as_a_number() {
        let mut limiter = Limiter::default();
        let start = Instant::now();
        let mut said = 0;
        for millis in 0..3000 {
            let now = start + Duration::from_millis(millis);
            said += u32::from(limiter.admit(HERE, Level::Debug, now));
        }
        assert_eq!(said, 30);
        let end = start + Duration::from_secs(4);
        assert_eq!(limiter.take_suppressed(end, false), [(HERE, Level::Debug, 2970)]);
        assert!(limiter.take_suppressed(end, true).is_empty(), "told once");
    }

    #[test]
    fn a_flood_that_goes_on_is_told_once_a_second() {
        let mut limiter = Limiter::default();
        let start = Instant::now();
        let mut told = Vec::new();
        for millis in 0..2500 {
            let now = start + Duration::from_millis(millis);
            limiter.admit(HERE, Level::Debug, now);
            told.extend(limiter.take_suppressed(now, false));
        }
        assert_eq!(told, [(HERE, Level::Debug, 990), (HERE, Level::Debug, 990)]);
    }

    #[test]
    fn another_place_is_not_hindered() {
        let mut limiter = Limiter::default();
        let now = Instant::now();
        (0..100).for_each(|_| _ = limiter.admit(HERE, Level::Debug, now));
        assert!(limiter.admit(("here.rs", 2), Level::Error, now));
        assert!(limiter.take_suppressed(now, false).is_empty(), "it may say more in this window");
        assert_eq!(limiter.take_suppressed(now, true).len(), 1);
    }
}
