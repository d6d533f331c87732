//! The seam itself: what the reactor asks of an operating system, and the events that it gets.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use crate::{Settings, Token, Traffic};

/// What became ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A listener, by its number.
    Listener(usize),
    /// A connection.
    Connection(Token),
    /// Another thread woke the poll.
    Waker,
}

/// Readiness, edge-triggered: the poll reports it once, when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What became ready.
    pub target: Target,
    /// There is something to read, or the end of the stream.
    pub readable: bool,
    /// There is room to write.
    pub writable: bool,
    /// The peer finished sending: read until 0.
    pub read_closed: bool,
    /// Both directions are over (reset, or closed by the peer).
    pub hung_up: bool,
}

/// The two ends of an accepted connection; `None` for a Unix socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// The peer's address.
    pub peer: Option<SocketAddr>,
    /// The address of ours to which it connected.
    pub local: Option<SocketAddr>,
}

/// The operating system, as the reactor needs it. Errors are those of the call of the same name.
#[allow(clippy::missing_errors_doc)]
pub trait System {
    /// A listening socket.
    type Listener;
    /// A connected socket.
    type Socket;
    /// A connected socket on its way to another process.
    type Exported;

    /// The monotonic clock.
    fn now(&self) -> Instant;
    /// The wall clock.
    fn wall(&self) -> SystemTime;
    /// Bytes through the sockets so far.
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
    /// Waits for events and replaces `events` by them. An interruption is no error, and gives none.
    fn poll(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()>;
    /// Limits and timeouts of the sockets that come from now on.
    fn configure(&mut self, settings: &Settings);
    /// Watches a listener.
    fn add_listener(&mut self, listener: &mut Self::Listener, number: usize) -> io::Result<()>;
    /// Stops watching it.
    fn remove_listener(&mut self, listener: &mut Self::Listener) -> io::Result<()>;
    /// Takes the next connection, non-blocking.
    fn accept(&mut self, listener: &mut Self::Listener) -> io::Result<(Self::Socket, Ends)>;
    /// Stops watching a connection and leaves it open, for another process.
    fn export(&mut self, socket: Self::Socket) -> io::Result<Self::Exported>;
    /// Takes a connection that another process exported; [`Self::add`] watches it.
    fn adopt(&mut self, exported: Self::Exported) -> io::Result<(Self::Socket, Ends)>;
    /// Watches a connection for what it sends.
    fn add(&mut self, socket: &mut Self::Socket, token: Token) -> io::Result<()>;
    /// From now on, watches it for room to write too.
    fn watch_writable(&mut self, socket: &mut Self::Socket, token: Token) -> io::Result<()>;
    /// Reads what is there, at most `buffer`; 0: the end.
    fn read(&mut self, socket: &mut Self::Socket, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes a few slices in order, as much as fits.
    fn write(&mut self, socket: &mut Self::Socket, bytes: &[&[u8]]) -> io::Result<usize>;
    /// Sends part of a file (`sendfile`).
    fn send_file(
        &mut self,
        socket: &mut Self::Socket,
        file: &File,
        offset: u64,
        len: usize,
    ) -> io::Result<usize>;
    /// Says that nothing more will be sent.
    fn shutdown_write(&mut self, socket: &mut Self::Socket) -> io::Result<()>;
    /// Closes. With `reset`, the kernel throws unsent bytes away (`SO_LINGER` 0).
    fn close(&mut self, socket: Self::Socket, reset: bool);
}
