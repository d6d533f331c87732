//! The seam itself: what the reactor asks of an operating system, and the events that it gets.

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use rustix::io::Errno;

use crate::{Arriving, Pages, Settings, Token, Traffic};

#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// A listener, by its number.
    Listener(usize),
    Connection(Token),
    /// Another thread woke the poll.
    Waker,
}

/// Readiness, edge-triggered: the poll reports it once, when it begins.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    pub(crate) target: Target,
    /// There is something to read, or the end of the stream.
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer finished sending: read until 0.
    pub(crate) read_closed: bool,
    /// Both directions are over (reset, or closed by the peer).
    pub(crate) hung_up: bool,
}

/// What the poll reports of a connection; never less than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// Nothing: until the end of the first turn that leaves it nothing to do.
    No,
    /// Something to read.
    Readable,
    /// Room to write, too: from the first `WouldBlock` on.
    Both,
}

/// How much of what had happened by its beginning a poll has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    /// All of it.
    All,
    /// As many events as one poll takes; more may wait.
    Part,
    /// Nothing: a signal came first. So it is when the process was stopped (`SIGSTOP`) and goes on.
    Interrupted,
}

/// True if the kernel was out of memory for this call: another try, a little later, may succeed.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    [Errno::NOBUFS, Errno::NOMEM].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// True if the kernel can watch no connection more for now: it is out of memory, or of what it gives one user
/// (`fs.epoll.max_user_watches`).
pub(crate) fn is_shortage_of_watches(error: &io::Error) -> bool {
    is_shortage(error) || error.raw_os_error() == Some(Errno::NOSPC.raw_os_error())
}

/// The operating system, as the reactor needs it. No call blocks but `poll`.
pub(crate) trait System {
    type Listener;
    type Socket;
    /// A connected socket on its way to another process.
    type Exported;
    /// How connections that another process exported come, part by part.
    type Parts: Iterator<Item = Vec<Arriving<Self::Exported>>>;

    fn now(&self) -> Instant;
    fn wall(&self) -> SystemTime;
    /// Bytes through the sockets since the worker started.
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
    /// Waits for events and replaces `events` by them. An interruption is no error, and gives none.
    fn poll(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<Polled>;
    /// Sleeps until there is an event for [`Self::poll`], or for so long to the microsecond, where a poll may count in milliseconds;
    /// false if it cannot.
    fn sleep(&self, _: Duration) -> bool {
        false
    }
    /// Waits so long without an event, where no poll can.
    fn pause(&mut self, time: Duration);
    /// Sets the limits and timeouts of the sockets that come from now on; of those that a listener accepts,
    /// [`Self::configure_listener`] sets the rest.
    fn configure(&mut self, settings: &Settings);
    /// Sets what the sockets that this listener accepts inherit from it.
    fn configure_listener(&mut self, listener: &Self::Listener);
    fn add_listener(&mut self, listener: &Self::Listener, number: usize) -> io::Result<()>;
    fn remove_listener(&mut self, listener: &Self::Listener) -> io::Result<()>;
    /// True if a newcomer waits: it costs less to ask than to accept nobody.
    fn has_newcomer(&self, listener: &Self::Listener) -> bool;
    /// Takes the next newcomer, with its peer's address; `None` for a Unix socket.
    fn accept(&mut self, listener: &Self::Listener) -> io::Result<(Self::Socket, Option<SocketAddr>)>;
    /// The address of ours to which the peer connected; `None` for a Unix socket, and where the peer is gone.
    fn local(&self, socket: &Self::Socket) -> Option<SocketAddr>;
    /// The number by which the system knows this socket in every process (`SO_COOKIE`, socket(7)); `None` where it tells none.
    fn cookie(&self, socket: &Self::Socket) -> Option<u64>;
    /// Leaves a connection open, for another process. The poll may go on to show what happens to it.
    fn export(&mut self, socket: Self::Socket) -> io::Result<Self::Exported>;
    /// Takes a connection that another process exported, as [`Self::accept`] takes a newcomer; [`Self::add`] watches it. Asks for its
    /// peer where that is not known.
    fn adopt(
        &mut self,
        exported: Self::Exported,
        peer: Option<SocketAddr>,
    ) -> io::Result<(Self::Socket, Option<SocketAddr>)>;
    /// Sets the options of an adopted TCP connection, which has those of the process before.
    fn configure_adopted(&mut self, socket: &Self::Socket);
    /// Watches a connection: reports from now on when there is something to read, beginning with what is there, and with `writable`
    /// when there is room to write, too.
    fn add(&mut self, socket: &Self::Socket, token: Token, writable: bool) -> io::Result<()>;
    /// Reports from now on when there is room to write, too, at a connection that is watched.
    fn watch_writable(&mut self, socket: &Self::Socket, token: Token) -> io::Result<()>;
    /// Reads what is there, at most `buffer`; 0: the end.
    fn read(&mut self, socket: &Self::Socket, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes a few slices in order, as much as fits. `more`: a file follows, whose bytes may leave in one packet with these.
    fn write(&mut self, socket: &Self::Socket, bytes: &[IoSlice<'_>], more: bool) -> io::Result<usize>;
    /// Sends part of a file; 0 if the file is not that long. What was sent stays as it was when the file changes.
    fn send_file(&mut self, socket: &Self::Socket, file: &File, offset: u64, len: usize)
    -> io::Result<usize>;
    /// Sends part of a copy.
    fn send_pages(
        &mut self,
        socket: &Self::Socket,
        pages: &Pages,
        offset: u64,
        len: usize,
    ) -> io::Result<usize>;
    /// The peer has half-closed: asks its kernel every few seconds from now on whether anybody still reads there.
    fn probe(&mut self, socket: &Self::Socket);
    fn shutdown_write(&mut self, socket: &Self::Socket) -> io::Result<()>;
    /// With `reset`, the kernel throws unsent bytes away (`SO_LINGER` 0).
    fn close(&mut self, socket: Self::Socket, reset: bool);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_want_of_memory_is_a_shortage() {
        for errno in (1..=133).map(Errno::from_raw_os_error) {
            let is_memory = errno == Errno::NOMEM || errno == Errno::NOBUFS;
            assert_eq!(is_shortage(&errno.into()), is_memory, "{errno:?}");
            let is_watches = is_memory || errno == Errno::NOSPC;
            assert_eq!(is_shortage_of_watches(&errno.into()), is_watches, "{errno:?}");
        }
    }
}
