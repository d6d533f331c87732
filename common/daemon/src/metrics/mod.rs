//! Metrics and health of a daemon, for Prometheus and for whoever asks whether it serves.

mod exposition;
mod handler;
mod tally;

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{listen::Socket, supervisor::Verdict};
use handler::MetricsHandler;
use reactor::{CloseReason, Control, Listener, Reactor, Snapshot, Stats, Traffic};

pub use exposition::{Exposition, Family, Kind};
pub use tally::{Tally, Totals};

/// How long a scrape waits for the workers to look at their connections; after that it says what they said before.
const PATIENCE: Duration = Duration::from_millis(200);

/// How a daemon is, in numbers and words.
pub trait DaemonMetrics: Send + Sync {
    /// A line for `systemctl status`.
    fn status(&self, counters: &Snapshot) -> String;

    /// What is wrong, beside workers that hang. Asked about once a second.
    ///
    /// # Errors
    /// A sentence.
    fn health(&self) -> Result<(), String> {
        Ok(())
    }

    /// The daemon's own metrics, after those that all daemons have.
    fn collect(&self, out: &mut Exposition);
}

/// What the endpoint answers from.
pub(super) struct Source {
    /// The beginning of the names: `datecast_ws_`.
    pub(super) prefix: &'static str,
    pub(super) control: Control,
    pub(super) metrics: Arc<dyn DaemonMetrics>,
    pub(super) verdict: Arc<Verdict>,
    pub(super) started: SystemTime,
}

/// Serves the endpoint on these sockets, in a thread of its own that ends with the process.
///
/// # Errors
/// When the system refuses a poll or a thread.
pub(super) fn start(sockets: Vec<Socket>, source: Source) -> io::Result<()> {
    let listeners: Vec<Listener> = sockets.into_iter().map(Listener::from).collect();
    let reactor = Reactor::new(vec![listeners], handler::settings())?;
    let handler = MetricsHandler { source: Arc::new(source) };
    let run = move || {
        if let Err(error) = reactor.run(vec![handler]) {
            log::error!("the metrics endpoint has ended: {error}");
        }
    };
    thread::Builder::new().name("metrics".to_owned()).spawn(run).map(drop)
}

impl Source {
    fn health(&self) -> Result<(), String> {
        self.verdict.now()
    }

    fn metrics(&self) -> String {
        self.control.ask();
        let mut waited = Duration::ZERO;
        while waited < PATIENCE && !self.control.stats().iter().all(Stats::has_answered) {
            let step = Duration::from_millis(1);
            thread::park_timeout(step);
            waited += step;
        }
        let mut out = Exposition::new(self.prefix);
        self.collect_process(&mut out);
        self.collect_connections(&mut out);
        self.metrics.collect(&mut out);
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
            .sample(&[], u8::from(self.health().is_ok()));
    }

    fn collect_connections(&self, out: &mut Exposition) {
        let now = self.control.counters().snapshot();
        let stats = self.control.stats();
        let sum = |number: fn(&Stats) -> u64| stats.iter().map(number).fold(0_u64, u64::wrapping_add);
        out.family("open_connections", Kind::Gauge, "Connections that are open.").sample(&[], now.open);
        out.family("open_heads", Kind::Gauge, "Those of them whose first request is not complete.")
            .sample(&[], now.heads);
        out.family("accepted_total", Kind::Counter, "Connections that were accepted.")
            .sample(&[], now.accepted);
        out.family("refused_total", Kind::Counter, "Connections that were refused for want of room.")
            .sample(&[], now.refused);
        out.family(
            "adopted_total",
            Kind::Counter,
            "Connections that were taken over from the process before.",
        )
        .sample(&[], now.adopted);
        out.family("accept_errors_total", Kind::Counter, "Failed calls of accept.")
            .sample(&[], now.accept_errors);
        out.family(
            "accept_paused",
            Kind::Gauge,
            "Workers that accept nobody for want of descriptors or memory.",
        )
        .sample(&[], stats.iter().filter(|stats| stats.is_paused()).count());
        let traffic: Vec<Traffic> = stats.iter().map(Stats::traffic).collect();
        out.family("bytes_total", Kind::Counter, "Bytes through the sockets.")
            .sample(&[("direction", "in")], traffic.iter().map(|one| one.read).sum::<u64>())
            .sample(&[("direction", "out")], traffic.iter().map(|one| one.written).sum::<u64>());
        out.family("queue_bytes", Kind::Gauge, "Bytes that wait in user space for slow clients.")
            .sample(&[], sum(Stats::queued));
        out.family("turns_total", Kind::Counter, "Turns of the event loops.").sample(&[], sum(Stats::turns));
        let mut closed = out.family(
            "connections_closed_total",
            Kind::Counter,
            "Connections that were closed, by who did it.",
        );
        for (reason, name) in CLOSED {
            let count = now.closed.get(reason as usize).copied().unwrap_or_default();
            closed.sample(&[("by", name)], count);
        }
    }
}

/// Names of the reasons.
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
