//! The operating system, through mio.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, event};
use socket2::{Domain, SockRef};

use super::seam::{Ends, Event, System, Target};
use crate::outbox::io_slices;
use crate::{Settings, Token, Traffic};

/// Events that one poll takes from the kernel.
const EVENTS: usize = 256;
/// The waker's place in the number space of the listeners.
const WAKER: Token = Token { index: u32::MAX, generation: Token::RESERVED };

/// A listening socket.
#[derive(Debug)]
pub enum Acceptor {
    /// TCP, version 4 or 6.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

/// A connected socket.
#[derive(Debug)]
pub enum KernelSocket {
    /// TCP, version 4 or 6.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

/// One worker's poll, and what it does to the sockets that it accepts.
pub struct Kernel {
    poll: mio::Poll,
    events: mio::Events,
    waker: Arc<mio::Waker>,
    write_timeout: Duration,
    send_buffer: Option<usize>,
    traffic: Traffic,
}

impl Kernel {
    /// Makes the poll and its waker.
    ///
    /// # Errors
    /// When the kernel has no more descriptors.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), to_mio(WAKER))?);
        let events = mio::Events::with_capacity(EVENTS);
        Ok(Self {
            poll,
            events,
            waker,
            write_timeout: settings.write_timeout,
            send_buffer: settings.send_buffer,
            traffic: Traffic::default(),
        })
    }

    /// Wakes this poll from another thread.
    pub fn waker(&self) -> Arc<mio::Waker> {
        self.waker.clone()
    }

    fn count_written(&mut self, bytes: usize) {
        self.traffic.written = self.traffic.written.wrapping_add(bytes as u64);
    }

    /// Options that only make things better: a socket that refuses one is served all the same.
    fn set_options(&self, stream: &TcpStream) {
        let socket = SockRef::from(stream);
        // A message is one write; waiting to join two of them only makes it late.
        let _ = socket.set_tcp_nodelay(true);
        // A peer that is gone without a word would hold what is unacknowledged for 15 minutes.
        let _ = socket.set_tcp_user_timeout(Some(self.write_timeout));
        if let Some(bytes) = self.send_buffer {
            // One client that never reads otherwise pins up to 3 MB of kernel memory.
            let _ = socket.set_send_buffer_size(bytes);
        }
    }
}

#[allow(clippy::disallowed_methods)] // this is the one place that reads the clocks
impl System for Kernel {
    type Listener = Acceptor;
    type Socket = KernelSocket;
    type Exported = OwnedFd;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }

    fn poll(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        events.extend(self.events.iter().map(from_mio));
        Ok(())
    }

    fn configure(&mut self, settings: &Settings) {
        self.write_timeout = settings.write_timeout;
        self.send_buffer = settings.send_buffer;
    }

    fn add_listener(&mut self, listener: &mut Acceptor, number: usize) -> io::Result<()> {
        let index = u32::try_from(number).map_err(|_| io::ErrorKind::InvalidInput)?;
        let token = to_mio(Token { index, generation: Token::RESERVED });
        self.poll.registry().register(listener.source(), token, Interest::READABLE)
    }

    fn remove_listener(&mut self, listener: &mut Acceptor) -> io::Result<()> {
        self.poll.registry().deregister(listener.source())
    }

    fn accept(&mut self, listener: &mut Acceptor) -> io::Result<(KernelSocket, Ends)> {
        match listener {
            Acceptor::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                self.set_options(&stream);
                // It fails when the peer has reset the connection already; the first read will say so.
                let ends = Ends { peer: Some(peer), local: stream.local_addr().ok() };
                Ok((KernelSocket::Tcp(stream), ends))
            }
            Acceptor::Unix(listener) => Ok((KernelSocket::Unix(listener.accept()?.0), Ends::default())),
        }
    }

    fn export(&mut self, mut socket: KernelSocket) -> io::Result<OwnedFd> {
        self.poll.registry().deregister(socket.source())?;
        Ok(match socket {
            KernelSocket::Tcp(stream) => stream.into(),
            KernelSocket::Unix(stream) => stream.into(),
        })
    }

    fn adopt(&mut self, exported: OwnedFd) -> io::Result<(KernelSocket, Ends)> {
        let socket = SockRef::from(&exported);
        let domain = socket.domain()?;
        socket.set_nonblocking(true)?;
        if domain == Domain::UNIX {
            return Ok((KernelSocket::Unix(UnixStream::from(exported)), Ends::default()));
        }
        let stream = TcpStream::from(exported);
        self.set_options(&stream);
        // A peer that is gone meanwhile has no address any more; the first read will say so.
        let ends = Ends { peer: stream.peer_addr().ok(), local: stream.local_addr().ok() };
        Ok((KernelSocket::Tcp(stream), ends))
    }

    fn add(&mut self, socket: &mut KernelSocket, token: Token) -> io::Result<()> {
        self.poll.registry().register(socket.source(), to_mio(token), Interest::READABLE)
    }

    fn watch_writable(&mut self, socket: &mut KernelSocket, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().reregister(socket.source(), to_mio(token), both)
    }

    fn read(&mut self, socket: &mut KernelSocket, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match socket {
            KernelSocket::Tcp(stream) => stream.read(buffer),
            KernelSocket::Unix(stream) => stream.read(buffer),
        }?;
        self.traffic.read = self.traffic.read.wrapping_add(read as u64);
        Ok(read)
    }

    fn write(&mut self, socket: &mut KernelSocket, bytes: &[&[u8]]) -> io::Result<usize> {
        let written = match (socket, bytes) {
            (KernelSocket::Tcp(stream), [bytes]) => stream.write(bytes),
            (KernelSocket::Unix(stream), [bytes]) => stream.write(bytes),
            (KernelSocket::Tcp(stream), _) => {
                stream.write_vectored(io_slices(bytes).get(..bytes.len()).unwrap_or_default())
            }
            (KernelSocket::Unix(stream), _) => {
                stream.write_vectored(io_slices(bytes).get(..bytes.len()).unwrap_or_default())
            }
        }?;
        self.count_written(written);
        Ok(written)
    }

    fn send_file(
        &mut self,
        socket: &mut KernelSocket,
        file: &File,
        mut offset: u64,
        len: usize,
    ) -> io::Result<usize> {
        let written = rustix::fs::sendfile(socket.as_fd(), file, Some(&mut offset), len)?;
        self.count_written(written);
        Ok(written)
    }

    fn shutdown_write(&mut self, socket: &mut KernelSocket) -> io::Result<()> {
        match socket {
            KernelSocket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            KernelSocket::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    fn close(&mut self, socket: KernelSocket, reset: bool) {
        if reset {
            let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        }
    }
}

impl Acceptor {
    fn source(&mut self) -> &mut dyn event::Source {
        match self {
            Self::Tcp(listener) => listener,
            Self::Unix(listener) => listener,
        }
    }
}

impl KernelSocket {
    fn source(&mut self) -> &mut dyn event::Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }
}

impl AsFd for KernelSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

/// A token in the 64 bits that the kernel keeps for us.
fn to_mio(token: Token) -> mio::Token {
    mio::Token((token.generation as usize) << 32 | token.index as usize)
}

#[allow(clippy::cast_possible_truncation)] // the two halves of 64 bits
fn from_mio(event: &event::Event) -> Event {
    let mio::Token(bits) = event.token();
    let token = Token { index: bits as u32, generation: (bits >> 32) as u32 };
    let target = match token {
        WAKER => Target::Waker,
        Token { generation: Token::RESERVED, index } => Target::Listener(index as usize),
        token => Target::Connection(token),
    };
    Event {
        target,
        readable: event.is_readable(),
        writable: event.is_writable(),
        read_closed: event.is_read_closed(),
        hung_up: event.is_error() || event.is_write_closed(),
    }
}
