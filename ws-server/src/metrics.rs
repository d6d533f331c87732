//! The metrics of ws-server: what each worker counts, and what the daemon publishes of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::source_state::SourcePhase;
use daemon::metrics::{DaemonMetrics, Exposition, Kind, Tally, Totals};
use reactor::{CloseReason, Snapshot};

use crate::{
    lateness::LatenessWindow,
    pace::Pace,
    source::{FaultCounts, Filling, Posted, SourceProgress, SourceStates},
};

const DIALECTS: [&str; 13] = [
    "unknown", "rfc6455", "hybi08", "hybi07", "hixie76", "hixie75", "sse", "lines", "publish", "poll",
    "jsonp", "ndjson", "html",
];
const STATES: [&str; 4] = ["opening", "open", "closing", "reading"];
/// Why a subscriber was closed.
const REASONS: [&str; 16] = [
    "peer",
    "error",
    "slow",
    "timeout",
    "protocol",
    "policy",
    "revoked",
    "stopped",
    "restarted",
    "finished",
    "renewed",
    "evicted",
    "drained",
    "panic",
    "handed_over",
    "server",
];
/// Statuses of refused requests; 0 stands for all others.
const STATUSES: [u16; 18] =
    [400, 401, 403, 404, 405, 408, 409, 411, 413, 414, 415, 422, 426, 431, 501, 503, 505, 0];
/// Upper bounds of the lateness of dates, in seconds.
const BOUNDS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0];
/// The health check fails if a date was later than this.
const TOO_LATE: Duration = Duration::from_secs(2);

const MESSAGES: usize = 0;
const SKIPPED: usize = 1;
const LATE_MICROS: usize = 2;
const LATE: usize = 3;
const REFUSED: usize = LATE + BOUNDS.len() + 1;
const CLOSED: usize = REFUSED + STATUSES.len();
const CONNECTIONS: usize = CLOSED + REASONS.len();
const WORST_MICROS: usize = CONNECTIONS + DIALECTS.len() * STATES.len();
/// One more than the lateness of the newest date, in milliseconds; 0 without one.
const NEWEST_MILLIS: usize = WORST_MICROS + 1;
const READS: usize = NEWEST_MILLIS + 1;
/// Requests that published, by the status of their answer: 200, or any other.
const PUBLICATIONS: usize = READS + 1;
const LINES: usize = PUBLICATIONS + 2;
/// Answers to long polls: lines of JSON, or scripts.
const POLLS: usize = LINES + 1;
const NOTICES_MISSED: usize = POLLS + 2;
const NUMBERS: usize = NOTICES_MISSED + 1;

/// What one worker counts, and how late its dates are.
#[derive(Debug)]
pub(crate) struct WorkerMetrics {
    tally: Tally<NUMBERS>,
    lateness: LatenessWindow,
    losses: Losses,
}

/// Messages that were lost and not logged yet.
#[derive(Debug, Default)]
struct Losses {
    dates: u64,
    /// Notices that no client got.
    notices: u64,
    /// By client: notices that it did not get.
    missed: u64,
    warnings: Pace,
}

impl WorkerMetrics {
    pub(crate) fn new(now: Instant) -> Self {
        let (tally, losses) = (Tally::default(), Losses::default());
        Self { tally, lateness: LatenessWindow::new(now), losses }
    }

    /// Counts messages of the stream that were sent.
    pub(crate) fn sent(&mut self, count: u64) {
        self.tally.add(MESSAGES, count);
    }

    /// Counts recipients of a line, by how long after its arrival they got it.
    pub(crate) fn line_sent(&mut self, count: u64, late: Duration) {
        if count == 0 {
            return;
        }
        let seconds = late.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.tally.add(LATE + bucket, count);
        self.tally.add(LATE_MICROS, micros(late).saturating_mul(count));
    }

    /// Counts recipients of a date, by how long after its time they got it.
    pub(crate) fn date_sent(&mut self, count: u64, late: Duration, now: Instant) {
        self.line_sent(count, late);
        self.lateness.record(late, now);
        self.tally.set(NEWEST_MILLIS, u64::try_from(late.as_millis()).unwrap_or(u64::MAX).saturating_add(1));
    }

    /// Counts dates that were too late to be sent; the first of them is this late by now.
    pub(crate) fn dates_skipped(&mut self, count: u64, late: Duration, now: Instant) {
        self.lateness.record(late, now);
        self.tally.add(SKIPPED, count);
        self.losses.dates = self.losses.dates.saturating_add(count);
    }

    /// Counts notices that so many clients did not get, because too many came at once.
    pub(crate) fn notices_dropped(&mut self, count: u64, clients: usize) {
        self.tally.add(NOTICES_MISSED, count.saturating_mul(clients as u64));
        self.losses.notices = self.losses.notices.saturating_add(count);
    }

    /// Counts notices that one client each did not get.
    pub(crate) fn notices_missed(&mut self, count: u64) {
        self.tally.add(NOTICES_MISSED, count);
        self.losses.missed = self.losses.missed.saturating_add(count);
    }

    /// Counts a refusal by its status.
    pub(crate) fn refused(&mut self, status: u16) {
        let place = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len() - 1);
        self.tally.add(REFUSED + place, 1);
    }

    /// Counts a bounded read, which is no subscriber.
    pub(crate) fn read_begun(&mut self) {
        self.tally.add(READS, 1);
    }

    /// Counts the answer to a long poll; true for a script.
    pub(crate) fn polled(&mut self, is_script: bool) {
        self.tally.add(POLLS + usize::from(is_script), 1);
    }

    /// Counts lines that a client has published.
    pub(crate) fn published(&mut self, posted: &Posted) {
        self.tally.add(LINES, posted.last.number.saturating_sub(posted.first.number).saturating_add(1));
    }

    /// Counts a request that has published and got this status; 0 for one that is gone without an answer.
    pub(crate) fn publication_ended(&mut self, status: u16) {
        self.tally.add(PUBLICATIONS + usize::from(status != 200), 1);
    }

    /// Counts a subscriber that is gone; `ending` is the reason that the server knows, if it does.
    pub(crate) fn closed(&mut self, why: CloseReason, ending: Option<&'static str>) {
        let place = place(&REASONS, reason(why, ending)).unwrap_or(REASONS.len() - 1);
        self.tally.add(CLOSED + place, 1);
    }

    /// Counts all connections by dialect and state.
    pub(crate) fn count_connections(&mut self, labels: impl Iterator<Item = (&'static str, &'static str)>) {
        let mut counts = [0; DIALECTS.len() * STATES.len()];
        for (dialect, state) in labels {
            let (Some(dialect), Some(state)) = (place(&DIALECTS, dialect), place(&STATES, state)) else {
                continue;
            };
            if let Some(count) = counts.get_mut(dialect * STATES.len() + state) {
                *count += 1;
            }
        }
        for (place, count) in counts.into_iter().enumerate() {
            self.tally.set(CONNECTIONS + place, count);
        }
        self.tally.publish();
    }

    /// Publishes the numbers of this turn; `has_recipients` is false while no date is due to any client.
    pub(crate) fn publish(&mut self, now: Instant, has_recipients: bool) {
        self.tally.set(WORST_MICROS, micros(self.lateness.worst(now)));
        if !has_recipients {
            self.tally.set(NEWEST_MILLIS, 0);
        }
        self.tally.publish();
    }

    /// Logs what was lost, at most once a second.
    pub(crate) fn log_losses(&mut self, now: Instant) {
        let Losses { dates, notices, missed, warnings } = &mut self.losses;
        let has_lost = *dates > 0 || *notices > 0 || *missed > 0;
        if has_lost && warnings.is_due(Duration::from_secs(1), now) {
            self.log_last_losses();
        }
    }

    /// Logs what was lost and not logged yet.
    pub(crate) fn log_last_losses(&mut self) {
        let Losses { dates, notices, missed, warnings } = std::mem::take(&mut self.losses);
        self.losses.warnings = warnings;
        if dates > 0 {
            log::warn!("{dates} dates were skipped: they were late by more than half an interval");
        }
        if notices > 0 {
            log::warn!("{notices} notices were dropped: too many at once");
        }
        if missed > 0 {
            log::warn!("{missed} notices were not sent to a client: its socket was full");
        }
    }
}

fn place(names: &[&str], name: &str) -> Option<usize> {
    names.iter().position(|known| *known == name)
}

/// The name of the reason for which a subscriber was closed.
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

/// The numbers of all workers.
pub(crate) struct WsMetrics {
    totals: Totals<NUMBERS>,
    faults: FaultCounts,
    source: SourceStates,
    progress: Arc<SourceProgress>,
}

impl WsMetrics {
    pub(crate) fn new<'w>(
        workers: impl IntoIterator<Item = &'w WorkerMetrics>,
        faults: FaultCounts,
        source: SourceStates,
        progress: Arc<SourceProgress>,
    ) -> Self {
        let totals = Totals::of(workers.into_iter().map(|worker| &worker.tally));
        Self { totals, faults, source, progress }
    }

    /// False while a source of given numbers has not said that it has brought all there was.
    fn is_caught_up(&self) -> bool {
        self.progress.head().filling == Filling::No
    }

    /// What the source is doing, and what was wrong with its lines.
    fn collect_source(&self, out: &mut Exposition) {
        let faults = self.faults.get();
        let help = "Lines in which U+FFFD stands for what was not UTF-8.";
        out.single("lines_replaced_total", Kind::Counter, help, faults.replaced);
        let help = "Lines that were dropped because they were not UTF-8.";
        out.single("lines_not_utf8_total", Kind::Counter, help, faults.not_utf8);
        let help = "Lines that were dropped because they were longer than --max-line.";
        out.single("lines_too_long_total", Kind::Counter, help, faults.too_long);
        let help = "Lines that were dropped under --numbers given, by reason.";
        let mut given = out.family("lines_refused_total", Kind::Counter, help);
        for (reason, count) in [
            ("repeated", faults.repeated),
            ("old_epoch", faults.old_epoch),
            ("no_number", faults.no_number),
            ("unknown_word", faults.unknown_word),
            ("unfinished", faults.unfinished),
        ] {
            given.sample(&[("reason", reason)], count);
        }
        let help =
            "0 while a source of given numbers has not said that it has brought all there was (!caught-up).";
        out.single("source_caught_up", Kind::Gauge, help, u8::from(self.is_caught_up()));
        let help = "What the source is doing.";
        let mut source = out.family("source", Kind::Gauge, help);
        let phase = self.source.newest().state.phase();
        for state in SourcePhase::ALL {
            source.sample(&[("state", state.name())], u8::from(state == phase));
        }
    }

    fn worst(&self) -> Duration {
        Duration::from_micros(self.totals.max(WORST_MICROS))
    }
}

impl DaemonMetrics for WsMetrics {
    /// `9214 clients, last date 3 ms late`
    fn status(&self, counters: &Snapshot) -> String {
        let clients = counters.open;
        match self.totals.max(NEWEST_MILLIS).checked_sub(1) {
            Some(late) => format!("{clients} clients, last date {late} ms late"),
            None => format!("{clients} clients"),
        }
    }

    fn health(&self) -> Result<(), String> {
        match self.worst() {
            late if late > TOO_LATE => Err(format!("dates are {} ms late", late.as_millis())),
            _ if !self.is_caught_up() => Err("filling: the source has not said !caught-up".to_owned()),
            _ => Ok(()),
        }
    }

    fn collect(&self, out: &mut Exposition) {
        let number = |index: usize| self.totals.get(index);
        let help = "Connections by what they speak and how far they have come.";
        let mut connections = out.family("connections", Kind::Gauge, help);
        for (at, dialect) in DIALECTS.iter().enumerate() {
            for (state, name) in STATES.iter().enumerate() {
                let count = number(CONNECTIONS + at * STATES.len() + state);
                connections.sample(&[("dialect", dialect), ("state", name)], count);
            }
        }
        let help = "Messages of the stream that were sent, to each client counted.";
        out.single("messages_total", Kind::Counter, help, number(MESSAGES));
        let late: Vec<u64> = (LATE..=LATE + BOUNDS.len()).map(number).collect();
        #[allow(clippy::cast_precision_loss, reason = "microseconds of lateness, in all")]
        let sum = number(LATE_MICROS) as f64 / 1e6;
        let help = "How late messages were sent that came up: dates after their scheduled instant, lines after their worker got them.";
        out.family("lateness_seconds", Kind::Histogram, help).histogram(&BOUNDS, &late, sum);
        let help = "How late the latest date of the last five to ten seconds was.";
        out.single("worst_lateness_seconds", Kind::Gauge, help, self.worst().as_secs_f64());
        let help = "Dates that were too late to be sent.";
        out.single("dates_skipped_total", Kind::Counter, help, number(SKIPPED));
        let help = "Notices that a client missed, each client counted.";
        out.single("notices_missed_total", Kind::Counter, help, number(NOTICES_MISSED));
        self.collect_source(out);
        let help = "Clients of the stream that are gone, by reason.";
        let mut closed = out.family("closed_total", Kind::Counter, help);
        for (place, reason) in REASONS.iter().enumerate() {
            closed.sample(&[("reason", reason)], number(CLOSED + place));
        }
        let help = "Requests for a part of the history (?until=), which are no clients of the stream.";
        out.single("bounded_reads_total", Kind::Counter, help, number(READS));
        let help = "Long polls that were answered, which are no clients of the stream that come and leave.";
        let mut polls = out.family("polls_total", Kind::Counter, help);
        for (place, dialect) in ["poll", "jsonp"].iter().enumerate() {
            polls.sample(&[("dialect", dialect)], number(POLLS + place));
        }
        let help = "Requests that published, by whether all of their lines are out; the others were cut off, refused or late.";
        let mut publications = out.family("publications_total", Kind::Counter, help);
        for (place, result) in ["ok", "failed"].iter().enumerate() {
            publications.sample(&[("result", result)], number(PUBLICATIONS + place));
        }
        let help = "Lines that requests have published.";
        out.single("published_lines_total", Kind::Counter, help, number(LINES));
        let help = "Requests that did not get the stream, by status.";
        let mut refused = out.family("handshake_failures_total", Kind::Counter, help);
        for (place, status) in STATUSES.iter().enumerate() {
            let status = if *status == 0 { "other".to_owned() } else { status.to_string() };
            refused.sample(&[("status", &status)], number(REFUSED + place));
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
mod tests {
    use common::{framing::Framing, id::MessageId};

    use super::*;
    use crate::source::Head;

    #[test]
    fn every_form_of_the_stream_over_http_is_a_dialect() {
        for framing in Framing::ALL {
            let is_websocket = framing.media_type().is_empty();
            assert_eq!(place(&DIALECTS, framing.name()).is_none(), is_websocket, "{framing:?}");
        }
    }

    #[test]
    fn a_date_is_counted_in_the_bucket_that_it_fits_into() {
        let mut metrics = WorkerMetrics::new(Instant::now());
        for (millis, count) in [(0, 1), (1, 2), (2, 3), (999, 4), (5000, 5)] {
            metrics.line_sent(count, Duration::from_millis(millis));
        }
        metrics.tally.publish();
        let totals = Totals::of([&metrics.tally]);
        let buckets: Vec<u64> = (LATE..REFUSED).map(|index| totals.get(index)).collect();
        assert_eq!(buckets, [3, 3, 0, 0, 0, 0, 0, 0, 0, 4, 5]);
        assert_eq!(totals.get(LATE_MICROS), 2000 + 6000 + 3_996_000 + 25_000_000);
    }

    #[test]
    fn dates_that_are_late_by_more_than_two_seconds_with_any_worker_are_a_fault() {
        let start = Instant::now();
        let mut workers = [WorkerMetrics::new(start), WorkerMetrics::new(start)];
        let progress = SourceProgress::new(2, Head::at(MessageId::default()));
        let metrics = WsMetrics::new(&workers, FaultCounts::default(), SourceStates::default(), progress);
        let mut turns = 0;
        let mut health = |late: u64| {
            // Far enough apart that no earlier date is remembered.
            turns += 1;
            let now = start + Duration::from_mins(turns);
            workers[1].date_sent(1, Duration::from_millis(late), now);
            for worker in &mut workers {
                worker.publish(now, true);
            }
            metrics.health()
        };
        assert_eq!(health(0), Ok(()));
        assert_eq!(health(2000), Ok(()));
        assert_eq!(health(2001), Err("dates are 2001 ms late".to_owned()));
        assert_eq!(health(1), Ok(()));
    }
}
