//! One connection as the handler keeps it.
//!
//! ```text
//!            ┌──▶ WebSocket ──▶ Closing ──┐
//!  Opening ──┼──▶ Stream ─────────────────┼──▶ Done (flushed, then closed by the reactor)
//!            └──▶ refused ────────────────┘
//! ```

use std::{net::IpAddr, time::Instant};

use common::{framing::Framing, http::HeadScan, websocket::WebSocket};

use crate::{budget::Budget, opening::Wish, ring::Position};

/// A connection and what it gets.
#[derive(Debug)]
pub(crate) struct Conn {
    /// What it speaks.
    pub(crate) state: State,
    /// How it gets the stream, once it does.
    pub(crate) member: Member,
    /// Why it ends, once that is known: one of the reasons of the metrics.
    pub(crate) ending: Option<&'static str>,
}

/// What a connection speaks.
#[derive(Debug)]
pub(crate) enum State {
    /// Its first request is not complete.
    Opening {
        /// How far the request's end was looked for.
        scan: HeadScan,
        /// Who a PROXY header says is there; it stands in the place of the proxy's own address.
        told: Option<IpAddr>,
    },
    /// It has upgraded; in draft 76 its third key may still be missing.
    WebSocket(Box<Socket>),
    /// Lines or events over HTTP, for ever.
    Stream,
    /// The last word is said.
    Done,
}

/// The part of a WebSocket.
#[derive(Debug)]
pub(crate) struct Socket {
    /// The protocol.
    pub(crate) protocol: WebSocket,
    /// Pings and pongs used.
    pub(crate) control: Budget,
    /// Messages used.
    pub(crate) messages: Budget,
    /// Our ping has no answer yet.
    pub(crate) awaiting_pong: bool,
    /// The answer to the peer's newest ping, while nothing can be sent (RFC 6455 §5.5.3: one pong is enough).
    pub(crate) pong: Option<Box<[u8]>>,
    /// The message that goes on, where somebody wants it whole.
    pub(crate) message: Vec<u8>,
    /// What the request asked for.
    pub(crate) wish: Wish,
}

impl Socket {
    /// A WebSocket that was just answered.
    pub(crate) fn new(protocol: WebSocket, wish: Wish, now: Instant) -> Box<Self> {
        Box::new(Self {
            protocol,
            control: Budget::new(now),
            messages: Budget::new(now),
            awaiting_pong: false,
            pong: None,
            message: Vec::new(),
            wish,
        })
    }

    /// The form of its messages.
    pub(crate) fn framing(&self) -> Framing {
        let framing = self.protocol.framing();
        if self.wish.numbered { framing.numbered() } else { framing }
    }
}

/// How a connection gets the stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// Its name, in the whole process; 0 before it joined.
    pub(crate) id: u64,
    /// When it joined.
    pub(crate) since: Instant,
    /// The form of its messages.
    pub(crate) framing: Framing,
    /// Which of the clock's phases is its own.
    pub(crate) phase: usize,
    /// The number of the newest date it got.
    pub(crate) date: u64,
    /// A date is due that could not be sent; the newest one will be.
    pub(crate) pending: bool,
    /// It has everything up to this number, even where the ring of its worker is still behind that.
    pub(crate) has: u64,
    /// Where in the ring it is.
    pub(crate) position: Position,
    /// The number of the newest announcement that it met.
    pub(crate) announcement: u64,
    /// The source has ended: close when it has everything.
    pub(crate) finishing: bool,
}

impl Conn {
    /// A connection that has said nothing yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            state: State::Opening { scan: HeadScan::default(), told: None },
            member: Member {
                id: 0,
                since: now,
                framing: Framing::Lines,
                phase: 0,
                date: 0,
                pending: false,
                has: 0,
                position: Position::default(),
                announcement: 0,
                finishing: false,
            },
            ending: None,
        }
    }

    /// True while messages may be sent.
    pub(crate) fn is_open(&self) -> bool {
        match &self.state {
            State::WebSocket(socket) => socket.protocol.is_open(),
            State::Stream => true,
            State::Opening { .. } | State::Done => false,
        }
    }
}
