//! An open WebSocket: its frames, its pings, its end.

use std::borrow::Cow;

use common::{
    frame::{CloseCode, Opcode, encode_frame},
    framing::encode_echo,
    websocket::Event,
};
use reactor::{CompactInstant, Context, Flow, Progress};

use super::{
    ending::Ending,
    env::{Env, Next, Received},
    extras::Extras,
    notice::{Notice, Payload},
    settings::{ConnectionOptions, OnMessage},
    state::{Connection, Stage, Upgraded},
};

/// What an event leads to.
enum Step<'i> {
    Ignored,
    /// The opening handshake is over.
    Opened,
    /// A whole message, for the client itself or all others: from the input, unless its pieces came one by one.
    Message(Opcode, Cow<'i, [u8]>),
    /// The peer's Close.
    Closed,
    /// The client broke a rule of the protocol or a limit.
    Refused(CloseCode, &'static str),
}

impl Connection {
    /// Takes input of a WebSocket, up to the end of its opening handshake or to the end of the input.
    pub(crate) fn on_frames(&mut self, input: &mut [u8], env: &mut Env<'_, '_>) -> Received {
        self.rouse();
        let all = input.len();
        let mut rest = input;
        let (mut flow, mut next) = (Flow::Continue, Next::Nothing);
        while flow == Flow::Continue && next == Next::Nothing {
            let Stage::WebSocket(socket) = &mut self.stage else { break };
            socket.protocol.limit(env.options.message_limits());
            let queued = env.cx.out().len();
            let step = match socket.protocol.receive(&mut rest, env.cx.out()) {
                Ok(None) => break,
                Ok(Some(event)) => socket.take(event, queued, env.options, &mut self.extras, env.cx),
                Err(error) => {
                    let code = error.close_code();
                    log::debug!(reason:% = code; "{}: {error}; closing with {code}", env.peer_name());
                    Step::Refused(code, "")
                }
            };
            if let Step::Opened = step {
                self.extras.sent(env.cx.now());
                self.extras.set_timeout(env.options.ping_interval, env.cx);
                next = Next::Subscribe;
                let params = socket.params;
                let gap = self.begin(params, env);
                self.tell(gap, env.cx);
            } else {
                flow = self.react(step, env);
            }
        }
        self.rest();
        let consumed = if flow == Flow::Continue { all.saturating_sub(rest.len()) } else { all };
        Received { progress: Progress { consumed, flow }, next }
    }

    fn react(&mut self, step: Step<'_>, env: &mut Env<'_, '_>) -> Flow {
        match step {
            Step::Ignored | Step::Opened => Flow::Continue,
            Step::Message(opcode, payload) => {
                self.on_message(opcode, payload, env);
                Flow::Continue
            }
            Step::Closed => {
                self.ending = Some(self.ending.unwrap_or(Ending::Peer));
                Flow::CloseWhenFlushed
            }
            Step::Refused(code, reason) => {
                let Stage::WebSocket(socket) = &mut self.stage else { return Flow::Close };
                self.ending = Some(if code == CloseCode::POLICY { Ending::Policy } else { Ending::Protocol });
                socket.protocol.close(code, reason, env.cx.out());
                Flow::CloseWhenFlushed
            }
        }
    }

    /// Takes a whole message.
    fn on_message(&self, opcode: Opcode, payload: Cow<'_, [u8]>, env: &mut Env<'_, '_>) {
        match (env.options.on_message, opcode) {
            (OnMessage::Ignore, _) => {}
            _ if self.is_bounded() => {}
            (OnMessage::Echo, Opcode::Text) => encode_echo(self.framing, &payload, env.cx.out()),
            (OnMessage::Echo, _) => encode_frame(Opcode::Binary, &payload, env.cx.out()),
            (OnMessage::Broadcast, _) => {
                env.notices
                    .push(Notice { from: self.id, payload: Payload::of(opcode, payload.into_owned()) });
            }
        }
    }

    /// The deadline of a WebSocket has passed: sends a ping, or ends a connection that did not answer the last one.
    pub(crate) fn keep_alive(&mut self, options: &ConnectionOptions, cx: &mut Context<'_>) -> Flow {
        self.rouse();
        let Stage::WebSocket(socket) = &mut self.stage else { return Flow::Close };
        if socket.protocol.is_open() && cx.is_blocked() {
            // A ping would wait behind unsent bytes; the write timeout decides whether the client still takes any.
            self.extras.set_timeout(options.pong_timeout, cx);
            self.rest();
            return Flow::Continue;
        }
        if !socket.protocol.is_open() || socket.awaiting_pong {
            // The third key, the Close or the Pong did not come.
            self.ending = Some(self.ending.unwrap_or(Ending::Timeout));
            return Flow::Close;
        }
        let has_pings = !socket.protocol.version().is_hixie();
        socket.protocol.ping(b"", cx.out());
        socket.awaiting_pong = has_pings;
        let wait = if has_pings { options.pong_timeout } else { options.ping_interval };
        self.extras.set_timeout(wait, cx);
        self.rest();
        Flow::Continue
    }

    /// True if [`Connection::send_pong`] has something to answer.
    pub(crate) fn owes_pong(&self) -> bool {
        matches!(&self.stage, Stage::WebSocket(socket) if socket.pong.is_some())
    }

    /// The socket has drained: answers the newest ping that came while it was full.
    pub(crate) fn send_pong(&mut self, cx: &mut Context<'_>) {
        let Stage::WebSocket(socket) = &mut self.stage else { return };
        if let Some(payload) = socket.pong.take().filter(|_| socket.protocol.is_open()) {
            encode_frame(Opcode::Pong, &payload, cx.out());
        }
        self.rest();
    }
}

impl Upgraded {
    /// What an event leads to; `queued` is the number of bytes in `cx.out()` before it.
    fn take<'i>(
        &mut self,
        event: Event<'i>,
        queued: usize,
        options: &ConnectionOptions,
        extras: &mut Extras,
        cx: &mut Context<'_>,
    ) -> Step<'i> {
        if self.awaiting_pong {
            // Any input shows that the client is alive.
            self.awaiting_pong = false;
            extras.set_timeout(options.ping_interval, cx);
        }
        match event {
            Event::Opened => Step::Opened,
            Event::Closed(_) => Step::Closed,
            Event::Ping(payload) => {
                if cx.is_blocked() {
                    // RFC 6455 §5.5.3: an endpoint that has not answered earlier pings "MAY elect to send a Pong frame
                    // for only the most recently processed Ping frame".
                    cx.out().truncate(queued);
                    self.pong = Some(payload.into());
                }
                self.count_control(options, cx.compact_now())
            }
            Event::Pong(_) => self.count_control(options, cx.compact_now()),
            Event::Discarded => self.count_message(options, cx.compact_now()),
            Event::Data { opcode, chunk, fin } => {
                self.take_data(opcode, chunk, fin, options, cx.compact_now())
            }
        }
    }

    fn count_control(&mut self, options: &ConnectionOptions, now: CompactInstant) -> Step<'static> {
        if self.control_rate.take(options.control_rate(), now) {
            Step::Ignored
        } else {
            Step::Refused(CloseCode::POLICY, "too many pings")
        }
    }

    /// Collects a chunk of a message, if `--on-message` wants it and no Close was sent yet.
    fn take_data<'i>(
        &mut self,
        opcode: Opcode,
        chunk: &'i [u8],
        fin: bool,
        options: &ConnectionOptions,
        now: CompactInstant,
    ) -> Step<'i> {
        let wanted = options.on_message != OnMessage::Ignore && self.protocol.is_open();
        if wanted {
            // The protocol enforces the limit at the beginning of each frame; a reload may have lowered it since this one began.
            let max = options.max_message;
            if max > 0 && self.message.len().saturating_add(chunk.len()) > max {
                return Step::Refused(CloseCode::TOO_BIG, "");
            }
        }
        let is_whole = fin && self.message.is_empty();
        if wanted && !is_whole {
            self.message.extend_from_slice(chunk);
        }
        match if fin { self.count_message(options, now) } else { Step::Ignored } {
            Step::Ignored if is_whole && wanted => Step::Message(opcode, Cow::Borrowed(chunk)),
            Step::Ignored if fin && wanted => {
                Step::Message(opcode, Cow::Owned(std::mem::take(&mut self.message)))
            }
            step => step,
        }
    }

    fn count_message(&mut self, options: &ConnectionOptions, now: CompactInstant) -> Step<'static> {
        if self.message_rate.take(options.message_rate(), now) {
            Step::Ignored
        } else {
            Step::Refused(CloseCode::POLICY, "too many messages")
        }
    }
}
