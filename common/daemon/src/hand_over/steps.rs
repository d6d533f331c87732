//! How long each step of a hand-over took, for the log.

use std::fmt;
use std::time::Instant;

use crate::clock;

/// Steps that follow each other, each with its name and its time: `stop 1.3 ms, export 26.1 ms`.
#[derive(Clone, Debug)]
pub struct Steps {
    begun: Instant,
    /// When each of them ended, in their order.
    ends: Vec<(&'static str, Instant)>,
}

impl Default for Steps {
    /// The first of them begins now.
    fn default() -> Self {
        Self { begun: clock::now(), ends: Vec::new() }
    }
}

impl Steps {
    /// The step ends now, and the next one begins.
    pub fn end(&mut self, step: &'static str) {
        self.end_at(step, clock::now());
    }

    /// The step ended at this instant.
    pub(super) fn end_at(&mut self, step: &'static str, at: Instant) {
        self.ends.push((step, at));
    }

    /// Another step was before the first one, and began at this instant.
    pub(super) fn put_before(&mut self, step: &'static str, since: Instant) {
        self.ends.insert(0, (step, self.begun));
        self.begun = since;
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut since = self.begun;
        for (number, (step, end)) in self.ends.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            let taken = end.saturating_duration_since(since);
            write!(f, "{comma}{step} {:.1} ms", taken.as_secs_f64() * 1000.0)?;
            since = *end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn steps_are_shown_in_their_order_with_tenths_of_a_millisecond() {
        let mut steps = Steps::default();
        let after = |micros| steps.begun + Duration::from_micros(micros);
        let (first, second, third) = (after(26_080), after(27_020), after(27_020));
        steps.end_at("descriptors", first);
        steps.end_at("records", second);
        steps.end_at("preparations", third);
        let shown = "descriptors 26.1 ms, records 0.9 ms, preparations 0.0 ms";
        assert_eq!(steps.to_string(), shown);
        steps
            .put_before("between the processes", steps.begun.checked_sub(Duration::from_millis(40)).unwrap());
        assert_eq!(steps.to_string(), format!("between the processes 40.0 ms, {shown}"));
    }
}
