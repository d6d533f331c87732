//! The seam under the event loop: every descriptor call and both clocks.
//!
//! Two implementations: [`Kernel`], the operating system through mio, and `simulated`, a network of scripted peers
//! with its own clocks. `mio::Event` cannot be built outside mio, so the seam has its own [`Event`].

mod kernel;
#[cfg(any(test, feature = "simulated"))]
pub mod simulated;

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use super::{Settings, Token, Traffic};

pub use kernel::{Acceptor, Kernel, Socket};

/// What became ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A listener, by its number.
    Listener(usize),
    /// A connection.
    Connection(Token),
    /// Another thread called.
    Waker,
}

/// Readiness, edge-triggered: it is said once, when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What became ready.
    pub source: Source,
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
    /// Who connected.
    pub peer: Option<SocketAddr>,
    /// To which of our addresses.
    pub local: Option<SocketAddr>,
}

/// The operating system, as the reactor needs it. Errors are those of the call of the same name.
#[allow(clippy::missing_errors_doc)]
pub trait System {
    /// A listening socket.
    type Listener;
    /// A connected socket.
    type Stream;
    /// A connected socket on its way to another process.
    type Detached;

    /// The monotonic clock.
    fn now(&self) -> Instant;
    /// The wall clock.
    fn wall(&self) -> SystemTime;
    /// What went through the sockets so far.
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
    /// Waits for events and replaces `events` by them. Being interrupted is no error, and gives none.
    fn poll(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()>;
    /// Limits and timeouts of the sockets that come from now on.
    fn configure(&mut self, settings: &Settings);
    /// Watches a listener.
    fn add_listener(&mut self, listener: &mut Self::Listener, number: usize) -> io::Result<()>;
    /// Watches it no more.
    fn remove_listener(&mut self, listener: &mut Self::Listener) -> io::Result<()>;
    /// Takes the next connection, non-blocking.
    fn accept(&mut self, listener: &mut Self::Listener) -> io::Result<(Self::Stream, Ends)>;
    /// Gives a connection away: it is watched no more, and stays open.
    fn detach(&mut self, stream: Self::Stream) -> io::Result<Self::Detached>;
    /// Takes up a connection that another process gave away; it is not watched yet.
    fn attach(&mut self, detached: Self::Detached) -> io::Result<(Self::Stream, Ends)>;
    /// Watches a connection for what it sends.
    fn add(&mut self, stream: &mut Self::Stream, token: Token) -> io::Result<()>;
    /// From now on, watches it for room to write too.
    fn watch_writable(&mut self, stream: &mut Self::Stream, token: Token) -> io::Result<()>;
    /// Reads what is there, at most `buffer`; 0: the end.
    fn read(&mut self, stream: &mut Self::Stream, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes a few slices in order, as much as fits.
    fn write(&mut self, stream: &mut Self::Stream, bytes: &[&[u8]]) -> io::Result<usize>;
    /// Sends part of a file (`sendfile`).
    fn send_file(
        &mut self,
        stream: &mut Self::Stream,
        file: &File,
        offset: u64,
        len: usize,
    ) -> io::Result<usize>;
    /// Says that nothing more will be sent.
    fn shutdown_write(&mut self, stream: &mut Self::Stream) -> io::Result<()>;
    /// Closes. With `reset`, unsent bytes are thrown away (`SO_LINGER` 0).
    fn close(&mut self, stream: Self::Stream, reset: bool);
}
