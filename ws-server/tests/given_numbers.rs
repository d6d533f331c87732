//! Lines that bring their numbers (`--numbers given`): what is taken, what is dropped, and what producers are told.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use harness::{Client, Daemon, PATIENCE, command, eventually, project, scrape};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

/// A producer that reads its greeting.
struct Producer(BufReader<UnixStream>);

impl Producer {
    fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn greeting(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }
}

/// A daemon whose producers give the numbers, on a socket in a folder of its own.
struct Given {
    server: Daemon,
    metrics: SocketAddr,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Given {
    /// One whose source has said that it is caught up.
    fn start(options: &[&str]) -> Self {
        let given = Self::filling(options);
        given.producer().write("!caught-up\n");
        given.wait_until_caught_up();
        given
    }

    /// One that clients wait for.
    fn filling(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let source = format!("unix:{}", path.display());
        let arguments = ["--source", &source, "--numbers", "given", "--metrics", "127.0.0.1:0"];
        let mut server = Daemon::start(WS_SERVER, &[&arguments, options].concat());
        let metrics = server.metrics_address();
        Self { server, metrics, path, _folder: folder }
    }

    fn producer(&self) -> Producer {
        Producer::connect(&self.path)
    }

    /// A client that gets every message with its id before it.
    fn client(&self) -> Client {
        self.server.websocket("/?ids=1&since=0").0
    }

    fn wait_until_caught_up(&self) {
        scrape::wait_until(self.metrics, "datecast_ws_source_caught_up", |caught_up| caught_up > 0.0);
    }

    /// The next message of such a client; that there is a gap before it is no message.
    fn next(client: &mut Client) -> String {
        loop {
            let text = client.text();
            if !text.starts_with("!\t") {
                return text;
            }
        }
    }

    /// Waits until so many lines were dropped for this reason.
    fn wait_for_refused(&self, reason: &str, count: f64) {
        let sample = format!("datecast_ws_lines_refused_total{{reason=\"{reason}\"}}");
        scrape::wait_until(self.metrics, &sample, |refused| refused >= count);
        let metrics = scrape::metrics(self.metrics);
        assert_eq!(scrape::value(&metrics, &sample).to_string(), count.to_string(), "{reason}");
    }
}

#[test]
fn a_line_above_the_newest_is_taken_with_its_number_and_any_other_is_dropped_and_counted() {
    let mut given = Given::start(&[]);
    let (mut producer, mut client) = (given.producer(), given.client());
    assert_eq!(producer.greeting(), "last none 000000000000\n");
    producer.write("5\tfive\n6\tsix\n6\tagain\n9\tnine\n7\tlate\nno number\n10\tten\n!what\n11\tlast\n");
    for (number, text) in [(5, "five"), (6, "six"), (9, "nine"), (10, "ten"), (11, "last")] {
        assert_eq!(Given::next(&mut client), format!("000000000000_{number}\t{text}"));
    }
    for (reason, count) in [("repeated", 2.0), ("no_number", 1.0), ("unknown_word", 1.0), ("old_epoch", 0.0)]
    {
        given.wait_for_refused(reason, count);
    }
    assert_eq!(given.producer().greeting(), "last 11 000000000000\n");
    given.server.log_line("1 line dropped: without a number");
}

#[test]
fn only_the_text_counts_for_the_longest_line() {
    let given = Given::start(&["--max-line", "8"]);
    let (mut producer, mut client) = (given.producer(), given.client());
    producer.write("00000000000000000001\t12345678\r\n2\t123456789\n000000000000_3\t12345678\n");
    // In pieces, too.
    for piece in ["18446744073709", "5516", "14\t1234", "5678", "\r", "\n"] {
        producer.write(piece);
    }
    for number in [1, 3, u64::MAX - 1] {
        assert_eq!(Given::next(&mut client), format!("000000000000_{number}\t12345678"));
    }
}

#[test]
fn a_producer_that_never_reads_its_greeting_loses_nothing() {
    let given = Given::start(&[]);
    let mut client = given.client();
    for round in 0..20_u64 {
        // Its socket is closed with the greeting in it: the server's read ends with ECONNRESET.
        let mut producer = UnixStream::connect(&given.path).unwrap();
        if round % 2 == 1 {
            producer.shutdown(std::net::Shutdown::Read).unwrap();
        }
        let first = round * 1000 + 1;
        for number in first..first + 999 {
            producer.write_all(format!("{number}\tline\n").as_bytes()).unwrap();
        }
        writeln!(producer, "{}\tlast", first + 999).unwrap();
        drop(producer);
        for number in first..first + 999 {
            assert_eq!(Given::next(&mut client), format!("000000000000_{number}\tline"));
        }
        assert_eq!(Given::next(&mut client), format!("000000000000_{}\tlast", first + 999));
    }
}

#[test]
fn numbers_are_given_only_where_lines_come_in() {
    for source in ["clock", "http"] {
        let arguments = ["--listen", "127.0.0.1:0", "--source", source, "--numbers", "given"];
        let (status, log) = Daemon::spawn(command(WS_SERVER, &arguments)).wait();
        assert_eq!(status.code(), Some(78), "{log}");
        assert!(log.contains("--numbers"), "{log}");
    }
}

/// Waits until `/healthz` says that the source is caught up, or that it is not.
fn wait_for_health(given: &Given, is_caught_up: bool) {
    let said = if is_caught_up { "ok" } else { "filling: the source has not said !caught-up" };
    eventually(|| {
        let answer = scrape::ask(given.metrics, "GET", "/healthz");
        let is_there = answer.starts_with(if is_caught_up { "HTTP/1.1 200 " } else { "HTTP/1.1 503 " });
        if is_there && answer.contains(said) { Ok(()) } else { Err(answer) }
    });
}

#[test]
fn a_machine_is_healthy_once_its_source_has_said_that_it_is_caught_up() {
    let given = Given::filling(&[]);
    let caught_up =
        || scrape::value(&scrape::metrics(given.metrics), "datecast_ws_source_caught_up").to_string();
    wait_for_health(&given, false);
    assert_eq!(caught_up(), "0");
    let mut producer = given.producer();
    producer.write("!caught-up\n");
    wait_for_health(&given, true);
    assert_eq!(caught_up(), "1");
    // Another one that begins later is behind nothing that this machine has not got.
    given.producer().write("1\tone\n");
    wait_for_health(&given, true);
}

#[test]
fn a_source_that_never_says_so_lets_newcomers_in_and_the_log_says_how_to_say_it() {
    let mut given = Given::filling(&[]);
    let mut producer = given.producer();
    producer.write("7\tseven\n");
    let mut client = given.client();
    assert_eq!(Given::next(&mut client), "000000000000_7\tseven");
    given.server.log_line("until it writes the line !caught-up");
    wait_for_health(&given, false);
    producer.write("!caught-up\n");
    wait_for_health(&given, true);
}

#[test]
fn standard_input_that_has_ended_is_caught_up() {
    let arguments = [
        "--source",
        "-",
        "--numbers",
        "given",
        "--at-eof",
        "keep",
        "--metrics",
        "127.0.0.1:0",
        "--greet",
        "9",
    ];
    let mut server = Daemon::start(WS_SERVER, &arguments);
    let metrics = server.metrics_address();
    server.write("3\tthree\nno number\n5\tfive\n");
    drop(server.stdin.take());
    assert!(scrape::wait_for_health(metrics, 200).contains("ok"));
    let mut client = server.websocket("/?ids=1").0;
    assert_eq!(Given::next(&mut client), "000000000000_3\tthree");
    assert_eq!(Given::next(&mut client), "000000000000_5\tfive");
}

#[test]
fn two_producers_of_the_same_numbers_are_one_stream() {
    let given = Given::start(&[]);
    let mut client = given.client();
    let producers: Vec<_> = (0..2).map(|_| given.producer()).collect();
    let threads: Vec<_> = producers
        .into_iter()
        .map(|mut producer| {
            std::thread::spawn(move || {
                for number in 1..=20_000 {
                    producer.write(format!("{number}\t{number}\n"));
                }
            })
        })
        .collect();
    for number in 1..=20_000 {
        assert_eq!(Given::next(&mut client), format!("000000000000_{number}\t{number}"));
    }
    for thread in threads {
        thread.join().unwrap();
    }
    given.wait_for_refused("repeated", 20_000.0);
}

#[test]
fn a_greater_epoch_is_a_new_stream_and_a_smaller_one_is_refused() {
    let mut given = Given::start(&[]);
    let (mut producer, mut client) = (given.producer(), given.client());
    producer.write("7\told\n01932f5a0c2e_3\tnew\n9\tlate\n01932f5a0c2e_4\tnew again\n");
    for text in ["000000000000_7\told", "01932f5a0c2e_3\tnew", "01932f5a0c2e_4\tnew again"] {
        assert_eq!(Given::next(&mut client), text);
    }
    given.wait_for_refused("old_epoch", 1.0);
    given.server.log_line("1 line dropped: of an older stream");
    assert_eq!(given.producer().greeting(), "last 4 01932f5a0c2e\n");
}

#[test]
fn of_a_producer_that_is_killed_every_whole_line_counts_and_no_half_one() {
    let given = Given::start(&[]);
    let mut client = given.client();
    let mut sink = command("sh", &["-c", "cat; kill -9 $$"]);
    let socket = UnixStream::connect(&given.path).unwrap();
    sink.stdin(std::process::Stdio::piped()).stdout(std::os::fd::OwnedFd::from(socket));
    let mut killed = sink.spawn().unwrap();
    let mut input = killed.stdin.take().unwrap();
    for number in 1..1000 {
        writeln!(input, "{number}\tline").unwrap();
    }
    input.write_all(b"1000\thalf").unwrap();
    // Its socket is in there, too.
    drop((sink, input));
    assert!(!killed.wait().unwrap().success());
    for number in 1..1000 {
        assert_eq!(Given::next(&mut client), format!("000000000000_{number}\tline"));
    }
    given.wait_for_refused("unfinished", 1.0);
    // Another one writes it whole.
    let mut producer = given.producer();
    assert_eq!(producer.greeting(), "last 999 000000000000\n");
    producer.write("1000\tand the other half\n");
    assert_eq!(Given::next(&mut client), "000000000000_1000\tand the other half");
}
/// Each step of the document's transcript: who, whether it reads, and what.
fn transcript() -> Vec<(String, bool, String)> {
    let document = std::fs::read_to_string(project().join("docs/given-numbers.md")).unwrap();
    let lines = document.lines().skip_while(|line| *line != "```transcript").skip(1);
    let step = |line: &str| {
        let (who, what) = line.split_at(line.find(['<', '>']).unwrap());
        let (reads, what) = (what.starts_with('<'), what[1..].trim_start().replace('⇥', "\t"));
        (who.trim_end().to_owned(), reads, what)
    };
    lines.take_while(|line| *line != "```").map(step).collect()
}

#[test]
fn the_transcript_of_the_document_is_what_happens() {
    let given = Given::filling(&[]);
    let (mut client, mut producers) = (None, HashMap::new());
    let steps = transcript();
    assert!(steps.len() > 20, "{steps:?}");
    for (who, reads, what) in steps {
        if who == "client" {
            assert_eq!(client.get_or_insert_with(|| given.server.websocket("/?ids=1").0).text(), what);
            continue;
        }
        let producer = producers.entry(who).or_insert_with(|| given.producer());
        if reads {
            assert_eq!(producer.greeting(), what + "\n");
        } else {
            producer.write(what + "\n");
        }
    }
    given.wait_for_refused("repeated", 1.0);
    given.wait_for_refused("old_epoch", 1.0);
    given.wait_for_refused("no_number", 1.0);
}

#[test]
fn while_a_machine_fills_its_newcomers_wait_and_then_get_what_they_would_get_now() {
    let given = Given::filling(&["--greet", "2"]);
    let mut producer = given.producer();
    let mut newcomer = given.server.websocket("/?ids=1").0;
    let mut resumed = given.server.websocket("/?ids=1&since=000000000000_98").0;
    let mut refused = given.server.request("GET /?since=000000000000_1&until=000000000000_3 HTTP/1.0");
    assert_eq!(refused.status(), 503);
    // At once, so that no pause looks like the end of what there was.
    let old: Vec<_> = (1..=100).map(|number| format!("{number}\told\n")).collect();
    producer.write(old.concat() + "!caught-up\n101\tnew\n");
    for (number, text) in [(99, "old"), (100, "old"), (101, "new")] {
        assert_eq!(resumed.text(), format!("000000000000_{number}\t{text}"));
    }
    // At the most two old lines, or one, if the new one was there already when the worker heard of it.
    let first = newcomer.text();
    assert!(first == "000000000000_99\told" || first == "000000000000_100\told", "{first}");
    while newcomer.text() != "000000000000_101\tnew" {}
}
