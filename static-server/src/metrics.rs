//! How static-server is, in numbers.

use daemon::metrics::{DaemonMetrics, Exposition, Kind, Tally, Totals};
use reactor::Snapshot;

/// Statuses that are answered; the last one stands for all others.
const STATUSES: [u16; 20] =
    [200, 204, 206, 301, 304, 400, 403, 404, 405, 406, 408, 412, 414, 416, 417, 431, 501, 503, 505, 0];

/// Requests by status.
#[derive(Debug, Default)]
pub(crate) struct Counts(Tally<{ STATUSES.len() }>);

impl Counts {
    /// A request was answered with this status.
    pub(crate) fn answered(&mut self, status: u16) {
        let place = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len() - 1);
        self.0.add(place, 1);
    }

    /// Shows it to those who ask.
    pub(crate) fn publish(&mut self) {
        self.0.publish();
    }
}

/// What others are told.
pub(crate) struct StaticMetrics(Totals<{ STATUSES.len() }>);

impl StaticMetrics {
    /// Of these workers.
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
