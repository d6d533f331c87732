//! What a scrape returns: first the metrics that all daemons have, then the daemon's own.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    daemon_metrics::DaemonMetrics,
    exposition::{Exposition, Kind},
};
use crate::{clock::wait_until, health::Health, last_reload::LastReload};
use reactor::{Control, Stats};

/// How long a scrape waits for the workers to count; after that it returns their previous numbers.
const PATIENCE: Duration = Duration::from_millis(200);

/// What closed a connection, in the order of [`reactor::CloseReason`].
pub(crate) const CLOSED_BY: [&str; 8] =
    ["server", "peer", "error", "slow", "evicted", "drained", "panic", "handed_over"];

/// Knows the metrics and the health that the endpoint serves.
pub(crate) struct Collector {
    pub(crate) prefix: &'static str,
    pub(crate) daemon: Arc<dyn DaemonMetrics>,
    pub(crate) health: Arc<Health>,
    pub(crate) started: SystemTime,
    /// `None` for a program with an event loop of its own.
    pub(crate) workers: Option<Workers>,
}

/// What the reactor's workers count, and the reload that they may have seen.
pub(crate) struct Workers {
    pub(crate) control: Control,
    pub(crate) last_reload: LastReload,
}

impl Collector {
    /// Returns all metrics as text. Blocks for up to 200 ms while the workers count what they do not count all the time.
    pub(super) fn scrape(&self) -> String {
        if let Some(Workers { control, .. }) = &self.workers {
            control.ask();
            wait_until(PATIENCE, || control.stats().iter().all(Stats::has_answered));
        }
        let mut out = Exposition::new(self.prefix);
        self.collect_process(&mut out);
        if let Some(workers) = &self.workers {
            workers.collect(&mut out);
        }
        self.daemon.collect(&mut out);
        out.into_text()
    }

    fn collect_process(&self, out: &mut Exposition) {
        out.family("build_info", Kind::Gauge, "Always 1; the label says which version runs.")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let help = "When the process started, in seconds since 1970.";
        out.single("start_time_seconds", Kind::Gauge, help, started);
        if let Some(Workers { control, .. }) = &self.workers {
            out.single("workers", Kind::Gauge, "Threads that serve connections.", control.stats().len());
        }
        let healthy = self.health.current().is_ok();
        out.single("healthy", Kind::Gauge, "1 while /healthz says ok.", u8::from(healthy));
    }
}

impl Workers {
    fn collect(&self, out: &mut Exposition) {
        let help =
            "1 after a reload that failed, until one succeeds: the configuration in force is an older one.";
        out.single("reload_failed", Kind::Gauge, help, u8::from(self.last_reload.has_failed()));
        let counters = self.control.counters().snapshot();
        out.single("open_connections", Kind::Gauge, "Connections that are open.", counters.open);
        let help = "Open connections whose first request is not complete.";
        out.single("open_heads", Kind::Gauge, help, counters.heads);
        let help = "Accepted connections, refused ones included.";
        out.single("accepted_total", Kind::Counter, help, counters.accepted);
        let help = "Connections refused because the daemon was full.";
        out.single("refused_total", Kind::Counter, help, counters.refused);
        let help = "Connections adopted from the previous process.";
        out.single("adopted_total", Kind::Counter, help, counters.adopted);
        out.single("accept_errors_total", Kind::Counter, "Failed calls of accept.", counters.accept_errors);

        let stats = self.control.stats();
        let sum = |number: fn(&Stats) -> u64| stats.iter().map(number).fold(0_u64, u64::wrapping_add);
        let help = "Workers that are out of descriptors or memory to accept with.";
        out.single("accept_paused", Kind::Gauge, help, sum(|worker| worker.is_paused().into()));
        out.family("bytes_total", Kind::Counter, "Bytes through the sockets.")
            .sample(&[("direction", "in")], sum(|worker| worker.traffic().read))
            .sample(&[("direction", "out")], sum(|worker| worker.traffic().written));
        let help = "Bytes that wait in user space for slow clients.";
        out.single("queue_bytes", Kind::Gauge, help, sum(Stats::queued));
        out.single("turns_total", Kind::Counter, "Turns of the event loops.", sum(Stats::turns));

        let help = "Closed connections, by what closed them.";
        let mut closed = out.family("connections_closed_total", Kind::Counter, help);
        for (by, count) in CLOSED_BY.iter().zip(counters.closed) {
            closed.sample(&[("by", by)], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reactor::CloseReason;

    #[test]
    fn every_close_reason_has_its_label() {
        for (reason, label) in [
            (CloseReason::Handler, "server"),
            (CloseReason::Peer, "peer"),
            (CloseReason::Error, "error"),
            (CloseReason::Slow, "slow"),
            (CloseReason::Evicted, "evicted"),
            (CloseReason::Drained, "drained"),
            (CloseReason::Panic, "panic"),
            (CloseReason::HandedOver, "handed_over"),
        ] {
            assert_eq!(CLOSED_BY[reason as usize], label);
        }
    }
}
