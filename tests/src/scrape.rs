//! Asks the metrics endpoint of a daemon.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::client::Client;
use crate::wait::{PATIENCE, eventually};

/// The whole answer to a request without a body; empty if there was none.
pub fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    ask_on(Client::connect(address).stream, method, path)
}

/// As [`ask`], on a connection of any kind.
pub fn ask_on(mut stream: impl Read + Write, method: &str, path: &str) -> String {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered until the end");
    String::from_utf8(answer).expect("text")
}

/// A connection to an endpoint on a Unix socket, as soon as that is there.
pub fn connect_unix(socket: &Path) -> UnixStream {
    let stream = eventually(|| UnixStream::connect(socket).map_err(|error| error.to_string()));
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Returns the body of `GET /metrics`, whose status must be 200.
pub fn metrics(address: SocketAddr) -> String {
    let answer = ask(address, "GET", "/metrics");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    body.to_owned()
}

/// The value of a sample; its name includes its labels: `datecast_ws_closed_total{reason="slow"}`.
pub fn value(metrics: &str, sample: &str) -> f64 {
    let found = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {sample} in:\n{metrics}")).parse().expect("a number")
}

/// Waits until a sample has the right value.
pub fn wait_until(address: SocketAddr, sample: &str, is_right: impl Fn(f64) -> bool) {
    eventually(|| {
        let now = value(&metrics(address), sample);
        if is_right(now) { Ok(()) } else { Err(format!("{sample} is {now}")) }
    });
}

/// Waits until `/healthz` answers with this status; the answer.
pub fn wait_for_health(address: SocketAddr, status: u16) -> String {
    eventually(|| {
        let answer = ask(address, "GET", "/healthz");
        if answer.starts_with(&format!("HTTP/1.1 {status} ")) { Ok(answer) } else { Err(answer) }
    })
}
