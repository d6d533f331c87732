//! The operating system: mio's poll, and sockets of any family.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd as _, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, event};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{DupFlags, Errno, dup3, fcntl_dupfd_cloexec};
use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags, acceptfrom_with, recv, send, sendmsg,
};
use socket2::{SockRef, Socket, TcpKeepalive};

use super::seam::{Event, Polled, System, Target};
use crate::settings::TURN_BUDGET;
use crate::{Arriving, Pages, Settings, Token, Traffic};

/// Events that one poll takes from the kernel.
const EVENTS: usize = 256;
/// Keepalive probes before the kernel gives a peer up.
const PROBES: u32 = 3;
/// Bytes of an answer that wait in the kernel before the peer has room for them (`TCP_NOTSENT_LOWAT`, tcp(7)).
const MAX_UNSENT: u32 = 128 * 1024;
/// More than any kernel lets a socket buffer, in bytes.
const MAX_SEND_BUFFER: usize = 1 << 30;
/// Bytes of a segment on nearly all networks: no send buffer makes them shorter.
const ETHERNET_SEGMENT: u32 = 1_460;
/// The greatest segment that Linux lets one ask for (`MAX_TCP_WINDOW`), in bytes.
const MAX_SEGMENT: u32 = 32_767;
/// Time between two probes of a peer that has half-closed.
const HALF_CLOSED_PROBE: Duration = Duration::from_secs(2);
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
/// The waker's place in the number space of the listeners.
const WAKER: Token = Token { index: u32::MAX, generation: Token::RESERVED };

/// A listening socket, TCP or Unix, non-blocking, for one worker.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    /// Connections may wait that came before it had the options of now, and so have not inherited them.
    has_earlier: Cell<bool>,
    /// It has a size for send buffers, which it cannot give back to the kernel.
    has_size: Cell<bool>,
}

impl Listener {
    fn new(socket: OwnedFd) -> Self {
        Self { socket, has_earlier: Cell::new(true), has_size: Cell::new(false) }
    }
}

impl From<mio::net::TcpListener> for Listener {
    fn from(listener: mio::net::TcpListener) -> Self {
        Self::new(listener.into())
    }
}

impl From<mio::net::UnixListener> for Listener {
    fn from(listener: mio::net::UnixListener) -> Self {
        Self::new(listener.into())
    }
}

/// Descriptors that a worker keeps for newcomers that come when the process or the machine has none left.
const SPARES: usize = 4;

/// Descriptors that can be given up, and taken back when a connection ends.
struct Spares {
    /// What the spare ones are copies of.
    original: OwnedFd,
    copies: Vec<OwnedFd>,
}

impl Spares {
    fn new() -> io::Result<Self> {
        let original = eventfd(0, EventfdFlags::CLOEXEC)?;
        let mut spares = Self { original, copies: Vec::new() };
        spares.refill();
        Ok(spares)
    }

    /// Makes as many copies as there should be, if there are descriptors for them.
    fn refill(&mut self) {
        while self.copies.len() < SPARES {
            let Ok(copy) = fcntl_dupfd_cloexec(&self.original, 0) else { break };
            self.copies.push(copy);
        }
    }

    /// Closes a connection. If a copy is missing, one takes its descriptor in the same moment: no other thread can have it.
    fn close(&mut self, socket: Socket) {
        let mut descriptor = OwnedFd::from(socket);
        if self.copies.len() < SPARES && dup3(&self.original, &mut descriptor, DupFlags::CLOEXEC).is_ok() {
            self.copies.push(descriptor);
        }
    }
}

/// One worker's poll, and what it does to the sockets that it accepts.
pub(crate) struct Kernel {
    poll: mio::Poll,
    events: mio::Events,
    waker: Arc<mio::Waker>,
    settings: Settings,
    traffic: Traffic,
    spares: Option<Spares>,
    /// A part of a file on its way to a socket; empty until a file is sent.
    copied: Vec<u8>,
}

impl Kernel {
    /// Fails when the kernel has no more descriptors.
    pub(crate) fn new(settings: &Settings) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), to_mio(WAKER))?);
        let events = mio::Events::with_capacity(EVENTS);
        let spares = if settings.keeps_spares { Some(Spares::new()?) } else { None };
        Ok(Self {
            poll,
            events,
            waker,
            settings: settings.clone(),
            traffic: Traffic::default(),
            spares,
            copied: Vec::new(),
        })
    }

    /// The poll, which watches what was exported for as long as any process has it.
    pub(crate) fn into_watches(self) -> io::Result<OwnedFd> {
        self.poll.registry().as_fd().try_clone_to_owned()
    }

    pub(crate) fn waker(&self) -> Arc<mio::Waker> {
        self.waker.clone()
    }

    /// Writes a copy of at most `len` bytes, and of no more than a turn has: `read` puts them into a buffer, and says how many.
    fn write_copy(
        &mut self,
        mut socket: &Socket,
        len: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.copied.resize(TURN_BUDGET, 0);
        let copied = self.copied.get_mut(..len.min(TURN_BUDGET)).unwrap_or_default();
        let read = read(copied)?;
        if read == 0 {
            return Ok(0);
        }
        let written = socket.write(copied.get(..read).unwrap_or_default())?;
        self.count_written(written);
        Ok(written)
    }

    fn count_written(&mut self, bytes: usize) {
        self.traffic.written = self.traffic.written.wrapping_add(bytes as u64);
    }

    /// Sets the options of a connection, or of a listener whose connections inherit them. They only make things better: a socket
    /// that refuses one is served all the same, and a Unix socket has most of them not.
    fn set_options(&self, socket: &Socket) {
        // A message is one write; waiting to join two of them only makes it late.
        let _ = socket.set_tcp_nodelay(true);
        // The kernel's buffer grows to megabytes, and counts as writable only once a third of it is free: a peer that reads
        // slowly but all the time would seem to take nothing until the write timeout.
        let _ = socket.set_tcp_notsent_lowat(MAX_UNSENT);
        if let Some(bytes) = self.settings.send_buffer {
            // One client that never reads otherwise pins up to 3 MB of kernel memory.
            let _ = socket.set_send_buffer_size(bytes);
            let _ = socket.set_tcp_mss(segment_for(bytes));
        }
        self.set_keepalive(socket);
    }

    /// Makes the kernel notice a peer that is gone without a word, also where nothing is sent to it.
    fn set_keepalive(&self, socket: &Socket) {
        let Settings { write_timeout, probe_after, probe_timeout, .. } = self.settings;
        let keepalive = TcpKeepalive::new()
            .with_time(whole_seconds(probe_after))
            .with_interval(whole_seconds(probe_timeout / PROBES))
            .with_retries(PROBES);
        let _ = socket.set_tcp_keepalive(&keepalive);
        // It ends a connection whose peer acknowledges neither data nor probes for so long. It also ends one that takes
        // nothing but answers, which is for the write timeout to judge.
        let silence = probe_after.saturating_add(probe_timeout).max(write_timeout);
        let _ = socket.set_tcp_user_timeout(Some(silence));
    }
}

#[allow(clippy::disallowed_methods)] // this is the one place that reads the clocks
impl System for Kernel {
    type Listener = Listener;
    type Socket = Socket;
    type Exported = OwnedFd;
    type Parts = Box<dyn Iterator<Item = Vec<Arriving<OwnedFd>>> + Send>;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }

    fn poll(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<Polled> {
        events.clear();
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Polled::Interrupted),
            polled => polled?,
        }
        events.extend(self.events.iter().map(from_mio));
        Ok(if events.len() < EVENTS { Polled::All } else { Polled::Part })
    }

    /// An epoll counts in milliseconds, of which mio takes the next whole one: each date would be half of one late; ppoll(2)
    /// counts in nanoseconds.
    fn sleep(&self, time: Duration) -> bool {
        let Ok(timeout) = time.try_into() else { return false };
        // It shows nothing: an error, as when a signal comes, is the next poll's.
        let _ = poll(&mut [PollFd::new(self.poll.registry(), PollFlags::IN)], Some(&timeout));
        true
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn configure(&mut self, settings: &Settings) {
        self.settings = settings.clone();
    }

    fn add_listener(&mut self, listener: &Listener, number: usize) -> io::Result<()> {
        let index = u32::try_from(number).map_err(|_| io::ErrorKind::InvalidInput)?;
        let token = to_mio(Token { index, generation: Token::RESERVED });
        SourceFd(&listener.socket.as_raw_fd()).register(self.poll.registry(), token, Interest::READABLE)?;
        self.configure_listener(listener);
        Ok(())
    }

    fn configure_listener(&mut self, listener: &Listener) {
        let socket = SockRef::from(&listener.socket);
        self.set_options(&socket);
        match self.settings.send_buffer {
            Some(_) => listener.has_size.set(true),
            // As near to "no size" as it gets: the kernel makes it the largest that it allows.
            None if listener.has_size.get() => {
                _ = socket.set_send_buffer_size(MAX_SEND_BUFFER);
                _ = socket.set_tcp_mss(0); // that of the path again
            }
            None => {}
        }
        listener.has_earlier.set(true);
    }

    fn remove_listener(&mut self, listener: &Listener) -> io::Result<()> {
        SourceFd(&listener.socket.as_raw_fd()).deregister(self.poll.registry())
    }

    fn has_newcomer(&self, listener: &Listener) -> bool {
        // accept(2) makes a socket and a file before it looks. An error here is for it to tell.
        let waits =
            poll(&mut [PollFd::new(&listener.socket, PollFlags::IN)], Some(&Timespec::default())) != Ok(0);
        if !waits {
            listener.has_earlier.set(false);
        }
        waits
    }

    fn accept(&mut self, listener: &Listener) -> io::Result<(Socket, Option<SocketAddr>)> {
        let accept = || acceptfrom_with(&listener.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC);
        let mut accepted = accept();
        if let (Err(Errno::MFILE | Errno::NFILE), Some(spares)) = (&accepted, &mut self.spares) {
            spares.copies.pop(); // the newcomer has its descriptor
            accepted = accept();
            spares.refill(); // unless there was none, after all
        }
        if matches!(accepted, Err(Errno::AGAIN)) {
            listener.has_earlier.set(false); // whoever comes from now on inherits
        }
        let (socket, peer) = accepted?;
        let (socket, peer) = (Socket::from(socket), peer.and_then(|peer| peer.try_into().ok()));
        if listener.has_earlier.get() && peer.is_some() {
            self.set_options(&socket);
        }
        Ok((socket, peer))
    }

    fn local(&self, socket: &Socket) -> Option<SocketAddr> {
        socket.local_addr().ok()?.as_socket()
    }

    fn cookie(&self, socket: &Socket) -> Option<u64> {
        socket.cookie().ok()
    }

    /// The poll watches it for as long as it exists, which is not much longer: to end each watch by a call of its own would keep all
    /// clients waiting.
    fn export(&mut self, socket: Socket) -> io::Result<OwnedFd> {
        Ok(socket.into())
    }

    fn adopt(
        &mut self,
        exported: OwnedFd,
        peer: Option<SocketAddr>,
    ) -> io::Result<(Socket, Option<SocketAddr>)> {
        let socket = Socket::from(exported);
        socket.set_nonblocking(true)?;
        let ask = || socket.peer_addr().ok().and_then(|peer| peer.as_socket());
        let peer = peer.or_else(ask);
        Ok((socket, peer))
    }

    fn configure_adopted(&mut self, socket: &Socket) {
        self.set_options(socket);
    }

    fn add(&mut self, socket: &Socket, token: Token, writable: bool) -> io::Result<()> {
        let interest = if writable { BOTH } else { Interest::READABLE };
        SourceFd(&socket.as_raw_fd()).register(self.poll.registry(), to_mio(token), interest)
    }

    fn watch_writable(&mut self, socket: &Socket, token: Token) -> io::Result<()> {
        SourceFd(&socket.as_raw_fd()).reregister(self.poll.registry(), to_mio(token), BOTH)
    }

    fn read(&mut self, socket: &Socket, buffer: &mut [u8]) -> io::Result<usize> {
        // Without libc, as a write.
        let (read, _) = recv(socket, buffer, RecvFlags::empty())?;
        self.traffic.read = self.traffic.read.wrapping_add(read as u64);
        Ok(read)
    }

    fn write(&mut self, socket: &Socket, bytes: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        let flags = if more { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL };
        let written = match bytes {
            // Without libc, in which each call is a point where a thread may be cancelled: a fifth of what a message costs in user space.
            [bytes] => send(socket, bytes, flags)?,
            _ => sendmsg(socket, bytes, &mut SendAncillaryBuffer::default(), flags)?,
        };
        self.count_written(written);
        Ok(written)
    }

    /// By a copy. sendfile(2) sends the file's own pages: "callers must ensure the transferred portions of the file referred to
    /// by `in_fd` remain unmodified until the reader on the other end of `out_fd` has consumed the transferred data". Where a
    /// file is truncated meanwhile, the client would get zeros for what was on its way already, in a body that looks whole.
    fn send_file(&mut self, socket: &Socket, file: &File, offset: u64, len: usize) -> io::Result<usize> {
        self.write_copy(socket, len, |copied| {
            let read = file.read_at(copied, offset)?;
            // A truncation shortens the file before it clears the rest of the last page: what was read beyond the length may be zeros.
            let left = file.metadata()?.len().saturating_sub(offset);
            Ok(read.min(usize::try_from(left).unwrap_or(usize::MAX)))
        })
    }

    fn send_pages(&mut self, socket: &Socket, pages: &Pages, offset: u64, len: usize) -> io::Result<usize> {
        match pages.send(socket, offset, len) {
            Err(error) if is_refusal(&error) => {
                let left = usize::try_from(pages.len().saturating_sub(offset)).unwrap_or(usize::MAX);
                self.write_copy(socket, len.min(left), |copied| {
                    pages.read(offset, copied)?;
                    Ok(copied.len())
                })
            }
            sent => {
                let sent = sent?;
                self.count_written(sent);
                Ok(sent)
            }
        }
    }

    fn probe(&mut self, socket: &Socket) {
        let soon = TcpKeepalive::new().with_time(HALF_CLOSED_PROBE).with_interval(HALF_CLOSED_PROBE);
        let _ = socket.set_tcp_keepalive(&soon);
    }

    fn shutdown_write(&mut self, socket: &Socket) -> io::Result<()> {
        socket.shutdown(Shutdown::Write)
    }

    fn close(&mut self, socket: Socket, reset: bool) {
        if reset {
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
        if let Some(spares) = &mut self.spares {
            spares.close(socket);
        }
    }
}

/// The longest segment, in bytes, for connections with a send buffer of so many: two fit into what the kernel makes of that, which is
/// twice as much. A peer acknowledges at once what is longer than one of them (RFC 9293 §3.8.6.3: "an ACK SHOULD be generated for at
/// least every second full-sized segment"), and else after some 40 ms; on one machine segments are 64 KiB long, and a proxy there would
/// get 2 MB a second. No shorter than that: each segment costs.
fn segment_for(send_buffer: usize) -> u32 {
    u32::try_from(send_buffer).unwrap_or(u32::MAX).clamp(ETHERNET_SEGMENT, MAX_SEGMENT)
}

/// True if a filter of system calls, or what stands in for the kernel, does not let us call sendfile(2): that says nothing about the
/// connection.
fn is_refusal(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::PERM | Errno::ACCESS | Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP))
}

/// The kernel counts keepalive in whole seconds, from 1 to 32767.
fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_millis().div_ceil(1000).clamp(1, 32_767).try_into().unwrap_or(32_767))
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

#[cfg(test)]
mod tests;
