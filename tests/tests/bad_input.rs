//! Bad input of every kind, again and again for two seconds, beside a client that behaves: each gets its status or close code, the log
//! has one line a second at most for each reason and counts the others, and the client misses nothing (row OP-04).

#![allow(clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods)] // The length of a flood is read from the real clock.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use harness::{
    Client, Daemon, Signal, binary, frame, handshake,
    http::request,
    publish::{chunk, post, put_head},
};

/// Three windows of the log begin in it.
const FLOOD: Duration = Duration::from_millis(2200);
const READER: &str = "8b1a9953c4611296a827abf8c47804d7";
const WRITER: &str = "2e6f9b0d5885b6010f9167787445617f";

/// What a client gets for its bad input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Status(u16),
    Close(u16),
    /// The end of the connection, without a byte.
    End,
}

use Answer::{Close, End, Status};

impl Answer {
    fn of(self, bytes: &[u8], daemon: &Daemon) -> Self {
        let mut client = daemon.connect();
        client.try_send(bytes);
        match self {
            Status(_) => Status(client.response_head().status),
            Close(_) => {
                assert!(client.head().starts_with("HTTP/1.1 101 "));
                Close(client.close_code().unwrap_or_default())
            }
            End => match client.read_to_end().0.len() {
                0 => End,
                len => panic!("{len} bytes"),
            },
        }
    }
}

type Row = (Vec<u8>, Answer);

/// Sends each row again and again; `canary` sees after each whether a client that behaves gets what it should. Ends the daemon, and looks
/// at its log.
fn flood(mut daemon: Daemon, rows: &[Row], mut canary: impl FnMut(&mut Daemon, u64)) {
    let begin = Instant::now();
    let mut sent = 0;
    while begin.elapsed() < FLOOD {
        for (bytes, answer) in rows {
            let shown = bytes.get(..bytes.len().min(100)).unwrap_or_default().escape_ascii();
            assert_eq!(answer.of(bytes, &daemon), *answer, "{shown}");
            sent += 1;
            canary(&mut daemon, sent);
        }
    }
    drop(canary);
    daemon.signal(Signal::TERM);
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    let written = Written::of(&log);
    let most = begin.elapsed().as_secs() + 1;
    let too_many: Vec<_> = written.lines.iter().filter(|(_, lines)| **lines > most).collect();
    assert!(too_many.is_empty(), "more than {most} lines: {too_many:#?}");
    assert_eq!(written.events, sent, "each stands in a line, or is counted in one:\n{log}");
}

/// What the log has of bad input.
#[derive(Default)]
struct Written {
    /// How many lines each kind has.
    lines: HashMap<String, u64>,
    /// The inputs that these lines stand for.
    events: u64,
}

impl Written {
    fn of(log: &str) -> Self {
        let mut written = Self::default();
        for line in log.lines().filter(|line| !line.contains(" INFO ")) {
            let text = line.split_once(": ").map_or(line, |(_, text)| text);
            if let Some((count, place)) = line.split_once(" more like the last one from ") {
                // Requests that were answered as they should be have no reason.
                if place.contains(") were suppressed") {
                    written.add(place, count.rsplit(' ').next(), 0);
                }
            } else if let Some((text, count)) =
                text.strip_suffix(" more like it were suppressed)").and_then(|text| text.rsplit_once(" ("))
            {
                written.add(text, Some(count), 1);
            } else {
                written.add(text, Some("0"), 1);
            }
        }
        written
    }

    fn add(&mut self, kind: &str, suppressed: Option<&str>, own: u64) {
        if kind.contains(" 200 ") {
            return;
        }
        *self.lines.entry(kind.to_owned()).or_default() += 1;
        self.events += own + suppressed.and_then(|count| count.parse::<u64>().ok()).expect("a count");
    }
}

/// A request whose lines end with LF here.
fn row(request: &str, status: u16) -> Row {
    (format!("{request}\n\n").replace('\n', "\r\n").into_bytes(), Status(status))
}

/// What no server of HTTP takes.
fn bad_http() -> Vec<Row> {
    let long = "x".repeat(9000);
    let mut many = String::new();
    (0..65).for_each(|at| write!(many, "\nX{at}: y").expect("written"));
    vec![
        (b"\x16\x03\x01\x02\x00\x01\x00".to_vec(), Status(400)),
        (b"SSH-2.0-OpenSSH_9.0\r\n".to_vec(), Status(400)),
        row("GET / HTTP/1.1", 400),
        row("GET / HTTP/1.1\nHost: a\nHost: b", 400),
        row("GET / HTTP/1.1\nHost: a\nContent-Length: 1\nTransfer-Encoding: chunked", 400),
        row("GET / HTTP/2.0\nHost: a", 505),
        row(&format!("GET /{long} HTTP/1.1\nHost: a"), 414),
        row(&format!("GET / HTTP/1.1\nHost: a{many}"), 431),
        row("GET /other HTTP/1.1\nHost: a", 404),
        row("DELETE / HTTP/1.1\nHost: a", 405),
    ]
}

/// A client of the final version with these bytes behind its handshake.
fn bad_frames(bytes: Vec<u8>, code: u16) -> Row {
    let opening = format!("{}\n\n", handshake("/", 13)).replace('\n', "\r\n").into_bytes();
    ([opening, bytes].concat(), Close(code))
}

#[test]
fn bad_input_of_ws_server_has_its_code_a_line_a_second_and_costs_nobody_a_message() {
    let daemon = Daemon::start(
        binary("ws-server"),
        &[
            "--source",
            "-",
            "--path",
            "/",
            "--host",
            "a",
            "--allow-origin",
            "https://example.org",
            "--trusted-proxy",
            "127.0.0.1",
            "--leave-notices",
            "off",
            "--log-level",
            "debug",
        ],
    );
    let key = "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let mut rows = bad_http();
    rows.extend([
        row("GET / HTTP/1.1\nHost: other", 403),
        row("GET / HTTP/1.1\nHost: a\nOrigin: https://other.example", 403),
        row("GET /?since=x HTTP/1.1\nHost: a", 400),
        row("GET /?poll=x HTTP/1.1\nHost: a", 400),
        row(&format!("GET / HTTP/1.1\nHost: a\n{key}\nSec-WebSocket-Version: 99"), 426),
        // A PROXY header of version 3.
        (b"\r\n\r\n\0\r\nQUIT\n\x31\x11\x00\x0c".to_vec(), Status(400)),
        (b"<policy-file-question/>\0".to_vec(), Status(400)),
        bad_frames(vec![0x81, 2, b'h', b'i'], 1002),
        bad_frames(frame(0xC1, b"a"), 1002),
        bad_frames(frame(0x80, b"a"), 1002),
        bad_frames(frame(0x81, b"\xff"), 1007),
        bad_frames(frame(0x82, &vec![0; 16385]), 1009),
        bad_frames([frame(0x01, b"a"), frame(0x00, b"b").repeat(64)].concat(), 1009),
    ]);
    let (mut socket, _) = daemon.websocket("/");
    let mut lines = daemon.request("GET / HTTP/1.0\nHost: a");
    assert_eq!(lines.response_head().status, 200);
    flood(daemon, &rows, move |daemon, number| {
        let line = format!("line {number}");
        daemon.write(format!("{line}\n"));
        assert_eq!(socket.text(), line);
        assert_eq!(lines.until(b"\n"), format!("{line}\n").as_bytes());
    });
}

#[test]
fn bad_input_of_publishers_has_its_status_a_line_a_second_and_costs_nobody_a_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, token: &str| {
        let path = folder.path().join(name);
        fs::write(&path, format!("{name} {token}\n")).expect("written");
        path.to_str().expect("text").to_owned()
    };
    let daemon = Daemon::start(
        binary("ws-server"),
        &[
            "--source",
            "http",
            "--token-file",
            &file("readers", READER),
            "--publish-token-file",
            &file("writers", WRITER),
            "--leave-notices",
            "off",
            "--log-level",
            "debug",
        ],
    );
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let writer = bearer(WRITER);
    let with = |fields: &str| format!("{writer}{fields}");
    let rows: Vec<Row> = vec![
        (request("GET", "/", ""), Status(401)),
        (request("GET", "/", &bearer("00000000000000000000000000000000")), Status(401)),
        (post("", "line"), Status(401)),
        (post(&bearer(READER), "line"), Status(401)),
        (request("POST", "/", &writer), Status(411)),
        (post(&with("Content-Encoding: gzip\r\n"), "line"), Status(415)),
        (post(&with("Content-Type: multipart/form-data; boundary=x\r\n"), "line"), Status(415)),
        (post(&with("Expect: 200-ok\r\n"), "line"), Status(417)),
        (post(&with("Idempotency-Key: \x07\r\n"), "line"), Status(400)),
        ([put_head(&writer), chunk("good\n"), b"zz\r\n".to_vec()].concat(), Status(400)),
        ([put_head(&writer), b"99999999999999999999\r\n".to_vec()].concat(), Status(400)),
    ];
    let (mut good, mut reader) = (daemon.connect(), daemon.connect());
    reader.send(format!("GET / HTTP/1.0\r\n{}\r\n", bearer(READER)));
    assert_eq!(reader.response_head().status, 200);
    flood(daemon, &rows, move |_, number| {
        let line = format!("line {number}");
        good.send(post(&writer, format!("{line}\n")));
        assert_eq!(good.response().status, 200);
        // Each body that breaks off has a whole line before its end.
        let mut got =
            std::iter::from_fn(|| Some(reader.until(b"\n"))).take(10).filter(|got| got != b"good\n");
        assert_eq!(got.next(), Some(format!("{line}\n").into_bytes()));
    });
}

#[test]
fn bad_input_of_static_server_has_its_status_a_line_a_second_and_costs_nobody_an_answer() {
    let daemon = Daemon::start(binary("static-server"), &["--log-level", "debug"]);
    let mut rows = bad_http();
    rows.extend([
        row("GET /../etc/passwd HTTP/1.1\nHost: a", 400),
        row("GET /%00 HTTP/1.1\nHost: a", 400),
        row("GET / HTTP/1.1\nHost: a\nRange: bytes=99999999-", 416),
    ]);
    flood(daemon, &rows, |daemon, _| assert_eq!(daemon.get("/").status, 200));
}

#[test]
fn bad_input_of_policy_server_ends_without_a_word_with_a_line_a_second_and_costs_nobody_an_answer() {
    let daemon = Daemon::start(binary("policy-server"), &["--log-level", "debug"]);
    let rows: Vec<Row> = [
        b"\x16\x03\x01\x02".as_slice(),
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.0\r\n",
        b"\0",
        b"<policy-file-question/>\0",
        b"<policy-file-request/>x",
    ]
    .map(|bytes| (bytes.to_vec(), End))
    .to_vec();
    flood(daemon, &rows, |daemon, _| {
        let (answer, _) = daemon.connect().exchange(b"<policy-file-request/>\0");
        assert!(answer.ends_with(b"</cross-domain-policy>\n\0"), "{}", answer.escape_ascii());
    });
}

/// Producers that send rubbish all the time; every good line of another one arrives, and the usual log stays short.
#[test]
fn bad_lines_of_producers_have_a_line_of_the_log_for_each_reason_and_cost_no_good_line() {
    let kinds: [(&[&str], Vec<&[u8]>); 2] = [
        (&["--numbers", "given"], vec![b"no number\n", b"1\tbefore\n", b"!what\n", b"99\tunfinished"]),
        (&["--invalid-utf8", "drop", "--max-line", "64"], vec![b"\xff\xfe\n", &[b'x'; 100], b"\n"]),
    ];
    for (flags, rubbish) in kinds {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("lines");
        let source = format!("unix:{}", socket.display());
        let flags = [&["--source", &source, "--leave-notices", "off"], flags].concat();
        let daemon = Daemon::start(binary("ws-server"), &flags);
        let connect = || UnixStream::connect(&socket).expect("connected");
        let mut good = connect();
        let (mut canary, _) = daemon.websocket("/");
        let begin = Instant::now();
        let mut number = 1000;
        while begin.elapsed() < FLOOD {
            for bytes in &rubbish {
                // The daemon may be done with it before all is written.
                _ = connect().write_all(bytes);
            }
            number += 1;
            good.write_all(format!("{number}\tgood {number}\n").as_bytes()).expect("written");
            next_good(&mut canary, number);
        }
        drop((canary, good));
        daemon.signal(Signal::TERM);
        let (_, log) = daemon.wait();
        let of_producers: Vec<&str> = log.lines().filter(|line| !line.contains(" INFO ")).collect();
        let most = rubbish.len() * usize::try_from(begin.elapsed().as_secs() + 1).expect("a few");
        assert!(!of_producers.is_empty() && of_producers.len() <= most, "{of_producers:#?}");
    }
}

/// Reads until the good line of this number; none of the good ones may be missing before it.
fn next_good(canary: &mut Client, number: u64) {
    let end = format!("good {number}");
    let mut others = std::iter::from_fn(|| Some(canary.text())).take(100);
    let text = others.find(|text| text.contains("good ")).expect("a good line");
    assert!(text.ends_with(&end), "{text} instead of {end}");
}
