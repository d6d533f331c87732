//! Clients of a stream that behave, and notice what they miss.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::SocketAddr,
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    decoder::{Decoder, Item},
    dialect::Dialect,
    lateness::{Schedule, Spread},
    record::Record,
    sockets::{Sources, connect_blocking},
};

/// Twenty to an address: far below the limit of one.
const SOURCES: Sources = Sources { net: 1, each: 20, count: 1000 };
/// How soon a question to the thread is answered.
const PAUSE: Duration = Duration::from_millis(20);

/// What all canaries have seen since the last mark.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) messages: u64,
    /// The fewest messages that one of them got.
    pub(crate) fewest: u64,
    /// Numbers that never came, that came again, and connections that ended.
    pub(crate) missing: u64,
    pub(crate) doubled: u64,
    pub(crate) ended: BTreeMap<String, u64>,
    pub(crate) lateness: Spread,
    /// The most notices that one of them got.
    pub(crate) notices: u64,
}

#[derive(Debug)]
struct Canary {
    socket: TcpStream,
    decoder: Decoder,
    record: Record,
    schedule: Schedule,
    notices: u64,
    end: Option<String>,
}

/// A thread with canaries. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Canaries {
    /// `true`: mark.
    questions: Option<Sender<bool>>,
    answers: Receiver<Seen>,
    thread: Option<JoinHandle<()>>,
}

impl Canaries {
    /// Connects so many, which get a message each interval.
    pub(crate) fn start(to: SocketAddr, count: usize, interval: Duration) -> Self {
        let (questions, asked) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut flock = Flock::connect(to, count, interval).expect("the canaries connect");
            flock.watch(&asked, &answer).expect("the canaries watch");
        });
        Self { questions: Some(questions), answers, thread: Some(thread) }
    }

    /// What they have seen since the last mark; with `mark` the counts begin anew.
    pub(crate) fn ask(&self, mark: bool) -> Seen {
        let questions = self.questions.as_ref().expect("it runs");
        questions.send(mark).expect("the canaries live");
        self.answers.recv_timeout(harness::PATIENCE).expect("the canaries answer")
    }
}

impl Drop for Canaries {
    fn drop(&mut self) {
        drop(self.questions.take());
        // Its panic is ours already: `ask` would have failed.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

struct Flock {
    poll: Poll,
    all: Vec<Canary>,
    late: Vec<Duration>,
}

impl Flock {
    fn connect(to: SocketAddr, count: usize, interval: Duration) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut all = Vec::new();
        for index in 0..count {
            let mut stream = connect_blocking(to, SOURCES, index)?;
            stream.write_all(Dialect::Rfc6455.request().as_bytes())?;
            stream.set_nonblocking(true)?;
            let mut socket = TcpStream::from_std(stream);
            poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
            all.push(Canary {
                socket,
                decoder: Decoder::new(Dialect::Rfc6455),
                record: Record::default(),
                schedule: Schedule::new(interval),
                notices: 0,
                end: None,
            });
        }
        Ok(Self { poll, all, late: Vec::new() })
    }

    fn watch(&mut self, asked: &Receiver<bool>, answer: &Sender<Seen>) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, Some(PAUSE)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                let canary = &mut self.all[event.token().0];
                if canary.end.is_none() {
                    canary.end = canary.receive(&mut self.late).err();
                }
            }
            match asked.try_recv() {
                Ok(mark) => drop(answer.send(self.seen(mark))),
                Err(mpsc::TryRecvError::Disconnected) => return Ok(()),
                Err(mpsc::TryRecvError::Empty) => {}
            }
        }
    }

    fn seen(&mut self, mark: bool) -> Seen {
        let mut seen = Seen { fewest: u64::MAX, ..Seen::default() };
        // What has not come yet is late, too.
        let now = Instant::now();
        let overdue =
            self.all.iter().map(|canary| canary.schedule.overdue(now)).filter(|late| !late.is_zero());
        seen.lateness = Spread::of(self.late.iter().copied().chain(overdue).collect());
        for canary in &mut self.all {
            seen.messages += canary.record.messages;
            seen.fewest = seen.fewest.min(canary.record.messages);
            seen.missing += canary.record.missing;
            seen.doubled += canary.record.doubled;
            seen.notices = seen.notices.max(canary.notices);
            if let Some(end) = &canary.end {
                *seen.ended.entry(end.clone()).or_default() += 1;
            }
            if mark {
                canary.record.mark();
                canary.notices = 0;
            }
        }
        if mark {
            self.late.clear();
        }
        seen
    }
}

impl Canary {
    /// Reads what is there; the error says how the connection ended.
    fn receive(&mut self, late: &mut Vec<Duration>) -> Result<(), String> {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err("cut".to_owned()),
                Ok(len) => self.take(&buffer[..len], late)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn take(&mut self, bytes: &[u8], late: &mut Vec<Duration>) -> Result<(), String> {
        let (mut items, now) = (Vec::new(), Instant::now());
        self.decoder.feed(bytes, &mut items)?;
        for item in items {
            match item {
                Item::Text(text) if text.ends_with(" disconnected") => self.notices += 1,
                Item::Text(text) => {
                    self.record.text(&text, now)?;
                    let number = text.split(' ').next().and_then(|number| number.parse().ok());
                    late.extend(number.map(|number| self.schedule.late(number, now)));
                }
                Item::Ping(payload) => drop(self.socket.write(&pong(&payload))),
                Item::Close(code) => return Err(format!("Close {code:?}")),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Masked with zeros.
fn pong(payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).expect("a control frame has 125 bytes at most");
    [&[0x8A, 0x80 | len, 0, 0, 0, 0], payload].concat()
}
