//! The broadcasts of one worker: dates first, then the ring, then notices.

use std::{collections::VecDeque, time::Instant};

use common::framing::Framing;
use reactor::{Context, Flow, Token, Turn};

use super::{
    cursor::Cursor,
    departures::{Departures, LeaveNotices, NoticeOptions},
    subscribers::Subscribers,
};
use crate::{
    connection::{Connection, ConnectionOptions, Notice},
    metrics::WorkerMetrics,
    stream::{Clock, Date, Encodings, Stream},
};

/// Most connections that one turn visits.
const VISITS: usize = 256;
/// Most queued notices; [`Fanout::add_notice`] counts and drops the rest.
const MAX_WAITING: usize = 1024;

/// One broadcast on its way.
#[derive(Debug)]
enum Task {
    /// A date, to its phase.
    Date(Date),
    /// What is new in the ring, to all; the oldest new message came up at this instant.
    Ring(Instant),
    /// A notice with its number, to all.
    Notice(u64, Notice, Encodings),
}

/// Departures and client messages of this turn, for all workers.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) departures: Departures,
    pub(crate) notices: Vec<Notice>,
}

/// The subscribers of one worker, and the broadcasts to them.
#[derive(Debug)]
pub(crate) struct Fanout {
    pub(crate) subscribers: Subscribers,
    pub(crate) news: News,
    task: Option<(Task, Cursor)>,
    waiting: VecDeque<Notice>,
    leave_notices: LeaveNotices,
    /// The number of the newest notice whose broadcast has begun: a newcomer gets those after it.
    last_notice: u64,
    /// Notices that were dropped since [`Fanout::take_dropped`].
    dropped: u64,
}

impl Fanout {
    pub(crate) fn new(options: &NoticeOptions, phases: usize) -> Self {
        Self {
            subscribers: Subscribers::new(phases),
            news: News::default(),
            task: None,
            waiting: VecDeque::new(),
            leave_notices: LeaveNotices::new(options.notice_rate),
            last_notice: 0,
            dropped: 0,
        }
    }

    /// Takes over options that may change while it runs.
    pub(crate) fn configure(&mut self, options: &NoticeOptions) {
        self.leave_notices.limit(options.notice_rate);
    }

    pub(crate) fn add_departures(&mut self, departures: &Departures) {
        self.leave_notices.add(departures);
    }

    /// Departures that no notice has announced yet.
    pub(crate) fn unannounced(&self) -> &Departures {
        self.leave_notices.waiting()
    }

    /// Queues a notice; too many are dropped.
    pub(crate) fn add_notice(&mut self, notice: Notice) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(notice);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// How many notices were dropped since the last call.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// The number of the newest notice that a newcomer does not get.
    pub(crate) fn last_notice(&self) -> u64 {
        self.last_notice
    }

    /// When the next leave notice may go out, if one waits.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.leave_notices.next()
    }

    /// Sends what is due to at most [`VISITS`] connections; true if more is due.
    pub(crate) fn run(
        &mut self,
        stream: &mut Stream,
        options: &ConnectionOptions,
        metrics: &mut WorkerMetrics,
        turn: &mut Turn<'_, Connection>,
    ) -> bool {
        let mut visits = VISITS;
        loop {
            if self.task.is_none() {
                self.task = self.next_task(stream, metrics, turn.now());
            }
            let Some((task, cursor)) = &mut self.task else { return false };
            let mut sent = 0_u64;
            let is_done = loop {
                if visits == 0 {
                    break false;
                }
                let Some((token, framing)) = cursor.next(&self.subscribers) else { break true };
                sent = sent.saturating_add(visit(task, token, framing, stream, options, turn));
                visits = visits.saturating_sub(1);
            };
            count(task, sent, stream, metrics, turn.now());
            if !is_done {
                return true;
            }
            self.task = None;
        }
    }

    fn next_task(
        &mut self,
        stream: &mut Stream,
        metrics: &mut WorkerMetrics,
        now: Instant,
    ) -> Option<(Task, Cursor)> {
        let task = match stream {
            Stream::Paced(clock) => {
                let subscribers = &self.subscribers;
                let slot = clock.schedule.take_due(now, |phase| subscribers.has_phase(phase));
                count_skipped(clock, metrics, now);
                slot.map(|slot| Task::Date(clock.date(slot, now)))
            }
            Stream::Buffer(buffer) => {
                buffer.publish_date(now);
                if let Some(clock) = &mut buffer.clock {
                    count_skipped(clock, metrics, now);
                }
                buffer.take_due().map(Task::Ring)
            }
        };
        let task = task.or_else(|| self.next_notice(now))?;
        let cursor = match &task {
            Task::Date(date) => Cursor::phase(date.phase),
            Task::Ring(_) | Task::Notice(..) => Cursor::all(&self.subscribers),
        };
        Some((task, cursor))
    }

    fn next_notice(&mut self, now: Instant) -> Option<Task> {
        let Self { leave_notices, waiting, .. } = self;
        leave_notices.take_texts(now, |text| waiting.push_back(Notice::from_server(text)));
        let notice = self.waiting.pop_front()?;
        self.last_notice = self.last_notice.saturating_add(1);
        Some(Task::Notice(self.last_notice, notice, Encodings::default()))
    }
}

/// Sends one connection what the task has for it; returns the number of messages of the stream that were sent.
fn visit(
    task: &mut Task,
    token: Token,
    framing: Framing,
    stream: &Stream,
    options: &ConnectionOptions,
    turn: &mut Turn<'_, Connection>,
) -> u64 {
    let mut sent = 0;
    turn.visit(token, |conn, cx| match task {
        Task::Date(date) => {
            sent = conn.send_date(date, cx);
            Flow::Continue
        }
        Task::Ring(_) => {
            let delivery = conn.send_next(stream, options, cx);
            sent = delivery.messages;
            delivery.flow
        }
        Task::Notice(number, notice, encodings) => {
            let met = std::mem::replace(&mut conn.last_notice, *number) >= *number;
            if !met {
                send_notice(notice, encodings, framing, conn, cx);
            }
            Flow::Continue
        }
    });
    sent
}

/// Sends a notice to any connection but the one that it is from; a connection whose socket is full misses it.
fn send_notice(
    notice: &Notice,
    encodings: &mut Encodings,
    framing: Framing,
    conn: &Connection,
    cx: &mut Context<'_>,
) {
    let is_own = notice.from != 0 && notice.from == conn.id;
    if !is_own && conn.is_open() && !cx.is_blocked() && cx.queued() == 0 {
        let bytes = encodings.get(framing, |out| notice.encode(framing, out));
        cx.send_shared(bytes, 0..bytes.len());
    }
}

/// Counts the dates that were too late to be sent.
fn count_skipped(clock: &mut Clock, metrics: &mut WorkerMetrics, now: Instant) {
    if let Some(since) = clock.schedule.take_skipped_since() {
        let late = now.saturating_duration_since(since);
        metrics.dates_skipped(clock.schedule.take_skipped(), late, now);
    }
}

/// Counts the messages that a task has sent in this turn, and how late they were.
fn count(task: &Task, sent: u64, stream: &Stream, metrics: &mut WorkerMetrics, now: Instant) {
    metrics.sent(sent);
    let late = |due: Instant| now.saturating_duration_since(due);
    match task {
        Task::Date(date) => metrics.date_sent(sent, late(date.due), now),
        Task::Ring(due) if stream.clock().is_some() => metrics.date_sent(sent, late(*due), now),
        Task::Ring(due) => metrics.line_sent(sent, late(*due)),
        Task::Notice(..) => {}
    }
}
