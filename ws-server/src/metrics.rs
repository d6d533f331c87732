//! How ws-server is, in numbers: what each worker counts, and what others are told of it.

use std::{sync::Arc, time::Duration};

use common::{Version, framing::Framing};
use daemon::metrics::{DaemonMetrics, Exposition, Kind, Tally, Totals};
use reactor::{CloseReason, Snapshot};

use crate::{
    connection::{Conn, State},
    shared::Shared,
};

/// What a connection speaks.
const DIALECTS: [&str; 8] = ["unknown", "rfc6455", "hybi08", "hybi07", "hixie76", "hixie75", "sse", "lines"];
/// How far its life has come.
const STATES: [&str; 3] = ["opening", "open", "closing"];
/// Why a connection that had the stream was closed.
const REASONS: [&str; 14] = [
    "peer",
    "error",
    "slow",
    "timeout",
    "protocol",
    "policy",
    "stopped",
    "restarted",
    "finished",
    "evicted",
    "drained",
    "panic",
    "handed_over",
    "server",
];
/// Statuses of refused requests; the last one stands for all others.
const STATUSES: [u16; 12] = [400, 403, 404, 405, 408, 414, 426, 431, 501, 503, 505, 0];
/// Upper bounds of the lateness of dates, in seconds.
const BOUNDS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0];
/// A date that is later than this is a fault.
const TOO_LATE: Duration = Duration::from_secs(2);

const MESSAGES: usize = 0;
const SKIPPED: usize = 1;
const LATE_MICROS: usize = 2;
const LATE: usize = 3;
const REFUSED: usize = LATE + BOUNDS.len() + 1;
const CLOSED: usize = REFUSED + STATUSES.len();
const CONNECTIONS: usize = CLOSED + REASONS.len();
const WORST_MICROS: usize = CONNECTIONS + DIALECTS.len() * STATES.len();
const NUMBERS: usize = WORST_MICROS + 1;

/// What one worker counts.
#[derive(Debug, Default)]
pub(crate) struct Counts(Tally<NUMBERS>);

impl Counts {
    /// So many messages of the stream were sent.
    pub(crate) fn messages(&mut self, count: u64) {
        self.0.add(MESSAGES, count);
    }

    /// So many messages were sent this late as they came up.
    pub(crate) fn late(&mut self, count: u64, late: Duration) {
        if count == 0 {
            return;
        }
        let seconds = late.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.0.add(LATE + bucket, count);
        self.0.add(LATE_MICROS, micros(late).saturating_mul(count));
    }

    /// The latest date of the last seconds was this late.
    pub(crate) fn worst(&mut self, late: Duration) {
        self.0.set(WORST_MICROS, micros(late));
    }

    /// So many dates were too late to be sent at all.
    pub(crate) fn skipped(&mut self, count: u64) {
        if count > 0 {
            self.0.add(SKIPPED, count);
        }
    }

    /// A request was refused with this status.
    pub(crate) fn refused(&mut self, status: u16) {
        let place = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len() - 1);
        self.0.add(REFUSED + place, 1);
    }

    /// A connection that had the stream is gone; `ending` is what it ended for, if the server knows better.
    pub(crate) fn closed(&mut self, why: CloseReason, ending: Option<&'static str>) {
        let reason = reason(why, ending);
        let place = REASONS.iter().position(|known| *known == reason).unwrap_or(REASONS.len() - 1);
        self.0.add(CLOSED + place, 1);
    }

    /// All connections, as they are now.
    pub(crate) fn look(&mut self, connections: &mut dyn Iterator<Item = &Conn>) {
        let mut counts = [0; DIALECTS.len() * STATES.len()];
        for conn in connections {
            let (dialect, state) = kind(conn);
            if let Some(count) = counts.get_mut(dialect * STATES.len() + state) {
                *count += 1;
            }
        }
        for (place, count) in counts.into_iter().enumerate() {
            self.0.set(CONNECTIONS + place, count);
        }
        self.publish();
    }

    /// Shows it all to those who ask.
    pub(crate) fn publish(&mut self) {
        self.0.publish();
    }
}

/// The reason of a connection's end, as the metrics have it.
fn reason(why: CloseReason, ending: Option<&'static str>) -> &'static str {
    match (why, ending) {
        (CloseReason::Handler | CloseReason::Peer, Some(ending)) => ending,
        (CloseReason::Handler, None) => "server",
        (CloseReason::Peer, None) => "peer",
        (CloseReason::Error, _) => "error",
        (CloseReason::Slow, _) => "slow",
        (CloseReason::Evicted, _) => "evicted",
        (CloseReason::Drained, _) => "drained",
        (CloseReason::Panic, _) => "panic",
        (CloseReason::HandedOver, _) => "handed_over",
    }
}

fn micros(late: Duration) -> u64 {
    u64::try_from(late.as_micros()).unwrap_or(u64::MAX)
}

/// The places of a connection's dialect and state.
fn kind(conn: &Conn) -> (usize, usize) {
    const OPENING: usize = 0;
    const OPEN: usize = 1;
    const CLOSING: usize = 2;
    match &conn.state {
        State::Opening { .. } => (0, OPENING),
        State::Done => (0, CLOSING),
        State::Stream => match conn.member.framing {
            Framing::EventStream | Framing::EventStreamChunked => (6, OPEN),
            _ => (7, OPEN),
        },
        State::WebSocket(socket) => {
            let dialect = match socket.protocol.version() {
                Version::Rfc6455 => 1,
                Version::Hybi08 => 2,
                Version::Hybi07 => 3,
                Version::Hixie76 => 4,
                Version::Hixie75 => 5,
            };
            let state = match (socket.protocol.is_open(), socket.protocol.is_awaiting_key()) {
                (true, _) => OPEN,
                (false, true) => OPENING,
                (false, false) => CLOSING,
            };
            (dialect, state)
        }
    }
}

/// What others are told.
pub(crate) struct WsMetrics {
    totals: Totals<NUMBERS>,
    shared: Arc<Shared>,
}

impl WsMetrics {
    /// Of these workers.
    pub(crate) fn new<'c>(counts: impl IntoIterator<Item = &'c Counts>, shared: Arc<Shared>) -> Self {
        let totals = Totals::of(counts.into_iter().map(|Counts(tally)| tally));
        Self { totals, shared }
    }

    fn worst(&self) -> Duration {
        Duration::from_micros(self.totals.max(WORST_MICROS))
    }
}

impl DaemonMetrics for WsMetrics {
    /// `9214 clients, last date 3 ms late`
    fn status(&self, counters: &Snapshot) -> String {
        let clients = counters.open;
        match self.shared.lateness() {
            Some(late) => format!("{clients} clients, last date {} ms late", late.as_millis()),
            None => format!("{clients} clients"),
        }
    }

    /// The dates are on time.
    fn health(&self) -> Result<(), String> {
        // A date that is skipped was due, too: it counts from then on, however late the next one is.
        match self.worst() {
            late if late > TOO_LATE => Err(format!("dates are {} ms late", late.as_millis())),
            _ => Ok(()),
        }
    }

    fn collect(&self, out: &mut Exposition) {
        let number = |index: usize| self.totals.get(index);
        let mut connections = out.family(
            "connections",
            Kind::Gauge,
            "Connections by what they speak and how far they have come.",
        );
        for (at, dialect) in DIALECTS.iter().enumerate() {
            for (state, name) in STATES.iter().enumerate() {
                let count = number(CONNECTIONS + at * STATES.len() + state);
                connections.sample(&[("dialect", dialect), ("state", name)], count);
            }
        }
        out.family(
            "messages_total",
            Kind::Counter,
            "Messages of the stream that were sent, to each client counted.",
        )
        .sample(&[], number(MESSAGES));
        let late: Vec<u64> = (LATE..=LATE + BOUNDS.len()).map(number).collect();
        #[allow(clippy::cast_precision_loss, reason = "microseconds of lateness, in all")]
        let sum = number(LATE_MICROS) as f64 / 1e6;
        out.family(
            "lateness_seconds",
            Kind::Histogram,
            "How late messages were sent that came up: dates after their scheduled instant, lines after their worker got them.",
        )
        .histogram(&BOUNDS, &late, sum);
        out.family(
            "worst_lateness_seconds",
            Kind::Gauge,
            "How late the latest date of the last five to ten seconds was.",
        )
        .sample(&[], self.worst().as_secs_f64());
        out.family("dates_skipped_total", Kind::Counter, "Dates that were too late to be sent.")
            .sample(&[], number(SKIPPED));
        let mut closed =
            out.family("closed_total", Kind::Counter, "Clients of the stream that are gone, by reason.");
        for (place, reason) in REASONS.iter().enumerate() {
            closed.sample(&[("reason", reason)], number(CLOSED + place));
        }
        let mut refused = out.family(
            "handshake_failures_total",
            Kind::Counter,
            "Requests that did not get the stream, by status.",
        );
        for (place, status) in STATUSES.iter().enumerate() {
            let status = if *status == 0 { "other".to_owned() } else { status.to_string() };
            refused.sample(&[("status", &status)], number(REFUSED + place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_counted_in_the_bucket_that_it_fits_into() {
        let mut counts = Counts::default();
        for (millis, count) in [(0, 1), (1, 2), (2, 3), (999, 4), (5000, 5)] {
            counts.late(count, Duration::from_millis(millis));
        }
        counts.publish();
        let totals = Totals::of([&counts.0]);
        let buckets: Vec<u64> = (LATE..REFUSED).map(|index| totals.get(index)).collect();
        assert_eq!(buckets, [3, 3, 0, 0, 0, 0, 0, 0, 0, 4, 5]);
        assert_eq!(totals.get(LATE_MICROS), 2000 + 6000 + 3_996_000 + 25_000_000);
    }

    #[test]
    fn dates_that_are_late_by_more_than_two_seconds_with_any_worker_are_a_fault() {
        let mut workers = [Counts::default(), Counts::default()];
        let metrics = WsMetrics::new(&workers, Shared::new(2, None));
        let mut health = |late: u64| {
            workers[1].worst(Duration::from_millis(late));
            workers.iter_mut().for_each(Counts::publish);
            metrics.health()
        };
        assert_eq!(health(0), Ok(()));
        assert_eq!(health(2000), Ok(()));
        assert_eq!(health(2001), Err("dates are 2001 ms late".to_owned()));
        assert_eq!(health(1), Ok(()));
    }
}
