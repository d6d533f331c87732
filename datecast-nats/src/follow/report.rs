//! What the operator sees: metrics, health, status, and log lines for what changes.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use common::id::{Epoch, MessageId};
use daemon::{
    DaemonMetrics, clock,
    metrics::{Exposition, Kind, Snapshot},
};

use crate::connect::REFUSED_AGAIN;

/// So many messages may wait in the stream without our being behind: what is asked for at a time.
const FEW: u64 = 2000;
/// How long we may be behind, or ws-server may read nothing, before `/healthz` says so.
const LONG: Duration = Duration::from_secs(10);

const LOST: &str = "the connection to the nats-server is lost; trying all of --server until one answers";

/// The figures of a running `follow`; the metrics thread reads them, too.
#[derive(Debug, Default)]
pub(super) struct Report(Mutex<Figures>);

#[derive(Clone, Debug, Default)]
struct Figures {
    /// What keeps us from following; nothing while we do.
    trouble: Option<String>,
    follows: bool,
    connected: bool,
    /// Not connected, as the last server that was there does not let us in any more.
    refused: bool,
    newest: MessageId,
    /// Messages that the stream has and we have not taken yet.
    behind: u64,
    behind_since: Option<Instant>,
    /// ws-server has not read what we write since then.
    blocked_since: Option<Instant>,
    lines: u64,
    bytes: u64,
    changed: u64,
    gaps: u64,
    consumers: u64,
    producers: u64,
    connections: u64,
}

impl Report {
    fn figures(&self) -> MutexGuard<'_, Figures> {
        // A thread that panicked has left whole numbers.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to the nats-servers is up, or is not.
    pub(super) fn set_connected(&self, connected: bool) {
        let mut figures = self.figures();
        figures.connections += u64::from(connected && !figures.connected);
        figures.connected = connected;
        figures.refused = false;
    }

    /// A server does not let us in any more; the log has it once.
    pub(super) fn refused(&self) {
        if !std::mem::replace(&mut self.figures().refused, true) {
            log::warn!("{REFUSED_AGAIN}");
        }
    }

    /// What is waited for at first; the log need not have it.
    pub(super) fn begins(&self, why: &str) {
        self.figures().trouble = Some(why.to_owned());
    }

    /// Something keeps us from following; the log has it once.
    pub(super) fn trouble(&self, why: &str) {
        let mut figures = self.figures();
        figures.follows = false;
        figures.blocked_since = None;
        if figures.trouble.as_deref() != Some(why) {
            log::warn!("{why}; trying again until it works");
            figures.trouble = Some(why.to_owned());
        }
    }

    /// ws-server has greeted us.
    pub(super) fn greeted(&self) {
        self.figures().producers += 1;
    }

    /// A consumer is there, and this many messages wait for it.
    pub(super) fn follows(&self, behind: u64) {
        let mut figures = self.figures();
        figures.consumers += 1;
        figures.trouble = None;
        figures.follows = true;
        figures.set_behind(behind);
    }

    pub(super) fn gap(&self) {
        self.figures().gaps += 1;
    }

    /// We begin to write; until [`Report::wrote`], ws-server is what we wait for.
    pub(super) fn writes(&self) {
        self.figures().blocked_since = Some(clock::now());
    }

    /// So many lines and bytes are written, of which so many lines were changed; the newest has this id.
    pub(super) fn wrote(&self, (lines, changed): (u64, u64), bytes: usize, newest: MessageId, behind: u64) {
        let mut figures = self.figures();
        figures.blocked_since = None;
        figures.lines += lines;
        figures.changed += changed;
        figures.bytes += u64::try_from(bytes).unwrap_or_default();
        figures.newest = newest;
        figures.set_behind(behind);
    }

    /// One line for people.
    pub(super) fn line(&self) -> String {
        self.figures().status()
    }
}

impl Figures {
    fn set_behind(&mut self, behind: u64) {
        self.behind = behind;
        self.behind_since = (behind > FEW).then(|| self.behind_since.unwrap_or_else(clock::now));
    }

    /// The reason for whatever else has failed since then.
    fn has_lost_the_servers(&self) -> bool {
        self.connections > 0 && !self.connected
    }

    fn why_lost(&self) -> &'static str {
        if self.refused { REFUSED_AGAIN } else { LOST }
    }

    fn status(&self) -> String {
        let Self { newest, lines, behind, .. } = self;
        match &self.trouble {
            _ if self.has_lost_the_servers() => format!("waiting: {}", self.why_lost()),
            Some(why) => format!("waiting: {why}"),
            None if self.follows => format!("following at {newest}, {behind} behind; {lines} lines written"),
            None => "starting".to_owned(),
        }
    }

    fn health(&self, now: Instant) -> Result<(), String> {
        let is_long =
            |since: &Option<Instant>| since.is_some_and(|it| now.saturating_duration_since(it) > LONG);
        match &self.trouble {
            _ if self.has_lost_the_servers() => Err(self.why_lost().to_owned()),
            Some(why) => Err(why.clone()),
            None if !self.follows => Err("starting".to_owned()),
            None if is_long(&self.blocked_since) => Err("ws-server reads nothing".to_owned()),
            None if is_long(&self.behind_since) => Err(format!("{} messages behind the stream", self.behind)),
            None => Ok(()),
        }
    }
}

impl DaemonMetrics for Report {
    fn status(&self, _: &Snapshot) -> String {
        self.line()
    }

    fn health(&self) -> Result<(), String> {
        self.figures().health(clock::now())
    }

    fn collect(&self, out: &mut Exposition) {
        use Kind::{Counter, Gauge};
        let figures = self.figures().clone();
        let help = "1 while a nats-server is connected.";
        out.single("connected", Gauge, help, u8::from(figures.connected));
        out.single("connections_total", Counter, "Connections to nats-servers.", figures.connections);
        out.single("following", Gauge, "1 while lines of the stream come and go.", u8::from(figures.follows));
        out.single("producers_total", Counter, "Connections to ws-server.", figures.producers);
        let help =
            "Consumers of the stream: a new one after each failure, and for each connection to ws-server.";
        out.single("consumers_total", Counter, help, figures.consumers);
        out.single("lines_total", Counter, "Messages that are written to ws-server.", figures.lines);
        out.single("bytes_total", Counter, "Bytes that are written to ws-server.", figures.bytes);
        let help = "Messages in which line ends became spaces.";
        out.single("changed_lines_total", Counter, help, figures.changed);
        let help = "Times that messages were gone from the stream before they were read.";
        out.single("gaps_total", Counter, help, figures.gaps);
        out.single("newest_number", Gauge, "Number of the newest message written.", figures.newest.number);
        let help = "Epoch of the stream, in milliseconds since 1970; 0 if it has none.";
        out.single("epoch_milliseconds", Gauge, help, Epoch::as_millis(figures.newest.epoch));
        let help = "Messages that the stream has and that are not written yet.";
        out.single("behind", Gauge, help, figures.behind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_healthy_while_it_follows_and_says_otherwise_what_is_wrong() {
        let report = Report::default();
        let health = |after: Duration| report.figures().health(clock::now() + after);
        assert_eq!(health(Duration::ZERO), Err("starting".to_owned()));
        report.set_connected(true);
        report.follows(0);
        assert_eq!(health(LONG * 2), Ok(()));
        report.trouble("nobody listens");
        assert_eq!(health(Duration::ZERO), Err("nobody listens".to_owned()));
        assert_eq!(report.line(), "waiting: nobody listens");
        report.follows(FEW + 1);
        assert_eq!(health(Duration::ZERO), Ok(()), "not for long");
        assert_eq!(health(LONG * 2), Err("2001 messages behind the stream".to_owned()));
        report.wrote((1, 0), 5, MessageId::default(), FEW);
        assert_eq!(health(LONG * 2), Ok(()));
        report.writes();
        assert_eq!(health(Duration::ZERO), Ok(()));
        assert_eq!(health(LONG * 2), Err("ws-server reads nothing".to_owned()));
        report.wrote((1, 0), 5, MessageId::default(), 0);
        report.set_connected(false);
        report.trouble("no answer about the stream");
        assert_eq!(health(Duration::ZERO), Err(LOST.to_owned()), "the reason, and not what follows from it");
        assert_eq!(report.line(), format!("waiting: {LOST}"));
        report.refused();
        assert_eq!(health(Duration::ZERO), Err(REFUSED_AGAIN.to_owned()));
        report.set_connected(true);
        assert_eq!(health(Duration::ZERO), Err("no answer about the stream".to_owned()));
    }
}
