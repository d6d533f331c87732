//! A simulated network: scripted peers, three clocks, and a kernel that cuts reads and writes where the seed says.
//!
//! Edges are true edges: a poll reports a connection once for each time that bytes, the end or a reset arrive, or that room
//! comes back after the kernel has said that there is none. A worker that stops before `WouldBlock` hears nothing more. As in
//! epoll(7), the report shows all that is true of the connection at the moment of the poll.

mod faults;
mod pipe;
mod seed;
mod world;

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use rustix::io::Errno;

use super::seam::{Event, Polled, System, Target};
use crate::{Arriving, Pages, Settings, Token, Traffic};

pub use faults::Call;
pub(crate) use pipe::{Pipe, take};
pub use seed::Seed;
pub(crate) use world::World;

use pipe::{SEND_BUFFER, Watch};

/// The simulated operating system, as one worker sees it; all workers of a world share that.
#[derive(Clone, Debug)]
pub(crate) struct Simulated {
    pub(crate) world: Rc<RefCell<World>>,
    pub(crate) poll: usize,
}

/// A listening socket: one worker's own, or a duplicate of one that several have.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) queue: usize,
}

/// A descriptor of a connection. Dropped without [`System::close`], it is closed as the kernel does it, without a reset; no
/// turn of a worker may do that.
#[derive(Debug)]
pub(crate) struct Socket {
    world: Rc<RefCell<World>>,
    pub(crate) pipe: usize,
    number: usize,
    poll: usize,
    is_open: bool,
}

impl Socket {
    fn open(system: &Simulated, world: &mut World, pipe: usize) -> Self {
        let number = world.open(pipe, system.poll);
        Self { world: system.world.clone(), pipe, number, poll: system.poll, is_open: true }
    }

    fn close(&mut self, world: &mut World, reset: bool) {
        assert!(std::mem::take(&mut self.is_open), "descriptor {} is closed twice", self.number);
        let closed = world.descriptors.get_mut(self.number).and_then(Option::take);
        assert_eq!(closed, Some(self.pipe), "descriptor {} is another connection's", self.number);
        world.free.insert(self.number);
        world.count(self.poll, -1);
        world.moved += 1;
        world.resets += u64::from(reset);
        let World { pipes, seed, polled, .. } = world;
        if let Some(pipe) = pipes.get_mut(self.pipe) {
            pipe.close(reset, *polled, seed);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let world = self.world.clone();
        if self.is_open
            && let Ok(mut world) = world.try_borrow_mut()
        {
            world.dropped += 1;
            self.close(&mut world, false);
        }
    }
}

impl Simulated {
    fn fault(&self, call: Call) -> io::Result<()> {
        let World { faults, seed, .. } = &mut *self.world.borrow_mut();
        faults.on_use(call, seed)
    }

    fn with<T>(
        &self,
        socket: &Socket,
        f: impl FnOnce(&mut Pipe, &mut Seed) -> io::Result<T>,
    ) -> io::Result<T> {
        let World { pipes, seed, moved, .. } = &mut *self.world.borrow_mut();
        let pipe = pipes.get_mut(socket.pipe).filter(|_| socket.is_open).ok_or(Errno::BADF)?;
        let done = f(pipe, seed);
        *moved += u64::from(done.is_ok());
        done
    }

    fn put(&self, socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        let polled = self.world.borrow().polled;
        let written = self.with(socket, |pipe, seed| pipe.write(bytes, polled, seed))?;
        if let Some(poll) = self.world.borrow_mut().polls.get_mut(self.poll) {
            poll.written += written as u64;
        }
        Ok(written)
    }

    /// The kernel would answer a second `EPOLL_CTL_ADD` with `EEXIST`, and an `EPOLL_CTL_MOD` without a first one with `ENOENT`
    /// (`epoll_ctl(2)`): `again` says which one it is.
    fn watch(&self, socket: &Socket, watch: Watch, again: bool) -> io::Result<()> {
        let world = &mut *self.world.borrow_mut();
        let pipe = world.pipes.get_mut(socket.pipe).filter(|_| socket.is_open).ok_or(Errno::BADF)?;
        assert_eq!(pipe.watch.is_some(), again, "{watch:?} is EEXIST, or ENOENT");
        pipe.watch = Some(watch);
        // What is true already is an event.
        if pipe.is_readable() || watch.writable && pipe.poll_writable() {
            world.list(socket.pipe);
        }
        Ok(())
    }
}

/// What a poll reports of this connection now; `None` if none of it is true any more.
fn report(pipe: &mut Pipe, is_spurious: bool) -> Option<Event> {
    pipe.listed = false;
    let Watch { token, writable, .. } = pipe.watch?;
    let (readable, writable) = (pipe.is_readable(), writable && pipe.poll_writable());
    let is_spurious = is_spurious && !readable && !writable;
    (readable || writable || is_spurious).then_some(Event {
        target: Target::Connection(token),
        readable: readable || is_spurious,
        writable: writable || is_spurious,
        read_closed: pipe.peer_ended || pipe.peer_reset,
        hung_up: pipe.peer_reset,
    })
}

impl World {
    fn report(&mut self, number: usize, events: &mut Vec<Event>) -> Polled {
        let none = Event {
            target: Target::Waker,
            readable: true,
            writable: false,
            read_closed: false,
            hung_up: false,
        };
        let Self { seed, pipes, queues, polls, .. } = self;
        let Some(poll) = polls.get_mut(number) else { return Polled::All };
        if poll.woken.swap(false, Ordering::AcqRel) {
            events.push(none);
        }
        for queue in queues {
            for (_, listener) in queue.watchers.iter().filter(|(watcher, _)| *watcher == number) {
                if poll.newcomers.remove(listener) && !queue.waiting.is_empty() {
                    events.push(Event { target: Target::Listener(*listener), ..none });
                }
            }
        }
        while let Some(ready) = poll.ready.pop_front() {
            if events.len() >= self.events {
                poll.ready.push_front(ready);
                return Polled::Part;
            }
            let Some(pipe) = pipes.get_mut(ready) else { continue };
            if pipe.watch.is_some_and(|watch| watch.poll == number) {
                events.extend(report(pipe, false));
            }
        }
        if self.spurious > 0 && seed.once_in(self.spurious) {
            let any = seed.index(pipes.len());
            let mine = pipes.get_mut(any).filter(|pipe| pipe.watch.is_some_and(|watch| watch.poll == number));
            events.extend(mine.and_then(|pipe| report(pipe, true)));
        }
        Polled::All
    }
}

impl System for Simulated {
    type Listener = Listener;
    type Socket = Socket;
    type Exported = Socket;
    type Parts = Box<dyn Iterator<Item = Vec<Arriving<Socket>>>>;

    fn traffic(&self) -> Traffic {
        let world = self.world.borrow();
        Traffic { read: 0, written: world.polls.get(self.poll).map_or(0, |poll| poll.written) }
    }

    /// While the worker sleeps in a poll, the time at which it went to sleep: the reactor reads the clock just before.
    fn now(&self) -> Instant {
        let world = self.world.borrow();
        world.polls.get(self.poll).and_then(|poll| poll.entered).unwrap_or(world.now)
    }

    fn wall(&self) -> SystemTime {
        let world = &mut *self.world.borrow_mut();
        let (wall, stop) = (world.wall, std::mem::take(&mut world.stop_between_clocks));
        world.now += stop;
        world.wall += stop;
        wall
    }

    /// Never waits: time passes when the test says so. The call is the end of a sleep that began with the last turn.
    fn poll(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<Polled> {
        events.clear();
        let world = &mut *self.world.borrow_mut();
        world.polled += 1;
        let failure = world.faults.on_use(Call::Poll, &mut world.seed);
        let poll = world.polls.get_mut(self.poll).ok_or(Errno::BADF)?;
        poll.entered = None;
        if !std::mem::replace(&mut poll.has_polled, true) {
            poll.asked = timeout;
        }
        if let Err(error) = failure {
            return if error.kind() == io::ErrorKind::Interrupted {
                Ok(Polled::Interrupted)
            } else {
                Err(error)
            };
        }
        if poll.interruptions > 0 {
            poll.interruptions -= 1;
            return Ok(Polled::Interrupted);
        }
        let polled = world.report(self.poll, events);
        world.moved += events.len() as u64;
        Ok(polled)
    }

    fn pause(&mut self, time: Duration) {
        let world = &mut *self.world.borrow_mut();
        world.now += time;
        world.wall += time;
    }

    fn configure(&mut self, _settings: &Settings) {}

    fn configure_listener(&mut self, _: &Listener) {}

    fn add_listener(&mut self, listener: &Listener, number: usize) -> io::Result<()> {
        let world = &mut *self.world.borrow_mut();
        let queue = world.queues.get_mut(listener.queue).ok_or(Errno::BADF)?;
        queue.watchers.push((self.poll, number));
        if !queue.waiting.is_empty()
            && let Some(poll) = world.polls.get_mut(self.poll)
        {
            poll.newcomers.insert(number);
        }
        Ok(())
    }

    fn remove_listener(&mut self, listener: &Listener) -> io::Result<()> {
        // The kernel forgets it with its last descriptor, whatever this call says.
        if let Some(queue) = self.world.borrow_mut().queues.get_mut(listener.queue) {
            queue.watchers.retain(|(poll, _)| *poll != self.poll);
        }
        self.fault(Call::RemoveListener)
    }

    fn has_newcomer(&self, listener: &Listener) -> bool {
        self.world.borrow().queues.get(listener.queue).is_none_or(|queue| !queue.waiting.is_empty())
    }

    fn accept(&mut self, listener: &Listener) -> io::Result<(Socket, Option<SocketAddr>)> {
        let world = &mut *self.world.borrow_mut();
        let is_full = world.open_descriptors() >= world.max_descriptors;
        let World { faults, seed, queues, pipes, polled, accepted_nobody, .. } = world;
        let waiting = &mut queues.get_mut(listener.queue).ok_or(Errno::BADF)?.waiting;
        if waiting.is_empty() {
            *accepted_nobody += 1;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if let Err(error) = faults.on_use(Call::Accept, seed) {
            let lost = [Errno::CONNABORTED, Errno::CONNRESET, Errno::PROTO, Errno::TIMEDOUT];
            if lost.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
                && let Some(pipe) = waiting.pop_front().and_then(|number| pipes.get_mut(number))
            {
                // It is gone before it was accepted.
                pipe.close(true, *polled, seed);
            }
            return Err(error);
        }
        if is_full {
            return Err(Errno::MFILE.into());
        }
        let number = waiting.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        let pipe = pipes.get_mut(number).ok_or(Errno::BADF)?;
        pipe.accepted = true;
        let peer = pipe.peer;
        world.moved += 1;
        Ok((Socket::open(self, world, number), Some(peer)))
    }

    fn local(&self, socket: &Socket) -> Option<SocketAddr> {
        self.world.borrow().pipes.get(socket.pipe).map(|pipe| pipe.local)
    }

    fn cookie(&self, socket: &Socket) -> Option<u64> {
        u64::try_from(socket.pipe).ok()
    }

    fn export(&mut self, mut socket: Socket) -> io::Result<Socket> {
        if let Err(error) = self.fault(Call::Export) {
            self.close(socket, false); // as its owner is gone
            return Err(error);
        }
        self.world.borrow_mut().count(socket.poll, -1);
        socket.poll = usize::MAX; // on its way
        Ok(socket)
    }

    fn adopt(
        &mut self,
        mut exported: Socket,
        known: Option<SocketAddr>,
    ) -> io::Result<(Socket, Option<SocketAddr>)> {
        if let Err(error) = self.fault(Call::Adopt) {
            self.close(exported, false);
            return Err(error);
        }
        let peer = self.with(&exported, |pipe, _| {
            // The poll that has watched it is gone. What that has not shown, the next one shows when it watches.
            (pipe.watch, pipe.listed) = (None, false);
            Ok(pipe.peer)
        })?;
        assert!(known.is_none_or(|known| known == peer), "the peer of another connection");
        self.world.borrow_mut().count(self.poll, 1);
        exported.poll = self.poll;
        Ok((exported, Some(peer)))
    }

    fn configure_adopted(&mut self, socket: &Socket) {
        self.world.borrow_mut().configured += u64::from(socket.is_open);
    }

    fn add(&mut self, socket: &Socket, token: Token, writable: bool) -> io::Result<()> {
        self.fault(Call::Add)?;
        self.watch(socket, Watch { poll: self.poll, token, writable }, false)
    }

    fn watch_writable(&mut self, socket: &Socket, token: Token) -> io::Result<()> {
        self.fault(Call::WatchWritable)?;
        self.watch(socket, Watch { poll: self.poll, token, writable: true }, true)
    }

    fn read(&mut self, socket: &Socket, buffer: &mut [u8]) -> io::Result<usize> {
        self.fault(Call::Read)?;
        self.with(socket, |pipe, seed| {
            if !pipe.to_server.is_empty() && seed.once_in(20) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            pipe.read(buffer)
        })
    }

    fn write(&mut self, socket: &Socket, bytes: &[IoSlice<'_>], _more: bool) -> io::Result<usize> {
        self.fault(Call::Write)?;
        let all: Vec<&[u8]> = bytes.iter().map(|slice| &**slice).collect();
        self.put(socket, &all.concat())
    }

    fn send_file(&mut self, socket: &Socket, file: &File, offset: u64, len: usize) -> io::Result<usize> {
        self.fault(Call::SendFile)?;
        let mut bytes = vec![0; len.min(SEND_BUFFER)];
        let read = file.read_at(&mut bytes, offset)?;
        bytes.truncate(read);
        if bytes.is_empty() { Ok(0) } else { self.put(socket, &bytes) }
    }

    fn send_pages(&mut self, socket: &Socket, pages: &Pages, offset: u64, len: usize) -> io::Result<usize> {
        self.fault(Call::SendFile)?;
        let mut bytes = vec![0; len.min(SEND_BUFFER)];
        pages.read(offset, &mut bytes)?;
        if bytes.is_empty() { Ok(0) } else { self.put(socket, &bytes) }
    }

    fn probe(&mut self, _socket: &Socket) {}

    fn shutdown_write(&mut self, socket: &Socket) -> io::Result<()> {
        self.fault(Call::Shutdown)?;
        self.with(socket, |pipe, _| pipe.shutdown())
    }

    fn close(&mut self, mut socket: Socket, reset: bool) {
        socket.close(&mut self.world.borrow_mut(), reset);
    }
}
