//! One client of a crowd: it comes, reads, perhaps speaks, and goes when it wants to.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::Shutdown,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mio::{event::Event, net::TcpStream};

use super::{
    ledger::{Ledger, Own, Place, Wrong},
    tally::Tally,
};
use crate::{
    decoder::{Decoder, Item},
    dialect::Dialect,
    frames::{close_answer, masked},
    record::Ended,
};

/// A client that lived so long, which is more than two intervals, is announced when it leaves.
const KNOWN: Duration = Duration::from_secs(3);

/// So long a server that stops waits for a request, at least.
const SILENCE: Duration = Duration::from_millis(900);

#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) dialect: Dialect,
    socket: TcpStream,
    decoder: Decoder,
    begun: Instant,
    asked: bool,
    /// This program was too busy to send the request in time.
    was_silent: bool,
    opened: Option<Instant>,
    /// The same by the clock that producers write into their lines.
    opened_at: Duration,
    id: Option<u64>,
    /// The message behind which it asked to go on: number and id.
    since: Option<(u64, String)>,
    /// The number of the last message and its arrival.
    last: Option<(u64, Instant)>,
    /// A gap was told, so the next number may be any.
    gap_told: bool,
    /// The last number of each producer.
    producers: HashMap<String, u64>,
    place: Place,
    own: Own,
    leaves: bool,
    closing: Option<Ended>,
    longest: Duration,
    pub(crate) messages: u64,
}

/// What is kept for all guests.
pub(crate) struct Books<'a> {
    pub(crate) tally: &'a mut Tally,
    pub(crate) ledger: &'a mut Ledger,
    /// Whether clients hear of each other.
    pub(crate) hears: bool,
}

impl Guest {
    pub(crate) fn new(
        serial: usize,
        dialect: Dialect,
        socket: TcpStream,
        since: Option<(u64, String)>,
        now: Instant,
    ) -> Self {
        Self {
            dialect,
            socket,
            decoder: Decoder::new(dialect),
            begun: now,
            asked: false,
            was_silent: false,
            opened: None,
            opened_at: Duration::ZERO,
            id: None,
            since,
            last: None,
            gap_told: false,
            producers: HashMap::new(),
            place: Place::default(),
            own: Own { serial, said: 0 },
            leaves: false,
            closing: None,
            longest: Duration::ZERO,
            messages: 0,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.opened.is_some() && self.closing.is_none() && !self.leaves
    }

    pub(crate) fn is_opening(&self) -> bool {
        self.opened.is_none()
    }

    pub(crate) fn leaves(&self) -> bool {
        self.leaves
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }

    /// Where the next connection of this client goes on: number and id of the last message.
    pub(crate) fn place_in_stream(&self) -> Option<(u64, String)> {
        let id = self.decoder.last_id()?.to_owned();
        Some((self.last?.0, id))
    }

    /// How many texts of others it has still to hear.
    pub(crate) fn behind(&self, ledger: &Ledger) -> u64 {
        ledger.behind(&self.place, &self.own)
    }

    /// Places what it heard as a newcomer.
    pub(crate) fn catch_up(&mut self, books: &mut Books<'_>) {
        count(books.ledger.catch_up(&mut self.place, &self.own), books.tally);
    }

    pub(crate) fn mark(&mut self) {
        (self.messages, self.longest) = (0, Duration::ZERO);
    }

    /// Forgets what others say.
    pub(crate) fn forget(&mut self) {
        self.place = Place::default();
    }

    /// The longest time between two messages, with the one that lasts.
    pub(crate) fn pause(&self, now: Instant) -> Option<Duration> {
        let silence = now.saturating_duration_since(self.last?.1);
        Some(self.longest.max(silence))
    }

    /// Handles an event; `Some` if the connection ended with it.
    pub(crate) fn turn(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        now: Instant,
        books: &mut Books<'_>,
    ) -> Option<Ended> {
        if event.is_writable() && !self.asked {
            if let Ok(Some(error)) = self.socket.take_error() {
                return Some(Ended::Fault(named(&error)));
            }
            self.asked = true;
            // `now` is from before the other clients of this turn.
            self.was_silent = self.age(Instant::now()) > SILENCE;
            self.ask();
        }
        loop {
            match self.socket.read(buffer) {
                Ok(0) => return Some(self.closing.clone().unwrap_or_else(|| self.end_of_stream())),
                Ok(len) => {
                    if let Err(fault) = self.receive(&buffer[..len], now, books) {
                        return Some(self.refused(fault));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) =>
                {
                    return None;
                }
                Err(error) if self.opened.is_none() => return Some(Ended::Fault(named(&error))),
                Err(_) => return Some(self.closing.clone().unwrap_or(Ended::Reset)),
            }
        }
    }

    /// Sends the request: behind the last message, where it has one.
    fn ask(&mut self) {
        let since = self.decoder.last_id().or(self.since.as_ref().map(|(_, id)| id.as_str()));
        let request = self.dialect.request_since(since);
        self.send(request.as_bytes());
    }

    fn end_of_stream(&self) -> Ended {
        match self.dialect {
            _ if self.opened.is_none() && self.was_silent => {
                Ended::Fault("closed after a second of silence".to_owned())
            }
            _ if self.opened.is_none() => Ended::Fault("closed without an answer".to_owned()),
            Dialect::Events | Dialect::Lines => Ended::EndOfStream,
            Dialect::Hixie75 => Ended::ClosedWithoutCode,
            _ => Ended::Cut,
        }
    }

    /// A poll that came in the moment of an end gets an answer that says so.
    fn refused(&self, fault: String) -> Ended {
        let is_told = self.dialect.is_poll() && self.opened.is_some() && fault == "status 503";
        if is_told { Ended::Closed(503) } else { Ended::Fault(fault) }
    }

    fn receive(&mut self, bytes: &[u8], now: Instant, books: &mut Books<'_>) -> Result<(), String> {
        let mut items = Vec::new();
        self.decoder.feed(bytes, &mut items)?;
        for item in items {
            match item {
                Item::Opened(id) => {
                    (self.opened, self.id, self.opened_at) = (Some(now), id, since_epoch());
                    books.tally.add("opened", 1);
                    // The first answer to a poll waits for a message.
                    if !self.dialect.is_poll() {
                        books.tally.waits.push(self.age(now));
                    }
                }
                Item::Text(text) | Item::Notice(text) => self.text(&text, now, books)?,
                Item::Gap(new) => {
                    self.gap_told = true;
                    books.tally.add(if new { "told a new stream" } else { "told a gap" }, 1);
                }
                Item::Ping(payload) => self.send(&masked(0x8A, &payload)),
                Item::Pong => {}
                Item::Answered if self.leaves => {}
                Item::Answered => self.ask(),
                Item::Close(code) => {
                    self.send(&close_answer(self.dialect, code));
                    self.closing = Some(code.map_or(Ended::ClosedWithoutCode, Ended::Closed));
                }
                Item::End => self.closing = Some(Ended::EndOfStream),
            }
        }
        Ok(())
    }

    /// `NUMBER DATE`, `NUMBER PRODUCER LINE [MICROSECONDS]`, `ID disconnected` or `say GUEST COUNT`.
    fn text(&mut self, text: &str, now: Instant, books: &mut Books<'_>) -> Result<(), String> {
        let (first, rest) = text.split_once(' ').ok_or_else(|| format!("an unknown text: {text:?}"))?;
        if first == "say" || rest == "disconnected" {
            if books.hears {
                count(books.ledger.hear(&mut self.place, text, &self.own), books.tally);
            }
            return Ok(());
        }
        let number = first.parse().map_err(|_| format!("an unknown text: {text:?}"))?;
        self.message(number, rest, now, books.tally);
        Ok(())
    }

    fn message(&mut self, number: u64, rest: &str, now: Instant, tally: &mut Tally) {
        self.messages += 1;
        tally.add("messages", 1);
        let since = self.since.take().map(|(number, _)| number);
        let before = self.last.map(|last| last.0).or(since);
        let may_jump = std::mem::take(&mut self.gap_told);
        match before.map(|before| number.checked_sub(before)) {
            None | Some(Some(1)) => {}
            Some(_) if may_jump => self.producers.clear(),
            Some(None | Some(0)) => tally.add("doubled", 1),
            // It cannot be told; the server counts what it left out.
            Some(Some(step)) if !self.dialect.tells_gaps() => tally.add("left out", step - 1),
            Some(Some(step)) => tally.add("missing", step - 1),
        }
        if let Some((_, at)) = self.last {
            self.longest = self.longest.max(now.duration_since(at));
        }
        self.last = Some((number, now));
        let mut words = rest.split(' ');
        let (producer, line) = (words.next().unwrap_or_default(), words.next().map(str::parse::<u64>));
        if let Some(Ok(line)) = line {
            if let Some(Ok(sent)) = words.next().map(str::parse) {
                // What it gets as a newcomer is older than its connection.
                let sent = Duration::from_micros(sent);
                if sent > self.opened_at {
                    tally.lateness.add(since_epoch().saturating_sub(sent));
                }
            }
            match self.producers.insert(producer.to_owned(), line).map(|before| line.checked_sub(before)) {
                None | Some(Some(1)) => {}
                Some(None | Some(0)) => tally.add("doubled lines", 1),
                Some(Some(step)) => tally.add("missing lines", step - 1),
            }
        }
    }

    /// Sends a text to all others, where the dialect can; true if it was sent.
    pub(crate) fn say(&mut self, ledger: &mut Ledger) -> bool {
        if !self.is_open() || !(self.dialect.is_hybi() || self.dialect.is_hixie()) {
            return false;
        }
        self.own.said += 1;
        let text = self.own.text();
        let frame = if self.dialect.is_hixie() {
            [b"\0", text.as_bytes(), b"\xFF"].concat()
        } else {
            masked(0x81, text.as_bytes())
        };
        self.send(&frame);
        ledger.expect_said(text);
        true
    }

    /// Leaves politely: after the closing handshake, where the dialect has one. True if the connection has ended with that.
    pub(crate) fn leave(&mut self, now: Instant, books: &mut Books<'_>) -> bool {
        let known = self.opened.is_some_and(|opened| now.duration_since(opened) > KNOWN);
        if let (true, true, Some(id)) = (known, books.hears, self.id) {
            books.ledger.expect_left(id);
        }
        self.leaves = true;
        books.tally.add("left", 1);
        match self.dialect {
            dialect if dialect.is_hybi() => self.send(&masked(0x88, &1000_u16.to_be_bytes())),
            Dialect::Hixie76 => self.send(b"\xFF\0"),
            _ => {
                books.ledger.forgive(&self.own);
                drop(self.socket.shutdown(Shutdown::Both));
                return true;
            }
        }
        false
    }

    /// Whatever a client sends fits into an empty send buffer; what a dying connection does not take is lost with it.
    fn send(&mut self, bytes: &[u8]) {
        drop(self.socket.write(bytes));
    }
}

fn count(heard: Result<(), Wrong>, tally: &mut Tally) {
    match heard {
        Ok(()) => {}
        Err(Wrong::Missing(count)) => tally.add("missing notices", count),
        Err(Wrong::Doubled) => tally.add("doubled notices", 1),
    }
}

/// The clock that a producer writes into its lines.
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn named(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "reset without an answer".to_owned(),
        _ => error.to_string(),
    }
}
