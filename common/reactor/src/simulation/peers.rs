//! What the scripted peers do, and what they see.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{LISTENERS, Simulation};
use crate::Handler;
use crate::system::simulated::{Pipe, take};

impl<H: Handler> Simulation<H> {
    /// A new peer connects, from 127.0.0.1; the answer is its number.
    pub fn connect(&mut self) -> usize {
        self.connect_from(Ipv4Addr::LOCALHOST)
    }

    /// A new peer connects from this address; the answer is its number.
    pub fn connect_from(&mut self, address: impl Into<IpAddr>) -> usize {
        self.connect_to(0, address)
    }

    /// A new peer connects to this listener from this address; the kernel chooses the worker. The answer is its number.
    pub fn connect_to(&mut self, listener: usize, address: impl Into<IpAddr>) -> usize {
        let sockets = self.world.borrow().queues.len() / LISTENERS;
        let socket = if sockets > 1 { self.world.borrow_mut().seed.index(sockets) } else { 0 };
        self.arrive(socket, listener, address.into())
    }

    /// A new peer connects from 127.0.0.1 to a socket that this worker has; the answer is its number.
    pub fn connect_at(&mut self, worker: usize) -> usize {
        let sockets = self.world.borrow().queues.len() / LISTENERS;
        self.arrive(worker % sockets, 0, Ipv4Addr::LOCALHOST.into())
    }

    fn arrive(&mut self, socket: usize, listener: usize, address: IpAddr) -> usize {
        let world = &mut *self.world.borrow_mut();
        let listener = listener % LISTENERS;
        let port = u16::try_from(world.pipes.len() % 50_000).unwrap_or(0) + 1024;
        let ours: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let local = SocketAddr::new(ours, 80 + u16::try_from(listener).unwrap_or(0));
        let queue = socket * LISTENERS + listener;
        let pipe = Pipe::new(SocketAddr::new(address, port), local, world.send_buffer, world.short_writes);
        world.arrive(queue, pipe)
    }

    /// How many peers have connected so far.
    pub fn peers(&self) -> usize {
        self.world.borrow().pipes.len()
    }

    fn pipe<T>(&self, peer: usize, f: impl FnOnce(&mut Pipe) -> T) -> Option<T> {
        self.world.borrow_mut().pipes.get_mut(peer).map(f)
    }

    /// Something of this peer has arrived.
    fn arrived(&self, peer: usize, f: impl FnOnce(&mut Pipe)) {
        if self.pipe(peer, f).is_some() {
            self.world.borrow_mut().list(peer);
        }
    }

    /// The peer sends `bytes`, which arrive at once; to send a part later is the caller's part.
    pub fn send(&mut self, peer: usize, bytes: &[u8]) {
        self.arrived(peer, |pipe| {
            if !pipe.peer_ended && !pipe.peer_reset && !pipe.server_closed {
                pipe.to_server.extend(bytes);
            }
        });
    }

    /// The peer shuts its writing side down (a half-close).
    pub fn end(&mut self, peer: usize) {
        self.arrived(peer, |pipe| pipe.peer_ended = true);
    }

    /// The peer resets the connection: behind what it has sent, the server's reads and writes of it fail.
    pub fn reset(&mut self, peer: usize) {
        self.arrived(peer, Pipe::reset_by_peer);
    }

    /// The peer reads at most `most` bytes; the answer is what it read.
    pub fn read(&mut self, peer: usize, most: usize) -> Vec<u8> {
        let read = self.pipe(peer, |pipe| {
            let bytes = take(&mut pipe.to_peer, most);
            (bytes, pipe.made_room())
        });
        let (bytes, news) = read.unwrap_or_default();
        if news {
            self.world.borrow_mut().list(peer);
        }
        bytes
    }

    /// Bytes that wait for the peer to read them.
    pub fn unread(&self, peer: usize) -> usize {
        self.pipe(peer, |pipe| pipe.to_peer.len()).unwrap_or(0)
    }

    /// Bytes that the peer has sent and the server has not read.
    pub fn untaken(&self, peer: usize) -> usize {
        self.pipe(peer, |pipe| pipe.to_server.len()).unwrap_or(0)
    }

    /// True once a worker has taken the peer off the queue of newcomers.
    pub fn is_accepted(&self, peer: usize) -> bool {
        self.pipe(peer, |pipe| pipe.accepted).unwrap_or(false)
    }

    /// True when the peer would see the end of the stream behind what it reads.
    pub fn is_ended(&self, peer: usize) -> bool {
        self.pipe(peer, |pipe| pipe.server_ended || pipe.server_closed).unwrap_or(true)
    }

    /// True when the server has no descriptor for this peer any more.
    pub fn is_closed(&self, peer: usize) -> bool {
        self.pipe(peer, |pipe| pipe.server_closed).unwrap_or(true)
    }

    /// True when the server's close has thrown away bytes of one side or the other: the peer sees a reset.
    pub fn is_reset(&self, peer: usize) -> bool {
        self.pipe(peer, |pipe| pipe.server_reset).unwrap_or(false)
    }
}
