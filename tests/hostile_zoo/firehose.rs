//! As many lines as a writer can give, into a server whose clients are not all as quick.
//!
//! ```text
//!  writer ──▶ unix: ──▶ ws-server ──┬──▶ quick clients: each number in its turn, or an end that says so
//!                                   └──▶ slow clients: 4 KiB a tenth of a second
//! ```

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::SocketAddr,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use harness::{Daemon, PATIENCE, Signal, eventually};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    dialect::Dialect,
    sockets::{Sources, connect_blocking},
    usage::Usage,
    victim,
};

const SOURCES: Sources = Sources { net: 3, each: 20, count: 1000 };
/// Lines in one write.
const LOT: u64 = 1000;
/// What a slow client reads at a time, and how often.
const SIP: usize = 4096;
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) time: Duration,
    /// Lines that the writer would give in a second.
    pub(crate) rate: u64,
    pub(crate) quick: usize,
    pub(crate) slow: usize,
    /// Each client gets each line, or its end; else it gets what it has time for.
    pub(crate) is_ordered: bool,
}

/// What it measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Firehose {
    /// Lines a second that the server took.
    pub(crate) taken: f64,
    /// Lines a second that a quick client got while it was there: the least and the most.
    pub(crate) least: f64,
    pub(crate) most: f64,
    /// Numbers that a client did not get before its end, or that came in the wrong order.
    pub(crate) missing: u64,
    pub(crate) out_of_order: u64,
    /// How the connections of both kinds stood at the end.
    pub(crate) quick: BTreeMap<String, u64>,
    pub(crate) slow: BTreeMap<String, u64>,
    pub(crate) before: Usage,
    pub(crate) usage: Usage,
}

struct Client {
    socket: TcpStream,
    is_slow: bool,
    due: Instant,
    /// Received and not yet taken apart.
    rest: Vec<u8>,
    opened: bool,
    last: Option<u64>,
    lines: u64,
    missing: u64,
    out_of_order: u64,
    end: Option<String>,
}

pub(crate) fn run(task: &Task) -> Firehose {
    let folder = tempfile::TempDir::new().expect("a folder");
    let socket = folder.path().join("lines");
    let source = format!("unix:{}", socket.display());
    let delivery = if task.is_ordered { "ordered" } else { "latest" };
    let options = [
        "--source",
        &source,
        "--greet",
        "0",
        "--template",
        "{seq}",
        "--delivery",
        delivery,
        "--write-timeout",
        "3s",
    ];
    let server = Daemon::start(victim::binary("ws-server"), &options);
    let mut crowd = Crowd::connect(server.address(), task);
    let before = Usage::of(server.pid());
    let producer = eventually(|| UnixStream::connect(&socket).map_err(|error| error.to_string()));
    let (taken, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let writer = {
        let (taken, over, rate) = (Arc::clone(&taken), Arc::clone(&over), task.rate);
        thread::spawn(move || write(producer, rate, &taken, &over))
    };
    let (begun, mut looked, mut usage) = (Instant::now(), Instant::now(), before);
    while begun.elapsed() < task.time {
        crowd.turn();
        if looked.elapsed() > Duration::from_millis(200) {
            usage = usage.most(Usage::of(server.pid()));
            looked = Instant::now();
        }
    }
    let (seconds, taken_by_now) = (begun.elapsed().as_secs_f64(), taken.load(Ordering::Relaxed));
    let got: Vec<u64> = crowd.clients.iter().filter(|one| !one.is_slow).map(|one| one.lines).collect();
    over.store(true, Ordering::Relaxed);
    crowd.hurries = true;
    // What the server has taken comes to those that are still there, and the slow ones find their end.
    let deadline = Instant::now() + PATIENCE;
    while !writer.is_finished() || !crowd.is_settled(taken.load(Ordering::Relaxed), task.is_ordered) {
        if Instant::now() > deadline {
            break;
        }
        crowd.turn();
    }
    let mut figures = Firehose { taken: taken_by_now as f64 / seconds, before, usage, ..Firehose::default() };
    figures.least = got.iter().min().map_or(0.0, |&lines| lines as f64 / seconds);
    figures.most = got.iter().max().map_or(0.0, |&lines| lines as f64 / seconds);
    crowd.sum_up(taken.load(Ordering::Relaxed), &mut figures);
    server.signal(Signal::TERM);
    assert!(server.wait().0.success(), "it ends as it should");
    figures
}

/// Writes lots of lines at the rate, or as fast as they are taken.
fn write(mut producer: UnixStream, rate: u64, taken: &AtomicU64, over: &AtomicBool) {
    let lot = "x\n".repeat(LOT as usize);
    let begun = Instant::now();
    while !over.load(Ordering::Relaxed) && producer.write_all(lot.as_bytes()).is_ok() {
        let total = taken.fetch_add(LOT, Ordering::Relaxed) + LOT;
        let due = Duration::from_secs_f64(total as f64 / rate as f64);
        thread::sleep(due.saturating_sub(begun.elapsed()));
    }
}

/// All clients, in one thread.
struct Crowd {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    buffer: Vec<u8>,
    /// The slow clients read all there is: what they got, and how they ended.
    hurries: bool,
}

impl Crowd {
    fn connect(to: SocketAddr, task: &Task) -> Self {
        let poll = Poll::new().expect("a poll");
        let clients = (0..task.quick + task.slow).map(|index| {
            let mut stream = connect_blocking(to, SOURCES, index).expect("connected");
            stream.write_all(Dialect::Rfc6455.request().as_bytes()).expect("asked");
            stream.set_nonblocking(true).expect("not blocking");
            let mut socket = TcpStream::from_std(stream);
            poll.registry().register(&mut socket, Token(index), Interest::READABLE).expect("registered");
            Client { is_slow: index >= task.quick, ..Client::new(socket) }
        });
        let clients = clients.collect();
        Self {
            poll,
            events: Events::with_capacity(1024),
            clients,
            buffer: vec![0; 256 * 1024],
            hurries: false,
        }
    }

    fn there(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter().filter(|client| client.end.is_none())
    }

    /// Each client in its turn, so that none of them keeps the others waiting.
    fn turn(&mut self) {
        drop(self.poll.poll(&mut self.events, Some(Duration::from_millis(1))));
        let now = Instant::now();
        for client in self.clients.iter_mut().filter(|client| client.end.is_none() && client.due <= now) {
            let sips = client.is_slow && !self.hurries;
            client.due = if sips { now + PAUSE } else { now };
            let most = if sips { SIP } else { self.buffer.len() };
            client.read(&mut self.buffer[..most]);
        }
    }

    /// All have what they will get.
    fn is_settled(&self, total: u64, is_ordered: bool) -> bool {
        self.there().all(|client| client.last == Some(total) || (is_ordered && client.lines >= total))
    }

    fn sum_up(&self, total: u64, figures: &mut Firehose) {
        for client in &self.clients {
            figures.out_of_order += client.out_of_order;
            // Before its end, a client of an ordered stream misses nothing.
            figures.missing += client.missing;
            let by_end = if client.is_slow { &mut figures.slow } else { &mut figures.quick };
            *by_end.entry(client.end.clone().unwrap_or_else(|| "there".to_owned())).or_default() += 1;
        }
        figures.missing += self.there().map(|client| total - client.last.unwrap_or(0)).sum::<u64>();
    }
}

impl Client {
    fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            is_slow: false,
            due: Instant::now(),
            rest: Vec::new(),
            opened: false,
            last: None,
            lines: 0,
            missing: 0,
            out_of_order: 0,
            end: None,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) {
        match self.socket.read(buffer) {
            Ok(0) => self.end = Some("cut".to_owned()),
            Ok(len) => {
                self.rest.extend_from_slice(&buffer[..len]);
                self.take();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.end = Some(error.kind().to_string()),
        }
    }

    /// Takes whole frames; each text is a number.
    fn take(&mut self) {
        let mut at = 0;
        if !self.opened {
            let Some(head) = self.rest.windows(4).position(|window| window == b"\r\n\r\n") else { return };
            (self.opened, at) = (true, head + 4);
        }
        while let Some(&[first, len]) = self.rest.get(at..at + 2) {
            let Some(payload) = self.rest.get(at + 2..at + 2 + usize::from(len)) else { break };
            at += 2 + usize::from(len);
            match first {
                0x81 => {
                    let number = payload.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
                    let next = self.last.unwrap_or(number - 1) + 1;
                    self.missing += number.saturating_sub(next);
                    self.out_of_order += u64::from(number < next);
                    self.last = Some(number);
                    self.lines += 1;
                }
                0x88 => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    self.end = Some(code.map_or_else(|| "closed".to_owned(), |code: u16| code.to_string()));
                }
                _ => {}
            }
        }
        self.rest.drain(..at);
    }
}
