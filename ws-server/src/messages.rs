//! An open WebSocket: its frames, its pings, its end.

use common::{
    frame::{CloseCode, Opcode, header::encode_frame},
    framing::{encode_heartbeat, encode_notice},
    websocket::{Event, WebSocket},
};
use reactor::{Context, Flow, Progress};

use crate::{
    announcement::{Announcement, Said},
    config::Config,
    connection::{Conn, Socket, State},
    handler::{WsHandler, after},
    options::OnMessage,
};

/// What an event means, without the bytes that it lends.
#[derive(Clone, Copy)]
enum Step {
    /// Nothing.
    Ignored,
    /// The opening handshake is over.
    Opened,
    /// A whole message for somebody.
    Message(Opcode),
    /// The peer's Close.
    Closed,
    /// Too much of something.
    Refused(CloseCode, &'static str),
}

impl WsHandler {
    /// Input of a WebSocket.
    pub(crate) fn on_frames(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let all = input.len();
        let mut rest = input;
        let mut flow = Flow::Continue;
        while flow == Flow::Continue {
            let State::WebSocket(socket) = &mut conn.state else { break };
            let queued = cx.out().len();
            let step = match socket.protocol.receive(&mut rest, cx.out()) {
                Ok(None) => break,
                Ok(Some(event)) => socket.take(event, queued, &self.config, cx),
                Err(error) => {
                    log::debug!("{:?}: {error}; closing with {}", cx.peer(), error.close_code());
                    Step::Refused(error.close_code(), "")
                }
            };
            flow = self.carry_out(step, conn, cx);
        }
        let consumed = if flow == Flow::Continue { all.saturating_sub(rest.len()) } else { all };
        Progress { consumed, flow }
    }

    fn carry_out(&mut self, step: Step, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        match step {
            Step::Ignored => Flow::Continue,
            Step::Opened => {
                let State::WebSocket(socket) = &conn.state else { return Flow::Continue };
                let wish = socket.wish;
                cx.set_deadline(after(cx.now(), self.config.ping_interval));
                self.join(conn, wish, cx)
            }
            Step::Message(opcode) => {
                self.on_message(opcode, conn, cx);
                Flow::Continue
            }
            Step::Closed => {
                conn.ending = Some(conn.ending.unwrap_or("peer"));
                Flow::CloseWhenFlushed
            }
            Step::Refused(code, reason) => {
                let State::WebSocket(socket) = &mut conn.state else { return Flow::Close };
                conn.ending = Some(if code == CloseCode::POLICY { "policy" } else { "protocol" });
                socket.protocol.close(code, reason, cx.out());
                Flow::CloseWhenFlushed
            }
        }
    }

    /// A whole message, in the connection's buffer.
    fn on_message(&mut self, opcode: Opcode, conn: &mut Conn, cx: &mut Context<'_>) {
        let id = conn.member.id;
        let State::WebSocket(socket) = &mut conn.state else { return };
        let bytes = std::mem::take(&mut socket.message);
        let said = match (opcode, String::from_utf8(bytes)) {
            (Opcode::Text, Ok(text)) => Said::Text(text),
            // A text was checked while it came; what is none here is binary.
            (_, Ok(text)) => Said::Binary(text.into_bytes()),
            (_, Err(error)) => Said::Binary(error.into_bytes()),
        };
        match self.config.on_message {
            OnMessage::Ignore => {}
            OnMessage::Echo => match said {
                Said::Text(text) => encode_notice(socket.protocol.framing(), &text, cx.out()),
                Said::Binary(bytes) => encode_frame(Opcode::Binary, &bytes, cx.out()),
            },
            OnMessage::Broadcast => self.said.push(Announcement { except: id, said }),
        }
    }

    /// The deadline of a WebSocket: asks whether somebody is there, or ends what was asked before.
    pub(crate) fn keep_alive(&self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        let config = &self.config;
        let State::WebSocket(socket) = &mut conn.state else { return Flow::Close };
        if socket.protocol.is_open() && cx.is_blocked() {
            // A ping would wait behind what the client is still taking; the write timeout judges whether it does.
            cx.set_deadline(after(cx.now(), config.pong_timeout));
            return Flow::Continue;
        }
        if !socket.protocol.is_open() || socket.awaiting_pong {
            // The third key, the Close or the Pong did not come.
            conn.ending = Some(conn.ending.unwrap_or("timeout"));
            return Flow::Close;
        }
        let has_pings = !socket.protocol.version().is_hixie();
        socket.protocol.ping(b"", cx.out());
        socket.awaiting_pong = has_pings;
        let wait = if has_pings { config.pong_timeout } else { config.ping_interval };
        cx.set_deadline(after(cx.now(), wait));
        Flow::Continue
    }

    /// The deadline of a stream over HTTP.
    pub(crate) fn heartbeat(&self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        if !cx.is_blocked() {
            encode_heartbeat(conn.member.framing, cx.out());
        }
        cx.set_deadline(after(cx.now(), self.config.heartbeat));
        Flow::Continue
    }

    /// The answer to the newest ping that came while nothing could be sent.
    pub(crate) fn send_pong(conn: &mut Conn, cx: &mut Context<'_>) {
        let State::WebSocket(socket) = &mut conn.state else { return };
        if let Some(payload) = socket.pong.take().filter(|_| socket.protocol.is_open()) {
            encode_frame(Opcode::Pong, &payload, cx.out());
        }
    }
}

impl Socket {
    /// What an event means; `queued` is how much was in `out` before it.
    fn take(&mut self, event: Event<'_>, queued: usize, config: &Config, cx: &mut Context<'_>) -> Step {
        if self.awaiting_pong {
            // Whoever sends anything is there.
            self.awaiting_pong = false;
            cx.set_deadline(after(cx.now(), config.ping_interval));
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
                self.count_control(config, cx)
            }
            Event::Pong(_) => self.count_control(config, cx),
            Event::Data { opcode, chunk, fin } => self.take_data(opcode, chunk, fin, config, cx),
        }
    }

    fn count_control(&mut self, config: &Config, cx: &Context<'_>) -> Step {
        if self.control.take(config.control_rate, cx.now()) {
            Step::Ignored
        } else {
            Step::Refused(CloseCode::POLICY, "too many pings")
        }
    }

    fn take_data(
        &mut self,
        opcode: Opcode,
        chunk: &[u8],
        fin: bool,
        config: &Config,
        cx: &Context<'_>,
    ) -> Step {
        let wanted = config.on_message != OnMessage::Ignore && is_open(&self.protocol);
        if wanted {
            // The protocol has judged the length already; without its limit memory is the only one.
            if config.max_message > 0 && self.message.len().saturating_add(chunk.len()) > config.max_message {
                return Step::Refused(CloseCode::TOO_BIG, "");
            }
            self.message.extend_from_slice(chunk);
        }
        match fin {
            true if !self.messages.take(config.message_rate, cx.now()) => {
                Step::Refused(CloseCode::POLICY, "too many messages")
            }
            true if wanted => Step::Message(opcode),
            _ => Step::Ignored,
        }
    }
}

/// After a Close nobody listens any more.
fn is_open(protocol: &WebSocket) -> bool {
    protocol.is_open()
}
