//! A connection that blocks, over TCP or a Unix socket.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use super::{
    answer::{self, Answer},
    plan::Attempt,
};
use crate::sockets::{self, Sources};

/// Below the 256 connections that ws-server allows an address.
const SOURCES: Sources = Sources { net: 3, each: 100, count: 1000 };
/// A server that neither reads nor answers for this long is at fault, unless it is being restarted: that counts as a retry.
const SILENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Target {
    /// `127.0.0.1:40132` or `unix:/run/ws-server@posts/stream.sock`.
    pub(crate) fn parse(text: &str) -> Self {
        match text.strip_prefix("unix:") {
            Some(path) => Self::Unix(path.into()),
            None => Self::Tcp(text.parse().expect("--to ADDRESS:PORT or unix:PATH")),
        }
    }

    /// Connects; over TCP from the address that the index falls on.
    pub(crate) fn connect(&self, index: usize) -> io::Result<Wire> {
        let stream = match self {
            Self::Tcp(to) => Stream::Tcp(sockets::connect_blocking(*to, SOURCES, index)?),
            Self::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
        };
        stream.set_timeouts(SILENCE)?;
        Ok(Wire { stream, received: Vec::new() })
    }
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn set_timeouts(&self, time: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => {
                tcp.set_read_timeout(Some(time)).and_then(|()| tcp.set_write_timeout(Some(time)))
            }
            Self::Unix(unix) => {
                unix.set_read_timeout(Some(time)).and_then(|()| unix.set_write_timeout(Some(time)))
            }
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.write_all(bytes),
            Self::Unix(unix) => unix.write_all(bytes),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.read(buffer),
            Self::Unix(unix) => unix.read(buffer),
        }
    }
}

/// An open connection, with the bytes that came behind the last answer.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    received: Vec<u8>,
}

impl Wire {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads once into the buffer; 0 is the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    /// Sends an attempt and gives its answer.
    pub(crate) fn exchange(&mut self, attempt: &Attempt) -> io::Result<Answer> {
        self.write(&attempt.head)?;
        let mut may_continue = attempt.expects;
        if attempt.waits {
            let answer = self.answer()?;
            if answer.status != 100 {
                return Ok(answer);
            }
            may_continue = false;
        }
        // A server may answer before the end of the body, and close: its answer is what counts.
        let sent = attempt.pieces.iter().try_for_each(|piece| self.write(piece));
        let mut answer = self.answer();
        if may_continue && matches!(&answer, Ok(answer) if answer.status == 100) {
            answer = self.answer();
        }
        match (sent, answer) {
            (Err(error), Err(_)) => Err(error),
            (_, answer) => answer,
        }
    }

    /// Reads one answer.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let mut buffer = [0; 4096];
        loop {
            match answer::parse(&self.received)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
            {
                Some((answer, len)) => {
                    self.received.drain(..len);
                    return Ok(answer);
                }
                None => match self.read(&mut buffer)? {
                    0 if self.received.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
                    0 => return Err(io::Error::other("an answer without an end")),
                    len => self.received.extend_from_slice(&buffer[..len]),
                },
            }
        }
    }

    /// Ends the connection by a reset, as a client that dies with unread bytes does.
    pub(crate) fn reset(self) {
        if let Stream::Tcp(tcp) = &self.stream {
            drop(socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO)));
        }
    }
}
