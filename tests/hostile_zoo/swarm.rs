//! Attackers by the thousand in one thread: each follows the same plan.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};
use socket2::SockRef;

use crate::{
    plan::{End, Plan, Reads, Then},
    sockets::{Sources, connect},
};

/// So many connects a turn: the listener's queue must not overflow, or each that does waits for a second.
const AT_ONCE: usize = 100;
/// Between two turns in which nothing was to be done.
const PAUSE: Duration = Duration::from_millis(5);
/// What an attacker sends in one turn.
const CHUNK: usize = 64 * 1024;

#[derive(Debug)]
struct Attacker {
    socket: TcpStream,
    connected: bool,
    /// How much of the opening has been sent, then how much of what follows.
    sent: usize,
    opened: bool,
    /// How many bytes of `\r\n\r\n` were seen last.
    matched: usize,
    answered: bool,
    /// When it dribbles or reads its next byte.
    due: Instant,
    finished: bool,
    has_attacked: bool,
    /// It has ended its connection.
    is_gone: bool,
}

/// What a swarm has met.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Met {
    pub(crate) connects: u64,
    /// Connections that the server ended, or refused.
    pub(crate) ended: u64,
    pub(crate) bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Swarm<'a> {
    plan: &'a Plan,
    to: SocketAddr,
    sources: Sources,
    poll: Poll,
    events: Events,
    attackers: Vec<Option<Attacker>>,
    /// `Then::Repeat`'s bytes, repeated to a chunk.
    chunk: Vec<u8>,
    begun: usize,
    attacking: bool,
    pub(crate) met: Met,
}

impl<'a> Swarm<'a> {
    pub(crate) fn new(plan: &'a Plan, to: SocketAddr) -> io::Result<Self> {
        let chunk = match &plan.then {
            Then::Repeat(bytes) => bytes.repeat(CHUNK.div_ceil(bytes.len())),
            Then::Once(bytes) | Then::Dribble(bytes, _) => bytes.clone(),
            Then::Nothing => Vec::new(),
        };
        Ok(Self {
            plan,
            to,
            sources: Sources { net: 66, each: plan.per_address, count: 60_000 },
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            attackers: (0..plan.count).map(|_| None).collect(),
            chunk,
            begun: 0,
            attacking: false,
            met: Met::default(),
        })
    }

    /// Connects all attackers and waits until they are ready, or until the server has ended those that are not.
    pub(crate) fn prepare(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut next = 0;
        while Instant::now() < deadline {
            let end = (next + AT_ONCE).min(self.attackers.len());
            for index in next..end {
                self.begin(index);
            }
            next = end;
            self.turn();
            let is_ready =
                |attacker: &Attacker| attacker.opened && (attacker.answered || !self.plan.awaits_answer);
            if next == self.attackers.len() && self.attackers.iter().flatten().all(is_ready) {
                return;
            }
        }
    }

    /// Attacks for this long.
    pub(crate) fn attack(&mut self, time: Duration, mut meanwhile: impl FnMut()) {
        let start = Instant::now();
        let before = self.met.connects;
        self.attacking = true;
        while start.elapsed() < time {
            if let Some(rate) = self.plan.again {
                let due = start.elapsed().as_millis() as u64 * u64::from(rate) / 1000;
                let most = due.saturating_sub(self.met.connects - before).min(AT_ONCE as u64) as usize;
                let gone = (0..self.attackers.len()).filter(|&index| self.attackers[index].is_none());
                for index in gone.take(most).collect::<Vec<usize>>() {
                    self.begin(index);
                }
            }
            self.turn();
            meanwhile();
        }
    }

    /// Keeps the connections and sends nothing until this is true, or the patience has an end; true if it was in time.
    pub(crate) fn hold(&mut self, patience: Duration, mut is_over: impl FnMut() -> bool) -> bool {
        let deadline = Instant::now() + patience;
        if self.attacking && self.acts() && self.plan.again.is_some() {
            // One that came back and did no harm yet is a client as any.
            self.attackers.iter_mut().for_each(|attacker| drop(attacker.take_if(|one| !one.has_attacked)));
        }
        self.attacking = false;
        loop {
            if is_over() {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            self.turn();
        }
    }

    fn begin(&mut self, index: usize) {
        self.met.connects += 1;
        let number = self.begun;
        self.begun += 1;
        let Ok(mut socket) = connect(self.to, self.sources, number) else {
            self.met.ended += 1;
            return;
        };
        if let Some(size) = self.plan.receive_buffer {
            // Set after the connect, it still bounds the window that follows.
            SockRef::from(&socket).set_recv_buffer_size(size).expect("SO_RCVBUF");
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(index), interest).expect("registered");
        self.attackers[index] = Some(Attacker {
            socket,
            connected: false,
            sent: 0,
            opened: false,
            matched: 0,
            answered: false,
            due: Instant::now(),
            finished: self.plan.end == End::CloseOnce && number >= self.plan.count,
            has_attacked: false,
            is_gone: false,
        });
    }

    /// One look at all attackers.
    fn turn(&mut self) {
        drop(self.poll.poll(&mut self.events, Some(PAUSE)));
        let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        for index in ready {
            self.step(index);
        }
        if (self.attacking && self.acts()) || matches!(self.plan.reads, Reads::Slowly(_)) {
            for index in 0..self.attackers.len() {
                self.step(index);
            }
        }
    }

    /// The attack is something that they do, not only what they leave undone.
    fn acts(&self) -> bool {
        !matches!(self.plan.then, Then::Nothing) || self.plan.end != End::Hold
    }

    fn step(&mut self, index: usize) {
        let Some(attacker) = &mut self.attackers[index] else { return };
        let goes_on = attacker.connect().and_then(|()| {
            attacker.open(self.plan)?;
            attacker.receive(self.plan)?;
            if self.attacking && attacker.opened && (attacker.answered || !self.plan.awaits_answer) {
                self.met.bytes += attacker.attack(self.plan, &self.chunk)? as u64;
            }
            Ok(())
        });
        let is_ended = goes_on.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock);
        self.met.ended += u64::from(is_ended);
        if is_ended || attacker.is_gone {
            self.attackers[index] = None;
        }
    }
}

impl Attacker {
    fn connect(&mut self) -> io::Result<()> {
        if self.connected {
            return Ok(());
        }
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        // ENOTCONN while it is not.
        self.socket.peer_addr().map_err(|_| io::ErrorKind::WouldBlock)?;
        self.connected = true;
        Ok(())
    }

    fn open(&mut self, plan: &Plan) -> io::Result<()> {
        while !self.opened {
            let rest = &plan.opening[self.sent..];
            if !rest.is_empty() {
                self.sent += self.socket.write(rest)?;
                continue;
            }
            self.opened = true;
            self.sent = 0;
        }
        Ok(())
    }

    fn receive(&mut self, plan: &Plan) -> io::Result<()> {
        let mut buffer = [0; 8 * 1024];
        if plan.awaits_answer && !self.answered {
            // Byte by byte, so that an attacker that never reads leaves the rest.
            while self.matched < 4 {
                match self.socket.read(&mut buffer[..1]) {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) if buffer[0] == b"\r\n\r\n"[self.matched] => self.matched += 1,
                    Ok(_) => self.matched = usize::from(buffer[0] == b'\r'),
                    Err(error) => return Err(error),
                }
            }
            self.answered = true;
        }
        let most = match plan.reads {
            Reads::Never => return Ok(()),
            Reads::All => buffer.len(),
            Reads::Slowly(pause) => {
                let now = Instant::now();
                if now < self.due {
                    return Ok(());
                }
                self.due = now + pause;
                1
            }
        };
        loop {
            match self.socket.read(&mut buffer[..most]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) if most == 1 => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends what is due; how many bytes that were.
    fn attack(&mut self, plan: &Plan, chunk: &[u8]) -> io::Result<usize> {
        self.has_attacked = true;
        if self.finished {
            return Ok(0);
        }
        let mut sent = 0;
        match &plan.then {
            Then::Repeat(_) => {
                sent = self.socket.write(&chunk[self.sent..])?;
                self.sent = (self.sent + sent) % chunk.len();
                return Ok(sent);
            }
            Then::Dribble(_, pause) if self.sent < chunk.len() => {
                let now = Instant::now();
                if now >= self.due {
                    self.due = now + *pause;
                    sent = self.socket.write(&chunk[self.sent..=self.sent])?;
                }
            }
            _ => {
                while self.sent + sent < chunk.len() {
                    sent += self.socket.write(&chunk[self.sent + sent..])?;
                }
            }
        }
        self.sent += sent;
        if self.sent == chunk.len() {
            self.finished = true;
            match plan.end {
                End::Hold => {}
                End::Finish => self.socket.shutdown(Shutdown::Write)?,
                End::Close | End::CloseOnce => self.is_gone = true,
                End::Reset => {
                    SockRef::from(&self.socket).set_linger(Some(Duration::ZERO))?;
                    self.is_gone = true;
                }
            }
        }
        Ok(sent)
    }
}
