//! New connections at a steady rate, each with one short request: is anybody turned away?

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::SocketAddr,
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, event::Event, net::TcpStream};

use crate::{
    COMMAND,
    dialect::Dialect,
    json,
    sockets::{Sources, connect},
};

/// No more at once than the process has descriptors for, with room to spare.
const AT_ONCE: usize = 15_000;
/// A new address for every connection, so that no limit per address is met.
const SOURCES: Sources = Sources { net: 2, each: 1, count: 1000 };

/// A request, and what its whole answer ends with or holds.
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

    /// What became of a connection that received this and is at its end, if it is at the end.
    fn judge(&self, answer: &[u8], ended: bool) -> Option<&'static str> {
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

/// What is asked for on the command line.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) to: SocketAddr,
    /// Connections a second.
    pub(crate) rate: u32,
    pub(crate) time: Duration,
    /// No more than so many.
    pub(crate) count: usize,
    /// Who has no answer after this long never gets one.
    pub(crate) patience: Duration,
    /// Which request.
    pub(crate) kind: &'a str,
}

/// Counts what becomes of the connections, until the time is over or `quit` is said.
pub(crate) fn run(mut poll: Poll, commands: &Receiver<String>, task: &Task<'_>) -> io::Result<()> {
    let Task { to, rate, time, count, patience, kind } = *task;
    let question = Question::new(kind);
    let begun = Instant::now();
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 64 * 1024]);
    let mut knocks: BTreeMap<usize, Knock> = BTreeMap::new();
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    let (mut waits, mut started, mut stopped) = (Vec::new(), 0_usize, None);
    loop {
        let now = Instant::now();
        if commands.try_recv().is_ok_and(|command| command == "quit")
            || now - begun > time
            || started == count
        {
            stopped.get_or_insert(now - begun);
        }
        let due = (now - begun).as_millis() as usize * rate as usize / 1000;
        while stopped.is_none() && started < due.min(count) && knocks.len() < AT_ONCE {
            match connect(to, SOURCES, started) {
                Ok(mut socket) => {
                    poll.registry().register(
                        &mut socket,
                        Token(started),
                        Interest::READABLE | Interest::WRITABLE,
                    )?;
                    knocks.insert(started, Knock { socket, begun: now, asked: false, answer: Vec::new() });
                }
                Err(error) => *outcomes.entry(named(&error)).or_default() += 1,
            }
            started += 1;
        }
        if stopped.is_some() && knocks.is_empty() {
            break;
        }
        match poll.poll(&mut events, Some(Duration::from_millis(2))) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in events.iter().filter(|event| event.token() != COMMAND) {
            let key = event.token().0;
            let Some(knock) = knocks.get_mut(&key) else { continue };
            if let Some(outcome) = knock.turn(event, &question, &mut buffer) {
                if outcome == "answered" {
                    waits.push(knock.begun.elapsed());
                    if waits.len() == 1 {
                        println!(r#"{{"first_answer":{:.3}}}"#, begun.elapsed().as_secs_f64());
                    }
                }
                *outcomes.entry(outcome).or_default() += 1;
                knocks.remove(&key);
            }
        }
        // Keys rise with time: the first one is the oldest.
        while let Some(oldest) = knocks.first_entry().filter(|entry| entry.get().begun.elapsed() > patience) {
            oldest.remove();
            *outcomes.entry("no answer in time".to_owned()).or_default() += 1;
        }
    }
    let seconds = stopped.unwrap_or(time).as_secs_f64();
    println!(
        r#"{{"knocks":{started},"seconds":{seconds:.2},"outcomes":{},"wait_ms":{}}}"#,
        json::counts(&outcomes),
        json::percentiles(waits)
    );
    Ok(())
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
                    let outcome = question.judge(&self.answer, len == 0);
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
