//! A TCP client that sends exactly the bytes it is given; every read has a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use crate::wait::PATIENCE;

/// A connection whose reads and writes fail after [`PATIENCE`].
#[derive(Debug)]
pub struct Client {
    /// The socket; a read of it misses what the methods here have read ahead.
    pub stream: TcpStream,
    /// Bytes that were read ahead and not taken yet.
    buffer: Vec<u8>,
}

impl From<TcpStream> for Client {
    fn from(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, buffer: Vec::new() }
    }
}

impl Client {
    /// Connects over TCP, within [`PATIENCE`].
    pub fn connect(address: SocketAddr) -> Self {
        TcpStream::connect_timeout(&address, PATIENCE).expect("connected").into()
    }

    /// A client that has sent this request, whose lines end with LF here.
    pub fn request(address: SocketAddr, request: &str) -> Self {
        let mut client = Self::connect(address);
        client.send(format!("{}\r\n\r\n", request.replace('\n', "\r\n")));
        client
    }

    /// Sends these bytes; the server must take them all.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("sent");
    }

    /// Sends as much as the server takes, which may have closed on the way; true if it took all.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Ends the sending side (a half-close); reading goes on.
    pub fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection is open");
    }

    fn fill(&mut self) -> bool {
        let mut chunk = [0; 8192];
        let read = self.read(&mut chunk).expect("more bytes, or the end");
        self.buffer.extend_from_slice(&chunk[..read]);
        read > 0
    }

    /// Reads once. A process that was stopped for a moment finds its read interrupted, as that has a timeout (signal(7)).
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    /// Reads up to and with the first `end`; what follows stays for the next read.
    pub fn until(&mut self, end: &[u8]) -> Vec<u8> {
        let started = Instant::now();
        loop {
            // With a date every second no single read ever times out.
            assert!(started.elapsed() < PATIENCE, "no {:?} in time", end.escape_ascii().to_string());
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return self.buffer.drain(..at + end.len()).collect();
            }
            assert!(
                self.fill(),
                "ended before {:?}: {:?}",
                end.escape_ascii().to_string(),
                self.buffer.escape_ascii().to_string()
            );
        }
    }

    /// Reads exactly `count` bytes.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.fill(), "ended: {:?}", self.buffer.escape_ascii().to_string());
        }
        self.buffer.drain(..count).collect()
    }

    /// Reads `count` bytes, or up to a reset; an orderly end before that is a failure.
    ///
    /// # Errors
    /// The bytes that came before a reset.
    pub fn take_unless_reset(&mut self, count: usize) -> Result<Vec<u8>, Vec<u8>> {
        let ready = self.buffer.len().min(count);
        let mut bytes: Vec<u8> = self.buffer.drain(..ready).collect();
        let mut chunk = vec![0; 65_536];
        while bytes.len() < count {
            let room = chunk.len().min(count - bytes.len());
            match self.read(&mut chunk[..room]) {
                Ok(0) => panic!("an orderly end after {} of {count} bytes", bytes.len()),
                Ok(read) => bytes.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Err(bytes),
                Err(error) => panic!("{error} after {} of {count} bytes", bytes.len()),
            }
        }
        Ok(bytes)
    }

    /// Everything up to the end of the stream; true if that end was a reset.
    pub fn read_to_end(&mut self) -> (Vec<u8>, bool) {
        let mut rest = std::mem::take(&mut self.buffer);
        let started = Instant::now();
        let mut chunk = [0; 8192];
        loop {
            match self.read(&mut chunk) {
                Ok(0) => return (rest, false),
                Ok(read) => rest.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return (rest, true),
                Err(error) => panic!("{error}; so far: {:?}", rest.escape_ascii().to_string()),
            }
            // With a date every second no single read ever times out.
            assert!(started.elapsed() < PATIENCE, "no end: {:?}", rest.escape_ascii().to_string());
        }
    }

    /// Everything up to the end of the stream; a reset counts as an end.
    pub fn rest(&mut self) -> Vec<u8> {
        self.read_to_end().0
    }

    /// Sends these bytes, or as many as the server takes, and reads as [`Client::read_to_end`] does.
    pub fn exchange(&mut self, bytes: impl AsRef<[u8]>) -> (Vec<u8>, bool) {
        self.try_send(bytes);
        self.read_to_end()
    }
}
