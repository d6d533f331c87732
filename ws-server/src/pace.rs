//! What is done now and then: a look at a path, a line in the log.

use std::time::{Duration, Instant};

/// Remembers when something was last done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    last: Option<Instant>,
}

impl Pace {
    /// True if it is to be done now: for the first time, or because `span` has passed since it last was. The caller then does it.
    pub(crate) fn is_due(&mut self, span: Duration, now: Instant) -> bool {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < span) {
            return false;
        }
        self.last = Some(now);
        true
    }

    /// Makes it due at once.
    pub(crate) fn hurry(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_at_first_after_the_span_and_in_a_hurry() {
        let (mut pace, span, start) = (Pace::default(), Duration::from_secs(1), Instant::now());
        assert!(pace.is_due(span, start));
        assert!(!pace.is_due(span, start + span / 2));
        assert!(pace.is_due(span, start + span), "a refusal does not count");
        pace.hurry();
        assert!(pace.is_due(span, start + span));
    }
}
