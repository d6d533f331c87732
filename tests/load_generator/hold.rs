//! Live connections of all dialects; a client keeps its connection until the server ends it.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr},
    sync::mpsc::{Receiver, TryRecvError},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Registry, Token, event::Event, net::TcpStream};

use crate::{
    COMMAND,
    decoder::{Decoder, Item},
    delays::{self, OfOne, Pooled},
    dialect::Dialect,
    feed,
    frames::{close_answer, masked},
    json,
    lateness::Schedule,
    probe::Probe,
    record::{Ended, Record},
    sockets::{Sources, connect},
};

/// The time between two messages: ws-server's default.
const INTERVAL: Duration = Duration::from_secs(1);
/// Until all clients are open: the time between two looks whether the next ones are due.
const PACE: Duration = Duration::from_millis(5);
/// More connects at once would overflow the listener's queue, and each that overflows waits a second.
const AT_ONCE: usize = 100;
/// Below the 256 that ws-server allows an address.
const SOURCES: Sources = Sources { net: 1, each: 200, count: 1000 };
/// A Ping, and a text frame without its end; both masked with zeros.
const PING: &[u8] = b"\x89\x84\0\0\0\0load";
const HALF_A_TEXT: &[u8] = b"\x81\x85\0\0\0\0ab";

#[derive(Debug)]
struct Client {
    dialect: Dialect,
    socket: TcpStream,
    decoder: Decoder,
    record: Record,
    schedule: Schedule,
    /// How late its messages since the last mark were.
    late: OfOne,
    asked: bool,
    opened: bool,
    /// The server's id of the connection, where the dialect has one.
    id: Option<u64>,
    closing: Option<Ended>,
    ended: Option<Ended>,
    pongs: u64,
    /// Bytes of a line of `feed` with its end, where all messages are such lines.
    line_bytes: Option<usize>,
    begun: Instant,
    /// How long after it had begun the first line came that was written later: it has all that there was before.
    caught_up: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) to: SocketAddr,
    pub(crate) connections: u32,
    /// Connections that it opens a second.
    pub(crate) rate: u32,
    /// The dialects of the clients, in turn.
    pub(crate) dialects: &'a [Dialect],
    /// Never sleeps: else a server on this machine pays for waking us, which no client elsewhere costs it.
    pub(crate) spins: bool,
    /// All messages are lines of `feed` with so many bytes, and anything else is a fault.
    pub(crate) line_bytes: Option<usize>,
}

struct Clients<'a> {
    to: SocketAddr,
    wanted: usize,
    dialects: &'a [Dialect],
    line_bytes: Option<usize>,
    all: Vec<Client>,
    /// How many clients are open or ended.
    settled: usize,
    /// How late each message since the last mark was.
    late: Pooled,
    /// Bytes that all clients have got since the last mark.
    bytes: u64,
    probe: Option<Probe>,
    buffer: Vec<u8>,
}

/// Opens the connections, then holds them and follows the commands.
///
/// It opens `rate` connections a second: a client's schedule begins when it opens, so the clients' schedules are spread
/// evenly over the interval.
pub(crate) fn run(mut poll: Poll, commands: &Receiver<String>, task: &Task<'_>) -> io::Result<()> {
    let mut events = Events::with_capacity(1024);
    let begun = Instant::now();
    let &Task { to, dialects, rate, line_bytes, .. } = task;
    let wanted = task.connections as usize;
    let mut clients = Clients {
        to,
        wanted,
        dialects,
        line_bytes,
        all: Vec::new(),
        settled: 0,
        late: Pooled::new(),
        bytes: 0,
        probe: None,
        buffer: vec![0; 64 * 1024],
    };
    let mut announced = false;
    loop {
        let due = begun.elapsed().as_millis() as usize * rate as usize / 1000;
        clients.open_more(poll.registry(), due)?;
        let pace = if task.spins { Duration::ZERO } else { PACE };
        let patience = (task.spins || clients.all.len() < wanted).then_some(pace);
        match poll.poll(&mut events, patience) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            if event.token() != COMMAND {
                clients.serve(event, Instant::now());
            }
        }
        if let Some(probe) = &mut clients.probe {
            probe.turn(Instant::now())?;
        }
        if !announced && clients.settled == wanted {
            announced = true;
            println!(r#"{{"opened_in":{:.2},{}"#, begun.elapsed().as_secs_f64(), &clients.report()[1..]);
        }
        loop {
            match commands.try_recv() {
                Ok(command) if command == "quit" => return Ok(()),
                Ok(command) => println!("{}", clients.follow(&command)),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
    }
}

impl Clients<'_> {
    fn open_more(&mut self, registry: &Registry, due: usize) -> io::Result<()> {
        while self.all.len() < self.wanted.min(due) && self.all.len() - self.settled < AT_ONCE {
            let index = self.all.len();
            let dialect = self.dialects[index % self.dialects.len()];
            let mut socket = connect(self.to, SOURCES, index)?;
            registry.register(&mut socket, Token(index), Interest::READABLE | Interest::WRITABLE)?;
            self.all.push(Client::new(dialect, socket, self.line_bytes));
        }
        Ok(())
    }

    fn serve(&mut self, event: &Event, now: Instant) {
        let Some(client) = self.all.get_mut(event.token().0) else { return };
        let was_settled = client.opened || client.ended.is_some();
        if client.ended.is_none() {
            client.ended = client.turn(event, &mut self.buffer, now, &mut self.late, &mut self.bytes);
            if client.ended.is_some() {
                // The socket is kept, so that no new connection gets its descriptor's number.
                drop(client.socket.shutdown(Shutdown::Both));
            }
        }
        if !was_settled && (client.opened || client.ended.is_some()) {
            self.settled += 1;
        }
    }

    fn follow(&mut self, command: &str) -> String {
        let (verb, count) = command.split_once(' ').unwrap_or((command, "0"));
        let count = count.parse().unwrap_or(0);
        match verb {
            "mark" => {
                for client in &mut self.all {
                    client.record.mark();
                    client.late.clear();
                    client.pongs = 0;
                }
                self.late.clear();
                self.bytes = 0;
                r#"{"marked":true}"#.to_owned()
            }
            "report" => self.report(),
            "probe" => {
                self.probe = Some(Probe::new(self.to, Instant::now()));
                r#"{"probes":true}"#.to_owned()
            }
            "ping" => self.each(usize::MAX, |client| client.dialect.is_hybi(), |client| client.send(PING)),
            "half" => self.each(count, |client| client.dialect.is_hybi(), |client| client.send(HALF_A_TEXT)),
            "leave" => self.each(
                count,
                |client| client.id.is_some(),
                |client| {
                    drop(client.socket.shutdown(Shutdown::Both));
                    client.ended = Some(Ended::Fault("left".to_owned()));
                },
            ),
            _ => r#"{"error":"no such command"}"#.to_owned(),
        }
    }

    /// Applies the action to at most `most` open clients that fit; the answer has their number and up to 100 of their ids.
    fn each(&mut self, most: usize, fits: fn(&Client) -> bool, action: fn(&mut Client)) -> String {
        let open = self.all.iter_mut().filter(|client| client.opened && client.ended.is_none());
        let (mut done, mut ids) = (0, Vec::new());
        for client in open.filter(|client| fits(client)).take(most) {
            action(client);
            done += 1;
            ids.extend(client.id.filter(|_| ids.len() < 100));
        }
        format!(r#"{{"done":{done},"ids":{}}}"#, json::list(&ids))
    }

    fn report(&self) -> String {
        let (mut open, mut ended): (BTreeMap<String, u64>, BTreeMap<String, u64>) = Default::default();
        let (mut gaps, mut shifts, mut notices) = (Vec::new(), Vec::new(), Vec::new());
        let (mut messages, mut missing, mut doubled, mut pongs) = (0, 0, 0, 0);
        let (mut fewest, now) = (None, Instant::now());
        for client in &self.all {
            if let Some(end) = &client.ended {
                *ended.entry(end.name()).or_default() += 1;
            } else {
                *open.entry(client.dialect.name().to_owned()).or_default() += 1;
                fewest = Some(fewest.unwrap_or(u64::MAX).min(client.record.messages));
                gaps.push(client.record.longest_until(now));
            }
            messages += client.record.messages;
            missing += client.record.missing;
            doubled += client.record.doubled;
            pongs += client.pongs;
            shifts.extend(client.record.shift(INTERVAL));
            notices.extend_from_slice(&client.record.notices);
        }
        let is_behind = |client: &&Client| client.ended.is_none() && client.caught_up.is_none();
        let behind = self.all.iter().filter(is_behind).count();
        let total = notices.len();
        notices.sort_unstable();
        notices.dedup();
        notices.truncate(100);
        format!(
            r#"{{"open":{},"by_dialect":{},"ended":{},"messages":{messages},"fewest":{},"missing":{missing},"doubled":{doubled},"pongs":{pongs},"notices":{total},"left":{},"gap_ms":{},"shift_ms":{},"late_ms":{},"late_each_ms":{},"bytes":{},"caught_up_ms":{},"behind":{behind},"probe":{}}}"#,
            open.values().sum::<u64>(),
            json::counts(&open),
            json::counts(&ended),
            // Among the open clients: one that the server forgot on the way stays behind the others.
            fewest.unwrap_or(0),
            json::list(&notices),
            json::percentiles(gaps),
            json::percentiles(shifts),
            self.late.percentiles(),
            delays::by_connection(self.all.iter().map(|client| &client.late)),
            self.bytes,
            json::percentiles(self.all.iter().filter_map(|client| client.caught_up).collect()),
            self.probe.as_ref().map_or("null".to_owned(), Probe::report),
        )
    }
}

impl Client {
    fn new(dialect: Dialect, socket: TcpStream, line_bytes: Option<usize>) -> Self {
        Self {
            dialect,
            socket,
            decoder: Decoder::new(dialect),
            record: Record::default(),
            schedule: Schedule::new(INTERVAL),
            late: OfOne::new(),
            asked: false,
            opened: false,
            id: None,
            closing: None,
            ended: None,
            pongs: 0,
            line_bytes,
            begun: Instant::now(),
            caught_up: None,
        }
    }

    /// Handles an event; `Some` if the connection ended with it.
    fn turn(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        now: Instant,
        late: &mut Pooled,
        bytes: &mut u64,
    ) -> Option<Ended> {
        if event.is_writable() && !self.asked {
            if let Ok(Some(error)) = self.socket.take_error() {
                return Some(Ended::Fault(error.kind().to_string()));
            }
            self.asked = true;
            self.send(self.dialect.request().as_bytes());
        }
        if !event.is_readable() {
            return None;
        }
        loop {
            match self.socket.read(buffer) {
                Ok(0) => return Some(self.closing.clone().unwrap_or(self.end_of_stream())),
                Ok(len) => {
                    *bytes += len as u64;
                    if let Err(fault) = self.receive(&buffer[..len], now, late) {
                        return Some(Ended::Fault(fault));
                    }
                    // All that there was; what comes now is another event.
                    if len < buffer.len() && !event.is_read_closed() {
                        return None;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Some(self.closing.clone().unwrap_or(Ended::Reset)),
            }
        }
    }

    /// Without chunks, the stream ends with the connection. Draft 75 has no closing handshake.
    fn end_of_stream(&self) -> Ended {
        match self.dialect {
            Dialect::Events | Dialect::Lines if self.opened => Ended::EndOfStream,
            Dialect::Hixie75 if self.opened => Ended::ClosedWithoutCode,
            _ => Ended::Cut,
        }
    }

    fn receive(&mut self, bytes: &[u8], now: Instant, late: &mut Pooled) -> Result<(), String> {
        let mut items = Vec::new();
        self.decoder.feed(bytes, &mut items)?;
        for item in items {
            match item {
                Item::Opened(id) => (self.opened, self.id) = (true, id),
                Item::Text(text) | Item::Notice(text) => {
                    let before = self.record.messages;
                    self.record.text(&text, now)?;
                    // A notice is not late.
                    if self.record.messages > before {
                        let time = self.lateness(&text, now)?;
                        self.late.add(time);
                        late.add(time);
                    }
                }
                Item::Ping(payload) => self.send(&masked(0x8A, &payload)),
                // The numbers of the messages show what is missing.
                Item::Gap(_) | Item::Answered => {}
                Item::Pong => self.pongs += 1,
                Item::Close(code) => {
                    self.send(&close_answer(self.dialect, code));
                    self.closing = Some(code.map_or(Ended::ClosedWithoutCode, Ended::Closed));
                }
                Item::End => self.closing = Some(Ended::EndOfStream),
            }
        }
        Ok(())
    }

    /// How late a message is: a line of `feed`, of which each byte must be right, by the moment that it names, a date by the pause before it.
    fn lateness(&mut self, text: &str, now: Instant) -> Result<Duration, String> {
        let Some(bytes) = self.line_bytes else {
            return Ok(self.schedule.late(self.record.number().unwrap_or_default(), now));
        };
        let (age, since) = (feed::age(text, bytes)?, now.duration_since(self.begun));
        if self.caught_up.is_none() && age < since {
            self.caught_up = Some(since);
        }
        Ok(age)
    }

    /// Whatever a client sends fits into an empty send buffer; what a dying connection does not take is lost with it.
    fn send(&mut self, bytes: &[u8]) {
        drop(self.socket.write(bytes));
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// The opening of a dialect, and a text in its frame.
    fn framed(dialect: Dialect, text: &str) -> Vec<u8> {
        let number = text.split(' ').next().unwrap_or_default();
        let event = format!("id: 01932f5a0c2e_{number}\ndata: {text}\n\n");
        let chunk = |inner: &str| format!("{:x}\r\n{inner}\r\n", inner.len());
        let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        let (head, after, frame) = match dialect {
            Dialect::Hixie76 => ("101 S", "8jKS'y:G*Co,Wxa-", [b"\0", text.as_bytes(), b"\xFF"].concat()),
            Dialect::Hixie75 => (
                "101 S\r\nWebSocket-Origin: http://localhost",
                "",
                [b"\0", text.as_bytes(), b"\xFF"].concat(),
            ),
            Dialect::EventsChunked => {
                ("200 OK\r\nTransfer-Encoding: chunked", "", chunk(&event).into_bytes())
            }
            Dialect::Events => ("200 OK", "", event.into_bytes()),
            Dialect::LinesChunked => {
                ("200 OK\r\nTransfer-Encoding: chunked", "", chunk(&format!("{text}\n")).into_bytes())
            }
            Dialect::Lines => ("200 OK", "", format!("{text}\n").into_bytes()),
            _ => {
                let len = u8::try_from(text.len()).unwrap();
                let head = [&[0x81, len][..], text.as_bytes()].concat();
                return [format!("HTTP/1.1 101 S\r\n{accept}\r\n\r\n").as_bytes(), &head].concat();
            }
        };
        [format!("HTTP/1.1 {head}\r\n\r\n{after}").as_bytes(), &frame].concat()
    }

    #[test]
    fn a_wrong_byte_of_a_line_ends_the_connection_in_each_framing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let right = feed::line(7, 100);
        for dialect in Dialect::ALL {
            let receive = |text: &str| {
                let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let mut client = Client::new(dialect, socket, Some(100));
                let received = client.receive(&framed(dialect, text), Instant::now(), &mut Pooled::new());
                received.map(|()| client.record.messages)
            };
            assert_eq!(receive(&right), Ok(1), "{}", dialect.name());
            // In the number, in the moment, in the padding, and the last one.
            for at in [0, 5, 40, 98] {
                let mut wrong = right.clone().into_bytes();
                wrong[at] ^= 1;
                let text = String::from_utf8(wrong).unwrap();
                assert!(receive(&text).is_err(), "{}: {text}", dialect.name());
            }
            assert!(receive("7 Wed Nov 25 2026").is_err(), "{}", dialect.name());
        }
    }

    #[test]
    fn a_client_has_caught_up_with_the_first_line_that_was_written_behind_its_connect() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut client = Client::new(Dialect::Lines, socket, Some(100));
        let begun = client.begun;
        let mut receive = |bytes: &[u8], after: Duration| {
            client.receive(bytes, begun + after, &mut Pooled::new()).unwrap();
            client.caught_up
        };
        // A line of the tests is two seconds old.
        assert_eq!(receive(&framed(Dialect::Lines, &feed::line(7, 100)), Duration::from_secs(1)), None);
        let (late, line) = (Duration::from_mins(5), format!("{}\n", feed::line(8, 100)));
        assert_eq!(receive(line.as_bytes(), late), Some(late));
        assert_eq!(receive(format!("{}\n", feed::line(9, 100)).as_bytes(), 2 * late), Some(late));
    }
}
