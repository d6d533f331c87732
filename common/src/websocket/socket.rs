//! The state of one connection.

use super::MessageLimits;
use super::message::Message;
use crate::Version;
use crate::framing::Framing;

/// One connection, after the answer to its opening handshake ([`crate::handshake::Offer::accept`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocket {
    pub(super) version: Version,
    pub(super) limits: MessageLimits,
    pub(super) ready_state: ReadyState,
    pub(super) message: Message,
    pub(super) input: Input,
}

/// How far a connection is, as `WebSocket.readyState` in a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadyState {
    /// Draft 76, before the third key is complete.
    AwaitingKey {
        first: u32,
        second: u32,
        third: [u8; 8],
        /// Bytes of the third key that have arrived.
        len: u8,
    },
    /// Answered, but `Opened` is not yet reported.
    Opening,
    Open,
    /// We sent our Close and wait for the peer's.
    Closing,
    /// Both have sent their Close, or we sent ours to a peer that broke the protocol.
    Closed,
    /// The peer broke the protocol, and we have not sent our Close yet.
    Failed,
}

/// Where in a frame the input stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Hixie(Inside),
    /// `None` between two frames.
    Hybi(Option<OpenFrame>),
}

/// A data frame whose payload is arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenFrame {
    pub(super) fin: bool,
    pub(super) key: [u8; 4],
    /// Bytes of the payload that have arrived.
    pub(super) taken: u64,
    /// The whole payload in bytes.
    pub(super) len: u64,
}

/// Where in a frame of the hixie drafts the input stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// Between two frames.
    Nothing,
    /// In a text, which ends with `FF`.
    Text {
        /// True for type 00; the receiver discards texts of the types 01-7F.
        delivered: bool,
    },
    /// In the length of a frame whose type has its high bit set.
    Length {
        /// True for type `FF`.
        closing: bool,
        /// The value of the length bytes so far.
        len: u64,
        /// How many length bytes have arrived.
        count: u8,
    },
    /// In a payload that the receiver discards; so many bytes are still to come.
    Skipped(u64),
}

impl WebSocket {
    /// A connection after our answer to its opening handshake.
    pub(crate) fn new(version: Version, limits: MessageLimits) -> Self {
        let input = if version.is_hixie() { Input::Hixie(Inside::Nothing) } else { Input::Hybi(None) };
        Self { version, limits, ready_state: ReadyState::Opening, message: Message::default(), input }
    }

    /// An open connection between two messages, with nothing of the next one.
    pub fn at_rest(version: Version, limits: MessageLimits) -> Self {
        Self { ready_state: ReadyState::Open, ..Self::new(version, limits) }
    }

    /// True for a connection as [`WebSocket::at_rest`] makes it.
    pub fn is_at_rest(&self) -> bool {
        // The hixie drafts have no fragments: each frame is a message, and begins with a new state of one.
        let is_between_messages = self.version.is_hixie() || self.message.opcode.is_none();
        self.is_open() && !self.is_amid_frame() && is_between_messages
    }

    /// A connection of draft 76 whose third key is still to come.
    pub(crate) fn awaiting_key(first: u32, second: u32, limits: MessageLimits) -> Self {
        let ready_state = ReadyState::AwaitingKey { first, second, third: [0; 8], len: 0 };
        Self { ready_state, ..Self::new(Version::Hixie76, limits) }
    }

    /// The client's dialect, which never changes after the opening handshake.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The form of stream messages on this connection.
    pub fn framing(&self) -> Framing {
        if self.version.is_hixie() { Framing::Hixie } else { Framing::Hybi }
    }

    /// True between the opening and the first Close of either side, while we may send messages.
    pub fn is_open(&self) -> bool {
        self.ready_state == ReadyState::Open
    }

    /// True until draft 76's third key is complete.
    pub fn is_awaiting_key(&self) -> bool {
        matches!(self.ready_state, ReadyState::AwaitingKey { .. })
    }

    /// True in the middle of a frame from the peer.
    pub fn is_amid_frame(&self) -> bool {
        !matches!(self.input, Input::Hybi(None) | Input::Hixie(Inside::Nothing))
    }

    /// Replaces the limits, from the next frame on.
    pub fn limit(&mut self, limits: MessageLimits) {
        self.limits = limits;
    }

    /// True when neither side owes the other anything: the caller may close the connection once it has flushed `out`.
    pub fn is_closed(&self) -> bool {
        self.ready_state == ReadyState::Closed
    }
}
