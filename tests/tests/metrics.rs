//! `--metrics` of the three daemons over real sockets: each number moves as it should, and the health is right.

#![allow(clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods)] // Deadlines of the tests are read from the real clock.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use harness::{
    Client, Daemon, Signal, binary, command, frame,
    http::exchange,
    inherit,
    scrape::{ask, ask_on, connect_unix, metrics, value, wait_for_health, wait_until},
};

/// How long the endpoint waits for a request.
const DEADLINE: Duration = Duration::from_secs(5);

/// A daemon with its metrics on a free port.
fn start(name: &str, arguments: &[&str]) -> (Daemon, SocketAddr) {
    let mut daemon = Daemon::start(binary(name), &[&["--metrics", "127.0.0.1:0"], arguments].concat());
    let address = daemon.metrics_address();
    (daemon, address)
}

/// A client that has sent this request, whose lines end with LF here, and got the beginning of an answer.
fn request(daemon: &Daemon, request: &str) -> Client {
    let mut client = daemon.connect();
    client.send(request.replace('\n', "\r\n"));
    client.take(12);
    client
}

const RFC6455: &str = "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n\
    Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n";
const HIXIE75: &str =
    "GET / HTTP/1.1\nHost: a\nUpgrade: WebSocket\nConnection: Upgrade\nOrigin: http://a\n\n";
const HIXIE76: &str = "GET / HTTP/1.1\nHost: a\nUpgrade: WebSocket\nConnection: Upgrade\nOrigin: http://a\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\n\n^n:ds[4U";
const EVENTS: &str = "GET / HTTP/1.1\nHost: a\nAccept: text/event-stream\n\n";
const LINES: &str = "GET / HTTP/1.1\nHost: a\n\n";

#[test]
fn each_dialect_is_counted_while_it_is_there_and_gone_again() {
    let (daemon, at) = start("ws-server", &["--interval", "100ms"]);
    let older = |version: &str| RFC6455.replace("Version: 13", &format!("Version: {version}"));
    for (dialect, text) in [
        ("rfc6455", RFC6455),
        ("hybi08", &older("8")),
        ("hybi07", &older("7")),
        ("hixie76", HIXIE76),
        ("hixie75", HIXIE75),
        ("sse", EVENTS),
        ("lines", LINES),
    ] {
        let sample = format!("datecast_ws_connections{{dialect=\"{dialect}\",state=\"open\"}}");
        let clients = [request(&daemon, text), request(&daemon, text)];
        wait_until(at, &sample, |open| (open - 2.0).abs() < 0.1);
        drop(clients);
        wait_until(at, &sample, |open| open < 0.1);
    }
    let waiting = TcpStream::connect(daemon.address()).expect("connected");
    wait_until(at, "datecast_ws_connections{dialect=\"unknown\",state=\"opening\"}", |open| open > 0.9);
    wait_until(at, "datecast_ws_open_heads", |open| open > 0.9);
    drop(waiting);
    wait_until(at, "datecast_ws_open_connections", |open| open < 0.1);
    let text = metrics(at);
    assert!(value(&text, "datecast_ws_accepted_total") > 14.0);
    assert!(value(&text, "datecast_ws_turns_total") > 0.0);
}

#[test]
fn messages_their_lateness_and_bytes_are_counted() {
    let (daemon, at) = start("ws-server", &["--interval", "20ms"]);
    let client = request(&daemon, LINES);
    wait_until(at, "datecast_ws_messages_total", |sent| sent > 10.0);
    drop(client);
    wait_until(at, "datecast_ws_open_connections", |open| open < 0.1);
    let text = metrics(at);
    let (sent, late) =
        (value(&text, "datecast_ws_messages_total"), value(&text, "datecast_ws_lateness_seconds_count"));
    // Every message has a lateness but the one that a newcomer gets at once.
    assert!((sent - late - 1.0).abs() < 0.1, "{sent} {late}");
    assert!(value(&text, "datecast_ws_lateness_seconds_bucket{le=\"+Inf\"}") >= late);
    let bytes_in = value(&text, "datecast_ws_bytes_total{direction=\"in\"}");
    #[allow(clippy::cast_precision_loss, reason = "a few bytes")]
    let asked = LINES.replace('\n', "\r\n").len() as f64;
    assert!((bytes_in - asked).abs() < 0.1, "{bytes_in} {asked}");
    assert!(value(&text, "datecast_ws_bytes_total{direction=\"out\"}") > sent * 20.0);
}

#[test]
fn lines_of_a_source_are_counted_and_timed_too() {
    let (mut daemon, at) = start("ws-server", &["--source", "-", "--at-eof", "keep"]);
    let client = request(&daemon, EVENTS);
    wait_until(at, "datecast_ws_connections{dialect=\"sse\",state=\"open\"}", |open| open > 0.9);
    daemon.write("one\ntwo\nthree\n");
    wait_until(at, "datecast_ws_lateness_seconds_count", |sent| (sent - 3.0).abs() < 0.1);
    assert!((value(&metrics(at), "datecast_ws_messages_total") - 3.0).abs() < 0.1);
    drop(client);
}

#[test]
fn refused_handshakes_are_counted_by_status() {
    let (daemon, at) = start("ws-server", &["--path", "/stream"]);
    drop(request(&daemon, "GET /other HTTP/1.1\nHost: a\n\n"));
    drop(request(&daemon, "\u{1}"));
    drop(request(&daemon, "POST /stream HTTP/1.1\nHost: a\n\n"));
    let sample = |status: u16| format!("datecast_ws_handshake_failures_total{{status=\"{status}\"}}");
    for status in [404, 400, 405] {
        wait_until(at, &sample(status), |count| (count - 1.0).abs() < 0.1);
    }
    // A server of its own: the others may be too slow for it, and so may this one, which has no answer then.
    let (daemon, at) = start("ws-server", &["--path", "/stream", "--head-timeout", "100ms"]);
    while daemon.connect().exchange("GET /stream HT").0.is_empty() {}
    wait_until(at, &sample(408), |count| (count - 1.0).abs() < 0.1);
}

#[test]
fn a_client_that_takes_nothing_is_seen_in_the_queue_and_then_counted_as_slow() {
    let (mut daemon, at) =
        start("ws-server", &["--source", "-", "--write-timeout", "2s", "--at-eof", "keep"]);
    let client = request(&daemon, RFC6455);
    let open = "datecast_ws_connections{dialect=\"rfc6455\",state=\"open\"}";
    wait_until(at, open, |open| open > 0.9);
    let line = [b"x".repeat(8000), b"\n".to_vec()].concat();
    // It may be closed before all is written.
    let mut was_queued = false;
    for _ in 0..700 {
        daemon.write(&line);
        was_queued = was_queued || value(&metrics(at), "datecast_ws_queue_bytes") > 0.0;
    }
    if !was_queued {
        wait_until(at, "datecast_ws_queue_bytes", |queued| queued > 0.0);
    }
    wait_until(at, "datecast_ws_closed_total{reason=\"slow\"}", |slow| slow > 0.9);
    wait_until(at, "datecast_ws_queue_bytes", |queued| queued < 0.1);
    assert!(value(&metrics(at), open) < 0.1);
    drop(client);
}

#[test]
fn what_others_say_and_a_client_that_takes_nothing_misses_is_counted_and_logged() {
    let options = ["--workers", "1", "--interval", "0", "--on-message", "broadcast", "--message-rate", "0"];
    let (mut daemon, at) = start("ws-server", &options);
    let [(mut author, _), (mut witness, _), (mut sleeper, _)] = [(); 3].map(|()| daemon.websocket("/"));
    let (text, mut said) = ("x".repeat(4000), 0.0);
    let missed = || value(&metrics(at), "datecast_ws_notices_missed_total");
    while missed() < 3.0 {
        for _ in 0..100 {
            author.send(frame(0x81, text.as_bytes()));
            assert_eq!(witness.frame().1, text.as_bytes());
        }
        said += 100.0;
        // Its answer comes in a turn behind all that was said.
        author.send(frame(0x89, b""));
        assert_eq!(author.frame().0, 0x8A);
    }
    // Nothing is taken until now, so that the first ones are heard and all the others are missed.
    let mut heard = said - missed();
    while heard > 0.5 {
        assert_eq!(sleeper.frame().1, text.as_bytes());
        heard -= 1.0;
    }
    author.send(frame(0x81, b"end"));
    assert_eq!(sleeper.frame().1, b"end", "more was heard than is not counted as missed");
    daemon.log_line("notices were not sent to a client: its socket was full");
}

// OP-17
#[test]
fn the_daemon_is_healthy_until_its_dates_are_late() {
    let (daemon, at) = start("ws-server", &["--interval", "500ms"]);
    let client = request(&daemon, LINES);
    wait_for_health(at, 200);
    daemon.signal(Signal::STOP);
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(3500) {
        std::thread::park_timeout(Duration::from_millis(100));
    }
    daemon.signal(Signal::CONT);
    let answer = wait_for_health(at, 503);
    // The first answer may still say that no worker has turned meanwhile.
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut latest = answer;
    while !latest.contains("ms late") && Instant::now() < deadline {
        latest = ask(at, "GET", "/healthz");
    }
    assert!(latest.contains("dates are ") && latest.contains("ms late"), "{latest}");
    assert!(value(&metrics(at), "datecast_ws_worst_lateness_seconds") > 2.0);
    assert!(value(&metrics(at), "datecast_ws_healthy") < 0.1);
    drop(client);
}

#[test]
fn a_daemon_that_cannot_accept_is_not_healthy_and_says_why() {
    let (daemon, at) = start("static-server", &["--workers", "1"]);
    wait_for_health(at, 200);
    // No more than it has: the endpoint answers with a descriptor that it has kept for that.
    let is_open =
        |number: &u64| std::fs::exists(format!("/proc/{}/fd/{number}", daemon.pid())).expect("ours");
    daemon.limit_files((0..256).find(|number| !is_open(number)).expect("a free number"));
    let clients: Vec<TcpStream> =
        (0..3).map(|_| TcpStream::connect(daemon.address()).expect("in the backlog")).collect();
    for _ in 0..20 {
        let answer = wait_for_health(at, 503);
        assert!(answer.contains("out of descriptors"), "{answer}");
    }
    assert!(value(&metrics(at), "datecast_static_accept_paused") > 0.9);
    daemon.limit_files(256);
    wait_for_health(at, 200);
    wait_until(at, "datecast_static_accept_paused", |paused| paused < 0.1);
    assert!(value(&metrics(at), "datecast_static_accept_errors_total") > 0.9);
    drop(clients);
}

#[test]
fn policy_requests_are_counted_by_outcome() {
    // The silent client has a server of its own: the others may be too slow for its lifetime.
    let usual: &[(&[u8], bool)] = &[
        (b"<policy-file-request/>\0", true),
        (b"<policy-file-request/>\0", true),
        (b"GET / HTTP/1.1\r\n\r\n", false),
    ];
    let rows = [
        (&[][..], usual, &[("served", 2.0), ("bogus", 1.0)][..]),
        (&["--lifetime", "500ms"], &[(b"<policy", false)], &[("silent", 1.0)]),
    ];
    for (options, requests, counts) in rows {
        let (daemon, at) = start("policy-server", options);
        for (bytes, is_served) in requests {
            // A bogus request may be reset.
            assert_eq!(!daemon.connect().exchange(bytes).0.is_empty(), *is_served);
        }
        for (result, count) in counts {
            let sample = format!("datecast_policy_answers_total{{result=\"{result}\"}}");
            wait_until(at, &sample, |now: f64| (now - count).abs() < 0.1);
        }
    }
}

#[test]
fn requests_for_files_are_counted_by_status() {
    let (daemon, at) = start("static-server", &[]);
    drop(request(&daemon, LINES));
    drop(request(&daemon, "GET / HTTP/1.1\nHost: a\n\n"));
    drop(request(&daemon, "GET /nothing HTTP/1.1\nHost: a\n\n"));
    drop(request(&daemon, "DELETE / HTTP/1.1\nHost: a\n\n"));
    drop(request(&daemon, "no request at all\n\n"));
    for (status, count) in [(200, 2.0), (404, 1.0), (405, 1.0), (400, 1.0)] {
        let sample = format!("datecast_static_requests_total{{status=\"{status}\"}}");
        wait_until(at, &sample, |now: f64| (now - count).abs() < 0.1);
    }
}

#[test]
fn the_endpoint_speaks_http_as_it_should() {
    let (_daemon, at) = start("policy-server", &[]);
    let head = ask(at, "HEAD", "/metrics");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{head}");
    assert!(ask(at, "GET", "/").starts_with("HTTP/1.1 404 "));
    let missing = ask(at, "HEAD", "/");
    assert!(missing.starts_with("HTTP/1.1 404 ") && missing.ends_with("\r\n\r\n"), "{missing}");
    let refused = ask(at, "POST", "/metrics");
    assert!(refused.starts_with("HTTP/1.1 405 ") && refused.contains("Allow: GET, HEAD\r\n"), "{refused}");
    assert!(ask(at, "G\u{1}T", "/metrics").starts_with("HTTP/1.1 400 "));
    assert_eq!(wait_for_health(at, 200).rsplit("\r\n\r\n").next(), Some("ok\n"));
}

#[test]
fn the_endpoint_accepts_what_the_rfcs_let_it_accept() {
    let (_daemon, at) = start("policy-server", &[]);
    let host = "HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    for request in [
        format!("\r\nGET /healthz {host}\r\n"),
        format!("GET http://localhost:8433/healthz?x {host}\r\n"),
        format!("GET /healthz {host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"),
        format!("GET /healthz {host}Expect: 100-continue, x\r\nCookie: caf\u{e9}\r\nCookie: b\r\n\r\n"),
        format!("GET /healthz {host}Content-Length: 0, 0\r\n\r\n"),
        "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n".to_owned(),
        "GET /healthz HTTP/1.1\r\nHost: LocalHost.:8433\r\n\r\n".to_owned(),
        "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_owned(),
    ] {
        let answer = exchange(at, request.as_bytes()).expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 200 ") || answer.starts_with(b"HTTP/1.1 503 "), "{request}");
        // RFC 9110 §6.6.1: "An origin server with a clock MUST generate a Date header field".
        assert!(answer.windows(8).any(|bytes| bytes == b"\r\nDate: "), "{request}");
    }
}

// OP-16
#[test]
fn clients_that_never_finish_a_request_do_not_keep_others_from_the_endpoint() {
    let (daemon, at) = start("ws-server", &["--interval", "50ms"]);
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(at).expect("connected");
        stream.write_all(b"GET /met").expect("begun");
        slow.push(stream);
    }
    assert!(metrics(at).contains("datecast_ws_build_info"));
    let newest = slow.last_mut().expect("a hundred");
    newest.set_nonblocking(true).expect("set");
    let end = newest.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(end, Err(ErrorKind::WouldBlock), "the answer came without an end of those that are slow");
    wait_for_health(at, 200);
    // The stream goes on undisturbed.
    drop(request(&daemon, LINES));
    drop(slow);
}

#[test]
fn the_endpoint_may_be_a_unix_socket_and_is_gone_with_the_daemon() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("metrics");
    let daemon = Daemon::start(binary("ws-server"), &["--metrics", &format!("unix:{}", path.display())]);
    assert!(ask_on(connect_unix(&path), "GET", "/metrics").contains("\ndatecast_ws_open_connections 0\n"));
    let idle = connect_unix(&path);
    daemon.signal(Signal::TERM);
    let begin = Instant::now();
    assert!(daemon.wait().0.success());
    assert!(begin.elapsed() < DEADLINE, "the stop does not wait for the endpoint");
    assert!(!path.exists());
    drop(idle);
}

/// The log of a ws-server that refuses this configuration.
fn refused(arguments: &[&str], inherited: &[(&'static str, &TcpListener)]) -> String {
    let (status, log) = Daemon::spawn(ws_server(arguments, inherited)).wait();
    assert_eq!(status.code(), Some(78), "{log}");
    log
}

/// A ws-server that inherits duplicates of these sockets under these names.
fn ws_server(arguments: &[&str], inherited: &[(&'static str, &TcpListener)]) -> Command {
    let mut command = command(binary("ws-server"), arguments);
    let duplicate = |&(name, socket): &(&'static str, &TcpListener)| {
        (name, socket.try_clone().expect("a duplicate").into())
    };
    inherit(&mut command, inherited.iter().map(duplicate).collect());
    command
}

#[test]
fn only_this_machine_may_be_named_and_only_once() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:9100", "example.org:9100"] {
        let message = refused(&["--listen", "127.0.0.1:0", "--metrics", address], &[]);
        assert!(
            message.contains(&format!("--metrics {address}")) && message.contains("loopback"),
            "{message}"
        );
    }
    let socket = TcpListener::bind("127.0.0.1:0").expect("bound");
    let inherited = [("metrics", &socket)];
    let message = refused(&["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"], &inherited);
    assert!(message.contains("--metrics") && message.contains("inherited"), "{message}");
}

#[test]
fn an_inherited_socket_named_metrics_is_the_endpoint_and_never_the_stream() {
    let [stream, endpoint] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("bound"));
    let [served, at] = [&stream, &endpoint].map(|socket| socket.local_addr().expect("an address"));
    for sockets in [&[("stream", &stream), ("metrics", &endpoint)][..], &[("metrics", &endpoint)]] {
        // With a socket for the metrics alone, --listen says where the stream is.
        let listen = ["--listen", "127.0.0.1:0"];
        let arguments = if sockets.len() == 1 { &listen[..] } else { &[] };
        let mut daemon = Daemon::spawn(ws_server(arguments, sockets));
        assert!(metrics(at).contains("datecast_ws_build_info"));
        if sockets.len() == 2 {
            assert!(ask(served, "HEAD", "/metrics").contains("text/plain; charset=utf-8\r\n"));
        }
        assert!(daemon.is_running());
    }
}

#[test]
#[ignore = "needs promtool"]
fn promtool_finds_nothing_to_say_about_the_metrics() {
    for name in ["ws-server", "policy-server", "static-server"] {
        let (_daemon, at) = start(name, &[]);
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run promtool");
        let mut stdin = promtool.stdin.take().expect("piped");
        stdin.write_all(metrics(at).as_bytes()).expect("it reads");
        drop(stdin);
        let output = promtool.wait_with_output().expect("it ends");
        let printed = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success() && printed.is_empty(),
            "{name}: {}",
            String::from_utf8_lossy(&printed)
        );
    }
}
