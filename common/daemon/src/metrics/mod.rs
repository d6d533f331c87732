//! Metrics and health of a daemon over HTTP: `/metrics` for Prometheus, `/healthz` for load balancers.
//!
//! ```text
//!  workers ── Tally::publish ──▶ Totals ──▶ DaemonMetrics ─┐
//!  reactor ── Counters, Stats ─────────────────────────────┼──▶ Collector ──▶ endpoint ──▶ HTTP
//!  supervisor ──▶ Health ──────────────────────────────────┘
//! ```

mod collector;
mod daemon_metrics;
mod endpoint;
mod exposition;
mod tally;

pub(super) use collector::{CLOSED_BY, Collector, Workers};
pub use daemon_metrics::DaemonMetrics;
pub(super) use endpoint::start;
pub use exposition::{Exposition, Family, Kind};
pub use reactor::Snapshot;
pub use tally::{Tally, Totals};
