//! The real binary on port 0, and a small client of our own that says exactly what it is told.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Tells a thread beside a test to stop, also when the test fails.
#[derive(Default)]
pub struct Stop(pub AtomicBool);

pub struct StopAtEnd<'s>(pub &'s Stop);

impl Stop {
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// A running static-server; it is killed when this is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_static-server"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("it says where it listens").unwrap();
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.trim().parse().unwrap();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, address }
    }

    pub fn with_root(root: &Path, arguments: &[&str]) -> Self {
        let root = ["--root", root.to_str().unwrap()];
        Server::start(&[&root, arguments].concat())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> Client {
        let stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(BufReader::new(stream))
    }

    /// One request on a connection of its own.
    pub fn get(&self, target: impl AsRef<[u8]>) -> Response {
        self.get_with(target, "")
    }

    /// The same, with further header lines, each with its CRLF.
    pub fn get_with(&self, target: impl AsRef<[u8]>, fields: &str) -> Response {
        let mut client = self.connect();
        client.send(request("GET", target, fields));
        client.response()
    }

    /// Sends bytes and reads to the end of the stream, which must come.
    pub fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect();
        client.send(bytes);
        client.rest()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn request(method: &str, target: impl AsRef<[u8]>, fields: &str) -> Vec<u8> {
    let mut bytes = format!("{method} ").into_bytes();
    bytes.extend_from_slice(target.as_ref());
    bytes.extend_from_slice(format!(" HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").as_bytes());
    bytes
}

pub struct Client(pub BufReader<TcpStream>);

impl Client {
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // A server that refuses early may have closed already: the answer tells.
        let _ = self.0.get_mut().write_all(bytes.as_ref());
    }

    pub fn finish(&mut self) {
        self.0.get_mut().shutdown(Shutdown::Write).unwrap();
    }

    /// Reads one response to a GET: the body by its Content-Length.
    pub fn response(&mut self) -> Response {
        let mut response = self.head();
        let len = response.header("content-length").map_or(0, |len| len.parse().unwrap());
        response.body = vec![0; len];
        self.0.read_exact(&mut response.body).unwrap();
        response
    }

    /// Reads one response head.
    pub fn head(&mut self) -> Response {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            self.0.read_until(b'\n', &mut line).unwrap();
            let line = String::from_utf8(line).unwrap();
            assert!(line.ends_with("\r\n"), "a whole line: {line:?} after {lines:?}");
            if line == "\r\n" {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let status = lines[0].strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let headers =
            lines[1..].iter().map(|line| line.split_once(": ").unwrap()).map(|(n, v)| (n.into(), v.into()));
        Response { status, headers: headers.collect(), body: Vec::new() }
    }

    /// Everything up to the end of the stream.
    pub fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The status of the answer's first line.
pub fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("nothing")
}
