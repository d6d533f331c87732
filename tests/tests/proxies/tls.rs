//! Clients over TLS, from an address of their own: raw bytes by `openssl s_client`, HTTP/2 by curl.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::front::certificates;

/// The longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A connection. Dropping it kills the process behind it.
pub(crate) struct Tls {
    child: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    received: Vec<u8>,
}

impl Tls {
    /// Connects to this port of 127.0.0.1 from this address; the certificate must be the proxy's.
    pub(crate) fn connect(port: u16, from: &str) -> Self {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-verify_return_error", "-servername", "localhost"]);
        command.args(["-alpn", "http/1.1", "-CAfile", &certificates()[0]]);
        command.args(["-connect", &format!("127.0.0.1:{port}"), "-bind", &format!("{from}:0")]);
        Self::start(command)
    }

    /// An event stream over HTTP/2, as browsers ask for it; this receives only its body.
    pub(crate) fn events_by_http2(port: u16) -> Self {
        Self::stream_by_http2(port, "text/event-stream")
    }

    /// The same for any kind of stream.
    pub(crate) fn stream_by_http2(port: u16, accept: &str) -> Self {
        let mut command = Command::new("curl");
        let accept = format!("Accept: {accept}");
        command.args(["-sN", "--http2", "-H", &accept, "--cacert", &certificates()[0]]);
        command.args(["-w", "HTTP/%{http_version}", "--resolve", &format!("localhost:{port}:127.0.0.1")]);
        command.arg(format!("https://localhost:{port}/stream"));
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let input = child.stdin.take().expect("stdin is piped");
        let mut pipe = child.stdout.take().expect("stdout is piped");
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut chunk = [0; 16384];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                if sender.send(chunk[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, input, output, received: Vec::new() }
    }

    /// A client from 127.0.0.1 that has sent this request, whose lines end with LF here.
    pub(crate) fn request(port: u16, request: &str) -> Self {
        Self::request_from(port, "127.0.0.1", request)
    }

    pub(crate) fn request_from(port: u16, from: &str, request: &str) -> Self {
        let mut client = Self::connect(port, from);
        client.send(format!("{}\r\n\r\n", request.replace('\n', "\r\n")).as_bytes());
        client
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).expect("openssl takes it");
    }

    /// Everything up to and with `end`; or a sentence with what came instead.
    pub(crate) fn try_until(&mut self, end: &[u8], patience: Duration) -> Result<Vec<u8>, String> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(at) = self.received.windows(end.len()).position(|window| window == end) {
                return Ok(self.received.drain(..at + end.len()).collect());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(chunk) => self.received.extend(chunk),
                Err(why) => {
                    let why = if why == RecvTimeoutError::Timeout { "nothing more" } else { "the end" };
                    return Err(format!("{why} after {:?}", self.received.escape_ascii().to_string()));
                }
            }
        }
    }

    pub(crate) fn until(&mut self, end: &[u8]) -> Vec<u8> {
        self.try_until(end, PATIENCE).unwrap_or_else(|why| {
            panic!("waiting for {:?}: {why}", end.escape_ascii().to_string());
        })
    }

    pub(crate) fn head(&mut self) -> String {
        String::from_utf8(self.until(b"\r\n\r\n")).expect("a head is text")
    }

    pub(crate) fn status(&mut self) -> u16 {
        let head = self.head();
        head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {head}"))
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            self.received.extend(self.output.recv_timeout(PATIENCE).expect("more bytes"));
        }
        self.received.drain(..count).collect()
    }

    /// The payload of the next message of RFC 6455; answers pings on the way.
    pub(crate) fn text(&mut self) -> String {
        loop {
            match self.frame() {
                (0x81, payload) => return String::from_utf8(payload).expect("text"),
                (0x89, _) => self.pong(),
                other => panic!("unexpected frame {other:?}"),
            }
        }
    }

    /// First byte and payload of the next frame.
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.take(2);
        assert!(head[1] < 126, "a short frame without a mask: {head:?}");
        (head[0], self.take(usize::from(head[1])))
    }

    /// To ws-server, any frame of a client is a sign of life.
    pub(crate) fn pong(&mut self) {
        self.send(&[0x8A, 0x80, 0, 0, 0, 0]);
    }

    /// True once the other side has closed the connection.
    pub(crate) fn has_ended(&mut self, patience: Duration) -> bool {
        self.try_until(b"\0\0no such bytes\0\0", patience).is_err_and(|why| why.starts_with("the end"))
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
