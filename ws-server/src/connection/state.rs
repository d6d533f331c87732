//! One connection between two callbacks.
//!
//! ```text
//!            ┌──▶ WebSocket ───────────┐
//!  Opening ──┼──▶ HttpStream ──▶ Done ─┼──▶ flushed, then closed by the reactor
//!   ▲        ├──▶ refused ─────▶ Done ─┤
//!   │        ├──▶ Publishing ──▶ Done ─┤
//!   │        └──▶ Polling ─────▶ Done ─┘
//!   └──────────────────┘ answered
//! ```

use std::net::IpAddr;

use common::{
    Version,
    admission::Deed,
    framing::Framing,
    http::HeadScan,
    websocket::{MessageLimits, WebSocket},
};
use reactor::{CompactInstant, Stop};

use super::{
    ending::Ending,
    extras::Extras,
    poll::Poll,
    rate::RateLimiter,
    request::{Prefix, StreamParams},
    resting::Resting,
};
use crate::{publish::Publication, stream::Subscription};

/// A connection, and how far it is in the stream.
#[derive(Debug)]
pub struct Connection {
    pub(crate) stage: Stage,
    /// Unique in the process; leave notices carry it. 0 before the opening handshake.
    pub(crate) id: u64,
    /// When it got the stream.
    pub(crate) subscribed_at: CompactInstant,
    pub(crate) framing: Framing,
    pub(crate) subscription: Subscription,
    /// Every notice up to this number has passed the connection.
    pub(crate) last_notice: u64,
    /// The number of the newest state of the source that it has heard, or has no form for.
    pub(crate) heard: u64,
    /// Its client has half-closed, and was sent what shows whether it is there. Once in its life: zeros before a chunk's size
    /// add up, and some clients read no more than 16 digits.
    pub(crate) is_probed: bool,
    /// The daemon stops: it ends once it has the lines that came before that.
    pub(crate) finishing: Option<Stop>,
    /// Why it ends, once the server knows.
    pub(crate) ending: Option<Ending>,
    /// Whether it has published or polled, and waits for its next request.
    pub(crate) reuse: Reuse,
    pub(crate) extras: Extras,
}

/// What a connection that waits for a request has behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// It has had no answer yet.
    First,
    /// It has had an answer, and no byte of another request has come.
    Idle,
    /// Its next request has begun.
    Head,
}

/// What a connection speaks.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Its first request is not complete.
    Opening {
        /// How far the input was searched for the end of the head, if a part of it has come.
        scan: Option<Box<HeadScan>>,
        /// The client that a PROXY header names; its address counts instead of the proxy's.
        proxied_for: Option<Box<IpAddr>>,
    },
    /// It has upgraded; in draft 76 its third key may still be missing.
    WebSocket(Box<Upgraded>),
    /// An open WebSocket with nothing under way, as nearly all are nearly all the time.
    Resting(Resting),
    /// Lines or events over HTTP, until one side ends them.
    HttpStream,
    /// A request that publishes; its body comes.
    Publishing(Box<Publication>),
    /// A long poll that has no answer yet.
    Polling(Box<Poll>),
    /// Its last bytes are queued.
    Done,
}

#[derive(Debug)]
pub(crate) struct Upgraded {
    pub(crate) protocol: WebSocket,
    /// Of its pings and pongs.
    pub(crate) control_rate: RateLimiter,
    pub(crate) message_rate: RateLimiter,
    /// Our ping has no answer yet.
    pub(crate) awaiting_pong: bool,
    /// The payload of the peer's newest ping, while nothing can be sent (RFC 6455 §5.5.3: one pong is enough).
    pub(crate) pong: Option<Box<[u8]>>,
    /// The message that goes on, if `--on-message` wants it whole.
    pub(crate) message: Vec<u8>,
    pub(crate) params: StreamParams,
}

impl Upgraded {
    /// A WebSocket whose opening handshake was just answered.
    pub(crate) fn new(protocol: WebSocket, params: StreamParams, now: CompactInstant) -> Box<Self> {
        Box::new(Self {
            protocol,
            control_rate: RateLimiter::new(now),
            message_rate: RateLimiter::new(now),
            awaiting_pong: false,
            pong: None,
            message: Vec::new(),
            params,
        })
    }

    /// The whole WebSocket again; the limits of its messages are set with the next input.
    pub(super) fn roused(resting: &Resting) -> Self {
        let Resting { version, prefix, control_rate, message_rate } = *resting;
        Self {
            protocol: WebSocket::at_rest(version, MessageLimits::default()),
            control_rate,
            message_rate,
            awaiting_pong: false,
            pong: None,
            message: Vec::new(),
            params: StreamParams { prefix, ..StreamParams::default() },
        }
    }

    /// What has to be kept of it; `None` while something is under way. A bounded read is always.
    fn resting(&self) -> Option<Resting> {
        let Self { protocol, control_rate, message_rate, awaiting_pong, pong, message, params } = self;
        let is_silent = !awaiting_pong && pong.is_none() && message.is_empty();
        let rests = protocol.is_at_rest() && is_silent && params.until.is_none();
        rests.then(|| Resting {
            version: protocol.version(),
            prefix: params.prefix,
            control_rate: *control_rate,
            message_rate: *message_rate,
        })
    }

    pub(crate) fn framing(&self) -> Framing {
        let framing = self.protocol.framing();
        match self.params.prefix {
            Prefix::Nothing => framing,
            Prefix::Number => framing.numbered(),
            Prefix::Id => framing.with_ids(),
        }
    }
}

impl Connection {
    /// A connection that has sent nothing yet.
    pub(crate) fn new(now: CompactInstant) -> Self {
        Self {
            stage: Stage::Opening { scan: None, proxied_for: None },
            id: 0,
            subscribed_at: now,
            framing: Framing::Lines,
            subscription: Subscription::default(),
            last_notice: 0,
            heard: 0,
            is_probed: false,
            finishing: None,
            ending: None,
            reuse: Reuse::First,
            extras: Extras::default(),
        }
    }

    /// Makes a resting WebSocket whole again, before something gets under way.
    pub(super) fn rouse(&mut self) {
        if let Stage::Resting(resting) = &self.stage {
            self.stage = Stage::WebSocket(Box::new(Upgraded::roused(resting)));
        }
    }

    /// Frees what a WebSocket needs only while something is under way.
    pub(super) fn rest(&mut self) {
        if let Stage::WebSocket(socket) = &self.stage
            && let Some(resting) = socket.resting()
        {
            self.stage = Stage::Resting(resting);
        }
    }

    /// True before its request is complete, and behind one that was for another handler.
    pub fn is_opening(&self) -> bool {
        matches!(self.stage, Stage::Opening { .. })
    }

    /// True if its last request was a long poll, and no byte of the next one has come.
    pub(crate) fn is_between_polls(&self) -> bool {
        self.is_opening() && self.reuse == Reuse::Idle && self.framing == Framing::Ndjson
    }

    /// True for a bounded read: it gets a part of the history and then its end, and counts as no client.
    pub(crate) fn is_bounded(&self) -> bool {
        let has_asked = matches!(&self.stage, Stage::WebSocket(socket) if socket.params.until.is_some());
        has_asked || self.subscription.end().is_some()
    }

    /// What it does with the stream; `None` before its request is complete and behind its last bytes.
    pub(crate) fn deed(&self) -> Option<Deed> {
        match &self.stage {
            Stage::WebSocket(_) | Stage::Resting(_) | Stage::HttpStream | Stage::Polling(_) => {
                Some(Deed::Read)
            }
            Stage::Publishing(_) => Some(Deed::Publish),
            Stage::Opening { .. } | Stage::Done => None,
        }
    }

    /// True while messages may be sent.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        match &self.stage {
            Stage::WebSocket(socket) => socket.protocol.is_open(),
            Stage::HttpStream | Stage::Resting(_) => true,
            Stage::Opening { .. } | Stage::Publishing(_) | Stage::Polling(_) | Stage::Done => false,
        }
    }

    /// True once a WebSocket's closing handshake is over: at once in draft 75, which has none.
    pub(crate) fn has_closed(&self) -> bool {
        matches!(&self.stage, Stage::WebSocket(socket) if socket.protocol.is_closed())
    }

    /// Its dialect and how far its life has come, as the metrics name them. A bounded read is not `open`, as clients are.
    pub(crate) fn labels(&self) -> (&'static str, &'static str) {
        match self.life() {
            (dialect, "open") if self.is_bounded() => (dialect, "reading"),
            life => life,
        }
    }

    fn life(&self) -> (&'static str, &'static str) {
        match &self.stage {
            Stage::Opening { .. } if self.reuse != Reuse::First => match self.framing {
                Framing::Ndjson => ("poll", "opening"),
                _ => ("publish", "opening"),
            },
            Stage::Opening { .. } => ("unknown", "opening"),
            Stage::Publishing(_) => ("publish", "open"),
            Stage::Polling(poll) if poll.request.callback.is_some() => ("jsonp", "open"),
            Stage::Polling(_) => ("poll", "open"),
            Stage::Done => ("unknown", "closing"),
            Stage::HttpStream => (self.framing.name(), "open"),
            Stage::Resting(socket) => (dialect(socket.version), "open"),
            Stage::WebSocket(socket) => {
                let state = match (socket.protocol.is_open(), socket.protocol.is_awaiting_key()) {
                    (true, _) => "open",
                    (false, true) => "opening",
                    (false, false) => "closing",
                };
                (dialect(socket.protocol.version()), state)
            }
        }
    }
}

/// The name of a dialect in the metrics.
fn dialect(version: Version) -> &'static str {
    match version {
        Version::Rfc6455 => "rfc6455",
        Version::Hybi08 => "hybi08",
        Version::Hybi07 => "hybi07",
        Version::Hixie76 => "hixie76",
        Version::Hixie75 => "hixie75",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_small() {
        // Every client has one, and most of them are idle.
        assert!(size_of::<Connection>() <= 120, "{} bytes", size_of::<Connection>());
        assert!(size_of::<Stage>() <= 24, "{} bytes", size_of::<Stage>());
    }
}
