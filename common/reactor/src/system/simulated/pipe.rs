//! One connection between a scripted peer and the server, seen from both ends.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use rustix::io::Errno;

use crate::Token;

use super::seed::Seed;

/// Bytes that the kernel of the simulation keeps for a peer that does not read, unless a test says otherwise.
pub(crate) const SEND_BUFFER: usize = 4096;

/// Bytes that it keeps for a server that does not read; what a peer sends beyond them waits at the peer.
const RECEIVE_BUFFER: usize = 64 * 1024;

/// Which poll watches a connection, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    pub(crate) poll: usize,
    pub(crate) token: Token,
    pub(crate) writable: bool,
}

/// Takes at most `most` bytes off the front.
pub(crate) fn take(queue: &mut VecDeque<u8>, most: usize) -> Vec<u8> {
    let count = queue.len().min(most);
    let (first, second) = queue.as_slices();
    let bytes = if count <= first.len() {
        first.get(..count).unwrap_or_default().to_vec()
    } else {
        [first, second.get(..count - first.len()).unwrap_or_default()].concat()
    };
    drop(queue.drain(..count));
    bytes
}

#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) to_server: VecDeque<u8>,
    /// What the peer has not read yet.
    pub(crate) to_peer: VecDeque<u8>,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    /// Bytes that the kernel keeps for the peer.
    send_buffer: usize,
    /// One write in so many is short without a reason that the server can know; 0: none.
    short_writes: u64,
    /// Bytes that the server has written.
    pub(crate) written: u64,
    /// The number of polls at the latest write, and how many bytes were written since that poll: they are on their way, and a reset
    /// may overtake them.
    in_flight: (u64, usize),
    pub(crate) peer_ended: bool,
    pub(crate) peer_reset: bool,
    pub(crate) accepted: bool,
    pub(crate) server_ended: bool,
    pub(crate) server_closed: bool,
    /// The server's close threw away what the peer had not read, or what it had sent.
    pub(crate) server_reset: bool,
    pub(crate) watch: Option<Watch>,
    /// The watching poll has it on its list of events.
    pub(crate) listed: bool,
    /// A write found no room, or a poll: the next room is an event.
    out_of_room: bool,
    /// What the socket's next call says, once.
    error: Option<Errno>,
}

impl Pipe {
    pub(crate) fn new(peer: SocketAddr, local: SocketAddr, send_buffer: usize, short_writes: u64) -> Self {
        Self {
            to_server: VecDeque::new(),
            to_peer: VecDeque::new(),
            peer,
            local,
            send_buffer,
            short_writes,
            written: 0,
            in_flight: (0, 0),
            peer_ended: false,
            peer_reset: false,
            accepted: false,
            server_ended: false,
            server_closed: false,
            server_reset: false,
            watch: None,
            listed: false,
            out_of_room: false,
            error: None,
        }
    }

    /// True while a read would not say `WouldBlock`.
    pub(crate) fn is_readable(&self) -> bool {
        !self.to_server.is_empty() || self.peer_ended || self.peer_reset
    }

    /// True while half of the buffer is free: with less room, the kernel says nothing.
    pub(crate) fn is_writable(&self) -> bool {
        self.to_peer.len() < self.send_buffer / 2 || self.peer_reset
    }

    /// True if the poll reports room. If there is none, the next room is an event.
    pub(crate) fn poll_writable(&mut self) -> bool {
        let writable = self.is_writable();
        self.out_of_room |= !writable;
        writable
    }

    /// The peer has read; true if that is an event.
    pub(crate) fn made_room(&mut self) -> bool {
        let news = self.out_of_room && self.is_writable();
        self.out_of_room &= !news;
        news && self.watch.is_some_and(|watch| watch.writable)
    }

    /// The peer is gone: what it had sent can still be read, then the error shows once.
    pub(crate) fn reset_by_peer(&mut self) {
        self.peer_reset = true;
        self.to_server.truncate(RECEIVE_BUFFER);
        // tcp(7): behind the peer's FIN, a reset is a broken pipe.
        self.error = Some(if self.peer_ended { Errno::PIPE } else { Errno::CONNRESET });
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.to_server.is_empty() {
            return match self.error.take() {
                Some(errno) => Err(errno.into()),
                None if self.peer_ended || self.peer_reset => Ok(0),
                None => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let bytes = take(&mut self.to_server, buffer.len());
        if let Some(read) = buffer.get_mut(..bytes.len()) {
            read.copy_from_slice(&bytes);
        }
        Ok(bytes.len())
    }

    /// Takes as much as there is room for, or less: a write is short when the buffer is full, or when a signal came.
    pub(crate) fn write(&mut self, bytes: &[u8], polls: u64, seed: &mut Seed) -> io::Result<usize> {
        if self.peer_reset || self.server_ended {
            return Err(self.error.take().unwrap_or(Errno::PIPE).into());
        }
        let room = self.send_buffer.saturating_sub(self.to_peer.len());
        if room == 0 {
            self.out_of_room = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let fits = bytes.len().min(room);
        let is_short = fits > 0 && self.short_writes > 0 && seed.once_in(self.short_writes);
        let count = if is_short { seed.index(fits) + 1 } else { fits };
        self.to_peer.extend(bytes.get(..count).unwrap_or_default());
        self.written += count as u64;
        self.in_flight = (polls, self.on_its_way(polls) + count);
        Ok(count)
    }

    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        self.server_ended = true;
        if self.peer_reset { Err(Errno::NOTCONN.into()) } else { Ok(()) }
    }

    /// Bytes that were written since the latest poll.
    fn on_its_way(&self, polls: u64) -> usize {
        if self.in_flight.0 == polls { self.in_flight.1 } else { 0 }
    }

    /// The server has closed its descriptor.
    pub(crate) fn close(&mut self, reset: bool, polls: u64, seed: &mut Seed) {
        (self.watch, self.server_closed) = (None, true);
        // A close with unread input is a reset, too, which overtakes what the server has just written, and nothing that the
        // peer has already: there it stays readable, as on Linux.
        let resets = reset || !self.to_server.is_empty();
        self.server_reset |= resets;
        if resets {
            let all = self.to_peer.len();
            let may_go = if reset { all } else { self.on_its_way(polls).min(all) };
            self.to_peer.truncate(all - may_go + seed.index(may_go + 1));
        }
    }
}
