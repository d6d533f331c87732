//! What a crowd has seen since the last mark, as counts.

use std::{collections::BTreeMap, time::Duration};

use crate::json;

/// Counts by name, and times.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: BTreeMap<&'static str, u64>,
    /// How connections ended that the client did not end.
    pub(crate) ended: BTreeMap<String, u64>,
    /// What the server did that no server may do.
    pub(crate) faults: BTreeMap<String, u64>,
    /// From the connect to the answer.
    pub(crate) waits: Vec<Duration>,
    /// From the producer's clock to the client.
    pub(crate) lateness: Histogram,
    /// The longest time between two messages, of each client that had any.
    pub(crate) pauses: Vec<Duration>,
}

/// Kinds of faults that are told apart; the rest is one.
const FAULTS: usize = 40;

impl Tally {
    pub(crate) fn add(&mut self, name: &'static str, count: u64) {
        *self.counts.entry(name).or_default() += count;
    }

    pub(crate) fn end(&mut self, name: String) {
        *self.ended.entry(name).or_default() += 1;
    }

    pub(crate) fn fault(&mut self, what: &str) {
        let what: String = what.chars().take(80).collect();
        let what = if self.faults.len() < FAULTS { what } else { "others".to_owned() };
        *self.faults.entry(what).or_default() += 1;
    }

    /// The fields of a JSON object, without its braces.
    pub(crate) fn fields(&self) -> String {
        let counts: Vec<String> =
            self.counts.iter().map(|(name, count)| format!(r#""{name}":{count}"#)).collect();
        format!(
            r#""counts":{{{}}},"ended":{},"faults":{},"wait_ms":{},"pause_ms":{},"late_ms":{}"#,
            counts.join(","),
            json::counts(&self.ended),
            json::counts(&self.faults),
            json::percentiles(self.waits.clone()),
            json::percentiles(self.pauses.clone()),
            self.lateness.percentiles(),
        )
    }
}

/// Any number of times in little memory, each to a twentieth of itself.
#[derive(Debug, Default)]
pub(crate) struct Histogram(BTreeMap<u32, u64>);

impl Histogram {
    /// How many buckets a factor of e has.
    const FINE: f64 = 20.0;

    pub(crate) fn add(&mut self, time: Duration) {
        let bucket = (time.as_secs_f64() * 1e6).max(1.0).ln() * Self::FINE;
        *self.0.entry(bucket as u32).or_default() += 1;
    }

    /// `{"p50": …, "p99": …, "p999": …, "max": …}` in milliseconds; `null` without values.
    pub(crate) fn percentiles(&self) -> String {
        let total: u64 = self.0.values().sum();
        let at = |share: f64| {
            let mut left = ((total as f64 * share).ceil() as u64).max(1);
            let bucket = self.0.iter().find(|(_, count)| {
                let found = left <= **count;
                left = left.saturating_sub(**count);
                found
            });
            bucket.map_or(0.0, |(bucket, _)| (f64::from(bucket + 1) / Self::FINE).exp() / 1000.0)
        };
        if total == 0 {
            return "null".to_owned();
        }
        let (p50, p99, p999, max) = (at(0.5), at(0.99), at(0.999), at(1.0));
        format!(r#"{{"p50":{p50:.2},"p99":{p99:.2},"p999":{p999:.2},"max":{max:.2}}}"#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_knows_its_percentiles_to_a_twentieth() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentiles(), "null");
        (1..=1000).for_each(|millis| histogram.add(Duration::from_millis(millis)));
        let text = histogram.percentiles();
        let value = |name: &str| -> f64 {
            let rest = text.split_once(&format!("{name}\":")).unwrap().1;
            rest.split([',', '}']).next().unwrap().parse().unwrap()
        };
        for (name, right) in [("p50", 500.0), ("p99", 990.0), ("p999", 999.0), ("max", 1000.0)] {
            assert!((value(name) / right - 1.0).abs() < 0.06, "{text}");
        }
    }
}
