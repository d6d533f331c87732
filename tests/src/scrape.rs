//! Asks the metrics endpoint of a daemon.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long an answer, and a number, may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The whole answer to a request without a body; empty if there was none.
pub fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    let stream = TcpStream::connect(address).expect("the endpoint is there");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    ask_on(stream, method, path)
}

/// As [`ask`], on a connection of any kind.
pub fn ask_on(mut stream: impl Read + Write, method: &str, path: &str) -> String {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered until the end");
    String::from_utf8(answer).expect("text")
}

/// The body of `GET /metrics`.
pub fn metrics(address: SocketAddr) -> String {
    let answer = ask(address, "GET", "/metrics");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    body.to_owned()
}

/// The value of a sample, which is named with its labels: `datecast_ws_closed_total{reason="slow"}`.
pub fn value(metrics: &str, sample: &str) -> f64 {
    let found = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {sample} in:\n{metrics}")).parse().expect("a number")
}

/// Waits until a sample is what it is wanted to be.
pub fn wait_until(address: SocketAddr, sample: &str, is_right: impl Fn(f64) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = value(&metrics(address), sample);
        if is_right(now) {
            return;
        }
        assert!(Instant::now() < deadline, "{sample} is still {now}");
    }
}

/// Waits until `/healthz` answers with this status; the answer.
pub fn wait_for_health(address: SocketAddr, status: u16) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask(address, "GET", "/healthz");
        if answer.starts_with(&format!("HTTP/1.1 {status} ")) {
            return answer;
        }
        assert!(Instant::now() < deadline, "not {status} but {answer}");
    }
}
