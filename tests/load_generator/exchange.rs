//! As many exchanges as a server can take: each connection asks again as soon as it has its answer, and every byte of an answer is compared.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Write},
    net::SocketAddr,
    sync::mpsc::{Receiver, TryRecvError},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Registry, Token, net::TcpStream};

use crate::{
    COMMAND,
    dialect::Dialect,
    frames::masked,
    json,
    sockets::{Sources, connect},
};

/// A new address for every connection, so that none meets a limit per address.
const SOURCES: Sources = Sources { net: 4, each: 1, count: 1000 };
/// How long the answers that are still missing at the end may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that a head may have.
const MOST_OF_HEAD: usize = 4096;

#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) to: SocketAddr,
    /// Connections that are open at a time.
    pub(crate) connections: usize,
    /// How long each `go` lasts.
    pub(crate) time: Duration,
    /// `policy`, `get`, `get-close`, `handshake` or `echo`.
    pub(crate) kind: &'a str,
    /// What a GET asks for.
    pub(crate) path: &'a str,
    /// The file that has what is right: a policy, or the body of an answer.
    pub(crate) expect: Option<&'a str>,
    /// Bytes of a message to echo.
    pub(crate) bytes: usize,
}

/// What comes after a whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The next request, on the same connection.
    Again,
    /// The server ends the connection.
    ServerEnds,
    /// We do.
    WeEnd,
}

/// What every connection asks for, and which answer is right.
#[derive(Debug)]
struct Question {
    /// A WebSocket is opened before the first request.
    opens: bool,
    request: Vec<u8>,
    /// The answer begins with a head, of this status.
    head: Option<&'static str>,
    body: Vec<u8>,
    then: Then,
}

impl Question {
    fn new(task: &Task<'_>) -> io::Result<Self> {
        let body = task.expect.map_or(Ok(Vec::new()), fs::read)?;
        let get = |close: &str| format!("GET {} HTTP/1.1\r\nHost: localhost\r\n{close}\r\n", task.path);
        let (request, head, then) = match task.kind {
            "policy" => (b"<policy-file-request/>\0".to_vec(), None, Then::ServerEnds),
            "get" => (get("").into_bytes(), Some("200"), Then::Again),
            "get-close" => (get("Connection: close\r\n").into_bytes(), Some("200"), Then::ServerEnds),
            "handshake" => (Dialect::Rfc6455.request().into_bytes(), Some("101"), Then::WeEnd),
            "echo" => return Ok(Self::echo(task.bytes)),
            other => panic!("--as {other}: none of policy, get, get-close, handshake, echo"),
        };
        Ok(Self { opens: false, request, head, body, then })
    }

    fn echo(bytes: usize) -> Self {
        let payload: Vec<u8> = (b'a'..=b'z').cycle().take(bytes).collect();
        let request = masked(0x81, &payload);
        // The same without the mask (RFC 6455 §5.1), its bit and its four bytes.
        let start = request.len() - payload.len() - 4;
        let mut body = request[..start].to_vec();
        body[1] &= 0x7F;
        body.extend_from_slice(&payload);
        Self { opens: true, request, head: None, body, then: Then::Again }
    }

    /// What is wrong with a head, if anything is.
    fn fault(&self, head: &[u8]) -> Option<String> {
        if self.head != Some("200") {
            return Dialect::Rfc6455.fault(head, b"");
        }
        let text = String::from_utf8_lossy(head);
        let status = text.split(' ').nth(1).unwrap_or_default();
        let length = text.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim())
        });
        if status != "200" {
            Some(format!("status {status}"))
        } else if length.and_then(|length| length.parse().ok()) != Some(self.body.len()) {
            Some("an answer of another length".to_owned())
        } else {
            None
        }
    }
}

/// How far an answer has come.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// A WebSocket's opening, or the head of an answer: its bytes so far.
    Head(Vec<u8>),
    /// So many bytes of the body were right.
    Body(usize),
}

#[derive(Debug)]
struct Exchange {
    socket: TcpStream,
    asked: bool,
    /// The WebSocket's opening is still to come.
    opening: bool,
    stage: Stage,
    begun: Instant,
}

/// What a turn of a connection has come to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Waits,
    /// A WebSocket is open, and nothing was asked for yet.
    Opened,
    Answered,
    Fault(String),
}

impl Exchange {
    fn new(socket: TcpStream, question: &Question) -> Self {
        let mut exchange = Self {
            socket,
            asked: false,
            opening: question.opens,
            stage: Stage::Body(0),
            begun: Instant::now(),
        };
        exchange.expect_answer(question);
        exchange
    }

    fn expect_answer(&mut self, question: &Question) {
        let has_head = self.opening || question.head.is_some();
        self.stage = if has_head { Stage::Head(Vec::new()) } else { Stage::Body(0) };
    }

    /// Sends the request, which fits into an empty send buffer.
    fn ask(&mut self, question: &Question) -> io::Result<()> {
        let opening = Dialect::Rfc6455.request();
        let request = if self.opening { opening.as_bytes() } else { &question.request };
        match self.socket.write(request) {
            Ok(len) if len == request.len() => self.asked = true,
            Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if is_early(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The first request of a WebSocket that is open.
    fn ask_first(&mut self, question: &Question) -> io::Result<()> {
        self.expect_answer(question);
        self.ask(question)
    }

    /// Reads until there is nothing more to read, or the answer is whole.
    fn turn(&mut self, question: &Question, buffer: &mut [u8]) -> Outcome {
        if !self.asked
            && let Err(error) = self.ask(question)
        {
            return Outcome::Fault(named(&error));
        }
        loop {
            match self.socket.read(buffer) {
                Ok(0)
                    if question.then == Then::ServerEnds
                        && self.stage == Stage::Body(question.body.len()) =>
                {
                    return Outcome::Answered;
                }
                Ok(0) => return Outcome::Fault("an end before the answer's".to_owned()),
                Ok(len) => match self.take(&buffer[..len], question) {
                    Outcome::Waits => {}
                    outcome => return outcome,
                },
                Err(error) if is_early(&error) => return Outcome::Waits,
                Err(error) => return Outcome::Fault(named(&error)),
            }
        }
    }

    /// Compares more bytes of the answer.
    fn take(&mut self, mut bytes: &[u8], question: &Question) -> Outcome {
        if let Stage::Head(head) = &mut self.stage {
            let before = head.len();
            head.extend_from_slice(bytes);
            let from = before.saturating_sub(3);
            let end =
                head[from..].windows(4).position(|window| window == b"\r\n\r\n").map(|at| from + at + 4);
            let Some(end) = end else {
                return if head.len() > MOST_OF_HEAD {
                    fault("a head without an end")
                } else {
                    Outcome::Waits
                };
            };
            let wrong = if self.opening {
                Dialect::Rfc6455.fault(&head[..end], b"")
            } else {
                question.fault(&head[..end])
            };
            if let Some(wrong) = wrong {
                return Outcome::Fault(wrong);
            }
            bytes = &bytes[end - before..];
            self.stage = Stage::Body(0);
            if self.opening {
                self.opening = false;
                return if bytes.is_empty() { Outcome::Opened } else { fault("more than the opening") };
            }
        }
        let Stage::Body(done) = &mut self.stage else { return Outcome::Waits };
        if question.body.get(*done..*done + bytes.len()) != Some(bytes) {
            return fault("other bytes than expected");
        }
        *done += bytes.len();
        if *done < question.body.len() || question.then == Then::ServerEnds {
            return Outcome::Waits;
        }
        Outcome::Answered
    }
}

fn fault(what: &str) -> Outcome {
    Outcome::Fault(what.to_owned())
}

/// There is nothing to read, or the connection is not there yet.
fn is_early(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected | io::ErrorKind::Interrupted
    )
}

fn named(error: &io::Error) -> String {
    error.kind().to_string()
}

struct Exchanges<'a> {
    task: &'a Task<'a>,
    question: Question,
    slots: Vec<Option<Exchange>>,
    /// Connections so far.
    connected: usize,
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
        self.pending += 1;
        let question = &self.question;
        if let Some(exchange) = &mut self.slots[slot] {
            exchange.expect_answer(question);
            exchange.begun = Instant::now();
            return exchange.ask(question);
        }
        let mut socket = connect(self.task.to, SOURCES, self.connected)?;
        self.connected += 1;
        registry.register(&mut socket, Token(slot), Interest::READABLE | Interest::WRITABLE)?;
        // On this machine it is connected already, as a rule.
        let mut exchange = Exchange::new(socket, question);
        exchange.ask(question)?;
        self.slots[slot] = Some(exchange);
        Ok(())
    }

    fn serve(&mut self, slot: usize, registry: &Registry) -> io::Result<()> {
        let Some(exchange) = &mut self.slots[slot] else { return Ok(()) };
        match exchange.turn(&self.question, &mut self.buffer) {
            Outcome::Waits => return Ok(()),
            Outcome::Opened => return exchange.ask_first(&self.question),
            Outcome::Answered => self.waits.push(exchange.begun.elapsed()),
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
    use std::net::TcpListener;

    use super::*;

    fn question(kind: &str, body: &[u8]) -> Question {
        let to = SocketAddr::from(([127, 0, 0, 1], 1));
        let task =
            Task { to, connections: 1, time: Duration::ZERO, kind, path: "/", expect: None, bytes: 300 };
        let mut question = Question::new(&task).unwrap();
        if !question.opens {
            question.body = body.to_vec();
        }
        question
    }

    /// What comes of these bytes, in pieces of so many.
    fn outcome(question: &Question, bytes: &[u8], piece: usize) -> Outcome {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut exchange = Exchange::new(socket, question);
        for bytes in bytes.chunks(piece) {
            match exchange.take(bytes, question) {
                Outcome::Waits => {}
                Outcome::Opened => exchange.expect_answer(question),
                outcome => return outcome,
            }
        }
        Outcome::Waits
    }

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
    const OPENING: &str = "HTTP/1.1 101 S\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    #[test]
    fn a_right_answer_is_right_in_any_pieces() {
        for piece in 1..200 {
            let get = question("get", b"abc");
            assert_eq!(outcome(&get, format!("{HEAD}abc").as_bytes(), piece), Outcome::Answered);
            let handshake = question("handshake", b"");
            assert_eq!(outcome(&handshake, OPENING.as_bytes(), piece), Outcome::Answered);
        }
        let echo = question("echo", b"");
        assert_eq!(outcome(&echo, OPENING.as_bytes(), usize::MAX), Outcome::Waits);
        let answer = [OPENING.as_bytes(), &echo.body].concat();
        assert_eq!(echo.body.len(), 4 + 300);
        assert_eq!(outcome(&echo, &answer, OPENING.len()), Outcome::Answered);
    }

    #[test]
    fn the_server_has_to_end_what_it_closes() {
        let policy = question("policy", b"<?xml");
        assert_eq!(outcome(&policy, b"<?xml", 2), Outcome::Waits);
    }

    #[test]
    fn a_wrong_answer_is_a_fault() {
        let get = question("get", b"abc");
        for answer in ["abd", "abca"] {
            assert!(
                matches!(outcome(&get, format!("{HEAD}{answer}").as_bytes(), 7), Outcome::Fault(_)),
                "{answer}"
            );
        }
        for head in
            ["HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"]
        {
            assert!(matches!(outcome(&get, head.as_bytes(), 1000), Outcome::Fault(_)), "{head}");
        }
    }
}
