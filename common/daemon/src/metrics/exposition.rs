//! The text format that Prometheus reads, version 0.0.4.

use std::fmt::{Display, Write as _};

/// What Prometheus may expect of a family's samples (`# TYPE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from 0 at the start of the process.
    Counter,
    /// Goes up and down: a value at the moment of the scrape.
    Gauge,
    /// Has counts by upper bound, a sum and a total count.
    Histogram,
}

/// Metrics as text; every name begins with the daemon's prefix.
#[derive(Clone, Debug)]
pub struct Exposition {
    prefix: &'static str,
    text: String,
}

impl Exposition {
    /// Begins an empty text; `prefix` is for example `datecast_ws_`.
    pub(super) fn new(prefix: &'static str) -> Self {
        Self { prefix, text: String::new() }
    }

    /// Writes a family of one sample without labels.
    pub fn single(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help).sample(&[], value);
    }

    /// Begins a family; the caller adds its samples to the answer.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let Self { prefix, text } = self;
        // Writing to a String does not fail; here and below.
        _ = writeln!(text, "# HELP {prefix}{name} {help}\n# TYPE {prefix}{name} {kind}");
        Family { exposition: self, name }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// A family whose help and type are written; its samples follow.
#[derive(Debug)]
pub struct Family<'e> {
    exposition: &'e mut Exposition,
    name: &'static str,
}

impl Family<'_> {
    /// Writes one sample; `labels` are names and values, which it escapes.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.write("", labels, value);
        self
    }

    /// Writes a histogram without further labels. `counts` has one number per bucket, not cumulative, and one more for what
    /// exceeds the last bound; `bounds` and `sum` are in seconds.
    pub fn histogram(&mut self, bounds: &[f64], counts: &[u64], sum: f64) {
        let mut all: u64 = 0;
        for (at, count) in counts.iter().enumerate() {
            all = all.saturating_add(*count);
            let bound = bounds.get(at).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
            self.write("_bucket", &[("le", &bound)], all);
        }
        self.write("_sum", &[], sum);
        self.write("_count", &[], all);
    }

    fn write(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let Exposition { prefix, text } = &mut *self.exposition;
        _ = write!(text, "{prefix}{}{suffix}", self.name);
        for (at, (label, value)) in labels.iter().enumerate() {
            let open = if at == 0 { '{' } else { ',' };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            _ = write!(text, "{open}{label}=\"{value}\"");
        }
        if !labels.is_empty() {
            text.push('}');
        }
        _ = writeln!(text, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_help_type_and_samples() {
        let mut out = Exposition::new("datecast_ws_");
        out.family("connections", Kind::Gauge, "Open now.")
            .sample(&[("dialect", "sse"), ("state", "open")], 3)
            .sample(&[], 0.5);
        assert_eq!(
            out.into_text(),
            "# HELP datecast_ws_connections Open now.\n# TYPE datecast_ws_connections gauge\n\
             datecast_ws_connections{dialect=\"sse\",state=\"open\"} 3\ndatecast_ws_connections 0.5\n"
        );
    }

    #[test]
    fn a_histogram_counts_up_to_all() {
        let mut out = Exposition::new("x_");
        out.family("late_seconds", Kind::Histogram, "Late.").histogram(&[0.001, 0.5], &[5, 0, 2], 1.25);
        assert!(out.into_text().ends_with(
            "x_late_seconds_bucket{le=\"0.001\"} 5\nx_late_seconds_bucket{le=\"0.5\"} 5\n\
             x_late_seconds_bucket{le=\"+Inf\"} 7\nx_late_seconds_sum 1.25\nx_late_seconds_count 7\n"
        ));
    }

    #[test]
    fn a_labels_value_cannot_end_its_line() {
        let mut out = Exposition::new("x_");
        out.family("a", Kind::Gauge, "A.").sample(&[("b", "\"\\\n")], 1);
        assert!(out.into_text().ends_with("x_a{b=\"\\\"\\\\\\n\"} 1\n"));
    }
}
