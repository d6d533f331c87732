//! A live connection between two processes: what the one writes down of it and the other adopts.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// What a handler writes down of a connection that outlives its process.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// The handler's own state, for `Handler::adopt` of the next process.
    pub state: Vec<u8>,
    /// What ends the peer's dialect politely, for a process that cannot read the state.
    pub closing_bytes: Vec<u8>,
    /// The next process adopts the connections with the smallest numbers first. Their order is all that it gets of them.
    pub turn: u32,
}

/// A connection without a process: its descriptor, and everything that the next process has to know of it.
///
/// Its deadlines stand still until it is adopted, as no process reads what its peer sends. What counts the peer's own time, like its
/// age, goes on from `written_at`.
pub struct ExportedConnection<D> {
    /// The socket in the system's own form (`OwnedFd` for the kernel).
    pub descriptor: D,
    /// The number by which the system knows the socket in every process, if it was asked (`SO_COOKIE`, socket(7)).
    pub cookie: Option<u64>,
    /// Bytes that were queued and not sent. They may begin in the middle of a message: they go first.
    pub queued: Vec<u8>,
    /// Bytes that arrived and that the handler did not consume: the connection's tail.
    pub unconsumed: Vec<u8>,
    /// Time left until the connection's deadline when it was exported.
    pub deadline: Duration,
    /// Time left to the first queued segment when it was exported; `None` if nothing was queued for a full socket.
    pub stalled: Option<Duration>,
    /// The address that the limit per address counts, where the connection has one.
    pub counted: Option<IpAddr>,
    /// What `Handler::export` returned.
    pub exported: Exported,
    /// When that was: the next process may begin much later.
    pub written_at: Instant,
    /// The peer's address; `None` for a Unix socket, and where the process before did not write it down: the kernel is asked then.
    pub peer: Option<SocketAddr>,
}

/// A connection of another process; without its descriptor if that was lost on the way.
pub type Arriving<D> = ExportedConnection<Option<D>>;

/// Shows lengths alone: half a request may hold what its client keeps secret.
impl fmt::Debug for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Exported");
        shown.field("state", &self.state.len()).field("closing_bytes", &self.closing_bytes.len());
        shown.field("turn", &self.turn).finish()
    }
}

/// Shows lengths in the place of bytes.
impl<D: fmt::Debug> fmt::Debug for ExportedConnection<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportedConnection")
            .field("descriptor", &self.descriptor)
            .field("cookie", &self.cookie)
            .field("queued", &self.queued.len())
            .field("unconsumed", &self.unconsumed.len())
            .field("deadline", &self.deadline)
            .field("stalled", &self.stalled)
            .field("counted", &self.counted)
            .field("exported", &self.exported)
            .field("written_at", &self.written_at)
            .field("peer", &self.peer)
            .finish()
    }
}

impl<D> Arriving<D> {
    /// The connection, unless its descriptor was lost.
    pub fn returned(mut self) -> Option<ExportedConnection<D>> {
        let descriptor = self.descriptor.take()?;
        Some(self.map_descriptor(|_| descriptor))
    }
}

impl<D> ExportedConnection<D> {
    /// The same connection with its descriptor in another form.
    pub fn map_descriptor<E>(self, to: impl FnOnce(D) -> E) -> ExportedConnection<E> {
        let Self {
            descriptor,
            cookie,
            queued,
            unconsumed,
            deadline,
            stalled,
            counted,
            exported,
            written_at,
            peer,
        } = self;
        ExportedConnection {
            descriptor: to(descriptor),
            cookie,
            queued,
            unconsumed,
            deadline,
            stalled,
            counted,
            exported,
            written_at,
            peer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
    fn debug_shows_no_bytes_of_a_connection() {
        let secret = || b"SECRET".to_vec();
        let exported = Exported { state: secret(), closing_bytes: secret(), turn: 0 };
        let connection = ExportedConnection {
            descriptor: (),
            cookie: None,
            queued: secret(),
            unconsumed: secret(),
            deadline: Duration::ZERO,
            stalled: None,
            counted: None,
            exported,
            written_at: Instant::now(),
            peer: None,
        };
        let shown = format!("{connection:?}");
        assert!(shown.contains("unconsumed: 6") && !shown.contains("83, 69"), "{shown}");
    }
}
