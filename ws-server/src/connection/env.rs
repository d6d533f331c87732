//! What a connection uses of its worker during a callback.

use std::fmt::Display;

use common::{http, id::MessageId};
use log::Level;
use reactor::{Context, Progress};

use super::{
    notice::Notice,
    settings::{Access, ConnectionOptions},
};
use crate::{
    metrics::WorkerMetrics,
    publish::{Inlet, SharedKeys},
    source::{Head, Intake},
    stream::{SourceNews, Stream},
};

/// True for a request that asks for the stream; any other one on the same listener is for another handler.
pub type IsForStream = fn(&http::Head<'_>) -> bool;

/// The parts of its worker that a connection may touch, and the reactor's view of the connection.
pub(crate) struct Env<'w, 'c> {
    pub(crate) cx: &'w mut Context<'c>,
    pub(crate) access: &'w Access,
    pub(crate) options: &'w ConnectionOptions,
    pub(crate) stream: &'w Stream,
    /// The newest state of the source that has come to this worker.
    pub(crate) source: &'w SourceNews,
    /// Where the source stands.
    pub(crate) intake: &'w Intake,
    pub(crate) ids: &'w mut Ids,
    /// What clients send to all others.
    pub(crate) notices: &'w mut Vec<Notice>,
    pub(crate) metrics: &'w mut WorkerMetrics,
    pub(crate) is_for_stream: IsForStream,
    /// Where lines that clients publish come in; `None` for every source but `http`.
    pub(crate) inlet: Option<&'w mut Inlet>,
    pub(crate) keys: &'w SharedKeys,
}

impl Env<'_, '_> {
    /// The smallest id that the source can give next.
    pub(super) fn head(&self) -> MessageId {
        let Head { epoch, next, .. } = self.intake.head();
        MessageId { epoch, number: next }
    }

    /// Who connected, as the log says it: an address, or `unix`.
    pub(super) fn peer_name(&self) -> String {
        self.cx.peer().map_or_else(|| "unix".to_owned(), |peer| peer.to_string())
    }

    /// Logs that a request is refused with this status, and why.
    pub(super) fn log_refusal(&self, level: Level, head: &http::Head<'_>, status: u16, why: impl Display) {
        let (peer, method, target) = (self.peer_name(), head.method, http::shown_target(head.target));
        log::log!(level, reason = status; "{peer}: {method} {target}: {why}");
    }
}

/// The ids that one worker gives to its connections: every `step`th number, so that no two workers give the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    /// The id of the next connection.
    pub(crate) next: u64,
    /// The number of workers.
    pub(crate) step: u64,
}

impl Ids {
    pub(crate) fn take(&mut self) -> u64 {
        let id = self.next;
        self.next = id.saturating_add(self.step);
        id
    }
}

/// How far a connection came with its input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) progress: Progress,
    pub(crate) next: Next,
}

/// What has to follow, before the handler reads the rest of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Nothing,
    /// The opening handshake is over, and the connection has its place: it gets the stream now.
    Subscribe,
    /// A long poll waits for its answer.
    Poll,
    /// The request behind what was consumed is for another handler.
    PassOn,
}

impl From<Progress> for Received {
    fn from(progress: Progress) -> Self {
        Self { progress, next: Next::Nothing }
    }
}
