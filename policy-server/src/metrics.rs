//! policy-server's own metrics: how many connections got the policy, and what became of the others.

use daemon::metrics::{DaemonMetrics, Exposition, Kind, Tally, Totals};
use reactor::Snapshot;

/// What became of a connection: it got the policy; it asked for something else; it asked for nothing in time.
pub(crate) const RESULTS: [&str; 3] = ["served", "bogus", "silent"];
pub(crate) const SERVED: usize = 0;
pub(crate) const BOGUS: usize = 1;
pub(crate) const SILENT: usize = 2;

/// What one worker counts, in the order of [`RESULTS`].
pub(crate) type Counts = Tally<{ RESULTS.len() }>;

pub(crate) struct PolicyMetrics(pub(crate) Totals<{ RESULTS.len() }>);

impl DaemonMetrics for PolicyMetrics {
    fn status(&self, counters: &Snapshot) -> String {
        let [served, bogus] = [SERVED, BOGUS].map(|result| self.0.get(result));
        format!("{} connections open, {served} served, {bogus} bogus", counters.open)
    }

    fn collect(&self, out: &mut Exposition) {
        let mut answers = out.family(
            "answers_total",
            Kind::Counter,
            "Connections by what became of them: served, bogus (no policy request) or silent.",
        );
        for (result, name) in RESULTS.iter().enumerate() {
            answers.sample(&[("result", name)], self.0.get(result));
        }
    }
}
