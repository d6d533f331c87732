//! One connection to ws-server, from its greeting to its end: consumers come and go meanwhile.
//!
//! ```text
//!  greeting ─▶ position ─▶ info ─▶ decide ─▶ consumer ─▶ lines ─▶ ws-server
//!                 ▲          ▲                  │ silent, deleted, a delivery lost: again, from the position
//!                 │          └──────────────────┘
//!                 └── each message that is in `lines`
//! ```

use std::time::{Duration, Instant};

use async_nats::jetstream::Context;
use common::id::MessageId;
use daemon::{DaemonError, Exit, clock};
use futures_util::FutureExt as _;
use tokio::{sync::watch, time::sleep};

use super::{
    backoff::Backoff,
    greeting::Position,
    lines::Lines,
    messages::{Delivery, Messages},
    options::Config,
    origin::{self, Watch},
    producer::Producer,
    report::Report,
    start::{Decision, Facts, decide},
};
use crate::stream_info::stream_info;

/// How long the stream must say that it has fewer messages than ws-server before we believe it: servers that have just started may.
const DOUBT: Duration = Duration::from_secs(10);

/// How a session ends.
#[derive(Debug)]
pub(super) enum End {
    /// ws-server has closed the connection.
    Gone,
    /// We are to stop, and nothing is half written.
    Stopped,
    /// Only a person can help.
    Fatal(DaemonError),
}

/// How one consumer ends.
enum Turn {
    /// Another one may do better.
    Again(String),
    End(End),
}

/// What outlives a session.
pub(super) struct Surroundings<'a> {
    pub(super) context: &'a Context,
    pub(super) config: &'a Config,
    pub(super) report: &'a Report,
    /// True once we are to stop.
    pub(super) stopping: watch::Receiver<bool>,
    /// When the stream was made, in nanoseconds since 1970: tells a new stream from the old one where it has no epoch.
    pub(super) created: Option<i128>,
}

pub(super) struct Session<'a, 's> {
    around: &'a mut Surroundings<'s>,
    producer: Producer,
    /// What ws-server has as soon as `lines` are written.
    position: Position,
    lines: Lines,
    /// What the stream had when ws-server greeted us; nothing before the stream was asked.
    target: Option<u64>,
    has_caught_up: bool,
    ahead_since: Option<Instant>,
    /// The number that comes next, unless somebody has deleted it; nothing while ws-server has no message of this stream.
    due: Option<u64>,
    /// `!gap` is the last line.
    gap_is_told: bool,
    behind: u64,
}

impl<'a, 's> Session<'a, 's> {
    /// Begins where ws-server is.
    pub(super) fn new(around: &'a mut Surroundings<'s>, producer: Producer, position: Position) -> Self {
        Self {
            around,
            producer,
            position,
            lines: Lines::default(),
            target: None,
            has_caught_up: false,
            ahead_since: None,
            due: None,
            gap_is_told: false,
            behind: 0,
        }
    }

    /// Runs until the connection to ws-server ends.
    pub(super) async fn run(mut self) -> End {
        let mut backoff = Backoff::default();
        loop {
            let begun = clock::now();
            let why = match self.turn().await {
                Turn::Again(why) => why,
                Turn::End(end) => return end,
            };
            // What came with the consumer is not to wait for the next one.
            if self.write().await.is_err() {
                return End::Gone;
            }
            self.around.report.trouble(&why);
            let pause = backoff.pause_after(begun.elapsed());
            tokio::select! {
                () = sleep(pause) => {}
                () = self.producer.closed() => return End::Gone,
                _ = self.around.stopping.changed() => return End::Stopped,
            }
        }
    }

    /// Asks the stream, decides, and follows until the consumer ends.
    async fn turn(&mut self) -> Turn {
        let facts = match self.ask().await {
            Ok(facts) => facts,
            Err(turn) => return turn,
        };
        let decision = decide(self.position, &facts, self.around.config.history);
        let (start, after_gap) = match decision {
            Decision::At { start, after_gap } => (start, after_gap),
            Decision::Ahead { number } => return self.doubt(number, &facts),
            Decision::OtherStream => return Turn::End(End::Fatal(self.other_stream(&facts))),
        };
        self.ahead_since = None;
        let origin = match self.origin(&facts).await {
            Ok(watch) => watch,
            Err(wrong) => return Turn::Again(wrong),
        };
        if self.position.epoch < facts.id_epoch() {
            self.position = Position { epoch: facts.id_epoch(), last: None };
            self.target = None;
        }
        let target = *self.target.get_or_insert(facts.last);
        let messages = match Messages::start(self.around.context, &self.around.config.stream, start).await {
            Ok(messages) => messages,
            Err(problem) => return Turn::Again(problem.message),
        };
        if after_gap {
            self.tell_gap();
        }
        self.due = self.position.last.map(|_| start);
        self.behind = messages.waiting;
        self.around.report.follows(self.behind);
        log::info!(
            "following the stream {} from {start} ({}), {} to come",
            self.around.config.stream,
            facts.extent(),
            self.behind
        );
        if messages.waiting == 0 || start > target {
            self.catch_up();
        }
        self.consume(messages, &facts, origin).await
    }

    /// What tells a mirror that it mirrors another stream now.
    async fn origin(&self, facts: &Facts) -> Result<Watch, String> {
        if !facts.is_mirror {
            return Ok(Watch::new());
        }
        origin::watch(self.around.context, self.around.config.stream.as_str()).await
    }

    /// Asks what the stream has. One that is not the stream of before is noticed by its epoch, or if it has none, by its age.
    async fn ask(&mut self) -> Result<Facts, Turn> {
        let info = stream_info(self.around.context, self.around.config.stream.as_str()).await;
        let info = info.map_err(|problem| Turn::Again(problem.message))?;
        let facts = Facts::of(&info);
        let created = info.created.unix_timestamp_nanos();
        let before = self.around.created.replace(created);
        if facts.epoch.is_none() && before.is_some_and(|before| before != created) {
            let what =
                "was made anew, and has no epoch by which clients could tell its numbers from the old ones";
            return Err(Turn::End(End::Fatal(self.fatal(what))));
        }
        Ok(facts)
    }

    /// Writes the messages of a consumer.
    async fn consume(&mut self, mut messages: Messages, facts: &Facts, mut origin: Watch) -> Turn {
        loop {
            if let Some(Ok(wrong)) = origin.try_join_next() {
                return Turn::Again(wrong);
            }
            let ready = messages.next().now_or_never();
            let delivery = if let Some(delivery) = ready {
                delivery
            } else {
                if self.write().await.is_err() {
                    return Turn::End(End::Gone);
                }
                tokio::select! {
                    delivery = messages.next() => delivery,
                    Some(Ok(wrong)) = origin.join_next() => return Turn::Again(wrong),
                    () = self.producer.closed() => return Turn::End(End::Gone),
                    _ = self.around.stopping.changed() => return Turn::End(End::Stopped),
                }
            };
            let taken = match delivery {
                Ok(delivery) => self.take(&delivery, facts).await,
                Err(why) => Err(Turn::Again(why)),
            };
            if let Err(turn) = taken {
                return turn;
            }
            if !self.lines.is_enough() {
                continue;
            }
            if self.write().await.is_err() {
                return Turn::End(End::Gone);
            }
            // While one message follows another, nothing else is waited for.
            if *self.around.stopping.borrow() {
                return Turn::End(End::Stopped);
            }
        }
    }

    /// Adds a message to the lines.
    async fn take(&mut self, delivery: &Delivery, facts: &Facts) -> Result<(), Turn> {
        let Delivery { message, number, pending } = delivery;
        if self.position.last.is_some_and(|last| *number <= last) {
            return Err(Turn::Again(format!("number {number} came again")));
        }
        if let Some(due) = self.due.filter(|due| number > due) {
            // Somebody deleted messages between them, or the stream has let its oldest go before they came to us.
            let now = self.ask().await?;
            if now.epoch != facts.epoch {
                return Err(Turn::Again("the stream was made anew".to_owned()));
            }
            if now.first > due {
                self.tell_gap();
            }
        }
        self.lines.push(facts.epoch, *number, &message.payload);
        self.position.last = Some(*number);
        self.due = Some(number.saturating_add(1));
        self.gap_is_told = false;
        self.behind = *pending;
        if !self.has_caught_up && (*pending == 0 || self.target.is_some_and(|target| *number >= target)) {
            self.catch_up();
        }
        Ok(())
    }

    fn catch_up(&mut self) {
        if !self.has_caught_up {
            self.has_caught_up = true;
            self.lines.push_caught_up();
        }
    }

    /// Messages that ws-server would get next are gone from the stream.
    fn tell_gap(&mut self) {
        if std::mem::replace(&mut self.gap_is_told, true) {
            return;
        }
        let after = self.position.last.unwrap_or_default();
        log::warn!(
            "messages after {after} are gone from the stream before they were read: clients are told a gap"
        );
        self.lines.push_gap();
        self.around.report.gap();
    }

    /// Writes the lines, all of them or to a connection that ends.
    async fn write(&mut self) -> std::io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        self.around.report.writes();
        self.producer.write(self.lines.bytes()).await?;
        let Position { epoch, last } = self.position;
        let newest = MessageId { epoch, number: last.unwrap_or_default() };
        let (counts, bytes) = (self.lines.counts(), self.lines.bytes().len());
        self.around.report.wrote(counts, bytes, newest, self.behind);
        self.lines.clear();
        Ok(())
    }

    /// ws-server has a number that the stream has not given yet.
    fn doubt(&mut self, number: u64, facts: &Facts) -> Turn {
        let last = facts.last;
        if facts.is_mirror {
            return Turn::Again(format!("this mirror ends at {last}, and ws-server has {number} already"));
        }
        let since = *self.ahead_since.get_or_insert_with(clock::now);
        if since.elapsed() < DOUBT {
            return Turn::Again(format!("the stream ends at {last}, and ws-server has {number} already"));
        }
        let what = format!("ends at {last}, and ws-server has {number}: its numbers went back");
        Turn::End(End::Fatal(self.fatal(&what)))
    }

    fn other_stream(&self, facts: &Facts) -> DaemonError {
        let (theirs, ours) = (self.position.epoch, facts.id_epoch());
        self.fatal(&match facts.epoch {
            Some(_) => {
                format!("has epoch {ours}, and ws-server has a later one, {theirs}: it is an older stream")
            }
            None => format!("has no epoch, and ws-server has {theirs}: it is another stream"),
        })
    }

    /// The end of a process that cannot go on without doubling numbers, and the ways out.
    fn fatal(&self, what: &str) -> DaemonError {
        let stream = &self.around.config.stream;
        let message = format!(
            "the stream {stream} {what}. If that is right, restart ws-server without a hand-over, so that it begins anew; a stream of \
             `datecast-nats create` has an epoch, and a new one is then noticed by itself"
        );
        DaemonError::new(Exit::Data, message)
    }
}
