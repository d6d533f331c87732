//! What a scrape returns: first the metrics that all daemons have, then the daemon's own.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    daemon_metrics::DaemonMetrics,
    exposition::{Exposition, Kind},
};
use crate::{clock::wait_until, health::Health};
use reactor::{CloseReason, Control, Stats, Traffic};

/// How long a scrape waits for the workers to count; after that it returns their previous numbers.
const PATIENCE: Duration = Duration::from_millis(200);

/// The label `by` for each reason.
const CLOSED: [(CloseReason, &str); 8] = [
    (CloseReason::Handler, "server"),
    (CloseReason::Peer, "peer"),
    (CloseReason::Error, "error"),
    (CloseReason::Slow, "slow"),
    (CloseReason::Evicted, "evicted"),
    (CloseReason::Drained, "drained"),
    (CloseReason::Panic, "panic"),
    (CloseReason::HandedOver, "handed_over"),
];

/// Knows the metrics and the health that the endpoint serves.
pub(crate) struct Collector {
    /// The beginning of the metrics' names: `datecast_ws_`.
    pub(crate) prefix: &'static str,
    pub(crate) control: Control,
    /// The daemon's own part.
    pub(crate) daemon: Arc<dyn DaemonMetrics>,
    pub(crate) health: Arc<Health>,
    pub(crate) started: SystemTime,
}

impl Collector {
    /// Returns all metrics as text. Blocks for up to 200 ms while the workers count what they do not count all the time.
    pub(super) fn scrape(&self) -> String {
        self.control.ask();
        wait_until(PATIENCE, || self.control.stats().iter().all(Stats::has_answered));
        let mut out = Exposition::new(self.prefix);
        self.collect_process(&mut out);
        self.collect_connections(&mut out);
        self.daemon.collect(&mut out);
        out.into_text()
    }

    fn collect_process(&self, out: &mut Exposition) {
        out.family("build_info", Kind::Gauge, "Always 1; the label says which version runs.")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        out.family("start_time_seconds", Kind::Gauge, "When the process started, in seconds since 1970.")
            .sample(&[], started);
        out.family("workers", Kind::Gauge, "Threads that serve connections.")
            .sample(&[], self.control.stats().len());
        out.family("healthy", Kind::Gauge, "1 while /healthz says ok.")
            .sample(&[], u8::from(self.health.current().is_ok()));
    }

    fn collect_connections(&self, out: &mut Exposition) {
        let counters = self.control.counters().snapshot();
        let stats = self.control.stats();
        let sum = |number: fn(&Stats) -> u64| stats.iter().map(number).fold(0_u64, u64::wrapping_add);
        out.family("open_connections", Kind::Gauge, "Connections that are open.").sample(&[], counters.open);
        out.family("open_heads", Kind::Gauge, "Open connections whose first request is not complete.")
            .sample(&[], counters.heads);
        out.family("accepted_total", Kind::Counter, "Accepted connections, refused ones included.")
            .sample(&[], counters.accepted);
        out.family("refused_total", Kind::Counter, "Connections refused because the daemon was full.")
            .sample(&[], counters.refused);
        out.family("adopted_total", Kind::Counter, "Connections adopted from the previous process.")
            .sample(&[], counters.adopted);
        out.family("accept_errors_total", Kind::Counter, "Failed calls of accept.")
            .sample(&[], counters.accept_errors);
        out.family(
            "accept_paused",
            Kind::Gauge,
            "Workers that are out of descriptors or memory to accept with.",
        )
        .sample(&[], stats.iter().filter(|stats| stats.is_paused()).count());
        let traffic: Vec<Traffic> = stats.iter().map(Stats::traffic).collect();
        out.family("bytes_total", Kind::Counter, "Bytes through the sockets.")
            .sample(&[("direction", "in")], traffic.iter().map(|one| one.read).sum::<u64>())
            .sample(&[("direction", "out")], traffic.iter().map(|one| one.written).sum::<u64>());
        out.family("queue_bytes", Kind::Gauge, "Bytes that wait in user space for slow clients.")
            .sample(&[], sum(Stats::queued));
        out.family("turns_total", Kind::Counter, "Turns of the event loops.").sample(&[], sum(Stats::turns));
        let help = "Closed connections, by what closed them.";
        let mut closed = out.family("connections_closed_total", Kind::Counter, help);
        for (reason, by) in CLOSED {
            let count = counters.closed.get(reason as usize).copied().unwrap_or_default();
            closed.sample(&[("by", by)], count);
        }
    }
}
