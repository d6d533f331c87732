//! A simulated network: scripted peers, two clocks, and a kernel that cuts reads and writes where the seed says.
//!
//! Edges are true edges: the poll reports readiness once, when bytes arrive or when room comes back after a `WouldBlock`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use rustix::io::Errno;

use super::seam::{Ends, Event, Polled, System, Target};
use crate::{Settings, Token};

/// Bytes that the kernel of the simulation keeps for a peer that does not read.
const SEND_BUFFER: usize = 4096;

/// A small generator of numbers from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Seed(pub u64);

impl Seed {
    /// The next number, from 0 to `below` - 1.
    pub fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }

    /// True with a probability of 1 in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn up_to(&mut self, most: usize) -> usize {
        usize::try_from(self.below(most as u64)).unwrap_or(0) + 1
    }
}

/// One connection, seen from both ends.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) to_server: VecDeque<u8>,
    pub(crate) to_peer: Vec<u8>,
    /// Bytes that the peer has read out of `to_peer`.
    pub(crate) taken: usize,
    /// The last byte of the peer's address, 127.0.0.N.
    pub(crate) host: u8,
    pub(crate) peer_ended: bool,
    pub(crate) peer_reset: bool,
    pub(crate) server_ended: bool,
    pub(crate) server_closed: bool,
    token: Option<Token>,
    readable_edge: bool,
    writable_edge: bool,
    out_of_room: bool,
}

impl From<u8> for Pipe {
    fn from(host: u8) -> Self {
        Self { host, ..Self::default() }
    }
}

impl Pipe {
    /// Bytes that left the server and that the peer has not read.
    pub(crate) fn unread(&self) -> usize {
        self.to_peer.len() - self.taken
    }

    pub(crate) fn has_edge(&self) -> bool {
        self.token.is_some() && (self.readable_edge || self.writable_edge)
    }

    pub(crate) fn arrived(&mut self) {
        self.readable_edge = true;
    }

    /// The peer has read: the next poll reports room, if a write said that there is none.
    pub(crate) fn made_room(&mut self) {
        if self.out_of_room && self.unread() < SEND_BUFFER / 2 {
            self.out_of_room = false;
            self.writable_edge = true;
        }
    }
}

/// Everything outside the worker.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: Seed,
    pub(crate) now: Instant,
    pub(crate) wall: SystemTime,
    pub(crate) pipes: Vec<Pipe>,
    pub(crate) backlog: VecDeque<usize>,
    pub(crate) backlog_edge: bool,
    /// The next calls that fail: which, how many of them, and with what.
    pub(crate) faults: Option<(Call, u32, Errno)>,
    /// The next so many polls are interrupted.
    pub(crate) interruptions: u32,
    /// Events that one poll takes.
    pub(crate) events: usize,
    /// Where the next poll begins: each pipe has its turn before one has another.
    next_pipe: usize,
}

/// A call that a test lets fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Waiting for events.
    Poll,
    /// Accepting a connection.
    Accept,
    /// Watching a connection for input.
    Add,
    /// Watching a connection for room to write, too.
    WatchWritable,
    /// Reading from a connection.
    Read,
    /// Writing to a connection.
    Write,
    /// Sending a part of a file.
    SendFile,
    /// Ending our side of a connection.
    Shutdown,
}

impl World {
    /// The failure of this call, if the test wants it to fail.
    fn fault(&mut self, call: Call) -> io::Result<()> {
        match &mut self.faults {
            Some((failing, times, errno)) if *failing == call && *times > 0 => {
                *times -= 1;
                Err((*errno).into())
            }
            _ => Ok(()),
        }
    }
}

/// The simulated operating system; clones see the same world.
#[derive(Clone, Debug)]
pub(crate) struct Simulated(pub(crate) Rc<RefCell<World>>);

impl Simulated {
    /// A world without connections, on the first second of 2026.
    #[allow(clippy::disallowed_methods)] // only differences of it matter
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(World {
            seed: Seed(seed),
            now: Instant::now(),
            wall: SystemTime::UNIX_EPOCH + Duration::from_hours(490_896),
            pipes: Vec::new(),
            backlog: VecDeque::new(),
            backlog_edge: false,
            faults: None,
            interruptions: 0,
            events: 256,
            next_pipe: 0,
        })))
    }

    fn pipe<T>(&self, number: usize, f: impl FnOnce(&mut Pipe, &mut Seed) -> io::Result<T>) -> io::Result<T> {
        let world = &mut *self.0.borrow_mut();
        let pipe = world.pipes.get_mut(number).ok_or(io::ErrorKind::NotConnected)?;
        f(pipe, &mut world.seed)
    }
}

impl System for Simulated {
    type Listener = ();
    type Socket = usize;
    type Exported = usize;

    fn now(&self) -> Instant {
        self.0.borrow().now
    }

    fn wall(&self) -> SystemTime {
        self.0.borrow().wall
    }

    /// Never waits: time passes when the test says so.
    fn poll(&mut self, events: &mut Vec<Event>, _timeout: Option<Duration>) -> io::Result<Polled> {
        events.clear();
        let world = &mut *self.0.borrow_mut();
        world.fault(Call::Poll)?;
        if world.interruptions > 0 {
            world.interruptions -= 1;
            return Ok(Polled::Interrupted);
        }
        let none = Event {
            target: Target::Waker,
            readable: false,
            writable: false,
            read_closed: false,
            hung_up: false,
        };
        if std::mem::take(&mut world.backlog_edge) {
            events.push(Event { target: Target::Listener(0), readable: true, ..none });
        }
        let (after, before) = world.pipes.split_at_mut(world.next_pipe);
        for (number, pipe) in (world.next_pipe..).zip(before).chain((0..).zip(after)) {
            let Some(token) = pipe.token else { continue };
            if events.len() >= world.events {
                world.next_pipe = number;
                return Ok(Polled::Part);
            }
            let readable = std::mem::take(&mut pipe.readable_edge);
            let writable = std::mem::take(&mut pipe.writable_edge);
            let spurious = world.seed.once_in(50);
            if readable || writable || spurious {
                let ended = pipe.peer_ended || pipe.peer_reset;
                let target = Target::Connection(token);
                let writable = writable || pipe.peer_reset;
                events.push(Event {
                    target,
                    readable,
                    writable,
                    read_closed: ended,
                    hung_up: pipe.peer_reset,
                });
            }
        }
        Ok(Polled::All)
    }

    fn pause(&mut self, time: Duration) {
        let world = &mut *self.0.borrow_mut();
        world.now += time;
        world.wall += time;
    }

    fn configure(&mut self, _settings: &Settings) {}

    fn configure_listener(&mut self, (): &()) {}

    fn add_listener(&mut self, (): &(), _number: usize) -> io::Result<()> {
        Ok(())
    }

    fn remove_listener(&mut self, (): &()) -> io::Result<()> {
        Ok(())
    }

    fn accept(&mut self, (): &()) -> io::Result<(usize, Ends)> {
        let world = &mut *self.0.borrow_mut();
        if world.backlog.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        world.fault(Call::Accept)?;
        let number = world.backlog.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        let host = world.pipes.get(number).map_or(1, |pipe| pipe.host);
        Ok((number, ends(number, host)))
    }

    fn export(&mut self, socket: usize) -> io::Result<usize> {
        self.pipe(socket, |pipe, _| {
            pipe.token = None;
            Ok(socket)
        })
    }

    fn adopt(&mut self, exported: usize) -> io::Result<(usize, Ends)> {
        let host = self.pipe(exported, |pipe, _| Ok(pipe.host))?;
        Ok((exported, ends(exported, host)))
    }

    fn add(&mut self, socket: &usize, token: Token) -> io::Result<()> {
        self.0.borrow_mut().fault(Call::Add)?;
        self.pipe(*socket, |pipe, _| {
            pipe.token = Some(token);
            pipe.readable_edge = !pipe.to_server.is_empty() || pipe.peer_ended || pipe.peer_reset;
            Ok(())
        })
    }

    fn watch_writable(&mut self, socket: &usize, _token: Token) -> io::Result<()> {
        self.0.borrow_mut().fault(Call::WatchWritable)?;
        self.pipe(*socket, |pipe, _| {
            pipe.writable_edge |= pipe.unread() < SEND_BUFFER;
            Ok(())
        })
    }

    fn read(&mut self, socket: &usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().fault(Call::Read)?;
        self.pipe(*socket, |pipe, seed| {
            if pipe.peer_reset {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            if pipe.to_server.is_empty() {
                return if pipe.peer_ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
            }
            if seed.once_in(20) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = pipe.to_server.len().min(buffer.len());
            for (byte, arrived) in buffer.iter_mut().zip(pipe.to_server.drain(..count)) {
                *byte = arrived;
            }
            Ok(count)
        })
    }

    fn write(&mut self, socket: &usize, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.borrow_mut().fault(Call::Write)?;
        self.pipe(*socket, |pipe, seed| {
            if pipe.peer_reset {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let room = SEND_BUFFER.saturating_sub(pipe.unread());
            let all: Vec<u8> = bytes.iter().flat_map(|slice| slice.iter()).copied().collect();
            if room == 0 {
                pipe.out_of_room = true;
                return Err(io::ErrorKind::WouldBlock.into());
            }
            // A write is short only when the buffer is full, or a signal came: both happen.
            let fits = all.len().min(room);
            let count = if fits > 0 && seed.once_in(4) { seed.up_to(fits) } else { fits };
            pipe.to_peer.extend_from_slice(all.get(..count).unwrap_or_default());
            Ok(count)
        })
    }

    fn send_file(&mut self, socket: &usize, file: &File, offset: u64, len: usize) -> io::Result<usize> {
        self.0.borrow_mut().fault(Call::SendFile)?;
        let mut bytes = vec![0; len.min(SEND_BUFFER)];
        let read = file.read_at(&mut bytes, offset)?;
        bytes.truncate(read);
        if bytes.is_empty() { Ok(0) } else { self.write(socket, &[IoSlice::new(&bytes)]) }
    }

    fn probe(&mut self, _socket: &usize) {}

    fn shutdown_write(&mut self, socket: &usize) -> io::Result<()> {
        self.0.borrow_mut().fault(Call::Shutdown)?;
        self.pipe(*socket, |pipe, _| {
            pipe.server_ended = true;
            if pipe.peer_reset { Err(io::ErrorKind::NotConnected.into()) } else { Ok(()) }
        })
    }

    fn close(&mut self, socket: usize, _reset: bool) {
        let _ = self.pipe(socket, |pipe, _| {
            pipe.token = None;
            pipe.server_closed = true;
            Ok(())
        });
    }
}

/// The two ends of the connection with this number.
fn ends(number: usize, host: u8) -> Ends {
    let port = u16::try_from(number % 50_000).unwrap_or(0) + 1024;
    let peer = Some(SocketAddr::from(([127, 0, 0, host], port)));
    Ends { peer, local: Some(SocketAddr::from(([127, 0, 0, 1], 80))) }
}
