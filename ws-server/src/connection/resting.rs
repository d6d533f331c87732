//! An open WebSocket with nothing under way: between two messages, and with no answer outstanding.
//!
//! ```text
//!              input, our ping, our Close
//!  Resting ─────────────────────────────────▶ WebSocket(Box<Upgraded>)
//!     ▲     nothing is under way any more           │
//!     └─────────────────────────────────────────────┘
//! ```

use common::{
    Version,
    websocket::{MessageLimits, WebSocket},
};

use super::{
    rate::RateLimiter,
    request::{Prefix, StreamParams},
    state::{Connection, Stage, Upgraded},
};

/// What is left of an [`Upgraded`] then.
#[derive(Debug)]
pub(crate) struct Resting {
    version: Version,
    prefix: Prefix,
    control_rate: RateLimiter,
    message_rate: RateLimiter,
}

impl Resting {
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// The whole WebSocket again; the limits of its messages are set with the next input.
    pub(super) fn upgraded(&self) -> Upgraded {
        let Self { version, prefix, control_rate, message_rate } = *self;
        Upgraded {
            protocol: WebSocket::at_rest(version, MessageLimits::default()),
            control_rate,
            message_rate,
            awaiting_pong: false,
            pong: None,
            message: Vec::new(),
            params: StreamParams { prefix, ..StreamParams::default() },
        }
    }
}

impl Upgraded {
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
}

impl Connection {
    /// Makes a resting WebSocket whole again, before something gets under way.
    pub(super) fn rouse(&mut self) {
        if let Stage::Resting(resting) = &self.stage {
            self.stage = Stage::WebSocket(Box::new(resting.upgraded()));
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
}
