//! Between HTTP and the reactor: connections, their deadlines, and the order of their answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::http::{Body, BodyReader, Head, HeadError, HeadScan};
use reactor::{Context, Flow, Handler, Progress, Settings, Turn, Wake};

use crate::answer::Respond;
use crate::log_line;
use crate::metrics::{Counts, StaticMetrics};
use crate::response::{Answer, FirstLines, Payload};
use crate::serving::{Current, Published};

/// We read and discard request bodies of up to this many bytes, chunks and all; a longer one ends the connection.
const DISCARDED_BODY: usize = 64 * 1024;

/// A body of up to this many bytes is copied behind its head: that costs less than a write of two pieces.
const JOINED: usize = 4 * 1024;

/// How long after a request the directories of its file may stay open.
const CLOSES_FOLDERS: Duration = Duration::from_secs(1);

/// One worker of static-server.
#[derive(Debug)]
pub struct StaticHandler {
    published: Arc<Published>,
    /// What was published when this callback began.
    serving: Current,
    pub(crate) counts: Counts,
    /// Those of the last answer.
    first_lines: FirstLines,
    /// The memory in which it writes the heads of answers, each with a short body behind it.
    text: Vec<u8>,
    /// When the directories are closed in which it has looked for files.
    closes_folders_at: Option<Instant>,
}

/// The state of a connection between two events.
#[derive(Debug, Default)]
pub struct Conn {
    scan: HeadScan,
    /// True from the first byte of a head to its last.
    in_head: bool,
    /// Requests on this connection so far, the current one included.
    requests: u32,
    /// The body of a request, while we discard it.
    discarded: Option<Discarded>,
}

/// A body that nobody reads.
#[derive(Debug)]
struct Discarded {
    body: BodyReader,
    /// Bytes that it may still have.
    left: usize,
}

impl Discarded {
    /// Passes over as much of `input` as belongs to the body.
    /// `None`: it is too long, or nobody can tell where it ends.
    fn pass_over(&mut self, input: &[u8]) -> Option<usize> {
        let mut passed = 0;
        loop {
            let piece = self.body.next(input.get(passed..).unwrap_or_default()).ok()?;
            let (framing, content) = (piece.framing, piece.content.len());
            self.body.consume(content);
            passed += framing + content;
            self.left = self.left.checked_sub(framing + content)?;
            if content == 0 {
                return Some(passed);
            }
        }
    }
}

impl Conn {
    /// True from the first request on.
    pub fn has_begun(&self) -> bool {
        self.requests > 0
    }

    /// True while the next bytes belong to the body of the last request.
    pub fn is_discarding(&self) -> bool {
        self.discarded.is_some()
    }
}

impl StaticHandler {
    /// One worker's handler.
    pub fn new(published: Arc<Published>) -> Self {
        let serving = published.current();
        let (counts, first_lines, text) = (Counts::default(), FirstLines::default(), Vec::new());
        StaticHandler { published, serving, counts, first_lines, text, closes_folders_at: None }
    }

    /// What these workers have counted.
    pub fn metrics<'h>(workers: impl IntoIterator<Item = &'h Self>) -> StaticMetrics {
        StaticMetrics::new(workers.into_iter().map(|worker| &worker.counts))
    }

    /// The head of a request has begun, and is not complete; only the first one's time runs from the start of the connection.
    pub fn on_partial_head(&self, conn: &mut Conn, cx: &mut Context<'_>) {
        if !conn.in_head && conn.requests > 0 {
            cx.set_timeout(self.serving.limits.head_timeout);
        }
        conn.in_head = true;
    }

    /// The head that had begun was for another handler, which has it now.
    pub fn on_other_head(&self, conn: &mut Conn) {
        conn.in_head = false;
    }

    fn request(&mut self, conn: &mut Conn, head: &Head<'_>, cx: &mut Context<'_>) -> Flow {
        conn.in_head = false;
        conn.scan = HeadScan::default();
        conn.requests = conn.requests.saturating_add(1);
        if self.closes_folders_at.is_none() && self.serving.site.has_files() {
            self.closes_folders_at = Some(cx.now() + CLOSES_FOLDERS);
        }
        let is_last = !head.keep_alive();
        let close = is_last || self.serving.limits.keep_alive.is_last(conn.requests);
        if !close && self.send_ready(head, cx) {
            return Flow::Continue;
        }
        let mut answer = self.respond(cx, !close).to(head);
        answer.close |= close;
        match head.body() {
            Body::None => {}
            // RFC 9112 §9.3: "a server MUST read the entire request message body or close the connection after sending its
            // response". The end of the connection tells a client that waits for 100 (Continue) to send no body.
            Body::Length(len) if len > DISCARDED_BODY as u64 => answer.close = true,
            _ if head.get("Expect").is_some() => answer.close = true,
            body => conn.discarded = Some(Discarded { body: body.into(), left: DISCARDED_BODY }),
        }
        log_line::access(cx, head, answer.status, answer.length.unwrap_or(0));
        let flow = match (answer.close, head.body()) {
            // RFC 9112 §9.6: "A client that sends a "close" connection option MUST NOT send further requests on that connection
            // (after the one containing the "close")".
            (true, Body::None) if is_last => Flow::Finish,
            (true, _) => Flow::CloseWhenFlushed,
            (false, _) => Flow::Continue,
        };
        // The reactor must not evict the connection for a newcomer while it sends a large file.
        let is_large = answer.payload.is_large();
        self.send(answer, head.minor_version == 0, cx);
        if is_large {
            cx.set_established();
            cx.want_drain();
        } else {
            cx.set_idle();
        }
        cx.set_timeout(self.serving.limits.keep_alive.timeout);
        flow
    }

    /// What makes an answer in this moment; `goes_on` is true if the connection does.
    fn respond(&mut self, cx: &Context<'_>, goes_on: bool) -> Respond<'_> {
        let wall = cx.wall_seconds().cast_signed();
        self.first_lines.renew(wall);
        let Current { serving, targets, .. } = &mut self.serving;
        let (site, shared) = (&serving.site, &serving.shared);
        Respond { site, shared, targets, now: cx.now(), wall, first: &self.first_lines, goes_on }
    }

    /// Answers a request on a connection that goes on, if the whole answer is there already; most are.
    fn send_ready(&mut self, head: &Head<'_>, cx: &mut Context<'_>) -> bool {
        let Some(ready) = self.respond(cx, true).ready(head) else { return false };
        cx.send_shared(ready.bytes(), 0..ready.bytes().len());
        log_line::access(cx, head, 200, ready.body_len());
        self.counts.answered(200);
        cx.set_idle();
        cx.set_timeout(self.serving.limits.keep_alive.timeout);
        true
    }

    /// Sends an answer; `old` is true for an HTTP/1.0 client.
    fn send(&mut self, answer: Answer, old: bool, cx: &mut Context<'_>) {
        self.counts.answered(answer.status);
        self.first_lines.renew(cx.wall_seconds().cast_signed());
        self.text.clear();
        answer.write_head(&self.first_lines, old, &mut self.text);
        let is_large = answer.payload.is_large();
        match answer.payload {
            Payload::Pages(pages, offset, len) => {
                cx.send(&self.text);
                cx.send_pages(pages, offset, len);
            }
            Payload::File(file, offset, len) => {
                cx.send(&self.text);
                cx.send_file(file, offset, len);
            }
            // Behind its head in the queue, from which each turn takes a bounded part.
            Payload::Memory(bytes, range) if is_large => {
                cx.send(&self.text);
                cx.send_shared(&bytes, range);
            }
            Payload::Memory(bytes, range) if range.len() > JOINED => {
                cx.send_with_body(&self.text, &bytes, range);
            }
            Payload::Memory(bytes, range) => {
                self.text.extend_from_slice(bytes.get(range.clone()).unwrap_or_default());
                cx.send_joined(&self.text, &bytes, range);
            }
            Payload::None => cx.send_now(&self.text),
        }
    }

    /// Answers bytes that are not a request, and ends the connection.
    fn refuse(&mut self, error: HeadError, cx: &mut Context<'_>) -> Flow {
        log_line::refused(cx.peer(), error);
        self.refuse_with(error.status(), cx)
    }

    fn refuse_with(&mut self, status: u16, cx: &mut Context<'_>) -> Flow {
        let page = Answer::status_page(status, &[], &self.serving.shared).closing();
        self.send(page, false, cx);
        Flow::CloseWhenFlushed
    }
}

impl Handler for StaticHandler {
    type Conn = Conn;
    /// The limits of the reactor, after a reload of the configuration.
    type Mail = Settings;

    fn on_open(&mut self, cx: &mut Context<'_>) -> (Conn, Flow) {
        self.serving.renew(&self.published);
        cx.set_timeout(self.serving.limits.head_timeout);
        (Conn::default(), Flow::Continue)
    }

    fn on_data(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        self.serving.renew(&self.published);
        if let Some(discarded) = &mut conn.discarded {
            // The answer is on its way already: nothing else can be said about a body that is wrong.
            let Some(consumed) = discarded.pass_over(input) else {
                return Progress { consumed: input.len(), flow: Flow::CloseWhenFlushed };
            };
            if discarded.body.is_complete() {
                conn.discarded = None;
            }
            return Progress { consumed, flow: Flow::Continue };
        }
        let mut head = Head::unread();
        match head.take(&mut conn.scan, input, self.serving.limits.head()) {
            Ok(None) => {
                self.on_partial_head(conn, cx);
                Progress { consumed: 0, flow: Flow::Continue }
            }
            Ok(Some(consumed)) => Progress { consumed, flow: self.request(conn, &head, cx) },
            Err(error) => Progress { consumed: input.len(), flow: self.refuse(error, cx) },
        }
    }

    fn on_drain(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        if !conn.in_head {
            cx.set_idle();
            cx.set_timeout(self.serving.limits.keep_alive.timeout);
        }
        Flow::Continue
    }

    fn on_deadline(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        if cx.queued() > 0 {
            // The client is still taking a long answer, which the write timeout limits.
            cx.set_timeout(self.serving.limits.keep_alive.timeout);
            return Flow::Continue;
        }
        if conn.in_head || conn.discarded.is_some() {
            return self.refuse_with(408, cx);
        }
        // RFC 9112 §9.5: "A client or server that wishes to time out SHOULD issue a graceful close on the connection."
        Flow::CloseWhenFlushed
    }

    fn on_turn(&mut self, turn: &mut Turn<'_, Conn>) -> Wake {
        self.counts.publish();
        match self.closes_folders_at {
            Some(at) if turn.now() < at => Wake::About(at),
            Some(_) => {
                let is_one_open = self.serving.site.close_folders(turn.now());
                self.closes_folders_at = is_one_open.then(|| turn.now() + CLOSES_FOLDERS);
                self.closes_folders_at.map_or(Wake::Idle, Wake::About)
            }
            None => Wake::Idle,
        }
    }

    fn on_mail(&mut self, mail: Self::Mail, turn: &mut Turn<'_, Conn>) {
        turn.configure(mail);
    }

    fn on_refuse(&mut self) -> &[u8] {
        self.serving.renew(&self.published);
        &self.serving.refusal
    }
}
