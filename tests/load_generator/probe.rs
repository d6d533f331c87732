//! Newcomers while all others get their messages: one after the other, each opens a WebSocket, sends a Ping, waits for its Pong and leaves.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::net::TcpStream;

use crate::{
    decoder::{Decoder, Item},
    dialect::Dialect,
    json,
    sockets::{Sources, connect},
};

/// The time between two newcomers.
const PAUSE: Duration = Duration::from_millis(10);
/// A new address for each.
const SOURCES: Sources = Sources { net: 6, each: 1, count: 1000 };
/// A Ping, masked with zeros.
const PING: &[u8] = b"\x89\x85\0\0\0\0probe";

#[derive(Debug)]
struct Newcomer {
    socket: TcpStream,
    decoder: Decoder,
    asked: bool,
    opened: bool,
    /// When the current wait began: for the opening, then for the Pong.
    since: Instant,
}

#[derive(Debug)]
pub(crate) struct Probe {
    to: SocketAddr,
    newcomer: Option<Newcomer>,
    due: Instant,
    count: usize,
    openings: Vec<Duration>,
    pongs: Vec<Duration>,
    /// Newcomers that were refused or cut off.
    faults: u64,
}

impl Probe {
    pub(crate) fn new(to: SocketAddr, now: Instant) -> Self {
        Self { to, newcomer: None, due: now, count: 0, openings: Vec::new(), pongs: Vec::new(), faults: 0 }
    }

    /// Looks once for what the newcomer waits for, or begins with the next one.
    pub(crate) fn turn(&mut self, now: Instant) -> io::Result<()> {
        let Some(newcomer) = &mut self.newcomer else {
            if now >= self.due {
                let (socket, decoder) =
                    (connect(self.to, SOURCES, self.count)?, Decoder::new(Dialect::Rfc6455));
                self.newcomer = Some(Newcomer { socket, decoder, asked: false, opened: false, since: now });
                self.count += 1;
                self.due = now + PAUSE;
            }
            return Ok(());
        };
        let Ok(items) = newcomer.look() else {
            self.faults += 1;
            self.newcomer = None;
            return Ok(());
        };
        for item in items {
            match item {
                Item::Opened(_) => {
                    self.openings.push(newcomer.since.elapsed());
                    newcomer.opened = true;
                    newcomer.since = Instant::now();
                    drop(newcomer.socket.write(PING));
                }
                Item::Pong => {
                    self.pongs.push(newcomer.since.elapsed());
                    self.newcomer = None;
                    return Ok(());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// How long the newcomers waited; one that still waits has waited as long as it has. A server that never sent a Pong knows no Ping.
    pub(crate) fn report(&self) -> String {
        let (mut openings, mut pongs) = (self.openings.clone(), self.pongs.clone());
        match &self.newcomer {
            Some(newcomer) if !newcomer.opened => openings.push(newcomer.since.elapsed()),
            Some(newcomer) if !pongs.is_empty() => pongs.push(newcomer.since.elapsed()),
            _ => {}
        }
        format!(
            r#"{{"opening_ms":{},"pong_ms":{},"faults":{}}}"#,
            json::percentiles(openings),
            json::percentiles(pongs),
            self.faults
        )
    }
}

impl Newcomer {
    /// What has come.
    fn look(&mut self) -> Result<Vec<Item>, String> {
        if !self.asked {
            match self.socket.write(Dialect::Rfc6455.request().as_bytes()) {
                Ok(_) => self.asked = true,
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        let (mut buffer, mut items) = ([0; 4096], Vec::new());
        match self.socket.read(&mut buffer) {
            Ok(0) => Err("an end".to_owned()),
            Ok(len) => self.decoder.feed(&buffer[..len], &mut items).map(|()| items),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {
                Ok(items)
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// The answer to the key that all our clients send (RFC 6455 §1.3).
    const OPENING: &[u8] =
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    /// Turns until something is so.
    fn until(probe: &mut Probe, is_so: impl Fn(&Probe) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_so(probe) {
            assert!(Instant::now() < deadline, "{probe:?}");
            probe.turn(Instant::now()).unwrap();
        }
    }

    #[test]
    fn a_wait_is_for_the_opening_before_it_and_none_for_a_pong_where_no_pong_ever_came() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut probe = Probe::new(listener.local_addr().unwrap(), Instant::now());
        until(&mut probe, |probe| probe.newcomer.as_ref().is_some_and(|newcomer| newcomer.asked));
        let report = probe.report();
        assert!(report.starts_with(r#"{"opening_ms":{"#) && report.contains(r#""pong_ms":null"#), "{report}");
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(OPENING).unwrap();
        until(&mut probe, |probe| !probe.openings.is_empty());
        assert!(probe.report().contains(r#""pong_ms":null"#), "{}", probe.report());
        socket.write_all(b"\x8A\x05probe").unwrap();
        until(&mut probe, |probe| !probe.pongs.is_empty());
        assert!(probe.report().contains(r#""pong_ms":{"#), "{}", probe.report());
    }
}
