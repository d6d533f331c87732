//! One worker of ws-server: its parts, and what its callbacks have in common.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::id::{MessageId, Since};
use reactor::{CompactInstant, Context, Flow, Mailboxes, Progress, Stop, Token, Turn};

use crate::{
    broadcast::{Fanout, NoticeReader},
    config::Config,
    connection::{Connection, Env, IsForStream, Next, Predecessor, Received, Sent, Stage},
    finish::Finish,
    hand_over::{GivenState, ProcessState},
    metrics::WorkerMetrics,
    peers::{Mail, Peers},
    publish::{Inlet, SharedKeys},
    source::{Filling, Intake, SourceStates},
    start::SharedStart,
    stream::{AtEof, Numbers, ScheduleState, SourceNews, Stream},
};

/// So long a client waits for the stream that its id names, which another machine may have before this one.
const EPOCH_PATIENCE: Duration = Duration::from_mins(1);

/// What the next process gets of these workers, all of which have ended.
pub(crate) fn export_states(handlers: &mut [WsHandler]) -> ProcessState {
    let mut state = ProcessState::default();
    for handler in handlers.iter_mut() {
        handler.export_state(&mut state);
    }
    // The workers share the board and the keys, and all of them have put up their news: both are complete.
    if let Some(handler) = handlers.first() {
        state.notices = handler.fanout.board().state();
        state.keys = handler.keys.state();
    }
    state
}

/// One worker of ws-server.
pub struct WsHandler {
    /// The options in force.
    pub(crate) config: Arc<Config>,
    /// The process whose connections it is to adopt; `None` once they are all there.
    pub(crate) adopts: Option<Predecessor>,
    /// Its stream is that of the process before: the numbers that adopted clients know count here.
    pub(crate) continues: bool,
    /// Which worker this is, and how it reaches the others.
    peers: Peers,
    /// The dates or lines of this worker.
    pub(crate) stream: Stream,
    /// Its subscribers, and the broadcasts on their way to them.
    pub(crate) fanout: Fanout,
    /// The newest state of the source that has come to this worker.
    pub(crate) source: SourceNews,
    /// Where it says that the input has ended.
    states: SourceStates,
    /// Whether that ends the process.
    finish: Finish,
    /// What was published under which key, on any worker.
    pub(crate) keys: SharedKeys,
    /// Where lines that clients publish come in, with `--source http`.
    pub(crate) inlet: Option<Inlet>,
    /// Counts the batches received, and knows when the source has ended.
    pub(crate) intake: Intake,
    pub(crate) metrics: WorkerMetrics,
    /// Which requests of its listeners it answers; `Next::PassOn` tells of the others.
    pub(crate) is_for_stream: IsForStream,
    /// Bounded reads whose next line is on its way to this worker.
    pub(crate) waiting_reads: Vec<Token>,
    /// The source has ended, and the daemon with it: each poll that still comes is the last one of its connection.
    pub(crate) has_finished: bool,
    /// Long polls whose time is up.
    pub(crate) due_polls: Vec<Token>,
    /// Connections whose tokens a reload may have revoked, and that have still to be looked at.
    pub(crate) rechecks: Vec<Token>,
}

impl WsHandler {
    /// Worker `number`, before the reactor runs it.
    pub(crate) fn new(
        config: Arc<Config>,
        start: &SharedStart,
        number: usize,
        mailboxes: Mailboxes<Mail>,
    ) -> Self {
        let SharedStart {
            now,
            first_line,
            origin,
            progress,
            encoded_bytes,
            board,
            states,
            finish,
            keys,
            previous,
        } = start;
        let mut stream = Stream::new(&config.stream, *first_line, *origin, encoded_bytes, *now);
        stream.set_filling(progress.head().filling == Filling::Yes, *now);
        let mut first_id = 1;
        let continues = previous.as_ref().is_some_and(|previous| previous.epoch == first_line.epoch);
        if let Some(previous) = previous {
            first_id = previous.next_id;
            if continues {
                let begin = previous.given.as_ref().map(|given| given.begin);
                stream.adopt(previous.schedule.as_ref(), (begin, &previous.ring), *now);
            }
        }
        let fanout = Fanout::new(stream.phases(), NoticeReader::new(Arc::clone(board), number));
        Self {
            config,
            adopts: previous
                .as_ref()
                .map(|ProcessState { format, epoch, .. }| Predecessor { format: *format, epoch: *epoch }),
            continues,
            peers: Peers::new(number, mailboxes, first_id),
            stream,
            fanout,
            source: SourceNews::new(states.newest()),
            states: states.clone(),
            finish: finish.clone(),
            keys: keys.clone(),
            inlet: None,
            intake: Intake::new(number, Arc::clone(progress)),
            metrics: WorkerMetrics::new(*now),
            is_for_stream: |_| true,
            waiting_reads: Vec::new(),
            has_finished: false,
            due_polls: Vec::new(),
            rechecks: Vec::new(),
        }
    }

    pub(crate) fn env<'w, 'c>(&'w mut self, cx: &'w mut Context<'c>) -> Env<'w, 'c> {
        Env {
            cx,
            access: &self.config.access,
            options: &self.config.connection,
            stream: &self.stream,
            source: &self.source,
            intake: &self.intake,
            ids: &mut self.peers.ids,
            notices: &mut self.fanout.news.notices,
            metrics: &mut self.metrics,
            is_for_stream: self.is_for_stream,
            inlet: self.inlet.as_mut(),
            keys: &self.keys,
        }
    }

    /// Takes input, as [`reactor::Handler::on_data`] does; true if the request behind the consumed bytes is not for the stream:
    /// another handler answers it, and the connection waits for the next one.
    pub fn receive(
        &mut self,
        conn: &mut Connection,
        input: &mut [u8],
        cx: &mut Context<'_>,
    ) -> (Progress, bool) {
        let Received { mut progress, next } = match &conn.stage {
            Stage::Opening { .. } => conn.on_opening(input, &mut self.env(cx)),
            Stage::WebSocket(_) | Stage::Resting(_) => conn.on_frames(input, &mut self.env(cx)),
            Stage::Publishing(_) => conn.on_body(input, &mut self.env(cx)),
            Stage::Polling(_) => {
                // The next request has its turn behind the answer.
                cx.pause_input();
                Progress { consumed: 0, flow: Flow::Continue }.into()
            }
            Stage::HttpStream | Stage::Done => conn.on_unwanted(input, &self.config.connection, cx).into(),
        };
        match next {
            Next::Subscribe => progress.flow = self.subscribe(conn, cx),
            Next::Poll => progress.flow = self.begin_poll(conn, cx),
            Next::PassOn | Next::Nothing => {}
        }
        (progress, next == Next::PassOn)
    }

    /// The connection gets the stream from now on.
    fn subscribe(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        if conn.is_bounded() {
            self.metrics.read_begun();
            return self.begin_read(conn, cx);
        }
        conn.subscribed_at = cx.compact_now();
        self.skip_unwatched(cx.now());
        conn.last_notice = self.fanout.board().newest();
        let Self { stream, fanout, .. } = self;
        stream.share_slot(&mut conn.subscription, |phase| fanout.subscribers.count_in(phase));
        // What a poll has heard on this connection, a stream hears again.
        conn.heard = 0;
        self.begin_stream(conn, cx)
    }

    /// A subscriber of the previous process gets the stream again. So does one in its closing handshake: the others get a
    /// leave notice when it is gone.
    pub(crate) fn readmit(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        self.skip_unwatched(cx.now());
        let is_told = conn.framing.tells_gaps() || !conn.is_open();
        let ended = if self.continues {
            let is_whole = self.stream.readmit(&mut conn.subscription, cx.now());
            (!is_whole && !is_told).then(|| conn.end_as_slow(cx))
        } else {
            // The numbers that it knows mean nothing in this stream. One that has nothing is a newcomer here, too.
            let had = conn.subscription.take_newcomer().filter(|had| !matches!(had, Since::Nothing(_)));
            let gap = conn.find_place(had.map(|_| Since::Unknown), &self.env(cx));
            let is_over = had.is_some() && !is_told;
            if !is_over {
                conn.tell(gap, cx);
            }
            is_over.then(|| conn.end_of_stream(had, &self.config.connection, cx))
        };
        let flow = self.begin_stream(conn, cx);
        ended.unwrap_or(flow)
    }

    /// The others hear that this client has left, if it had the stream as long as a notice asks.
    pub(crate) fn announce(&mut self, left: &Connection, now: CompactInstant) {
        let age = now.saturating_duration_since(left.subscribed_at);
        if self.config.leave_notices() && age >= self.config.notice_age() {
            self.fanout.news.departures.push(left.id, self.config.notices.notice_rate);
        }
    }

    pub(crate) fn skip_unwatched(&mut self, now: Instant) {
        if self.fanout.subscribers.is_empty() {
            self.stream.skip_unwatched(now);
        }
    }

    fn begin_stream(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        cx.set_established();
        let flow = self.send_next(conn, cx);
        self.fanout.subscribers.add(cx.token(), conn.subscription.phase as usize, conn.framing);
        flow
    }

    /// A client that waits for a stream that does not come is told that this one is another, and gets all there is.
    pub(crate) fn end_vain_wait(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        let waited = cx.compact_now().saturating_duration_since(conn.subscribed_at);
        let is_stream = conn.is_open();
        if !is_stream || waited < EPOCH_PATIENCE || !self.stream.waits_in_vain(&conn.subscription) {
            return Flow::Continue;
        }
        let gap = conn.find_place(Some(Since::Unknown), &self.env(cx));
        conn.tell(gap, cx);
        self.send_next(conn, cx)
    }

    /// Sends a connection what the stream has for it.
    pub(crate) fn send_next(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        let Sent { messages, waits, flow } =
            conn.send_next(&self.stream, &self.source, &self.config.connection, cx);
        self.metrics.sent(messages);
        if waits && !self.waiting_reads.contains(&cx.token()) {
            self.waiting_reads.push(cx.token());
        }
        flow
    }

    /// The source has ended, and with it the daemon: that was said before the stop, but its mail may be read after it.
    pub(crate) fn hear_of_end(&mut self) {
        self.source.update(&self.states.newest());
    }

    pub(crate) fn reload(&mut self, config: Arc<Config>, turn: &mut Turn<'_, Connection>) {
        turn.configure(config.reactor_settings());
        self.stream.configure(&config.stream);
        self.keys.limit(config.stream.history());
        self.fanout.board().limit(config.notices.notice_rate);
        if !config.access.has_same_tokens(&self.config.access) {
            self.rechecks = turn.tokens();
        }
        self.config = config;
    }

    /// Puts what happened in this turn up for all workers. The first news of a process wait until all of them have adopted
    /// their connections.
    pub(crate) fn spread_news(&mut self, turn: &Turn<'_, Connection>) {
        let is_first = !turn.is_adopting() && self.adopts.take().is_some();
        let is_last_to_adopt = is_first && self.fanout.board().finish_adopting();
        if is_last_to_adopt {
            self.keys.settle();
        }
        if self.fanout.post_news(turn.now()) || is_last_to_adopt {
            self.peers.wake_others();
        }
    }

    /// Everything due was sent: reports to the source, and ends the daemon if the source has ended for all workers.
    pub(crate) fn finish_turn(&mut self, turn: &mut Turn<'_, Connection>) {
        if self.intake.report()
            && let Some(inlet) = &self.inlet
        {
            inlet.has_passed_on();
        }
        match self.intake.take_end() {
            Some(true) if self.finish.end() => turn.stop_all(Stop::FinishedForStop),
            Some(true) => {
                self.states.end(self.config.stream.at_eof);
                if self.config.stream.at_eof == AtEof::Exit {
                    turn.stop_all(Stop::Finished);
                }
            }
            // The clients shall come back: another process may be able to read it.
            Some(false) => turn.stop_all(Stop::Shutdown),
            None => {}
        }
        let dropped = self.fanout.take_dropped();
        self.metrics.notices_dropped(dropped, self.fanout.subscribers.count());
        self.metrics.log_losses(turn.now());
    }

    /// Adds what this worker knows to what the next process gets.
    fn export_state(&mut self, state: &mut ProcessState) {
        state.next_id = state.next_id.max(self.peers.ids.next);
        let is_given = self.config.stream.numbers == Numbers::Given;
        let head = self.intake.head();
        (state.epoch, state.next_line) = (head.epoch, head.next);
        if self.source.number() > state.source_state.number {
            state.source_state = self.source.newest().clone();
        }
        state.schedule = ScheduleState::ahead(state.schedule, self.stream.schedule());
        let ring = self.stream.batches();
        if is_given {
            // Never behind the ring.
            let next = MessageId { epoch: head.epoch, number: head.next };
            let next = next.max(ring.last().map_or(next, |batch| batch.end()));
            (state.epoch, state.next_line) = (next.epoch, next.number);
        }
        let is_newer = ring.last().map(|batch| batch.end()) > state.ring.last().map(|batch| batch.end());
        if is_given && (is_newer || state.given.is_none()) {
            let begin = self.stream.ring_begin();
            state.given = Some(GivenState { filling: head.filling, begin, gaps: Vec::new() });
        }
        if is_newer {
            state.ring = ring;
        }
        self.fanout.post_last_news();
    }
}
