//! What a connection is sent: the stream's messages, and the end in its own dialect.

use std::{sync::Arc, time::Duration};

use common::{
    frame::CloseCode,
    framing::{encode_farewell, encode_gap, encode_last_id, finish},
    gap::Gap,
    id::Since,
};
use reactor::{Context, Flow, Pieces, Stop};

use super::{
    ending::Ending,
    env::Env,
    request::StreamParams,
    settings::ConnectionOptions,
    snapshot::RESTARTING,
    state::{Connection, Stage},
};
use crate::stream::{Date, Next, SourceNews, Stream};

/// The reason that goes with 1008 when a token was revoked.
const REVOKED: &str = "the token is no longer valid";

/// What [`Connection::send_next`] sent, and what becomes of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// Messages that were sent or queued.
    pub(crate) messages: u64,
    /// A bounded read, whose next line has a number but is not here yet.
    pub(crate) waits: bool,
    pub(crate) flow: Flow,
}

impl Connection {
    /// Takes its place in the stream, or its part of the history; returns what the client has to know of the messages before.
    pub(crate) fn begin(&mut self, params: StreamParams, env: &Env<'_, '_>) -> Option<Gap> {
        let StreamParams { since, until, .. } = params;
        match until {
            Some(until) => env.stream.read(&mut self.subscription, (since, until), env.head(), env.cx.now()),
            None => self.find_place(since, env),
        }
    }

    /// Takes its place in the stream, after `since` if the client names one; returns the gap before.
    pub(crate) fn find_place(&mut self, since: Option<Since>, env: &Env<'_, '_>) -> Option<Gap> {
        env.stream.subscribe(&mut self.subscription, since, env.head(), env.cx.now())
    }

    /// Tells the client of a gap, where its framing can.
    pub(crate) fn tell(&mut self, gap: Option<Gap>, cx: &mut Context<'_>) {
        // RFC 6455 §5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
        if let Some(gap) = gap.filter(|_| self.is_open()) {
            encode_gap(self.framing, &gap, cx.out());
            self.extras.sent(cx.now());
        }
    }

    /// Sends what the stream has for this connection, as far as `--max-queue` allows.
    pub(crate) fn send_next(
        &mut self,
        stream: &Stream,
        source: &SourceNews,
        options: &ConnectionOptions,
        cx: &mut Context<'_>,
    ) -> Sent {
        let mut sent = Sent { messages: 0, waits: false, flow: Flow::Continue };
        let mut budget = stream.most_at_once();
        if !self.is_open() {
            return sent;
        }
        loop {
            match self.send_messages(stream, (options, &mut budget), &mut sent, cx) {
                Next::Date(slot) => {
                    if let Some(clock) = stream.clock() {
                        clock.encode(slot, self.framing, cx.out());
                    }
                    self.extras.count(1, 0);
                    sent.messages = sent.messages.saturating_add(1);
                }
                Next::Gap(gap) => self.tell(Some(gap), cx),
                Next::Shared { .. } | Next::Full => {
                    cx.want_drain();
                    break;
                }
                Next::CaughtUp => {
                    if self.heard != source.number() {
                        self.tell_source(source, cx);
                    }
                    let is_complete = self.subscription.is_complete();
                    let ends = if is_complete { Some(Stop::Finished) } else { self.finishing };
                    if let Some(stop) = ends {
                        sent.flow = self.stop(stop, options, cx);
                    } else {
                        sent.waits = self.subscription.end().is_some();
                    }
                    break;
                }
                Next::Behind => {
                    sent.flow = self.end_as_slow(cx);
                    break;
                }
                Next::Over => {
                    sent.flow = self.end_of_stream(self.subscription.had(), options, cx);
                    break;
                }
            }
        }
        if sent.messages > 0 {
            self.extras.sent(cx.now());
        }
        if self.is_open() && self.extras.is_full() {
            sent.flow = self.renew(options, cx);
        }
        sent
    }

    /// Sends the messages that follow, in one write where they came one by one, and returns what comes behind them.
    fn send_messages<'s>(
        &mut self,
        stream: &'s Stream,
        (options, budget): (&ConnectionOptions, &mut usize),
        sent: &mut Sent,
        cx: &mut Context<'_>,
    ) -> Next<'s> {
        if self.finishing.is_some() && stream.is_past_end(&self.subscription) {
            return Next::CaughtUp;
        }
        let mut pieces = Pieces::default();
        loop {
            let room = room(options, cx).saturating_sub(pieces.len()).min(*budget);
            match stream.next(&mut self.subscription, self.framing, room, cx.now()) {
                Next::Shared { bytes, range, messages } => {
                    self.extras.count(messages, range.len());
                    *budget = budget.saturating_sub(range.len());
                    sent.messages = sent.messages.saturating_add(messages);
                    cx.gather(&mut pieces, bytes, range);
                    if stream.ends_at(&self.subscription) {
                        // Most lines: nothing is looked up to learn that they are the newest.
                        cx.send_pieces(&mut pieces);
                        return Next::CaughtUp;
                    }
                }
                // There may be room once these are written.
                Next::Full if !pieces.is_empty() => cx.send_pieces(&mut pieces),
                next => {
                    cx.send_pieces(&mut pieces);
                    return next;
                }
            }
        }
    }

    /// The document of the connection has grown long enough: its browser goes on with the next one.
    #[cold]
    pub(crate) fn renew(&mut self, options: &ConnectionOptions, cx: &mut Context<'_>) -> Flow {
        self.ending = Some(Ending::Renewed);
        cx.set_timeout(options.write_timeout);
        self.end(CloseCode::NORMAL, "", cx)
    }

    /// Appends the last words of a document; `ending` is the metrics' name for its end.
    pub(super) fn put_farewell(&self, ending: &str, out: &mut Vec<u8>) {
        if let Some(document) = self.extras.document() {
            let farewell = document.farewell(ending, self.subscription.had());
            encode_farewell(self.framing, &farewell, out);
        }
    }

    /// Tells a client that has all messages the newest state of the source, where its framing can. One whose socket is full hears
    /// it when that has drained.
    #[cold]
    fn tell_source(&mut self, source: &SourceNews, cx: &mut Context<'_>) {
        if self.is_bounded() || cx.is_blocked() && self.finishing.is_none() {
            return;
        }
        self.heard = source.number();
        let bytes = source.encoded(self.framing);
        if !bytes.is_empty() {
            cx.send_shared(bytes, 0..bytes.len());
            self.extras.sent(cx.now());
        }
    }

    /// Sends a date that is due to all of its phase, in the `bytes` of its framing; returns the number of messages sent, 0 or 1.
    #[inline]
    pub(crate) fn send_date(&mut self, date: &mut Date, bytes: &Arc<[u8]>, cx: &mut Context<'_>) -> u64 {
        if !self.is_open() {
            return 0;
        }
        if !cx.is_free() || !date.advance(&mut self.subscription) {
            return self.send_next_date(date, cx);
        }
        cx.send_shared(bytes, 0..bytes.len());
        self.extras.count(1, bytes.len());
        self.extras.sent(cx.now());
        1
    }

    /// As [`Connection::send_date`], where the connection lacks dates before this one, has it already, or has a full socket.
    #[cold]
    fn send_next_date(&mut self, date: &mut Date, cx: &mut Context<'_>) -> u64 {
        let has_room = cx.is_free();
        loop {
            match date.next(&mut self.subscription, self.framing, has_room) {
                Next::Shared { bytes, range, messages } => {
                    self.extras.count(messages, range.len());
                    cx.send_shared(bytes, range);
                    self.extras.sent(cx.now());
                    return messages;
                }
                Next::Gap(gap) => self.tell(Some(gap), cx),
                Next::Full => {
                    cx.want_drain();
                    return 0;
                }
                Next::Date(_) | Next::CaughtUp | Next::Behind | Next::Over => return 0,
            }
        }
    }

    /// Messages that it was to get are gone.
    pub(crate) fn end_as_slow(&mut self, cx: &mut Context<'_>) -> Flow {
        // RFC 6455 §7.4.1: 1008 is for a message that violates the endpoint's policy.
        match self.end(CloseCode::POLICY, "slow", cx) {
            Flow::Continue => Flow::CloseWhenFlushed,
            flow => flow,
        }
    }

    /// The stream has become another one, and the framing has no form to say so: the client comes back, and begins anew. `had`
    /// is what it has of the stream before.
    pub(crate) fn end_of_stream(
        &mut self,
        had: Option<Since>,
        options: &ConnectionOptions,
        cx: &mut Context<'_>,
    ) -> Flow {
        // An id of an unknown stream stays as the client has it.
        let had = had.filter(|had| *had != Since::Unknown);
        if let (Stage::HttpStream, Some(had)) = (&self.stage, had) {
            // An event stream of bare numbers would resume by one, which would mean the new stream.
            encode_last_id(self.framing, had, cx.out());
        }
        self.stop(Stop::Restart, options, cx)
    }

    /// The daemon stops: the connection ends once it has everything. True if its socket can take the rest at once.
    pub(crate) fn finish(&mut self, stop: Stop, cx: &mut Context<'_>) -> bool {
        self.finishing = Some(stop);
        let is_free = cx.is_free();
        if !is_free {
            cx.want_drain();
        }
        is_free
    }

    /// The daemon stops, and the client has everything: begins the closing handshake.
    pub(crate) fn stop(&mut self, stop: Stop, options: &ConnectionOptions, cx: &mut Context<'_>) -> Flow {
        let (code, reason, time) = match stop {
            Stop::Shutdown => (CloseCode::GOING_AWAY, "", options.close_timeout),
            Stop::Restart | Stop::HandOver => (CloseCode::RESTART, RESTARTING, options.close_timeout),
            // What the kernels hold comes before the Close, and a slow client may take its time for it.
            Stop::Finished | Stop::FinishedForStop => (CloseCode::NORMAL, "", options.write_timeout),
        };
        cx.set_timeout(time);
        self.end(code, reason, cx)
    }

    /// The token that has let it in is no longer valid. What its client has not read by now it does not get, but for the bytes that are
    /// queued.
    pub(crate) fn revoke(&mut self, close_timeout: Duration, cx: &mut Context<'_>) -> Flow {
        self.ending = Some(Ending::Revoked);
        if let Stage::WebSocket(socket) = &self.stage
            && socket.protocol.is_awaiting_key()
        {
            // Draft 76 has no frame before the third key has come.
            return Flow::Close;
        }
        cx.set_timeout(close_timeout);
        self.end(CloseCode::POLICY, REVOKED, cx)
    }

    /// Ends the connection politely: by the closing handshake of its dialect, or by the last chunk.
    // Once in a life: as a part of `send_next` it would cost every message.
    #[cold]
    fn end(&mut self, code: CloseCode, reason: &str, cx: &mut Context<'_>) -> Flow {
        self.ending = self.ending.or(Some(ending(code)));
        self.rouse();
        match &mut self.stage {
            Stage::WebSocket(socket) if socket.protocol.is_open() => {
                socket.protocol.close(code, reason, cx.out());
                if socket.protocol.is_closed() { Flow::CloseWhenFlushed } else { Flow::Continue }
            }
            // Its closing handshake has begun: the deadline ends it.
            Stage::WebSocket(_) => Flow::Continue,
            Stage::HttpStream => {
                let is_whole = self.subscription.end().is_none() || code == CloseCode::NORMAL;
                self.stage = Stage::Done;
                if is_whole {
                    let is_read = self.subscription.is_complete() && self.ending == Some(Ending::Finished);
                    self.put_farewell(
                        if is_read { "read" } else { self.ending.map_or("", Ending::name) },
                        cx.out(),
                    );
                    finish(self.framing, cx.out());
                }
                // RFC 9112 §8: a response without a length "is considered complete unless an error was indicated by the
                // underlying connection".
                if is_whole || self.framing.is_chunked() { Flow::CloseWhenFlushed } else { Flow::Reset }
            }
            Stage::Opening { .. }
            | Stage::Resting(_)
            | Stage::Publishing(_)
            | Stage::Polling(_)
            | Stage::Done => Flow::CloseWhenFlushed,
        }
    }
}

/// Bytes that may still be queued; none while the socket is full.
fn room(options: &ConnectionOptions, cx: &Context<'_>) -> usize {
    if cx.is_free() {
        return options.max_queue;
    }
    if cx.is_blocked() {
        return 0;
    }
    options.max_queue.saturating_sub(usize::try_from(cx.queued()).unwrap_or(usize::MAX))
}

/// Why a connection ends with this code.
fn ending(code: CloseCode) -> Ending {
    match code {
        CloseCode::NORMAL => Ending::Finished,
        CloseCode::GOING_AWAY => Ending::Stopped,
        CloseCode::RESTART => Ending::Restarted,
        // The stream itself ends only a connection that has fallen out of the ring; a revoked token has said why.
        CloseCode::POLICY => Ending::Slow,
        _ => Ending::Server,
    }
}
