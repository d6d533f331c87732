//! `?until=`: a part of the history over real sockets, at any speed, from any worker and across a restart.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{io::Write as _, os::unix::net::UnixStream};

use harness::{Client, Daemon, Holder, Signal, scrape::wait_until};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

/// So many lines of 8,000 bytes are more than the kernel buffers for a client that does not read.
const MANY: u64 = 2500;

fn line(number: u64) -> String {
    format!("{number:09}{}\n", "x".repeat(7990))
}

fn lines(numbers: impl Iterator<Item = u64>) -> String {
    numbers.map(line).collect()
}

/// The bytes of all chunks; `None` without the last one.
fn unchunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|end| end == b"\r\n")?;
        let (size, rest) = bytes.split_at_checked(end)?;
        let len = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        if len == 0 {
            return (rest == b"\r\n\r\n").then_some(body);
        }
        body.extend_from_slice(rest.get(2..len + 2)?);
        bytes = rest.get(len + 4..)?;
    }
}

/// A server that keeps lines for a long history, and has read so many of them.
fn server(newest: u64) -> Daemon {
    let args = ["--source", "-", "--workers", "2", "--max-backlog", "64MiB", "--history", "100000"];
    let mut server = Daemon::start(WS_SERVER, &args);
    server.write(lines(1..=newest));
    server.request("GET / HTTP/1.0").until(line(newest).as_bytes());
    server
}

#[test]
fn many_read_the_whole_history_at_once_and_each_gets_all_of_it() {
    let newest = MANY / 5;
    let server = server(newest);
    let target = format!("/?since=0&until={newest}");
    let mut plain: Vec<Client> = (0..3).map(|_| server.request(&format!("GET {target} HTTP/1.0"))).collect();
    let mut chunked = server.request(&format!("GET {target} HTTP/1.1\nHost: a"));
    let (mut frames, _) = server.websocket(&format!("{target}&numbered=1"));
    let expected = lines(1..=newest);
    for client in &mut plain {
        client.head();
        assert!(client.rest_as_text() == expected);
    }
    chunked.head();
    assert!(unchunked(&chunked.rest()).unwrap() == expected.as_bytes());
    for number in 1..=newest {
        assert_eq!(frames.text(), format!("{number}\t{}", line(number).trim_end()));
    }
    assert_eq!(frames.close_code(), Some(1000));
}

#[test]
fn a_line_that_one_worker_has_sent_can_be_read_from_the_other() {
    let mut server = server(3);
    let (mut live, _) = server.websocket("/?since=3");
    for number in 4..200 {
        server.write(line(number));
        live.text();
        let mut reader = server.request(&format!("GET /?since={}&until={number} HTTP/1.0", number - 2));
        reader.head();
        assert!(reader.rest_as_text() == lines(number - 1..=number), "{number}");
    }
}

#[test]
fn a_reader_that_stops_reading_is_let_go_and_sees_that_it_has_not_all() {
    let mut server =
        Daemon::start(WS_SERVER, &["--source", "-", "--max-backlog", "24MiB", "--history", "100000"]);
    server.write(lines(1..=MANY));
    let (mut live, _) = server.websocket("/");
    while live.text() != line(MANY).trim_end() {}
    let target = format!("/?since=0&until={MANY}");
    let mut plain = server.request(&format!("GET {target} HTTP/1.0"));
    let mut chunked = server.request(&format!("GET {target} HTTP/1.1\nHost: a"));
    assert!(plain.head().contains(" 200 ") && chunked.head().contains(" 200 "));
    // Others get their lines meanwhile, and the ring goes on.
    for last in (MANY..3 * MANY).step_by(10) {
        server.write(lines(last + 1..=last + 10));
        (last + 1..=last + 10).for_each(|number| assert_eq!(live.text(), line(number).trim_end()));
    }
    let (bytes, was_reset) = plain.read_to_end();
    assert!(was_reset && bytes.len() < lines(1..=MANY).len());
    assert!(unchunked(&chunked.rest()).is_none());
}

#[test]
fn a_restart_carries_it_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let source = format!("unix:{}", path.display());
    let args = ["--hand-over", "on", "--source", &source, "--max-backlog", "64MiB", "--history", "100000"];
    let mut holder = Holder::start(WS_SERVER, &args);
    let mut producer = UnixStream::connect(&path).unwrap();
    producer.write_all(lines(1..=MANY).as_bytes()).unwrap();
    holder.request("GET / HTTP/1.0").until(line(MANY).as_bytes());
    let target = format!("/?since=0&until={MANY}");
    let mut plain = holder.request(&format!("GET {target} HTTP/1.0"));
    let mut chunked = holder.request(&format!("GET {target} HTTP/1.1\nHost: a"));
    assert!(plain.head().contains(" 200 ") && chunked.head().contains(" 200 "));
    holder.end(Signal::USR2);
    holder.start_next();
    assert!(plain.rest_as_text() == lines(1..=MANY));
    assert!(unchunked(&chunked.rest()).unwrap() == lines(1..=MANY).as_bytes());
}

#[test]
fn a_stop_cuts_it_short_and_says_so() {
    let server = server(MANY);
    let target = format!("/?since=0&until={MANY}");
    let mut plain = server.request(&format!("GET {target} HTTP/1.0"));
    let mut chunked = server.request(&format!("GET {target} HTTP/1.1\nHost: a"));
    assert!(plain.head().contains(" 200 ") && chunked.head().contains(" 200 "));
    server.signal(Signal::TERM);
    assert!(unchunked(&chunked.rest()).is_none());
    assert!(plain.read_to_end().1, "no reset");
    server.wait();
}

#[test]
fn the_metrics_count_it_apart() {
    let mut server =
        Daemon::start(WS_SERVER, &["--source", "-", "--workers", "1", "--metrics", "127.0.0.1:0"]);
    let endpoint = server.metrics_address();
    server.write("1\n2\n3\n");
    let (mut live, _) = server.websocket("/?since=2");
    live.text();
    // One that waits for the peer's Close.
    let (mut frames, _) = server.websocket("/?since=0&until=2");
    assert_eq!((frames.text(), frames.text()), ("1".to_owned(), "2".to_owned()));
    let is_one = |count: f64| (count - 1.0).abs() < f64::EPSILON;
    for sample in [
        "bounded_reads_total",
        r#"connections{dialect="rfc6455",state="open"}"#,
        r#"source{state="running"}"#,
    ] {
        wait_until(endpoint, &format!("datecast_ws_{sample}"), is_one);
    }
}
