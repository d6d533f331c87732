//! The broadcasts of one worker: dates first, then the ring, then the state of the source, then notices.

use std::{sync::Arc, time::Instant};

use common::framing::Framing;
use reactor::{Context, Flow, Token, Turn};

use super::{
    board::{News, NoticeBoard, NoticeReader},
    cursor::Cursor,
    subscribers::Subscribers,
};
use crate::{
    connection::{Access, Connection, ConnectionOptions, Notice, PollService, Polled, Stage},
    metrics::WorkerMetrics,
    stream::{Clock, Date, Encodings, SourceNews, Stream},
};

/// Most connections that one turn visits.
const VISITS: usize = 256;

/// One broadcast on its way.
#[derive(Debug)]
enum Task {
    /// A date, to its phase.
    Date(Date),
    /// What is new in the ring, to all; the oldest new message came up at this instant.
    Ring(Instant),
    /// The newest state of the source, to every connection whose framing has a form for it.
    Source,
    /// A notice with its number, to all.
    Notice(u64, Arc<Notice>, Encodings),
}

/// The subscribers of one worker, and the broadcasts to them.
#[derive(Debug)]
pub(crate) struct Fanout {
    pub(crate) subscribers: Subscribers,
    /// Departures and client messages of this turn.
    pub(crate) news: News,
    task: Option<(Task, Cursor)>,
    /// The number of the newest state of the source that a broadcast has begun to tell.
    told: u64,
    notices: NoticeReader,
}

impl Fanout {
    /// Without subscribers yet; it begins with the oldest notice of `notices`.
    pub(crate) fn new(phases: usize, notices: NoticeReader) -> Self {
        let (subscribers, news) = (Subscribers::new(phases), News::default());
        Self { subscribers, news, task: None, told: 0, notices }
    }

    /// The notices of all workers.
    pub(crate) fn board(&self) -> &NoticeBoard {
        self.notices.board()
    }

    /// Puts the news of this turn up for all workers. True if the others have to be woken.
    pub(crate) fn post_news(&mut self, now: Instant) -> bool {
        self.notices.board().post(&mut self.news, now)
    }

    /// Puts up what happened after the last turn.
    pub(crate) fn post_last_news(&mut self) {
        let news = std::mem::take(&mut self.news);
        self.board().post_last(news);
    }

    /// How many notices were dropped since the last call.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        self.notices.take_dropped()
    }

    /// Sends a connection that is about to end the notices that are up and have not passed it; how many of them it misses.
    pub(crate) fn send_notices(&self, conn: &mut Connection, cx: &mut Context<'_>) -> u64 {
        let mut missed = 0_u64;
        for (number, notice) in self.board().after(conn.last_notice) {
            conn.last_notice = number;
            let is_missed = send_notice(&notice, &mut Encodings::default(), conn.framing, conn, cx);
            missed = missed.saturating_add(is_missed.into());
        }
        missed
    }

    /// Sends what is due to at most [`VISITS`] connections; true if more is due.
    pub(crate) fn run(
        &mut self,
        stream: &mut Stream,
        source: &SourceNews,
        (access, options): (&Access, &ConnectionOptions),
        metrics: &mut WorkerMetrics,
        turn: &mut Turn<'_, Connection>,
    ) -> bool {
        let mut visits = VISITS;
        loop {
            if self.task.is_none() {
                let Some(next) = self.next_task(stream, source, metrics, turn.now()) else { return false };
                self.task = Some(next);
            }
            let Some((task, cursor)) = &mut self.task else { return false };
            let mut visited = Visited::default();
            let is_done = loop {
                if visits == 0 {
                    break false;
                }
                let Some((tokens, framing)) = cursor.next(&self.subscribers, visits) else { break true };
                visits = visits.saturating_sub(tokens.len());
                let service = PollService { stream, source, access, options };
                visit(task, (tokens, framing), service, &mut visited, turn);
                for (token, is_script) in visited.polled.drain(..) {
                    // This moves the last one of the list, which the cursor has visited: it walks from the end.
                    self.subscribers.remove(token);
                    metrics.polled(is_script);
                }
            };
            count(task, visited.sent, stream, metrics, turn.now());
            metrics.notices_missed(visited.misses);
            if !is_done {
                return true;
            }
            if let Some((Task::Ring(_), _)) = self.task.take() {
                stream.end_round(|| turn.clock());
            }
        }
    }

    fn next_task(
        &mut self,
        stream: &mut Stream,
        source: &SourceNews,
        metrics: &mut WorkerMetrics,
        now: Instant,
    ) -> Option<(Task, Cursor)> {
        let task = match stream {
            Stream::Paced(clock) => {
                let subscribers = &self.subscribers;
                let slot = clock.schedule.take_due(now, |phase| subscribers.next_phase(phase));
                count_skipped(clock, metrics, now);
                slot.map(|slot| Task::Date(clock.date(slot, now)))
            }
            Stream::Buffer(buffer) => {
                buffer.publish_date(now);
                if let Some(clock) = &mut buffer.clock {
                    count_skipped(clock, metrics, now);
                }
                buffer.take_due(now).map(Task::Ring)
            }
        };
        let task = task.or_else(|| self.next_state(source)).or_else(|| self.next_notice())?;
        let cursor = match &task {
            Task::Date(date) => Cursor::phase(date.phase),
            Task::Ring(_) | Task::Source | Task::Notice(..) => Cursor::all(&self.subscribers),
        };
        Some((task, cursor))
    }

    fn next_state(&mut self, source: &SourceNews) -> Option<Task> {
        let told = std::mem::replace(&mut self.told, source.number());
        (told != source.number()).then_some(Task::Source)
    }

    fn next_notice(&mut self) -> Option<Task> {
        let (number, notice) = self.notices.next()?;
        Some(Task::Notice(number, notice, Encodings::default()))
    }
}

/// What visits have brought about.
#[derive(Debug, Default)]
struct Visited {
    /// Messages of the stream that were sent.
    sent: u64,
    /// Connections that miss the notice.
    misses: u64,
    /// Polls that have their answers and are no subscribers any more; true if the answer is a script.
    polled: Vec<(Token, bool)>,
}

/// Sends connections of one framing what the task has for them.
fn visit(
    task: &mut Task,
    (tokens, framing): (&[Token], Framing),
    service: PollService<'_>,
    visited: &mut Visited,
    turn: &mut Turn<'_, Connection>,
) {
    let PollService { stream, source, options, .. } = service;
    match task {
        Task::Date(date) => {
            let bytes = Arc::clone(date.bytes(framing)); // found once for all of them
            turn.visit_each(tokens, |conn, cx| {
                if matches!(conn.stage, Stage::Polling(_)) {
                    let polled = conn.poll_date(date, service, cx);
                    return visited.poll(polled, cx.token());
                }
                let sent = conn.send_date(date, &bytes, cx);
                visited.sent = visited.sent.saturating_add(sent);
                if conn.extras.is_full() && conn.is_open() { conn.renew(options, cx) } else { Flow::Continue }
            });
        }
        Task::Source if !framing.tells_gaps() => {}
        Task::Ring(_) | Task::Source => turn.visit_each(tokens, |conn, cx| {
            if matches!(conn.stage, Stage::Polling(_)) {
                let polled = conn.poll(service, cx);
                return visited.poll(polled, cx.token());
            }
            if cx.is_about_to_drain() {
                // It has a backlog, in shares of its own turns: with all of them, a broadcast would be late for those behind it.
                return Flow::Continue;
            }
            let delivery = conn.send_next(stream, source, options, cx);
            visited.sent = visited.sent.saturating_add(delivery.messages);
            delivery.flow
        }),
        Task::Notice(number, notice, encodings) => turn.visit_each(tokens, |conn, cx| {
            if conn.last_notice < *number && !matches!(conn.stage, Stage::Polling(_)) {
                conn.last_notice = *number;
                let is_missed = send_notice(notice, encodings, framing, conn, cx);
                visited.misses = visited.misses.saturating_add(is_missed.into());
            }
            Flow::Continue
        }),
    }
}

impl Visited {
    /// A poll was visited, and may have got its answer.
    fn poll(&mut self, polled: Option<Polled>, token: Token) -> Flow {
        let Some(Polled { messages, is_script, flow }) = polled else { return Flow::Continue };
        self.sent = self.sent.saturating_add(messages);
        self.polled.push((token, is_script));
        flow
    }
}

/// Sends a notice to any connection but the one that it is from. A connection whose socket is full misses it: true then.
fn send_notice(
    notice: &Notice,
    encodings: &mut Encodings,
    framing: Framing,
    conn: &mut Connection,
    cx: &mut Context<'_>,
) -> bool {
    let is_own = notice.from != 0 && notice.from == conn.id;
    if is_own || !conn.is_open() {
        return false;
    }
    if !cx.is_free() {
        return true;
    }
    let bytes = encodings.get(framing, |out| notice.encode(framing, out));
    cx.send_shared(bytes, 0..bytes.len());
    conn.extras.sent(cx.now());
    conn.extras.count(1, bytes.len());
    false
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
        Task::Source | Task::Notice(..) => {}
    }
}
