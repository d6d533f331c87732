//! The limit of lines per second from one place in the program, so that a flood from one place cannot drown the rest.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use log::Level;

/// Lines that one place may write in a window.
const LINES: u64 = 10;
pub(super) const WINDOW: Duration = Duration::from_secs(1);

/// A log call, by its file and line.
pub(super) type Place = (&'static str, u32);

#[derive(Debug)]
struct Window {
    began: Instant,
    /// Lines in this window that are not in `suppressed`.
    lines: u64,
    /// Suppressed lines that the next report will count.
    suppressed: u64,
    level: Level,
}

impl Window {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= WINDOW
    }

    /// Moves the lines that this window suppressed into the next report.
    fn settle(&mut self) {
        let more = self.lines.saturating_sub(LINES);
        self.lines -= more;
        self.suppressed += more;
    }
}

/// The newest window of each place; there are at most as many as the program has log calls.
#[derive(Debug, Default)]
pub(super) struct Limiter(Mutex<HashMap<Place, Window>>);

impl Limiter {
    /// Counts a line; false if its place has used up its window.
    pub(super) fn admit(&self, place: Place, level: Level, now: Instant) -> bool {
        let mut windows = self.windows();
        let window = windows.entry(place).or_insert(Window { began: now, lines: 0, suppressed: 0, level });
        if window.is_over(now) {
            // In a flood the next window begins as soon as this one is over.
            window.settle();
            (window.began, window.lines) = (now, 0);
        }
        window.level = level;
        window.lines += 1;
        window.lines <= LINES
    }

    /// Returns how many lines of which place were suppressed, once each: in windows that are over, and with `all` in every
    /// one.
    pub(super) fn take_suppressed(&self, now: Instant, all: bool) -> Vec<(Place, Level, u64)> {
        let mut windows = self.windows();
        let taken = windows.iter_mut().map(|(place, window)| {
            if all || window.is_over(now) {
                window.settle();
            }
            (*place, window.level, std::mem::take(&mut window.suppressed))
        });
        taken.filter(|(_, _, count)| *count > 0).collect()
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<Place, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const HERE: Place = ("here.rs", 1);

    #[test]
    fn ten_a_second_of_one_place_and_the_rest_as_a_number() {
        let limiter = Limiter::default();
        let start = clock::now();
        let mut admitted = 0;
        for millis in 0..3000 {
            let now = start + Duration::from_millis(millis);
            admitted += u32::from(limiter.admit(HERE, Level::Debug, now));
        }
        assert_eq!(admitted, 30);
        let end = start + Duration::from_secs(4);
        assert_eq!(limiter.take_suppressed(end, false), [(HERE, Level::Debug, 2970)]);
        assert!(limiter.take_suppressed(end, true).is_empty(), "reported once");
    }

    #[test]
    fn a_flood_that_goes_on_is_reported_once_a_second() {
        let limiter = Limiter::default();
        let start = clock::now();
        let mut reported = Vec::new();
        for millis in 0..2500 {
            let now = start + Duration::from_millis(millis);
            limiter.admit(HERE, Level::Debug, now);
            reported.extend(limiter.take_suppressed(now, false));
        }
        assert_eq!(reported, [(HERE, Level::Debug, 990), (HERE, Level::Debug, 990)]);
    }

    #[test]
    fn another_place_is_not_hindered() {
        let limiter = Limiter::default();
        let now = clock::now();
        (0..100).for_each(|_| _ = limiter.admit(HERE, Level::Debug, now));
        assert!(limiter.admit(("here.rs", 2), Level::Error, now));
        assert!(limiter.take_suppressed(now, false).is_empty(), "it may say more in this window");
        assert_eq!(limiter.take_suppressed(now, true).len(), 1);
    }
}
