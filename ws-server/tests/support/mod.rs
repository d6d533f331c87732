//! A server on a free port and raw clients. Every wait ends: reads have a timeout, children are killed by their id.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "not every test uses all of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    reason = "for tests"
)]

pub mod holder;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running ws-server.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub stdin: Option<ChildStdin>,
    stderr: BufReader<ChildStderr>,
}

impl Server {
    /// Starts it on a free port of 127.0.0.1, and waits until it listens.
    pub fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ws-server"))
            .args(["--listen", "127.0.0.1:0"])
            .args(if args.contains(&"--workers") { &[][..] } else { &["--workers", "2"] })
            .args(args)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let line = log_line(&mut stderr, "listening on ");
        let address = line.trim_end().rsplit_once(' ').unwrap().1.parse().unwrap();
        Self { child, address, stdin, stderr }
    }

    /// Waits for a line of the log.
    pub fn log_line(&mut self, part: &str) -> String {
        log_line(&mut self.stderr, part)
    }

    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stdin.as_mut().unwrap().write_all(bytes.as_ref()).unwrap();
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// A client that has sent this request, whose lines end with LF here.
    pub fn request(&self, request: &str) -> Client {
        Client::request(self.address, request)
    }

    /// A client of RFC 6455 whose opening handshake is over; its head is given, too.
    pub fn websocket(&self, target: &str) -> (Client, String) {
        let mut client = self.request(&modern(target, 13));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        (client, head)
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Lets it have so many open files at the most.
    pub fn limit_files(&self, soft: u64) {
        let (pid, limit) = (self.child.id().to_string(), format!("--nofile={soft}:"));
        assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
    }

    /// Waits for its end; what the log said last, too.
    pub fn wait(mut self) -> (ExitStatus, String) {
        drop(self.stdin.take());
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn log_line(stderr: &mut BufReader<ChildStderr>, part: &str) -> String {
    let mut line = String::new();
    while !line.contains(part) {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "the log ended without {part:?}");
    }
    line
}

/// A raw connection.
pub struct Client {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

/// The request of RFC 6455, or of the drafts 07 and 08.
pub fn modern(target: &str, version: u8) -> String {
    format!(
        "GET {target} HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: keep-alive, Upgrade\n\
         Sec-WebSocket-Version: {version}\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    )
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    pub fn request(address: SocketAddr, request: &str) -> Self {
        let mut client = Self::connect(address);
        client.send(format!("{}\r\n\r\n", request.replace('\n', "\r\n")));
        client
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends as much as the server takes: it may have closed on the way.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    pub fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    fn fill(&mut self) -> bool {
        let mut chunk = [0; 8192];
        let read = self.stream.read(&mut chunk).unwrap();
        self.buffer.extend_from_slice(&chunk[..read]);
        read > 0
    }

    /// Everything up to and with `end`.
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

    pub fn take(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.fill(), "ended: {:?}", self.buffer.escape_ascii().to_string());
        }
        self.buffer.drain(..count).collect()
    }

    /// The head of the answer.
    pub fn head(&mut self) -> String {
        String::from_utf8(self.until(b"\r\n\r\n")).unwrap()
    }

    /// Everything up to the end of the stream; a reset counts as an end.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.buffer);
        let started = Instant::now();
        let mut chunk = [0; 8192];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return rest,
                Ok(read) => rest.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return rest,
                Err(error) => panic!("{error}; so far: {:?}", rest.escape_ascii().to_string()),
            }
            // With a date every second no single read ever times out.
            assert!(started.elapsed() < PATIENCE, "no end: {:?}", rest.escape_ascii().to_string());
        }
    }

    pub fn status(&mut self) -> u16 {
        let rest = self.rest();
        let text = String::from_utf8_lossy(&rest);
        text.get(9..12)
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("no status: {text:?}"))
    }

    /// The next frame from the server: first byte and payload.
    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.take(2);
        assert_eq!(head[1] & 0x80, 0, "a server never masks");
        let len = match head[1] {
            126 => u16::from_be_bytes(self.take(2).try_into().unwrap()).into(),
            127 => usize::try_from(u64::from_be_bytes(self.take(8).try_into().unwrap())).unwrap(),
            len => usize::from(len),
        };
        (head[0], self.take(len))
    }

    /// The next text message.
    pub fn text(&mut self) -> String {
        let (first, payload) = self.frame();
        assert_eq!(first, 0x81, "{:?}", payload.escape_ascii().to_string());
        String::from_utf8(payload).unwrap()
    }

    /// Skips messages up to the Close, and gives its code; `None` if it has none.
    pub fn close_code(&mut self) -> Option<u16> {
        loop {
            let (first, payload) = self.frame();
            if first == 0x88 {
                return Some(u16::from_be_bytes(payload.get(..2)?.try_into().unwrap()));
            }
        }
    }

    /// The next message of a hixie draft.
    pub fn hixie_text(&mut self) -> String {
        assert_eq!(self.take(1), [0]);
        let mut text = self.until(&[0xFF]);
        text.pop();
        String::from_utf8(text).unwrap()
    }
}

/// A masked frame from a client.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x12, 0x34, 0x56, 0x78];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | u8::try_from(len).unwrap()),
        len @ 126..65536 => {
            frame.push(0xFE);
            frame.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            frame.push(0xFF);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// True for a date as V8 printed it in 2010.
pub fn is_js_date(text: &str) -> bool {
    text.len() == 39 && text.ends_with(" GMT+0000 (UTC)") && text.as_bytes()[3] == b' '
}

/// The text of an event stream without the `retry:` field at its beginning, which is at least two seconds.
pub fn after_retry(text: &str) -> &str {
    let (milliseconds, rest) = text.strip_prefix("retry: ").and_then(|text| text.split_once("\n\n")).unwrap();
    assert!((2000..3000).contains(&milliseconds.parse().unwrap()), "{milliseconds}");
    rest
}
