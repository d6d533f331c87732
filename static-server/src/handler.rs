//! Where HTTP and the reactor meet: connections, their deadlines, and the order of their answers.

use std::sync::Arc;
use std::time::Duration;

use common::http::{Body, Head, HeadError, HeadLimits, HeadScan};
use reactor::{Context, Flow, Handler, Progress, Settings, Turn, Wake};

use crate::answer::{Answer, Payload, Respond};
use crate::metrics::Counts;
use crate::response::{Common, Line, Persistence, plain_body, write_head};
use crate::site::Site;
use crate::{date, log_line};

/// Bodies of requests up to this many bytes are read and thrown away; a longer one ends the connection.
const DRAINED_BODY: u64 = 64 * 1024;

/// The limits of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of the head.
    pub head: HeadLimits,
    /// From the first byte of a head (or the accept) to its blank line.
    pub head_timeout: Duration,
    /// Between an answer and the next request.
    pub keep_alive: Duration,
    /// Requests on one connection.
    pub requests: u32,
}

/// One worker's handler.
#[derive(Debug)]
pub struct StaticHandler {
    site: Site,
    common: Arc<Common>,
    limits: Limits,
    pub(crate) counts: Counts,
    /// The last second's `Date`.
    date: (i64, String),
}

/// What is kept of a connection between two events.
#[derive(Debug, Default)]
pub struct Conn {
    scan: HeadScan,
    /// A head has begun.
    in_head: bool,
    requests: u32,
    /// Bytes of a request's body that are still to be thrown away.
    skip: u64,
}

impl StaticHandler {
    /// A handler for one worker.
    pub fn new(site: Site, common: Arc<Common>, limits: Limits) -> Self {
        StaticHandler { site, common, limits, counts: Counts::default(), date: (i64::MIN, String::new()) }
    }

    /// A complete head: answers it.
    fn request(&mut self, conn: &mut Conn, bytes: &[u8], cx: &mut Context<'_>) -> Flow {
        conn.in_head = false;
        conn.scan = HeadScan::default();
        conn.requests = conn.requests.saturating_add(1);
        let head = match Head::parse(bytes, self.limits.head) {
            Ok(head) => head,
            Err(error) => return self.refuse(error, cx),
        };
        cx.set_established();
        let wall = date::seconds(cx.wall());
        let mut respond = Respond { site: &mut self.site, common: &self.common, now: cx.now(), wall };
        let mut answer = respond.to(&head);
        answer.close |= !head.keep_alive() || conn.requests >= self.limits.requests;
        match head.body() {
            Body::None => {}
            // RFC 9112 §9.3: "a server MUST read the entire request message body or close the connection after sending its
            // response". Who waits for 100 (Continue) is told by the end of the connection that nothing is to be sent.
            Body::Length(len) if len <= DRAINED_BODY && head.get("Expect").is_none() => conn.skip = len,
            Body::Length(_) | Body::Chunked => answer.close = true,
        }
        log_line::access(cx.peer(), &head, &answer);
        let flow = if answer.close { Flow::CloseWhenFlushed } else { Flow::Continue };
        let old = head.minor_version == 0;
        self.send(answer, old, wall, cx);
        flow
    }

    fn send(&mut self, answer: Answer, old: bool, wall: i64, cx: &mut Context<'_>) {
        self.counts.answered(answer.status);
        self.tell_time(wall);
        let connection = match (answer.close, old) {
            (true, _) => Persistence::Close,
            (false, true) => Persistence::KeepOld,
            (false, false) => Persistence::Keep,
        };
        let line = Line { status: answer.status, date: &self.date.1, length: answer.length, connection };
        let further: Vec<(&str, &str)> =
            answer.further.iter().map(|(name, value)| (*name, value.as_str())).collect();
        write_head(cx.out(), line, &answer.block, &further);
        let mut idle = true;
        match answer.payload {
            Payload::None => {}
            Payload::Memory(bytes, range) => cx.send_shared(&bytes, range),
            Payload::File(file, offset, len) => {
                cx.send_file(Arc::new(file), offset, len);
                idle = false; // while it is being sent, it does not make room for a newcomer
            }
        }
        if idle {
            cx.set_idle();
        }
        cx.set_deadline(cx.now() + self.limits.keep_alive);
    }

    /// Answers what is no request; the connection ends.
    fn refuse(&mut self, error: HeadError, cx: &mut Context<'_>) -> Flow {
        log_line::refused(cx.peer(), error);
        self.refuse_with(error.status(), cx)
    }

    fn refuse_with(&mut self, status: u16, cx: &mut Context<'_>) -> Flow {
        self.counts.answered(status);
        self.tell_time(date::seconds(cx.wall()));
        let body = plain_body(status);
        let block = self.common.block(&[("Content-Type", "text/plain; charset=utf-8")]);
        let length = Some(body.len() as u64);
        let line = Line { status, date: &self.date.1, length, connection: Persistence::Close };
        write_head(cx.out(), line, &block, &[]);
        cx.send(body.as_bytes());
        Flow::CloseWhenFlushed
    }

    fn tell_time(&mut self, wall: i64) {
        if self.date.0 != wall {
            self.date = (wall, date::format(wall).unwrap_or_default());
        }
    }
}

impl Handler for StaticHandler {
    type Conn = Conn;
    /// What serves from now on: the configuration was read again.
    type Mail = Box<(Self, Settings)>;

    fn on_open(&mut self, cx: &mut Context<'_>) -> (Conn, Flow) {
        cx.set_deadline(cx.now() + self.limits.head_timeout);
        (Conn::default(), Flow::Continue)
    }

    fn on_data(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        if conn.skip > 0 {
            let consumed = usize::try_from(conn.skip).unwrap_or(usize::MAX).min(input.len());
            conn.skip -= consumed as u64;
            return Progress { consumed, flow: Flow::Continue };
        }
        match conn.scan.find_end(input, self.limits.head) {
            Ok(None) => {
                if !conn.in_head && conn.requests > 0 {
                    cx.set_deadline(cx.now() + self.limits.head_timeout);
                }
                conn.in_head = true;
                Progress { consumed: 0, flow: Flow::Continue }
            }
            Ok(Some(len)) => {
                let flow = self.request(conn, input.get(..len).unwrap_or_default(), cx);
                Progress { consumed: len, flow }
            }
            Err(error) => Progress { consumed: input.len(), flow: self.refuse(error, cx) },
        }
    }

    fn on_drain(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        if !conn.in_head {
            cx.set_idle();
            cx.set_deadline(cx.now() + self.limits.keep_alive);
        }
        Flow::Continue
    }

    fn on_deadline(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        if cx.queued() > 0 {
            // A long answer is being taken; the write timeout watches over that.
            cx.set_deadline(cx.now() + self.limits.keep_alive);
            return Flow::Continue;
        }
        if conn.in_head || conn.skip > 0 {
            return self.refuse_with(408, cx);
        }
        // RFC 9112 §9.5: "A client or server that wishes to time out SHOULD issue a graceful close on the connection."
        Flow::CloseWhenFlushed
    }

    fn on_turn(&mut self, _: &mut Turn<'_, Conn>) -> Wake {
        self.counts.publish();
        Wake::Idle
    }

    fn on_mail(&mut self, mail: Self::Mail, turn: &mut Turn<'_, Conn>) {
        // Answers that were begun have what they need.
        let (handler, settings) = *mail;
        let counts = std::mem::take(&mut self.counts);
        *self = Self { counts, ..handler };
        turn.configure(settings);
    }

    fn on_refuse(&mut self) -> &'static [u8] {
        b"HTTP/1.1 503 Service Unavailable\r\nServer: datecast\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    }
}
