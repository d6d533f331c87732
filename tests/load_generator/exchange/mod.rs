//! As many exchanges as a server can take: each connection asks again as soon as it has its answer, and every byte of an answer is compared.

mod chunks;
mod connection;
mod question;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::mpsc::{Receiver, TryRecvError},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Registry, Token};

use crate::{
    COMMAND, json,
    sockets::{Sources, connect},
};
use connection::{Connection, Outcome};
use question::{Question, Then};

/// A new address for every connection, so that none meets a limit per address.
const SOURCES: Sources = Sources { net: 4, each: 1, count: 1000 };
/// How long the answers that are still missing at the end may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) to: SocketAddr,
    /// Connections that are open at a time.
    pub(crate) connections: usize,
    /// How long each `go` lasts.
    pub(crate) time: Duration,
    /// `policy`, `get`, `get-close`, `handshake` or `echo`.
    pub(crate) kind: &'a str,
    /// Requests after which a `go` ends, too.
    pub(crate) limit: usize,
    /// What a GET asks for; `{number}` in it is each of `files` numbers in turn.
    pub(crate) path: &'a str,
    pub(crate) files: usize,
    /// A field of the head of a GET, and the status of its answer.
    pub(crate) header: Option<&'a str>,
    pub(crate) status: u16,
    /// The file that has what is right: a policy, or the body of an answer.
    pub(crate) expect: Option<&'a str>,
    /// Bytes of a message to echo.
    pub(crate) bytes: usize,
}

struct Exchanges<'a> {
    task: &'a Task<'a>,
    question: Question,
    slots: Vec<Option<Connection>>,
    /// Connections so far.
    connected: usize,
    /// Requests so far, and how many there will be at most.
    asked: usize,
    limit: usize,
    /// Answers are asked for.
    going: bool,
    /// Answers that are still to come.
    pending: usize,
    faults: BTreeMap<String, u64>,
    waits: Vec<Duration>,
    buffer: Vec<u8>,
}

/// Prints `{"ready":true}` when all connections that are kept are open, then one object for each `go`, until `quit`.
pub(crate) fn run(mut poll: Poll, commands: &Receiver<String>, task: &Task<'_>) -> io::Result<()> {
    let mut events = Events::with_capacity(1024);
    let mut all = Exchanges::new(task)?;
    all.open_kept(&mut poll, &mut events)?;
    println!(r#"{{"ready":true}}"#);
    loop {
        match commands.try_recv() {
            Ok(command) if command == "go" => println!("{}", all.go(&mut poll, &mut events)?),
            Ok(_) | Err(TryRecvError::Disconnected) => return Ok(()),
            Err(TryRecvError::Empty) => wait(&mut poll, &mut events, None)?,
        }
    }
}

fn wait(poll: &mut Poll, events: &mut Events, time: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, time) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

impl<'a> Exchanges<'a> {
    fn new(task: &'a Task<'a>) -> io::Result<Self> {
        Ok(Self {
            task,
            question: Question::new(task)?,
            slots: (0..task.connections).map(|_| None).collect(),
            connected: 0,
            asked: 0,
            limit: usize::MAX,
            going: false,
            pending: 0,
            faults: BTreeMap::new(),
            waits: Vec::new(),
            buffer: vec![0; 256 * 1024],
        })
    }

    /// Opens the connections that all requests go over, where they do.
    fn open_kept(&mut self, poll: &mut Poll, events: &mut Events) -> io::Result<()> {
        if self.question.then == Then::Again {
            // The first answer of each tells that it is open.
            self.time(poll, events, Duration::ZERO)?;
            assert!(self.faults.is_empty(), "the connections open: {:?}", self.faults);
            self.waits.clear();
        }
        Ok(())
    }

    /// Exchanges for the task's time, and what came of them.
    fn go(&mut self, poll: &mut Poll, events: &mut Events) -> io::Result<String> {
        self.limit = self.asked.saturating_add(self.task.limit);
        let seconds = self.time(poll, events, self.task.time)?.as_secs_f64();
        let waits = std::mem::take(&mut self.waits);
        let faults = std::mem::take(&mut self.faults);
        let (done, faults) = (waits.len(), json::counts(&faults));
        let waits = json::percentiles(waits);
        Ok(format!(r#"{{"done":{done},"seconds":{seconds:.3},"faults":{faults},"wait_ms":{waits}}}"#))
    }

    /// Begins an exchange in each slot, and the next one after each, until the time is over; waits for the last answers.
    fn time(&mut self, poll: &mut Poll, events: &mut Events, time: Duration) -> io::Result<Duration> {
        let begun = Instant::now();
        self.going = true;
        for slot in 0..self.slots.len() {
            self.begin(slot, poll.registry())?;
        }
        while self.pending > 0 {
            self.going = begun.elapsed() < time;
            if begun.elapsed() > time + PATIENCE {
                *self.faults.entry("no answer in time".to_owned()).or_default() += self.pending as u64;
                self.pending = 0;
                self.slots.iter_mut().for_each(|slot| drop(slot.take()));
                break;
            }
            // It never sleeps meanwhile: else a server on this machine pays for waking it, which no client elsewhere costs it.
            wait(poll, events, Some(Duration::ZERO))?;
            for event in events.iter().filter(|event| event.token() != COMMAND) {
                self.serve(event.token().0, poll.registry())?;
            }
        }
        Ok(begun.elapsed())
    }

    /// Asks on the slot's connection, or on a new one.
    fn begin(&mut self, slot: usize, registry: &Registry) -> io::Result<()> {
        if self.asked == self.limit {
            return Ok(());
        }
        self.pending += 1;
        let (question, number) = (&self.question, self.asked);
        self.asked += 1;
        if let Some(connection) = &mut self.slots[slot] {
            connection.expect_answer(question, number);
            connection.begun = Instant::now();
            return connection.ask(question);
        }
        let mut socket = connect(self.task.to, SOURCES, self.connected)?;
        self.connected += 1;
        registry.register(&mut socket, Token(slot), Interest::READABLE | Interest::WRITABLE)?;
        // On this machine it is connected already, as a rule.
        let mut connection = Connection::new(socket, question, number);
        connection.ask(question)?;
        self.slots[slot] = Some(connection);
        Ok(())
    }

    fn serve(&mut self, slot: usize, registry: &Registry) -> io::Result<()> {
        let Some(connection) = &mut self.slots[slot] else { return Ok(()) };
        match connection.turn(&self.question, &mut self.buffer) {
            Outcome::Waits => return Ok(()),
            Outcome::Opened => return connection.ask_first(&self.question),
            Outcome::Answered => self.waits.push(connection.begun.elapsed()),
            Outcome::Fault(what) => {
                *self.faults.entry(what).or_default() += 1;
                self.slots[slot] = None;
            }
        }
        self.pending -= 1;
        if self.question.then != Then::Again {
            self.slots[slot] = None;
        }
        if self.going { self.begin(slot, registry) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A task whose question is of this kind.
    pub(super) fn task(kind: &str) -> Task<'_> {
        let (to, time) = (SocketAddr::from(([127, 0, 0, 1], 1)), Duration::ZERO);
        let (path, files, header, status, expect) = ("/", 1, None, 200, None);
        Task {
            to,
            connections: 1,
            time,
            kind,
            limit: usize::MAX,
            path,
            files,
            header,
            status,
            expect,
            bytes: 300,
        }
    }
}
