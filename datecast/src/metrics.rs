//! The metrics of the stream and of the site, together.

use std::sync::Arc;

use daemon::metrics::{DaemonMetrics, Exposition};
use reactor::Snapshot;
use static_server::StaticMetrics;

pub(crate) struct FrontMetrics {
    pub(crate) stream: Arc<dyn DaemonMetrics>,
    pub(crate) site: StaticMetrics,
}

impl DaemonMetrics for FrontMetrics {
    fn status(&self, counters: &Snapshot) -> String {
        self.stream.status(counters)
    }

    fn health(&self) -> Result<(), String> {
        self.stream.health()
    }

    fn collect(&self, out: &mut Exposition) {
        self.stream.collect(out);
        self.site.collect(out);
    }
}
