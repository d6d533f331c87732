//! Lines that bring their numbers (`--numbers given`): what is taken, what is dropped, and what producers are told.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use harness::{Client, Daemon, PATIENCE, command, scrape};

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
    fn start(options: &[&str]) -> Self {
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

    /// A client that gets each message with its id before it.
    fn client(&self) -> Client {
        self.server.websocket("/?ids=1").0
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
    let mut given = Given::start(&["--greet", "0"]);
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
    let given = Given::start(&["--greet", "0", "--max-line", "8"]);
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
    let given = Given::start(&["--greet", "0"]);
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
        write!(producer, "{}\tlast", first + 999).unwrap();
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
