//! Producers that mean no good, or run wild, under `--numbers given`: memory stays bounded, and the next good line arrives.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{fs, io::Write as _, net::SocketAddr, os::unix::net::UnixStream, path::PathBuf, thread};

use harness::{Client, Daemon, PATIENCE, scrape};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");
/// More than a ws-server takes that keeps a full history of short lines.
const MOST_MEMORY: u64 = 64 << 20;

struct Server {
    daemon: Daemon,
    metrics: SocketAddr,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let source = format!("unix:{}", path.display());
        let arguments =
            ["--source", &source, "--numbers", "given", "--greet", "0", "--metrics", "127.0.0.1:0"];
        // Thousands of lines are sent one after the other, each when the last one has come.
        // On a busy machine that takes longer than the time after which a client is pinged.
        let arguments = [&arguments[..], &["--coalesce", "0", "--ping-interval", "1h"], options].concat();
        let mut daemon = Daemon::start(WS_SERVER, &arguments);
        let metrics = daemon.metrics_address();
        Self { daemon, metrics, path, _folder: folder }
    }

    fn producer(&self) -> UnixStream {
        let producer = UnixStream::connect(&self.path).unwrap();
        producer.set_write_timeout(Some(PATIENCE)).unwrap();
        producer
    }

    /// A producer whose server has nothing to be filled with.
    fn caught_up(&self) -> UnixStream {
        let mut producer = self.producer();
        producer.write_all(b"!caught-up\n").unwrap();
        scrape::wait_for_health(self.metrics, 200);
        producer
    }

    fn client(&self) -> Client {
        self.daemon.websocket("/?ids=1").0
    }

    /// The most bytes that it ever had in memory.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.daemon.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// This line arrives, as the next one, and nothing has taken much memory.
    fn still_serves(&self, producer: &mut UnixStream, client: &mut Client, number: u64) {
        producer.write_all(format!("{number}\tstill here\n").as_bytes()).unwrap();
        assert_eq!(client.text(), format!("000000000000_{number}\tstill here"));
        assert!(self.memory() < MOST_MEMORY, "{} bytes", self.memory());
    }

    fn refused(&self, reason: &str) -> f64 {
        let sample = format!("datecast_ws_lines_refused_total{{reason=\"{reason}\"}}");
        scrape::value(&scrape::metrics(self.metrics), &sample)
    }
}

#[test]
fn bytes_that_are_no_lines_are_dropped_and_the_next_line_arrives() {
    let server = Server::start(&[]);
    let (mut producer, mut client) = (server.caught_up(), server.client());
    let mut state = 1_u64;
    let mut garbage = std::iter::repeat_with(|| {
        // Knuth's constants (MMIX); the upper bits are the better ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // No tab: no line can have a number by chance.
        state.to_be_bytes()[0].max(b'\n')
    });
    for _ in 0..64 {
        producer.write_all(&garbage.by_ref().take(1 << 14).collect::<Vec<u8>>()).unwrap();
    }
    producer.write_all(b"\n").unwrap();
    server.still_serves(&mut producer, &mut client, 7);
    assert!(server.refused("no_number") > 1_000.0);
}

#[test]
fn a_line_that_never_ends_takes_no_memory() {
    for digit in [b'7', b'!', b'\t'] {
        let server = Server::start(&[]);
        let (mut producer, mut client) = (server.caught_up(), server.client());
        for _ in 0..1_024 {
            producer.write_all(&vec![digit; 1 << 16]).unwrap();
        }
        producer.write_all(b"\n").unwrap();
        server.still_serves(&mut producer, &mut client, 8);
    }
}

#[test]
fn a_flood_of_words_takes_no_memory_and_holds_up_no_other_producer() {
    let server = Server::start(&[]);
    let (mut other, mut client) = (server.caught_up(), server.client());
    let mut flood = server.producer();
    let words =
        [b"!gap\n".repeat(200_000), b"!caught-up\n".repeat(200_000), b"!what\n".repeat(200_000)].concat();
    let flooding = thread::spawn(move || {
        flood.write_all(&words).unwrap();
        flood
    });
    for number in 0..50 {
        server.still_serves(&mut other, &mut client, number);
    }
    let mut flood = flooding.join().unwrap();
    // What came before a number that others had is no gap.
    flood.write_all(b"49\tlate\n").unwrap();
    server.still_serves(&mut flood, &mut client, 50);
    assert_eq!(server.refused("unknown_word").to_string(), "200000");
}

#[test]
fn a_jump_at_each_line_is_no_gap_and_takes_no_more_memory_than_the_history() {
    let server = Server::start(&["--history", "1000"]);
    let (mut producer, mut client) = (server.caught_up(), server.client());
    for number in (0..20_000_u64).map(|count| count * (u64::MAX / 20_001)) {
        producer.write_all(format!("{number}\tjump\n").as_bytes()).unwrap();
        assert_eq!(client.text(), format!("000000000000_{number}\tjump"));
    }
    assert!(server.memory() < MOST_MEMORY, "{} bytes", server.memory());
}

#[test]
fn of_256_producers_with_the_same_numbers_each_number_is_taken_once() {
    let server = Server::start(&["--max-producers", "64"]);
    let (_producer, mut client) = (server.caught_up(), server.client());
    let lines = (0..500).map(|number| format!("{number}\tline\n")).collect::<Vec<_>>().concat();
    thread::scope(|scope| {
        for _ in 0..256 {
            let mut producer = server.producer();
            let lines = lines.as_bytes();
            scope.spawn(move || producer.write_all(lines).unwrap());
        }
        for number in 0..500 {
            assert_eq!(client.text(), format!("000000000000_{number}\tline"));
        }
    });
    scrape::wait_until(server.metrics, "datecast_ws_lines_refused_total{reason=\"repeated\"}", |refused| {
        refused >= 255.0 * 500.0
    });
    let mut producer = server.producer();
    server.still_serves(&mut producer, &mut client, 500);
}

#[test]
fn an_epoch_that_rises_at_each_line_is_told_each_time_and_takes_no_more_memory_than_the_history() {
    let server = Server::start(&["--history", "1000"]);
    let (mut producer, mut client) = (server.caught_up(), server.client());
    // The first one is no new stream to a client that has had nothing.
    producer.write_all(b"1\told\n").unwrap();
    assert_eq!(client.text(), "000000000000_1\told");
    for epoch in 1..5_000 {
        let id = format!("{epoch:012x}_{}", u64::MAX - 1);
        producer.write_all(format!("{id}\tnew\n").as_bytes()).unwrap();
        assert_eq!(client.text(), format!("!\t{{\"missed\":null,\"stream\":\"new\",\"next\":\"{id}\"}}"));
        assert_eq!(client.text(), format!("{id}\tnew"));
    }
    assert!(server.memory() < MOST_MEMORY, "{} bytes", server.memory());
}
