//! Where the protocols meet the event loop: what each callback of the reactor means to ws-server.

use std::{net::IpAddr, sync::Arc, time::Instant};

use common::{frame::CloseCode, proxy::is_trusted};
use reactor::{CloseReason, Context, Exported, Flow, Handler, Mailboxes, Progress, Stop, Token, Turn, Wake};

use crate::{
    broadcast::Fanout,
    config::Config,
    connection::{Connection, Env, NO_ROOM, RESTARTING, Received, Sent, Stage, StreamParams},
    metrics::WorkerMetrics,
    source::Intake,
    stream::{AtEof, Stream},
    workers::{Mail, Peers, SharedStart},
};

/// One worker of ws-server.
pub(crate) struct WsHandler {
    /// The options in force.
    config: Arc<Config>,
    /// Which worker this is, and how it reaches the others.
    peers: Peers,
    /// What comes when.
    pub(crate) stream: Stream,
    /// To whom.
    pub(crate) fanout: Fanout,
    /// How far this worker is with the source.
    pub(crate) intake: Intake,
    pub(crate) metrics: WorkerMetrics,
}

impl WsHandler {
    /// Worker `number`, before the reactor runs it.
    pub(crate) fn new(
        config: Arc<Config>,
        start: &SharedStart,
        number: usize,
        mailboxes: Mailboxes<Mail>,
    ) -> Self {
        let SharedStart { now, origin, progress, previous } = start;
        let mut stream = Stream::new(&config.stream, *origin, *now);
        let mut first_id = 1;
        if let Some(previous) = previous {
            first_id = previous.next_id;
            stream.adopt(previous.schedule.as_ref(), &previous.ring, *now);
        }
        let mut fanout = Fanout::new(&config.notices, stream.phases());
        if let Some(previous) = previous {
            fanout.add_departures(&previous.untold);
        }
        Self {
            config,
            peers: Peers::new(number, mailboxes, first_id),
            stream,
            fanout,
            intake: Intake::new(number, Arc::clone(progress)),
            metrics: WorkerMetrics::new(*now),
        }
    }

    /// An id that no connection of this worker has had, nor any smaller one that it will give.
    pub(crate) fn next_id(&self) -> u64 {
        self.peers.ids.next
    }

    fn env<'w, 'c>(&'w mut self, cx: &'w mut Context<'c>) -> Env<'w, 'c> {
        Env {
            cx,
            access: &self.config.access,
            options: &self.config.connection,
            ids: &mut self.peers.ids,
            notices: &mut self.fanout.news.notices,
            metrics: &mut self.metrics,
        }
    }

    /// Carries out what a connection came to with its input.
    fn follow(&mut self, received: Received, conn: &mut Connection, cx: &mut Context<'_>) -> Progress {
        let Received { mut progress, subscribe } = received;
        if let Some(params) = subscribe {
            progress.flow = self.subscribe(params, conn, cx);
        }
        progress
    }

    /// The connection gets the stream from now on.
    fn subscribe(&mut self, params: StreamParams, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        conn.subscribed_at = cx.now();
        self.skip_unwatched(cx.now());
        let next_line = self.intake.next_line();
        self.stream.subscribe(&mut conn.subscription, params.since, next_line, cx.now());
        self.begin_stream(conn, cx)
    }

    /// A subscriber of the previous process gets the stream again. So does one in its closing handshake: the others get a
    /// leave notice when it is gone.
    fn readmit(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        self.skip_unwatched(cx.now());
        self.stream.readmit(&mut conn.subscription, cx.now());
        self.begin_stream(conn, cx)
    }

    fn skip_unwatched(&mut self, now: Instant) {
        if self.fanout.subscribers.is_empty() {
            self.stream.skip_unwatched(now);
        }
    }

    fn begin_stream(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        cx.set_established();
        conn.last_notice = self.fanout.last_notice();
        let flow = self.send_next(conn, cx);
        self.fanout.subscribers.add(cx.token(), conn.subscription.phase, conn.framing);
        flow
    }

    /// Sends a connection what the stream has for it.
    fn send_next(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        let Sent { messages, flow } = conn.send_next(&self.stream, &self.config.connection, cx);
        self.metrics.sent(messages);
        flow
    }

    fn reload(&mut self, config: Arc<Config>, turn: &mut Turn<'_, Connection>) {
        turn.configure(config.reactor_settings());
        self.stream.configure(&config.stream);
        self.fanout.configure(&config.notices);
        self.config = config;
    }

    /// Sends what happened in this turn to the other workers, and queues it for this one's own connections.
    fn spread_news(&mut self) {
        let news = std::mem::take(&mut self.fanout.news);
        self.peers.send(&news);
        self.fanout.add_departures(&news.departures);
        news.notices.into_iter().for_each(|notice| self.fanout.add_notice(notice));
    }

    /// Everything due was sent: reports to the source, and ends the daemon if the source has ended for all workers.
    fn finish_turn(&mut self, turn: &mut Turn<'_, Connection>) {
        self.intake.report();
        if self.intake.is_last_to_finish() && self.config.stream.at_eof == AtEof::Exit {
            turn.stop_all(Stop::Finished);
        }
        self.metrics.notices_dropped(self.fanout.take_dropped());
        self.metrics.log_losses(turn.now());
    }
}

impl Handler for WsHandler {
    type Conn = Connection;
    type Mail = Mail;

    fn on_open(&mut self, cx: &mut Context<'_>) -> (Connection, Flow) {
        cx.set_deadline(cx.now() + self.config.connection.head_timeout);
        (Connection::new(cx.now()), Flow::Continue)
    }

    fn on_data(&mut self, conn: &mut Connection, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let received = match &conn.stage {
            Stage::Opening { .. } => conn.on_opening(input, &mut self.env(cx)),
            Stage::WebSocket(_) => conn.on_frames(input, &mut self.env(cx)),
            // A stream over HTTP has no use for bytes behind its request.
            Stage::HttpStream | Stage::Done => {
                Progress { consumed: input.len(), flow: Flow::Continue }.into()
            }
        };
        self.follow(received, conn, cx)
    }

    fn on_end(&mut self, conn: &mut Connection, input: &mut [u8], cx: &mut Context<'_>) -> Flow {
        match &conn.stage {
            Stage::Opening { .. } => conn.on_opening_end(input, &mut self.env(cx)),
            // `nc` and others close their side after the request, and read on.
            Stage::HttpStream => Flow::Continue,
            Stage::WebSocket(_) | Stage::Done => Flow::CloseWhenFlushed,
        }
    }

    fn on_drain(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        conn.send_pong(cx);
        self.stream.skip_outdated(&mut conn.subscription);
        self.send_next(conn, cx)
    }

    fn on_deadline(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        match &conn.stage {
            Stage::Opening { .. } => conn.refuse_early(408, &mut self.env(cx)),
            Stage::WebSocket(_) => conn.keep_alive(&self.config.connection, cx),
            Stage::HttpStream => conn.heartbeat(&self.config.connection, cx),
            Stage::Done => Flow::Close,
        }
    }

    fn on_stop(&mut self, conn: &mut Connection, stop: Stop, cx: &mut Context<'_>) -> Flow {
        let (code, reason) = match stop {
            Stop::Shutdown => (CloseCode::GOING_AWAY, ""),
            Stop::Restart | Stop::HandOver => (CloseCode::RESTART, RESTARTING),
            Stop::Finished => (CloseCode::NORMAL, ""),
        };
        if let Stage::Opening { .. } = conn.stage {
            return conn.refuse_early(503, &mut self.env(cx));
        }
        if stop != Stop::Finished {
            cx.set_deadline(cx.now() + self.config.connection.close_timeout);
            return conn.end(code, reason, cx);
        }
        // Queued bytes and the rest of the ring come before the Close.
        conn.finishing = true;
        if cx.is_blocked() || cx.queued() > 0 {
            cx.want_drain();
            return Flow::Continue;
        }
        self.on_drain(conn, cx)
    }

    fn export(&mut self, conn: &mut Connection, partial: usize, cx: &mut Context<'_>) -> Option<Exported> {
        let last_seq = self.stream.last_seq(&conn.subscription);
        let exported = conn.export(last_seq, partial > 0, self.config.connection.close_timeout, cx)?;
        self.metrics.closed(CloseReason::HandedOver, None);
        Some(exported)
    }

    fn adopt(&mut self, state: &[u8], cx: &mut Context<'_>) -> Option<(Connection, Flow)> {
        let mut conn = Connection::adopt(state, self.config.connection.message_limits(), cx.now())?;
        let flow = if conn.is_subscriber() { self.readmit(&mut conn, cx) } else { Flow::Continue };
        Some((conn, flow))
    }

    fn on_close(&mut self, conn: Connection, token: Token, why: CloseReason, now: Instant) {
        if self.fanout.subscribers.remove(token) {
            self.metrics.closed(why, conn.ending);
            let age = now.saturating_duration_since(conn.subscribed_at);
            if self.config.notices.leave_notices && age >= self.config.notice_age() {
                self.fanout.news.departures.push(conn.id, self.config.notices.notice_rate);
            }
        }
        log::trace!("connection {}: {why:?}", conn.id);
    }

    fn is_proxy(&self, peer: IpAddr) -> bool {
        is_trusted(&self.config.access.trusted, peer)
    }

    fn on_refuse(&mut self) -> &'static [u8] {
        NO_ROOM
    }

    fn on_mail(&mut self, mail: Mail, turn: &mut Turn<'_, Connection>) {
        match mail {
            Mail::Batch(batch) => {
                self.intake.count_batch();
                self.stream.publish(batch, turn.now());
            }
            Mail::Ended => self.intake.end(),
            Mail::Reload(config) => self.reload(config, turn),
            Mail::Departures(departures) => self.fanout.add_departures(&departures),
            Mail::Notice(notice) => self.fanout.add_notice(notice),
        }
    }

    fn on_scrape(&mut self, connections: &mut dyn Iterator<Item = &Connection>) {
        self.metrics.count_connections(connections.map(Connection::labels));
    }

    fn on_turn(&mut self, turn: &mut Turn<'_, Connection>) -> Wake {
        self.stream.follow_wall_clock(turn.now(), turn.wall());
        self.spread_news();
        let more = self.fanout.run(&mut self.stream, &self.config.connection, &mut self.metrics, turn);
        if more {
            self.metrics.publish(turn.now(), true);
            return Wake::Again;
        }
        self.finish_turn(turn);
        let subscribers = &self.fanout.subscribers;
        let next_date = self.stream.next_due(|phase| subscribers.has_phase(phase));
        self.metrics.publish(turn.now(), next_date.is_some());
        let next = next_date.into_iter().chain(self.fanout.next_due()).min();
        next.map_or(Wake::Idle, Wake::At)
    }
}
