//! The stream as one worker serves it: where its messages are, and how one connection gets what it is owed.

use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use common::{
    frame::CloseCode,
    framing::{Framing, encode, finish},
};
use reactor::{Context, Flow};

use crate::{
    announcement::Encodings,
    batch::Batch,
    clock::Schedule,
    config::Config,
    connection::{self, Conn, Member},
    hand_over::State,
    opening::Wish,
    options::Delivery,
    ring::{Next, Ring},
};

/// Most dates that a connection gets at once after the process has changed.
const MAX_MISSED: u64 = 100;

/// The numbered stream of one worker.
#[derive(Debug)]
pub(crate) struct Stream {
    /// When dates are due; none for lines, or with `--interval 0`.
    pub(crate) clock: Option<Schedule>,
    /// The newest messages, for everything but the clock's own `latest`.
    pub(crate) ring: Ring,
    /// The date that was taken last, and whose lateness nobody asked for yet.
    pub(crate) taken: Option<u64>,
    /// Messages that were sent and not counted yet, but for those of a date that goes to all.
    pub(crate) sent: Cell<u64>,
    /// When the oldest message of the ring that was not begun came up.
    pub(crate) due: Option<Instant>,
    /// The clock publishes into the ring.
    pub(crate) clock_in_ring: bool,
    delivery: Delivery,
    history: u64,
    greet: u64,
    max_queue: usize,
    /// How long a closing handshake may take when the source has ended.
    farewell: Duration,
}

impl Stream {
    /// An empty stream.
    pub(crate) fn new(config: &Config, clock: Option<Schedule>) -> Self {
        let mut stream = Self {
            clock,
            ring: Ring::new(config.ring),
            taken: None,
            sent: Cell::new(0),
            due: None,
            clock_in_ring: config.delivery == Delivery::Ordered,
            delivery: config.delivery,
            history: 0,
            greet: 0,
            max_queue: 0,
            farewell: Duration::ZERO,
        };
        stream.configure(config);
        stream
    }

    /// What may change while it runs.
    pub(crate) fn configure(&mut self, config: &Config) {
        // A date comes at once, and of a `latest` stream the newest message is there to be shown.
        let at_once = u64::from(config.is_clock || config.delivery == Delivery::Latest);
        self.ring.limit(config.ring);
        self.history = config.history;
        self.greet = config.greet.max(at_once);
        self.max_queue = config.max_queue;
        self.farewell = config.reactor.write_timeout;
    }

    /// Goes on where the stream of another process was.
    pub(crate) fn resume_from(&mut self, past: &State, now: Instant) {
        if let (Some(clock), Some(beat)) = (&mut self.clock, &past.beat) {
            clock.resume(beat, now);
        }
        past.ring.iter().for_each(|batch| self.ring.push(Arc::clone(batch)));
    }

    /// What a phase of another process is here.
    pub(crate) fn phase_now(&self, phase: usize, past: Option<&State>) -> usize {
        let slots = past.and_then(|past| past.beat).map_or(1, |beat| beat.slots.max(1));
        let scaled = (phase as u64).saturating_mul(self.phases() as u64).checked_div(slots).unwrap_or(0);
        usize::try_from(scaled).unwrap_or(0).min(self.phases().saturating_sub(1))
    }

    /// Number of phases that connections are spread over.
    pub(crate) fn phases(&self) -> usize {
        self.clock.as_ref().map_or(1, Schedule::phases)
    }

    /// The clock, where each connection has its own beat.
    fn beat(&self) -> Option<&Schedule> {
        self.clock.as_ref().filter(|_| !self.clock_in_ring)
    }

    /// The text of a slot's message.
    pub(crate) fn text_of(config: &Config, clock: &Schedule, slot: u64) -> String {
        let mut text = String::new();
        config.template.fill(&config.format.write(clock.wall_of(slot)), clock.number_of(slot), "", &mut text);
        text
    }

    /// The first of a worker's connections comes: dates that had nobody to go to were not skipped. What a connection of
    /// another process missed it gets from [`Stream::welcome_back`], so the schedule need not go back for it either.
    pub(crate) fn wake(&mut self, now: Instant) {
        if let Some(clock) = self.clock.as_mut().filter(|_| !self.clock_in_ring) {
            clock.rejoin(now);
        }
    }

    /// How late the date is that was taken last in this turn.
    pub(crate) fn take_lateness(&mut self, now: Instant) -> Option<Duration> {
        let slot = self.taken.take()?;
        Some(now.saturating_duration_since(self.clock.as_ref()?.start_of(slot)?))
    }

    /// Puts a slot's message into the ring.
    pub(crate) fn publish_date(&mut self, config: &Config, slot: u64) {
        let Some(clock) = &self.clock else { return };
        let mut batch = Batch::new(clock.number_of(slot));
        let text = Self::text_of(config, clock, slot);
        batch.push(|out| out.push_str(&text));
        self.due = self.due.or_else(|| clock.start_of(slot));
        self.ring.push(Arc::new(batch));
    }

    /// Puts what came from the source into the ring.
    pub(crate) fn publish(&mut self, batch: Arc<Batch>, now: Instant) {
        self.due = self.due.or(Some(now));
        self.ring.push(batch);
    }

    /// The number of the newest message that a connection has.
    pub(crate) fn has(&self, conn: &Conn) -> u64 {
        let has = conn.member.has;
        match self.ring.number_before(conn.member.position) {
            Some(number) => has.max(number),
            None => has,
        }
    }

    /// Gives a connection of another process its place again, and what it missed while the process changed.
    pub(crate) fn welcome_back(&self, config: &Config, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        let Some(clock) = self.beat() else {
            conn.member.position = self.ring.after(conn.member.has).unwrap_or_else(|| self.ring.end());
            return self.catch_up(conn, cx);
        };
        let newest = clock.newest_of(conn.member.phase, cx.now());
        if !conn.is_open() || newest.is_none() {
            return Flow::Continue;
        }
        let newest = newest.unwrap_or_default();
        let missed = clock.number_of(newest).saturating_sub(conn.member.date);
        // Who was too slow already gets the newest one, and so does who would get too many.
        let missed = if conn.member.pending || missed > MAX_MISSED { 1 } else { missed };
        conn.member.pending = false;
        for back in (0..missed).rev() {
            let slot = newest.saturating_sub(back.saturating_mul(clock.phases() as u64));
            self.send_date(config, clock, slot, &mut conn.member, cx);
        }
        Flow::Continue
    }

    /// Gives a newcomer its place in the stream, and what it gets at once.
    ///
    /// `next` is the number of the line that the source will have next.
    pub(crate) fn welcome(
        &self,
        config: &Config,
        conn: &mut Conn,
        wish: Wish,
        next: u64,
        cx: &mut Context<'_>,
    ) -> Flow {
        if let Some(clock) = self.beat() {
            let slot = clock.slot_at(cx.now());
            conn.member.phase = clock.phase_of(slot);
            self.send_date(config, clock, slot, &mut conn.member, cx);
            return Flow::Continue;
        }
        // The numbers decide, not what this worker has seen of them: another one may have been ahead, and this client there.
        let next = self.clock.as_ref().map_or(next, |clock| clock.number_of(clock.slot_at(cx.now())) + 1);
        let newest = next.saturating_sub(1);
        // A number that is not there yet is of an earlier life of the server: who names it is a newcomer.
        let since = wish.since.filter(|since| self.delivery == Delivery::Ordered && *since < next);
        conn.member.has = match since {
            Some(since) => since.max(newest.saturating_sub(self.history)),
            None => newest.saturating_sub(self.greet),
        };
        conn.member.position = self.ring.after(conn.member.has).unwrap_or_else(|| self.ring.end());
        self.catch_up(conn, cx)
    }

    /// Sends what the connection can take of what it is owed.
    pub(crate) fn catch_up(&self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        if !conn.is_open() {
            return Flow::Continue;
        }
        loop {
            let batch = match self.ring.at(conn.member.position) {
                Next::Batch(batch) => batch,
                Next::CaughtUp if conn.member.finishing => return self.finish(conn, cx),
                Next::CaughtUp => return Flow::Continue,
                Next::Lost if self.delivery == Delivery::Latest => {
                    conn.member.position = self.ring.last(1);
                    continue;
                }
                Next::Lost => {
                    // RFC 6455 §7.4.1: 1008 is for what violates the endpoint's policy.
                    let _waits = end(conn, CloseCode::POLICY, "slow", cx);
                    return Flow::CloseWhenFlushed;
                }
            };
            if cx.is_blocked() || cx.queued() >= self.max_queue as u64 {
                cx.want_drain();
                return Flow::Continue;
            }
            let skip = conn.member.has.saturating_add(1).saturating_sub(batch.first());
            let message = conn.member.position.message.max(usize::try_from(skip).unwrap_or(usize::MAX));
            let encoded = batch.encoded(conn.member.framing);
            let room = self.max_queue.saturating_sub(usize::try_from(cx.queued()).unwrap_or(usize::MAX));
            match encoded.piece(message, room) {
                Some((range, next)) => {
                    cx.send_shared(&encoded.bytes, range);
                    self.sent.set(self.sent.get().wrapping_add(next.saturating_sub(message) as u64));
                    conn.member.position.message = next;
                }
                None => conn.member.position = conn.member.position.next_batch(),
            }
        }
    }

    /// The source has ended and this client has been sent everything.
    fn finish(&self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        // What the kernels hold comes before the Close, and a slow client may take its time for it.
        cx.set_deadline(cx.now() + self.farewell);
        end(conn, CloseCode::NORMAL, "", cx)
    }

    /// Sends one connection its date alone: at the opening, and after a pause.
    fn send_date(
        &self,
        config: &Config,
        clock: &Schedule,
        slot: u64,
        member: &mut Member,
        cx: &mut Context<'_>,
    ) {
        let number = clock.number_of(slot);
        if number > member.date {
            member.date = number;
            self.sent.set(self.sent.get().wrapping_add(1));
            encode(member.framing, number, &Self::text_of(config, clock, slot), cx.out());
        }
    }

    /// Everything queued has left: what is owed since goes on.
    pub(crate) fn resume(&self, config: &Config, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        if let Some(clock) = self.beat() {
            if conn.is_open()
                && std::mem::take(&mut conn.member.pending)
                && let Some(slot) = clock.newest_of(conn.member.phase, cx.now())
            {
                self.send_date(config, clock, slot, &mut conn.member, cx);
            }
            return if conn.member.finishing { self.finish(conn, cx) } else { Flow::Continue };
        }
        // Of a `latest` stream only the newest message is worth sending after a pause.
        let newest = self.ring.last(1);
        if self.delivery == Delivery::Latest && conn.member.position.batch < newest.batch {
            conn.member.position = newest;
        }
        self.catch_up(conn, cx)
    }
}

/// A date on its way to everybody of a phase.
#[derive(Debug)]
pub(crate) struct Date {
    /// Its number.
    pub(crate) number: u64,
    /// Its text.
    pub(crate) text: String,
    /// Its bytes.
    pub(crate) encodings: Encodings,
    /// When it was due.
    pub(crate) due: Instant,
    /// How many got it since the last question.
    pub(crate) sent: u64,
}

impl Date {
    /// Sends it; who cannot take it now gets the newest one later.
    pub(crate) fn send(&mut self, conn: &mut Conn, framing: Framing, cx: &mut Context<'_>) -> Flow {
        // Who joined in this slot has it already.
        if self.number <= conn.member.date || !conn.is_open() {
            return Flow::Continue;
        }
        if cx.is_blocked() || cx.queued() > 0 {
            conn.member.pending = true;
            cx.want_drain();
            return Flow::Continue;
        }
        conn.member.date = self.number;
        self.sent += 1;
        let bytes = self.encodings.get(framing, |out| encode(framing, self.number, &self.text, out));
        cx.send_shared(&bytes, 0..bytes.len());
        Flow::Continue
    }
}

/// Ends a connection politely: the closing handshake of its dialect, or the last chunk.
pub(crate) fn end(conn: &mut Conn, code: CloseCode, reason: &str, cx: &mut Context<'_>) -> Flow {
    conn.ending = conn.ending.or(Some(ending(code)));
    match &mut conn.state {
        connection::State::WebSocket(socket) if socket.protocol.is_open() => {
            socket.protocol.close(code, reason, cx.out());
            if socket.protocol.is_closed() { Flow::CloseWhenFlushed } else { Flow::Continue }
        }
        // Its closing handshake has begun: the deadline is its end.
        connection::State::WebSocket(_) => Flow::Continue,
        connection::State::Stream => {
            finish(conn.member.framing, cx.out());
            conn.state = connection::State::Done;
            Flow::CloseWhenFlushed
        }
        connection::State::Opening { .. } | connection::State::Done => Flow::CloseWhenFlushed,
    }
}

/// What the metrics call an end with this code.
fn ending(code: CloseCode) -> &'static str {
    match code {
        CloseCode::NORMAL => "finished",
        CloseCode::GOING_AWAY => "stopped",
        CloseCode::RESTART => "restarted",
        // Of all that the stream itself ends only who falls out of the ring.
        CloseCode::POLICY => "slow",
        _ => "server",
    }
}

/// The moment that all workers count from, and this worker's schedule on it.
pub(crate) fn schedule(config: &Config, origin: crate::clock::Origin, now: Instant) -> Option<Schedule> {
    let has_dates = config.is_clock && !config.interval.is_zero();
    let one_phase = config.delivery == Delivery::Ordered;
    has_dates.then(|| Schedule::new(origin, now, config.interval, config.align, one_phase))
}

/// The origin at this moment.
pub(crate) fn origin(config: &Config, now: Instant, wall: SystemTime) -> crate::clock::Origin {
    crate::clock::Origin::new(now, wall, config.interval, config.align)
}
