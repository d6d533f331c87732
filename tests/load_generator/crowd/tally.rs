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
    /// The longest time between two messages, of each client that had any.
    pub(crate) pauses: Vec<Duration>,
}

/// Kinds of faults that are told apart; the rest is one.
const FAULTS: usize = 50;

impl Tally {
    pub(crate) fn add(&mut self, name: &'static str, count: u64) {
        *self.counts.entry(name).or_default() += count;
    }

    pub(crate) fn end(&mut self, name: String) {
        *self.ended.entry(name).or_default() += 1;
    }

    pub(crate) fn fault(&mut self, what: String) {
        let what = if self.faults.len() < FAULTS { what } else { "others".to_owned() };
        *self.faults.entry(what).or_default() += 1;
    }

    /// The fields of a JSON object, without its braces.
    pub(crate) fn fields(&self) -> String {
        let counts: Vec<String> =
            self.counts.iter().map(|(name, count)| format!(r#""{name}":{count}"#)).collect();
        format!(
            r#""counts":{{{}}},"ended":{},"faults":{},"wait_ms":{},"pause_ms":{}"#,
            counts.join(","),
            json::counts(&self.ended),
            json::counts(&self.faults),
            json::percentiles(self.waits.clone()),
            json::percentiles(self.pauses.clone()),
        )
    }
}
