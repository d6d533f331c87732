//! New connections at a steady rate, each with one short request: does the server turn one away?

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::SocketAddr,
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Registry, Token, event::Event, net::TcpStream};

use crate::{
    COMMAND,
    dialect::Dialect,
    json,
    sockets::{Sources, connect},
};

/// Well below the number of descriptors that the process may have.
pub(crate) const AT_ONCE: usize = 15_000;
/// A new address for every connection, so that none meets a limit per address.
const SOURCES: Sources = Sources { net: 2, each: 1, count: 1000 };

/// A request, what its answer begins with, and what a whole answer holds.
#[derive(Clone, Debug)]
struct Question {
    request: Vec<u8>,
    begins: &'static [u8],
    holds: &'static [u8],
}

impl Question {
    fn new(kind: &str) -> Self {
        let (request, begins, holds): (&[u8], _, _) = match kind {
            "policy" => (b"<policy-file-request/>\0", &b"<?xml"[..], &b"</cross-domain-policy>"[..]),
            "page" => (b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.1 200", b"</html>"),
            "websocket" => {
                let request = Dialect::Rfc6455.request().into_bytes();
                return Self { request, begins: b"HTTP/1.1 101", holds: b"GMT" };
            }
            "stream" => (b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.1 200", b"(UTC)"),
            _ => panic!("--as {kind}: none of stream, websocket, page, policy"),
        };
        Self { request: request.to_vec(), begins, holds }
    }

    /// The outcome of a connection that has received this; `None` while more may come.
    fn outcome(&self, answer: &[u8], ended: bool) -> Option<&'static str> {
        let holds = answer.windows(self.holds.len()).any(|window| window == self.holds);
        match (answer.starts_with(self.begins), holds, ended) {
            (true, true, _) => Some("answered"),
            (false, _, true) if answer.is_empty() => Some("closed without an answer"),
            (_, _, true) => Some("answered otherwise"),
            _ => None,
        }
    }
}

struct Knock {
    socket: TcpStream,
    begun: Instant,
    asked: bool,
    answer: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) to: SocketAddr,
    /// Connections a second.
    pub(crate) rate: u32,
    pub(crate) time: Duration,
    /// Ends after so many connections.
    pub(crate) count: usize,
    /// After this long without an answer, the client gives up.
    pub(crate) patience: Duration,
    pub(crate) kind: &'a str,
    /// Connections that may be open at a time.
    pub(crate) at_once: usize,
}

struct Knocking<'a> {
    task: &'a Task<'a>,
    question: Question,
    begun: Instant,
    started: usize,
    /// By their number, which is the order in which they began.
    open: BTreeMap<usize, Knock>,
    outcomes: BTreeMap<String, u64>,
    /// From the connect to the answer.
    waits: Vec<Duration>,
    buffer: Vec<u8>,
}

/// What came of all connections.
#[derive(Clone, Debug)]
pub(crate) struct Knocked {
    pub(crate) started: usize,
    /// For how long it opened connections.
    pub(crate) time: Duration,
    pub(crate) outcomes: BTreeMap<String, u64>,
    /// From the connect to the answer.
    pub(crate) waits: Vec<Duration>,
}

/// Opens connections until the time is over or `quit` comes, waits for the last answers, and prints the outcomes.
pub(crate) fn run(poll: Poll, commands: &Receiver<String>, task: &Task<'_>) -> io::Result<()> {
    let Knocked { started, time, outcomes, waits } = knock(
        poll,
        task,
        || commands.try_recv().is_ok_and(|command| command == "quit"),
        |after| println!(r#"{{"first_answer":{:.3}}}"#, after.as_secs_f64()),
    )?;
    println!(
        r#"{{"knocks":{started},"seconds":{:.2},"outcomes":{},"wait_ms":{}}}"#,
        time.as_secs_f64(),
        json::counts(&outcomes),
        json::percentiles(waits)
    );
    Ok(())
}

/// Opens connections until the time is over or `quits` says so, and waits for the last answers; `on_first` hears of the first one.
pub(crate) fn knock(
    mut poll: Poll,
    task: &Task<'_>,
    mut quits: impl FnMut() -> bool,
    mut on_first: impl FnMut(Duration),
) -> io::Result<Knocked> {
    let mut events = Events::with_capacity(1024);
    let mut knocking = Knocking::new(task);
    let mut stopped = None;
    loop {
        let elapsed = knocking.begun.elapsed();
        if quits() || elapsed > task.time || knocking.started == task.count {
            stopped.get_or_insert(elapsed);
        }
        if stopped.is_none() {
            knocking.start_due(poll.registry(), elapsed)?;
        } else if knocking.open.is_empty() {
            break;
        }
        match poll.poll(&mut events, Some(Duration::from_millis(2))) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in events.iter().filter(|event| event.token() != COMMAND) {
            let is_first = knocking.waits.is_empty();
            knocking.serve(event);
            if is_first && !knocking.waits.is_empty() {
                on_first(knocking.begun.elapsed());
            }
        }
        knocking.give_up();
    }
    let Knocking { started, outcomes, waits, .. } = knocking;
    Ok(Knocked { started, time: stopped.unwrap_or(task.time), outcomes, waits })
}

impl<'a> Knocking<'a> {
    fn new(task: &'a Task<'a>) -> Self {
        Self {
            task,
            question: Question::new(task.kind),
            begun: Instant::now(),
            started: 0,
            open: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            waits: Vec::new(),
            buffer: vec![0; 64 * 1024],
        }
    }

    fn count(&mut self, outcome: String) {
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    /// Begins the connections that are due.
    fn start_due(&mut self, registry: &Registry, elapsed: Duration) -> io::Result<()> {
        let due = elapsed.as_millis() as usize * self.task.rate as usize / 1000;
        while self.started < due.min(self.task.count) && self.open.len() < self.task.at_once {
            match connect(self.task.to, SOURCES, self.started) {
                Ok(mut socket) => {
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    registry.register(&mut socket, Token(self.started), interest)?;
                    let knock = Knock { socket, begun: Instant::now(), asked: false, answer: Vec::new() };
                    self.open.insert(self.started, knock);
                }
                Err(error) => self.count(named(&error)),
            }
            self.started += 1;
        }
        Ok(())
    }

    fn serve(&mut self, event: &Event) {
        let key = event.token().0;
        let Some(knock) = self.open.get_mut(&key) else { return };
        let Some(outcome) = knock.turn(event, &self.question, &mut self.buffer) else { return };
        if outcome == "answered" {
            self.waits.push(knock.begun.elapsed());
        }
        self.count(outcome);
        self.open.remove(&key);
    }

    /// Ends the connections that have waited longer than the patience.
    fn give_up(&mut self) {
        let patience = self.task.patience;
        while let Some(oldest) =
            self.open.first_entry().filter(|entry| entry.get().begun.elapsed() > patience)
        {
            oldest.remove();
            self.count("no answer in time".to_owned());
        }
    }
}

impl Knock {
    fn turn(&mut self, event: &Event, question: &Question, buffer: &mut [u8]) -> Option<String> {
        if event.is_writable() && !self.asked {
            if let Ok(Some(error)) = self.socket.take_error() {
                return Some(named(&error));
            }
            self.asked = true;
            drop(self.socket.write(&question.request));
        }
        loop {
            match self.socket.read(buffer) {
                Ok(len) => {
                    self.answer.extend_from_slice(&buffer[..len]);
                    let outcome = question.outcome(&self.answer, len == 0);
                    if outcome.is_some() || len == 0 {
                        return outcome.map(str::to_owned);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return None,
                Err(error) => return Some(named(&error)),
            }
        }
    }
}

fn named(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "reset".to_owned(),
        _ => error.to_string(),
    }
}
