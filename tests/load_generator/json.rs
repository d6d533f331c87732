//! Figures as JSON.

use std::{collections::BTreeMap, time::Duration};

/// `{"p50": …, "p99": …, "max": …}` in milliseconds, by nearest rank; `null` without values.
pub(crate) fn percentiles(mut values: Vec<Duration>) -> String {
    values.sort_unstable();
    let Some(max) = values.last().copied() else { return "null".to_owned() };
    let at = |percent: usize| values[(values.len() * percent).div_ceil(100).saturating_sub(1)];
    let [p50, p99, max] = [at(50), at(99), max].map(milliseconds);
    format!(r#"{{"p50":{p50},"p99":{p99},"max":{max}}}"#)
}

/// `1.2`
pub(crate) fn milliseconds(value: Duration) -> String {
    format!("{:.1}", value.as_secs_f64() * 1000.0)
}

/// `{"name": count, …}`.
pub(crate) fn counts(counts: &BTreeMap<String, u64>) -> String {
    // Some names are what a server sent: Rust's escapes are JSON's for what is printable.
    let printable = |name: &str| name.replace(|c: char| !c.is_ascii_graphic() && c != ' ', "?");
    let fields: Vec<String> =
        counts.iter().map(|(name, count)| format!("{:?}:{count}", printable(name))).collect();
    format!("{{{}}}", fields.join(","))
}

/// `[1,2,3]`.
pub(crate) fn list(numbers: &[u64]) -> String {
    format!("{numbers:?}")
}
