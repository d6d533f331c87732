//! What goes wrong again and again while a source waits and tries again, logged once.

use std::time::{Duration, Instant};

/// The same complaint is not logged again within this time, even if it was over in between.
const QUIET: Duration = Duration::from_mins(1);

/// One thing that can go wrong, and what was logged of it.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    logged: Option<(String, Instant)>,
    is_over: bool,
}

impl Complaint {
    /// Logs it unless it is known.
    pub(super) fn make(&mut self, what: String, now: Instant) {
        if self.is_news(&what, now) {
            log::error!("{what}; trying again");
            self.logged = Some((what, now));
        }
        self.is_over = false;
    }

    /// All is well.
    pub(super) fn withdraw(&mut self) {
        self.is_over = true;
    }

    fn is_news(&self, what: &str, now: Instant) -> bool {
        let Some((logged, at)) = &self.logged else { return true };
        logged != what || (self.is_over && now.saturating_duration_since(*at) >= QUIET)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_news_when_it_changes_or_comes_back_after_a_while() {
        let mut complaint = Complaint::default();
        let start = Instant::now();
        assert!(complaint.is_news("gone", start));
        complaint.make("gone".to_owned(), start);
        assert!(!complaint.is_news("gone", start + QUIET * 2), "it goes on");
        assert!(complaint.is_news("a directory", start));
        complaint.withdraw();
        assert!(!complaint.is_news("gone", start + QUIET / 2), "it comes and goes");
        assert!(complaint.is_news("gone", start + QUIET));
    }
}
