//! Where the protocols and the event loop meet: what each callback means to a connection.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant, SystemTime},
};

use common::{frame::CloseCode, http::HeadError, proxy::is_trusted};
use reactor::{CloseReason, Context, Exported, Flow, Handler, Mailboxes, Progress, Stop, Token, Turn, Wake};

use crate::{
    announcement::Announcement,
    clock::Schedule,
    config::Config,
    connection::{Conn, State},
    fanout::Fanout,
    http_stream::{self, Cors, NO_ROOM},
    metrics::Counts,
    notices::Left,
    opening::Wish,
    options::AtEof,
    prelude::{Prelude, judge},
    punctuality::Punctuality,
    room::Room,
    shared::{Mail, Shared},
    stream::{self, Stream},
};

/// The reason that goes with 1012.
pub(crate) const RESTARTING: &str = "back at once";

/// One worker of ws-server.
pub(crate) struct WsHandler {
    pub(crate) config: Arc<Config>,
    pub(crate) shared: Arc<Shared>,
    worker: usize,
    mailboxes: Option<Mailboxes<Mail>>,
    pub(crate) next_id: u64,
    pub(crate) stream: Stream,
    pub(crate) room: Room,
    pub(crate) fanout: Fanout,
    /// Who left in this turn.
    pub(crate) left: Left,
    /// What clients said to all in this turn.
    pub(crate) said: Vec<Announcement>,
    /// The newest time that the reactor told.
    now: Instant,
    started: bool,
    /// Batches that came from the source.
    batches: u64,
    ended: bool,
    finished: bool,
    /// What it counts for others.
    pub(crate) counts: Counts,
    punctuality: Punctuality,
    /// When the next date is due, as the newest turn that had nothing left to do knew it.
    due: Option<Instant>,
    /// Dates that were skipped and not complained about.
    skipped: u64,
    /// When what was lost was said last.
    complained: Option<Instant>,
}

impl WsHandler {
    /// The handler of one worker; `now` is any instant before it runs.
    pub(crate) fn new(
        config: Arc<Config>,
        shared: Arc<Shared>,
        worker: usize,
        mailboxes: Option<Mailboxes<Mail>>,
        now: Instant,
    ) -> Self {
        Self {
            worker,
            mailboxes,
            next_id: shared.past.as_ref().map_or(1, |past| past.next_id).saturating_add(worker as u64),
            stream: Stream::new(&config, None),
            room: Room::new(1),
            fanout: Fanout::new(&config),
            left: Left::default(),
            said: Vec::new(),
            now,
            started: false,
            batches: 0,
            ended: false,
            finished: false,
            counts: Counts::default(),
            punctuality: Punctuality::new(now),
            due: None,
            skipped: 0,
            complained: None,
            config,
            shared,
        }
    }

    /// Before the first callback: joins the schedule that all workers share.
    fn start(&mut self, now: Instant, wall: SystemTime) {
        self.now = now;
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let config = &self.config;
        let origin = *self.shared.origin.get_or_init(|| stream::origin(config, now, wall));
        self.stream = Stream::new(config, stream::schedule(config, origin, now));
        if let Some(past) = &self.shared.past {
            self.stream.resume_from(past, now);
            self.fanout.left(&past.left);
        }
        self.room = Room::new(self.stream.phases());
    }

    /// The next id: striped over the workers, so that none is given twice.
    pub(crate) fn take_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id = id.saturating_add(self.config.workers as u64);
        id
    }

    /// The connection gets the stream from now on.
    pub(crate) fn join(&mut self, conn: &mut Conn, wish: Wish, cx: &mut Context<'_>) -> Flow {
        cx.set_established();
        conn.member.since = cx.now();
        conn.member.announcement = self.fanout.announced();
        if self.room.is_empty() {
            self.stream.wake(cx.now());
        }
        let flow = self.stream.welcome(&self.config, conn, wish, self.shared.progress.next(), cx);
        self.room.join(cx.token(), conn.member.phase, conn.member.framing);
        flow
    }

    /// A connection of the process before this one gets the stream again.
    pub(crate) fn rejoin(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        cx.set_established();
        conn.member.announcement = self.fanout.announced();
        if self.room.is_empty() {
            self.stream.wake(cx.now());
        }
        conn.member.phase = self.stream.phase_now(conn.member.phase, self.shared.past.as_ref());
        let flow = self.stream.welcome_back(&self.config, conn, cx);
        // Also one in its closing handshake: the others hear of it when it is gone.
        self.room.join(cx.token(), conn.member.phase, conn.member.framing);
        flow
    }

    /// Answers with a status and ends.
    pub(crate) fn refuse(
        &mut self,
        conn: &mut Conn,
        status: u16,
        extra: &[(&str, &str)],
        cors: Cors<'_>,
        cx: &mut Context<'_>,
    ) -> Flow {
        self.counts.refused(status);
        conn.state = State::Done;
        let wall = cx.wall();
        http_stream::refuse(status, extra, cors, wall, cx.out());
        Flow::CloseWhenFlushed
    }

    /// As much as everybody may read who asks without a request.
    pub(crate) fn refuse_head(&mut self, conn: &mut Conn, error: HeadError, cx: &mut Context<'_>) -> Flow {
        log::debug!("{:?}: {error}; answering {}", cx.peer(), error.status());
        let cors = self.open_to_all();
        self.refuse(conn, error.status(), &[], cors, cx)
    }

    /// The CORS fields of an answer to who has no origin.
    pub(crate) fn open_to_all(&self) -> Cors<'static> {
        Cors::without_request(&self.config.rules)
    }

    /// Another configuration is in force from now on.
    fn reload(&mut self, config: Arc<Config>, turn: &mut Turn<'_, Conn>) {
        turn.configure(config.reactor.clone());
        self.stream.configure(&config);
        self.fanout.configure(&config);
        self.config = config;
    }

    fn worker_count(&self) -> usize {
        self.config.workers.max(1)
    }

    /// Tells the other workers what happened in this turn, in one piece of mail each.
    fn tell_others(&mut self) {
        let left = std::mem::take(&mut self.left);
        let said = std::mem::take(&mut self.said);
        if left.is_empty() && said.is_empty() {
            return;
        }
        if let Some(mailboxes) = &self.mailboxes {
            for other in (0..self.worker_count()).filter(|other| *other != self.worker) {
                if !left.is_empty() {
                    mailboxes.send(other, Mail::Left(left.clone()));
                }
                for announcement in &said {
                    mailboxes.send(other, Mail::Said(announcement.clone()));
                }
            }
        }
        self.fanout.left(&left);
        for announcement in said {
            self.fanout.announce(announcement);
        }
    }

    /// The source has ended and this worker has passed everything on; the last such worker ends the daemon.
    fn finish(&mut self, turn: &mut Turn<'_, Conn>) {
        if !self.ended || std::mem::replace(&mut self.finished, true) {
            return;
        }
        let before = self.shared.finished.fetch_add(1, Ordering::AcqRel);
        if before.saturating_add(1) >= self.worker_count() && self.config.at_eof == AtEof::Exit {
            turn.stop_all(Stop::Finished);
        }
    }

    /// Shows others what was counted in this turn.
    fn count(&mut self) {
        let skipped = self.stream.clock.as_mut().map_or(0, Schedule::take_skipped);
        self.skipped = self.skipped.saturating_add(skipped);
        self.counts.skipped(skipped);
        self.counts.messages(self.stream.sent.take());
        self.counts.publish();
    }

    /// Says what was lost, at most once a second.
    fn complain(&mut self, now: Instant) {
        let second = Duration::from_secs(1);
        if self.complained.is_some_and(|at| now.saturating_duration_since(at) < second) {
            return;
        }
        let skipped = std::mem::take(&mut self.skipped);
        let dropped = self.fanout.take_dropped();
        if skipped > 0 {
            log::warn!("{skipped} dates were skipped: they were late by more than half an interval");
        }
        if dropped > 0 {
            log::warn!("{dropped} announcements were dropped: too many at once");
        }
        if skipped > 0 || dropped > 0 {
            self.complained = Some(now);
        }
    }
}

impl Handler for WsHandler {
    type Conn = Conn;
    type Mail = Mail;

    fn on_open(&mut self, cx: &mut Context<'_>) -> (Conn, Flow) {
        self.start(cx.now(), cx.wall());
        cx.set_deadline(after(cx.now(), self.config.head_timeout));
        (Conn::new(cx.now()), Flow::Continue)
    }

    fn on_data(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        self.now = cx.now();
        match &conn.state {
            State::Opening { .. } => self.on_opening(conn, input, cx),
            State::WebSocket(_) => self.on_frames(conn, input, cx),
            // What a client says after its request is nothing to a stream over HTTP.
            State::Stream | State::Done => Progress { consumed: input.len(), flow: Flow::Continue },
        }
    }

    fn on_end(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Flow {
        self.now = cx.now();
        match &conn.state {
            State::Opening { .. } if input.is_empty() => Flow::Close,
            State::Opening { .. } if judge(input, false) == Prelude::Policy => {
                self.policy_at_end(conn, input, cx)
            }
            State::Opening { .. } => self.refuse_head(conn, HeadError::RequestLine, cx),
            // `nc` and others close their side after the request, and read on.
            State::Stream => Flow::Continue,
            State::WebSocket(_) | State::Done => Flow::CloseWhenFlushed,
        }
    }

    fn on_drain(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        self.now = cx.now();
        Self::send_pong(conn, cx);
        self.stream.resume(&self.config, conn, cx)
    }

    fn on_deadline(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        self.now = cx.now();
        match &conn.state {
            State::Opening { .. } => {
                let cors = self.open_to_all();
                self.refuse(conn, 408, &[], cors, cx)
            }
            State::WebSocket(_) => self.keep_alive(conn, cx),
            State::Stream => self.heartbeat(conn, cx),
            State::Done => Flow::Close,
        }
    }

    fn on_stop(&mut self, conn: &mut Conn, stop: Stop, cx: &mut Context<'_>) -> Flow {
        self.now = cx.now();
        let (code, reason) = match stop {
            Stop::Shutdown => (CloseCode::GOING_AWAY, ""),
            Stop::Restart | Stop::HandOver => (CloseCode::RESTART, RESTARTING),
            Stop::Finished => (CloseCode::NORMAL, ""),
        };
        if let State::Opening { .. } = conn.state {
            let cors = self.open_to_all();
            return self.refuse(conn, 503, &[("Retry-After", "5")], cors, cx);
        }
        if stop != Stop::Finished {
            cx.set_deadline(after(cx.now(), self.config.close_timeout));
            return stream::end(conn, code, reason, cx);
        }
        // What is queued is delivered first.
        conn.member.finishing = true;
        if cx.is_blocked() || cx.queued() > 0 {
            cx.want_drain();
            return Flow::Continue;
        }
        self.stream.resume(&self.config, conn, cx)
    }

    fn export(&mut self, conn: &mut Conn, partial: usize, cx: &mut Context<'_>) -> Option<Exported> {
        self.write_connection(conn, partial, cx)
    }

    fn adopt(&mut self, state: &[u8], cx: &mut Context<'_>) -> Option<(Conn, Flow)> {
        self.start(cx.now(), cx.wall());
        self.read_connection(state, cx)
    }

    fn on_close(&mut self, conn: Conn, token: Token, why: CloseReason) {
        let age = self.now.saturating_duration_since(conn.member.since);
        let config = &self.config;
        let was_member = self.room.leave(token);
        if was_member {
            self.counts.closed(why, conn.ending);
        }
        if was_member && config.leave_notices && age >= config.notice_age() {
            self.left.push(conn.member.id, config.notice_rate);
        }
        log::trace!("connection {}: {why:?}", conn.member.id);
    }

    fn is_proxy(&self, peer: IpAddr) -> bool {
        is_trusted(&self.config.trusted, peer)
    }

    fn on_refuse(&mut self) -> &'static [u8] {
        NO_ROOM
    }

    fn on_mail(&mut self, mail: Mail, turn: &mut Turn<'_, Conn>) {
        self.start(turn.now(), turn.wall());
        match mail {
            Mail::Batch(batch) => {
                self.batches = self.batches.saturating_add(1);
                self.stream.publish(batch, turn.now());
            }
            Mail::Ended => self.ended = true,
            Mail::Reload(config) => self.reload(config, turn),
            Mail::Left(left) => self.fanout.left(&left),
            Mail::Said(announcement) => self.fanout.announce(announcement),
        }
    }

    fn on_scrape(&mut self, connections: &mut dyn Iterator<Item = &Conn>) {
        self.counts.look(connections);
    }

    fn on_turn(&mut self, turn: &mut Turn<'_, Conn>) -> Wake {
        let (now, wall) = (turn.now(), turn.wall());
        self.start(now, wall);
        if let Some(clock) = &mut self.stream.clock
            && clock.follow_wall_clock(now, wall)
        {
            log::info!("the wall clock was set: the dates follow it");
        }
        self.tell_others();
        let more = self.fanout.run(&self.config, &mut self.stream, &self.room, &mut self.counts, turn);
        // A broadcast that goes on counts, too: `due` stays until it is through.
        let late = self.due.map_or(Duration::ZERO, |due| now.saturating_duration_since(due));
        self.punctuality.turn(now, late);
        self.counts.worst(self.punctuality.worst());
        self.count();
        if let Some(late) = self.stream.take_lateness(now) {
            self.shared.set_lateness(late);
        }
        if more {
            return Wake::Again;
        }
        if self.batches > 0 {
            self.shared.progress.report(self.worker, self.batches);
        }
        self.finish(turn);
        self.complain(now);
        let room = &self.room;
        let everyone = self.stream.clock_in_ring;
        let date = self
            .stream
            .clock
            .as_ref()
            .and_then(|clock| clock.next_due(|phase| everyone || room.has_phase(phase)));
        self.due = date;
        let next = [date, self.fanout.next()].into_iter().flatten().min();
        next.map_or(Wake::Idle, Wake::At)
    }
}

/// An instant later; never one that has passed.
pub(crate) fn after(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or(now)
}
