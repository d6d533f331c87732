//! The daemon's own metrics: requests by status.

use daemon::metrics::{DaemonMetrics, Exposition, Kind, Tally, Totals};
use reactor::Snapshot;

/// The statuses of our answers; the last place counts all others.
const STATUSES: [u16; 20] =
    [200, 204, 206, 301, 304, 400, 403, 404, 405, 406, 408, 412, 414, 416, 417, 431, 501, 503, 505, 0];

/// One worker's requests by status.
#[derive(Debug, Default)]
pub(crate) struct Counts(Tally<{ STATUSES.len() }>);

impl Counts {
    pub(crate) fn answered(&mut self, status: u16) {
        let place = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len() - 1);
        self.0.add(place, 1);
    }

    /// Makes the counts visible to the thread of the metrics.
    pub(crate) fn publish(&mut self) {
        self.0.publish();
    }
}

/// What all workers have counted.
pub struct StaticMetrics(Totals<{ STATUSES.len() }>);

impl StaticMetrics {
    pub(crate) fn new<'c>(counts: impl IntoIterator<Item = &'c Counts>) -> Self {
        Self(Totals::of(counts.into_iter().map(|Counts(tally)| tally)))
    }
}

impl DaemonMetrics for StaticMetrics {
    fn status(&self, counters: &Snapshot) -> String {
        let requests: u64 = (0..STATUSES.len()).map(|place| self.0.get(place)).sum();
        format!("{} connections open, {requests} requests answered", counters.open)
    }

    fn collect(&self, out: &mut Exposition) {
        let mut requests =
            out.family("requests_total", Kind::Counter, "Requests that were answered, by status.");
        for (place, status) in STATUSES.iter().enumerate() {
            let status = if *status == 0 { "other".to_owned() } else { status.to_string() };
            requests.sample(&[("status", &status)], self.0.get(place));
        }
    }
}
