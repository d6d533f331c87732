//! One connection as plain data, for the next process: what it speaks, and how far it is in the stream.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::{
    codec::{Reader, Writer},
    frame::CloseCode,
    framing::{Framing, finish},
    id::{Epoch, MessageId, Since},
    token::Grant,
    websocket::WebSocket,
};
use reactor::{CompactInstant, Context, Exported};

use super::{
    document::Document,
    ending::Ending,
    pulse::Pulse,
    rate::RateLimiter,
    request::{Prefix, StreamParams},
    response::NO_ROOM,
    state::{Connection, Reuse, Stage, Upgraded},
};
use crate::{
    publish::Publication,
    stream::{Subscription, put_since, take_since},
};

/// The reason that goes with 1012.
pub(super) const RESTARTING: &str = "back at once";

const OPENING: u8 = 0;
const WEBSOCKET: u8 = 1;
const HTTP_STREAM: u8 = 2;
/// One whose client was probed.
const PROBED_STREAM: u8 = 3;
const PUBLISHING: u8 = 4;

// Behind the rest, where there is anything to say. Versions that do not know it refuse the connection, which then gets its closing
// bytes.
/// What follows belongs to a bounded read.
const BOUNDED: u8 = 1;
/// What follows is the number of the newest state of the source that the client has heard.
const HEARD: u8 = 2;
/// What follows is whose token has let it read or publish.
const GRANT: u8 = 3;
/// It has had an answer, and waits for its next request; what follows is whether that has begun.
const REUSED: u8 = 4;

/// What follows are the signs of life that the client has asked for.
const PULSE: u8 = 5;

/// What follows is the document that it fills.
const DOCUMENT: u8 = 6;
/// What follows is its place where that is not a number of the process's epoch, or what it waits for.
const PLACE: u8 = 7;

/// The process that exported a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Predecessor {
    /// In which it wrote the connection down.
    pub(crate) format: u32,
    /// Of the numbers that the client knows.
    pub(crate) epoch: Epoch,
}

impl Connection {
    /// Exports the connection to the next process; `epoch` is that of the newest numbers. One in the middle of a frame, or with
    /// `partial` input, gets 1012 first; the next process sees its closing handshake through. The next process adopts it in its `turn`.
    pub(crate) fn export(
        &mut self,
        partial: bool,
        epoch: Epoch,
        close_timeout: Duration,
        turn: u32,
        cx: &mut Context<'_>,
    ) -> Option<Exported> {
        if partial {
            self.rouse();
        }
        if let Stage::WebSocket(socket) = &mut self.stage
            && socket.protocol.is_open()
            && (partial || socket.protocol.is_amid_frame())
        {
            socket.protocol.close(CloseCode::RESTART, RESTARTING, cx.out());
            cx.set_timeout(close_timeout);
        }
        let state = self.to_bytes(epoch, cx.now(), cx.start())?;
        Some(Exported { state, closing_bytes: self.closing_bytes(), turn })
    }

    /// Adopts a connection that the previous process wrote down at `written_at`; `None` if its bytes cannot be read.
    pub(crate) fn adopt(
        bytes: &[u8],
        process: Predecessor,
        written_at: Instant,
        cx: &Context<'_>,
    ) -> Option<Self> {
        let mut conn = Self::from_bytes(bytes, process, written_at, cx.start())?;
        conn.extras.put_off(cx.now().saturating_duration_since(written_at));
        conn.keep_meaning(process.epoch);
        conn.rest();
        Some(conn)
    }

    /// A number without an epoch that the client sent to the previous process meant the epoch of that one.
    fn keep_meaning(&mut self, epoch: Epoch) {
        let Stage::WebSocket(socket) = &mut self.stage else { return };
        for bound in [&mut socket.params.since, &mut socket.params.until] {
            if let Some(Since::Number(number)) = *bound {
                *bound = Some(Since::Id(MessageId { epoch, number }));
            }
        }
    }

    /// True for an adopted connection that got the stream in the previous process.
    pub(crate) fn is_subscriber(&self) -> bool {
        self.is_past_opening() && self.id != 0
    }

    /// True for an adopted connection that got its part of the history in the previous process.
    pub(crate) fn is_reading(&self) -> bool {
        self.is_past_opening() && self.subscription.end().is_some()
    }

    fn is_past_opening(&self) -> bool {
        match &self.stage {
            Stage::Opening { .. } | Stage::Publishing(_) | Stage::Polling(_) => false,
            Stage::WebSocket(socket) => !socket.protocol.is_awaiting_key(),
            Stage::Resting(_) | Stage::HttpStream | Stage::Done => true,
        }
    }

    /// Writes the connection down, `epoch` being that of the newest numbers; `None` for one whose last bytes are queued.
    pub(crate) fn to_bytes(&self, epoch: Epoch, now: Instant, start: Instant) -> Option<Vec<u8>> {
        let (mut to, compact_now) = (Writer::default(), CompactInstant::new(now, start));
        let roused;
        let socket = match &self.stage {
            Stage::WebSocket(socket) => Some(&**socket),
            Stage::Resting(resting) => {
                roused = Upgraded::roused(resting);
                Some(&roused)
            }
            _ => None,
        };
        match &self.stage {
            Stage::Opening { proxied_for, .. } => {
                to.byte(OPENING);
                to.address(proxied_for.as_deref().copied());
            }
            Stage::WebSocket(_) | Stage::Resting(_) => {
                to.byte(WEBSOCKET);
                put_socket(socket?, &mut to);
            }
            Stage::HttpStream => to.byte(if self.is_probed { PROBED_STREAM } else { HTTP_STREAM }),
            Stage::Publishing(publication) => {
                to.byte(PUBLISHING);
                publication.put(&mut to);
            }
            // One that waits has had its answer before.
            Stage::Polling(_) | Stage::Done => return None,
        }
        to.long(self.id);
        to.millis(compact_now.saturating_duration_since(self.subscribed_at));
        to.byte(u8::try_from(self.framing.index()).ok()?);
        to.long(self.subscription.phase.into());
        to.flag(self.subscription.owed > 0);
        to.long(self.subscription.next.saturating_sub(1));
        to.long(self.last_notice);
        if let Some(socket) = socket {
            put_rates(socket, compact_now, &mut to);
        }
        if self.is_bounded() {
            to.byte(BOUNDED);
            self.put_bounds(&mut to);
        }
        if self.heard > 0 {
            to.byte(HEARD);
            to.long(self.heard);
        }
        if let Some(grant) = self.extras.grant() {
            to.byte(GRANT);
            to.bytes(grant.name.as_bytes());
            to.raw(&grant.digest);
        }
        if self.is_opening() && self.reuse != Reuse::First {
            to.byte(REUSED);
            to.flag(self.reuse == Reuse::Head);
        }
        if let Some(pulse) = self.extras.pulse() {
            to.byte(PULSE);
            pulse.put(now, &mut to);
        }
        if let Some(document) = self.extras.document() {
            to.byte(DOCUMENT);
            document.put(self.subscription.epoch, &mut to);
        }
        if self.is_past_opening() && !self.subscription.is_usual(epoch) {
            to.byte(PLACE);
            self.subscription.put(&mut to);
        }
        Some(to.into_bytes())
    }

    /// Reads back what [`Connection::to_bytes`] of this format wrote at this moment, for a worker with this start; `None` for
    /// anything else.
    pub(crate) fn from_bytes(
        bytes: &[u8],
        process: Predecessor,
        written_at: Instant,
        start: Instant,
    ) -> Option<Self> {
        let Predecessor { format, epoch } = process;
        let written = CompactInstant::new(written_at, start);
        let mut from = Reader::new(bytes);
        let kind = from.byte()?;
        let mut stage = match kind {
            OPENING => Stage::Opening { scan: None, proxied_for: from.address()?.map(Box::new) },
            WEBSOCKET => Stage::WebSocket(take_socket(&mut from, format, written)?),
            HTTP_STREAM | PROBED_STREAM => Stage::HttpStream,
            PUBLISHING if format >= 2 => Stage::Publishing(Box::new(Publication::take_over(&mut from)?)),
            _ => return None,
        };
        let id = from.long()?;
        let subscribed_at = written_at.checked_sub(from.millis()?).unwrap_or(written_at);
        let subscribed_at = CompactInstant::new(subscribed_at, start);
        let framing = *Framing::ALL.get(usize::from(from.byte()?))?;
        // A client that knows its numbers without an epoch goes on with those.
        let framing = if format == 1 { framing.bare() } else { framing };
        let phase = u32::try_from(from.long()?).ok()?;
        // In format 1 the clock's dates are counted apart.
        let last_date = if format == 1 { from.long()? } else { 0 };
        let owed = from.flag()?.into();
        let next = from.long()?.max(last_date).saturating_add(1);
        let mut subscription = Subscription::default();
        (subscription.phase, subscription.owed) = (phase, owed);
        subscription.go_on_at(MessageId { epoch, number: next });
        let mut last_notice = 0;
        if format >= 2 {
            last_notice = from.long()?;
            if let Stage::WebSocket(socket) = &mut stage {
                take_rates(socket, &mut from, written)?;
            }
        }
        let is_probed = kind == PROBED_STREAM;
        let mut conn = Self {
            stage,
            id,
            subscribed_at,
            framing,
            subscription,
            last_notice,
            is_probed,
            ..Self::new(written)
        };
        while !from.is_empty() {
            match from.byte()? {
                BOUNDED if format >= 2 => conn.take_bounds(&mut from)?,
                HEARD if format >= 2 => conn.heard = from.long()?,
                PULSE if format >= 2 => conn.extras.set_pulse(Pulse::take_over(&mut from, written_at)?),
                DOCUMENT if format >= 2 => conn.extras.set_document(Document::take_over(&mut from)?),
                PLACE if format >= 2 => conn.subscription.take_over(&mut from)?,
                GRANT if format >= 2 => conn.extras.set_grant(Some(take_grant(&mut from)?)),
                REUSED if format >= 2 => {
                    conn.reuse = if from.flag()? { Reuse::Head } else { Reuse::Idle };
                }
                _ => return None,
            }
        }
        Some(conn)
    }

    /// Appends where a bounded read ends: as the client asked, and as it was answered.
    fn put_bounds(&self, to: &mut Writer) {
        let asked = match &self.stage {
            Stage::WebSocket(socket) => socket.params.until,
            _ => None,
        };
        put_since(asked, to);
        to.flag(self.subscription.end().is_some());
        to.long(self.subscription.end().map_or(0, |end| end.saturating_sub(1)));
    }

    fn take_bounds(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let mut unasked = None;
        let asked = match &mut self.stage {
            Stage::WebSocket(socket) => &mut socket.params.until,
            _ => &mut unasked,
        };
        take_since(from, asked)?;
        let (is_answered, until) = (from.flag()?, from.long()?);
        self.subscription.set_end(is_answered.then_some(until.saturating_add(1)));
        Some(())
    }

    /// The bytes that end the connection politely in its own dialect, for a process that cannot go on with it.
    pub(crate) fn closing_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match &self.stage {
            // An answer without a request would be taken for that to the next one (RFC 9112 §9.3).
            Stage::Opening { .. } if self.reuse == Reuse::Idle => {}
            Stage::Opening { .. } | Stage::Publishing(_) | Stage::Polling(_) => {
                out.extend_from_slice(NO_ROOM);
            }
            Stage::WebSocket(socket) => {
                socket.protocol.clone().close(CloseCode::RESTART, RESTARTING, &mut out);
            }
            Stage::Resting(resting) => {
                Upgraded::roused(resting).protocol.close(CloseCode::RESTART, RESTARTING, &mut out);
            }
            // What a bounded read has is not the whole: its client sees that there is no last chunk.
            Stage::HttpStream if self.is_bounded() => {}
            Stage::HttpStream => {
                self.put_farewell(Ending::Restarted.name(), &mut out);
                finish(self.framing, &mut out);
            }
            Stage::Done => {}
        }
        out
    }
}

fn take_grant(from: &mut Reader<'_>) -> Option<Arc<Grant>> {
    let name = std::str::from_utf8(from.bytes()?).ok()?.into();
    Some(Arc::new(Grant { name, digest: from.take()? }))
}

fn put_socket(socket: &Upgraded, to: &mut Writer) {
    to.bytes(&socket.protocol.to_bytes());
    to.flag(socket.awaiting_pong);
    to.flag(socket.pong.is_some());
    to.bytes(socket.pong.as_deref().unwrap_or_default());
    to.bytes(&socket.message);
    put_params(socket.params, to);
}

fn take_socket(from: &mut Reader<'_>, format: u32, written_at: CompactInstant) -> Option<Box<Upgraded>> {
    let protocol = WebSocket::from_bytes(from.bytes()?).ok()?;
    let (awaiting_pong, has_pong, pong) = (from.flag()?, from.flag()?, from.bytes()?);
    let message = from.bytes()?.to_vec();
    let params = take_params(from, format)?;
    let pong = has_pong.then(|| pong.into());
    Some(Box::new(Upgraded { awaiting_pong, pong, message, ..*Upgraded::new(protocol, params, written_at) }))
}

/// Appends what the peer has used of its rates.
fn put_rates(socket: &Upgraded, now: CompactInstant, to: &mut Writer) {
    for rate in [socket.control_rate, socket.message_rate] {
        to.long(u64::try_from(rate.debt(now).as_nanos()).unwrap_or(u64::MAX));
    }
}

fn take_rates(socket: &mut Upgraded, from: &mut Reader<'_>, written_at: CompactInstant) -> Option<()> {
    for rate in [&mut socket.control_rate, &mut socket.message_rate] {
        *rate = RateLimiter::with_debt(Duration::from_nanos(from.long()?), written_at);
    }
    Some(())
}

fn put_params(params: StreamParams, to: &mut Writer) {
    put_since(params.since, to);
    to.byte(match params.prefix {
        Prefix::Nothing => 0,
        Prefix::Number => 1,
        Prefix::Id => 2,
    });
}

fn take_params(from: &mut Reader<'_>, format: u32) -> Option<StreamParams> {
    if format == 1 {
        let (has_since, since, numbered) = (from.flag()?, from.long()?, from.flag()?);
        let prefix = if numbered { Prefix::Number } else { Prefix::Nothing };
        return Some(StreamParams {
            since: has_since.then_some(Since::Number(since)),
            until: None,
            prefix,
            heartbeat: None,
        });
    }
    let mut since = None;
    take_since(from, &mut since)?;
    let prefix = match from.byte()? {
        0 => Prefix::Nothing,
        1 => Prefix::Number,
        2 => Prefix::Id,
        _ => return None,
    };
    Some(StreamParams { since, until: None, prefix, heartbeat: None })
}
