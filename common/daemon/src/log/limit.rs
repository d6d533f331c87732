//! The limit of lines per second from one place in the program, so that a flood from one place cannot drown the rest.
//!
//! A line that bytes of a client or a producer can cause names its reason, one of few: `debug!(reason = 404; "…")`. There
//! is one such line a second for each place and reason, and the next one counts those that were left out.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use log::{Level, LevelFilter, Record};

/// Lines without a reason that one place may write in a window: the life of the daemon, and requests that it has answered.
const LINES: u64 = 10;
/// Lines that one place may write in a window for one reason, except at `--log-level trace`, which is for looking closely.
const LINES_OF_REASON: u64 = 1;
pub(super) const WINDOW: Duration = Duration::from_secs(1);

/// The lines that count together: those of one log call, by its file and line, and of one reason, if it names any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    file: &'static str,
    line: u32,
    reason: Option<String>,
}

impl Kind {
    pub(super) fn of(record: &Record<'_>) -> Self {
        Self {
            file: record.file_static().unwrap_or_default(),
            line: record.line().unwrap_or_default(),
            reason: record.key_values().get("reason".into()).map(|reason| reason.to_string()),
        }
    }

    /// Lines of this kind in a window, where the log shows lines of this level.
    fn most(&self, shown: LevelFilter) -> u64 {
        if self.reason.is_some() && shown < LevelFilter::Trace { LINES_OF_REASON } else { LINES }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, " ({reason})"))
    }
}

#[derive(Debug)]
struct Window {
    began: Instant,
    /// Lines that were written in this window.
    lines: u64,
    /// Lines that were suppressed and that no line has counted yet, also in windows before.
    suppressed: u64,
    level: Level,
}

impl Window {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }
}

/// The newest window of each kind; there are at most as many as the program has log calls and reasons.
#[derive(Debug, Default)]
pub(super) struct Limiter(Mutex<HashMap<Kind, Window>>);

impl Limiter {
    /// Counts a line: how many like it were suppressed before and are to be counted in it, or `None` if it is suppressed itself.
    pub(super) fn admit(&self, kind: Kind, level: Level, now: Instant) -> Option<u64> {
        let most = kind.most(log::max_level());
        let mut windows = self.windows();
        let window = windows.entry(kind).or_insert(Window { began: now, lines: 0, suppressed: 0, level });
        if window.age(now) >= WINDOW {
            (window.began, window.lines) = (now, 0);
        }
        window.level = level;
        if window.lines >= most {
            window.suppressed += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.suppressed))
    }

    /// Returns how many lines of which kind were suppressed and have had no line after them for a whole window, which would
    /// have counted them; with `all`, of every kind. The report is a line of its kind.
    pub(super) fn take_suppressed(&self, now: Instant, all: bool) -> Vec<(Kind, Level, u64)> {
        let mut windows = self.windows();
        let due = windows
            .iter_mut()
            .filter(|(_, window)| window.suppressed > 0 && (all || window.age(now) >= WINDOW * 2));
        due.map(|(kind, window)| {
            (window.began, window.lines) = (now, 1);
            (kind.clone(), window.level, std::mem::take(&mut window.suppressed))
        })
        .collect()
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<Kind, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock;

    pub(in crate::log) fn kind(line: u32, reason: Option<&str>) -> Kind {
        Kind { file: "here.rs", line, reason: reason.map(str::to_owned) }
    }

    /// A line each millisecond: when one was written, and how many it counted.
    fn flood(limiter: &Limiter, kind: &Kind, start: Instant, millis: u64) -> Vec<(u64, u64)> {
        let admit = |at| limiter.admit(kind.clone(), Level::Debug, start + Duration::from_millis(at));
        (0..millis).filter_map(|at| Some((at, admit(at)?))).collect()
    }

    #[test]
    fn one_a_second_of_one_reason_and_it_counts_those_that_were_left_out() {
        let (limiter, start) = (Limiter::default(), clock::now());
        let kind = kind(1, Some("404"));
        assert_eq!(flood(&limiter, &kind, start, 3000), [(0, 0), (1000, 999), (2000, 999)]);
        let soon = start + Duration::from_millis(3999);
        assert_eq!(limiter.take_suppressed(soon, false), [], "the next line may count them");
        let end = start + Duration::from_secs(4);
        assert_eq!(limiter.take_suppressed(end, false), [(kind.clone(), Level::Debug, 999)]);
        assert_eq!(limiter.take_suppressed(end, true), [], "they are counted once");
        // The report was the line of this second.
        assert_eq!(limiter.admit(kind.clone(), Level::Debug, end + WINDOW / 2), None);
        assert_eq!(limiter.admit(kind, Level::Debug, end + WINDOW), Some(1));
    }

    #[test]
    fn ten_a_second_of_one_place_and_the_rest_as_a_number() {
        let (limiter, start) = (Limiter::default(), clock::now());
        let written = flood(&limiter, &kind(1, None), start, 3000);
        assert_eq!(written.len(), 30);
        assert_eq!(written.iter().map(|(_, counted)| counted).sum::<u64>(), 2 * 990);
        let end = start + Duration::from_secs(4);
        assert_eq!(limiter.take_suppressed(end, false), [(kind(1, None), Level::Debug, 990)]);
    }

    #[test]
    fn another_place_and_another_reason_are_not_hindered() {
        let (limiter, now) = (Limiter::default(), clock::now());
        let admit = |kind| limiter.admit(kind, Level::Error, now);
        (0..100).for_each(|_| _ = admit(kind(1, Some("404"))));
        for other in [kind(1, Some("400")), kind(1, None), kind(2, Some("404"))] {
            assert_eq!(admit(other), Some(0));
        }
        assert_eq!(limiter.take_suppressed(now, false), [], "more may come in this window");
        assert_eq!(limiter.take_suppressed(now, true), [(kind(1, Some("404")), Level::Error, 99)]);
    }

    #[test]
    fn a_record_counts_by_its_place_and_its_reason() {
        let reason = Some(("reason", 404));
        let record = Record::builder().file_static(Some("here.rs")).line(Some(7)).key_values(&reason).build();
        assert_eq!(Kind::of(&record), kind(7, Some("404")));
        assert_eq!(Kind::of(&record).to_string(), "here.rs:7 (404)");
        let record = Record::builder().file_static(Some("here.rs")).line(Some(7)).build();
        assert_eq!(Kind::of(&record), kind(7, None));
        let with_reason = [LevelFilter::Info, LevelFilter::Debug, LevelFilter::Trace]
            .map(|shown| kind(7, Some("404")).most(shown));
        assert_eq!(with_reason, [1, 1, 10]);
    }
}
