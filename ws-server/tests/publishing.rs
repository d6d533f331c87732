//! Publishing by HTTP over real sockets: what `curl` and others send comes out as lines, and the answer says which.

#![allow(clippy::unwrap_used, clippy::float_cmp, reason = "for tests; counters are whole")]

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use harness::{
    Client, Daemon, Signal,
    http::{request, responses},
    scrape::{metrics, value, wait_until},
    split_id,
};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

fn server(args: &[&str]) -> Daemon {
    Daemon::start(WS_SERVER, &[&["--source", "http"], args].concat())
}

/// The JSON of an answer, with numbers in the place of ids and other quotes.
fn receipt(body: impl AsRef<[u8]>) -> String {
    let text = String::from_utf8_lossy(body.as_ref()).into_owned();
    let short = |part: &str| if part.contains('_') { split_id(part).1.to_string() } else { part.to_owned() };
    text.split('"').map(short).collect::<Vec<_>>().join("'")
}

/// A reader of all lines from the beginning on.
fn reader(server: &Daemon) -> Client {
    let mut reader = server.request("GET /?since=0 HTTP/1.0");
    reader.head();
    reader
}

/// The next line.
fn line(reader: &mut Client) -> String {
    let line = String::from_utf8(reader.until(b"\n")).unwrap();
    line.trim_end().to_owned()
}

/// `curl` with the URL of the server behind its arguments.
fn curl(server: &Daemon, args: &[&str]) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "20"]).args(args).arg(format!("http://{}/", server.address()));
    curl
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    receipt(output.stdout)
}

#[test]
fn curl_publishes_a_line_a_file_and_a_pipe_that_goes_on() {
    let server = server(&[]);
    let mut reader = reader(&server);
    let answer = |first, last, lines| format!("{{'first':'{first}','last':'{last}','lines':{lines}}}\n");
    assert_eq!(output(&mut curl(&server, &["-d", "a line"])), answer(1, 1, 1));
    assert_eq!(line(&mut reader), "a line");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    std::fs::write(&path, "one\r\ntwo\nthree").unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(output(&mut curl(&server, &["--data-binary", &format!("@{path}")])), answer(2, 4, 3));
    assert_eq!(output(&mut curl(&server, &["-T", path])), answer(5, 7, 3));
    for expected in ["one", "two", "three", "one", "two", "three"] {
        assert_eq!(line(&mut reader), expected);
    }
    let mut pipe = curl(&server, &["-T", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = pipe.stdin.take().unwrap();
    for number in 0..5 {
        writeln!(stdin, "number {number}").unwrap();
        // It is there while the request goes on.
        assert_eq!(line(&mut reader), format!("number {number}"));
    }
    stdin.write_all(b"the last").unwrap();
    drop(stdin);
    assert_eq!(line(&mut reader), "the last");
    assert_eq!(receipt(pipe.wait_with_output().unwrap().stdout), answer(8, 13, 6));
}

#[test]
fn requests_on_one_connection_are_answered_in_order_however_they_are_cut() {
    let server = server(&[]);
    let mut reader = reader(&server);
    let mut bytes = request("POST", "/", "Content-Length: 3\r\n");
    bytes.extend(b"a\nb");
    bytes.extend(request("PUT", "/", "Transfer-Encoding: chunked\r\n"));
    bytes.extend(b"2;x=y\r\nc\n\r\n1\r\nd\r\n0\r\nTrailer: z\r\n\r\n");
    bytes.extend(request("POST", "/", "Content-Length: 0\r\nConnection: close\r\n"));
    for pause in [bytes.len(), 1, 7, 64] {
        let mut client = server.connect();
        for piece in bytes.chunks(pause) {
            client.send(piece);
        }
        let answers = responses(&client.rest(), &["POST", "PUT", "POST"]).unwrap();
        let bodies: Vec<_> = answers.iter().map(|answer| receipt(&answer.body)).collect();
        assert!(answers.iter().all(|answer| answer.status == 200), "{bodies:?}");
        assert_eq!(bodies[2], "{'first':null,'last':null,'lines':0}\n");
        assert_eq!(answers[1].header("Connection"), None);
        assert_eq!(answers[2].header("Connection"), Some("close"));
        for expected in ["a", "b", "c", "d"] {
            assert_eq!(line(&mut reader), expected);
        }
    }
}

#[test]
fn who_waits_for_a_100_gets_it_or_the_refusal_instead() {
    let server = server(&[]);
    let expect = "Expect: 100-continue\r\nContent-Length: 2\r\n";
    let mut client = server.connect();
    client.send(request("POST", "/", expect));
    assert_eq!(client.response_head().status, 100);
    client.send("a\n");
    assert_eq!(client.response().status, 200);
    for (method, fields, status) in [
        ("POST", "Content-Encoding: gzip\r\n", 415),
        ("POST", "Content-Type: multipart/form-data; boundary=x\r\n", 415),
        ("PUT", "Idempotency-Key: unquoted\r\n", 400),
        ("DELETE", "", 405),
    ] {
        let mut client = server.connect();
        client.send(request(method, "/", &format!("{expect}{fields}")));
        let answer = client.response();
        assert_eq!((answer.status, answer.header("Connection")), (status, Some("close")), "{fields}");
        assert_eq!(client.rest(), b"");
    }
    // The body is there already.
    let mut client = server.connect();
    client.send([request("POST", "/", expect), b"b\n".to_vec()].concat());
    let answers = [client.response_head().status, client.response_head().status];
    assert!(answers == [100, 200], "{answers:?}");
}

#[test]
fn a_body_that_is_cut_off_publishes_its_whole_lines_only() {
    let server = server(&[]);
    let mut reader = reader(&server);
    for (fields, body, status) in [
        ("Content-Length: 100\r\n", &b"a\nb\nhalf"[..], 400),
        ("Transfer-Encoding: chunked\r\n", b"9\r\na\nb\nhalf\n", 400),
        ("Transfer-Encoding: chunked\r\n", b"4\r\na\nb\nx", 400),
        ("Transfer-Encoding: chunked\r\n", b"4\r\na\nb\n\r\nno size\r\n", 400),
    ] {
        let mut client = server.connect();
        client.send(request("POST", "/", fields));
        client.send(body);
        if !body.ends_with(b"size\r\n") {
            client.finish_sending();
        }
        let answer = client.response();
        let ends = (answer.status, answer.header("Connection"));
        assert_eq!(ends, (status, Some("close")), "{}", body.escape_ascii());
        assert!(receipt(&answer.body).contains("'lines':2}") || body.ends_with(b"half\n"));
        assert_eq!([line(&mut reader), line(&mut reader)], ["a", "b"]);
        if body.ends_with(b"half\n") {
            assert_eq!(line(&mut reader), "half");
        }
    }
    // One that resets.
    let client = server.connect();
    let mut stream = client.stream;
    stream.write_all(&request("POST", "/", "Content-Length: 100\r\n")).unwrap();
    stream.write_all(b"reset\nhalf").unwrap();
    assert_eq!(line(&mut reader), "reset");
    drop(stream);
    output(&mut curl(&server, &["-d", "next"]));
    assert_eq!(line(&mut reader), "next");
}

#[test]
fn lines_that_are_dropped_are_counted_and_nothing_else_is_an_error() {
    let server = server(&["--max-line", "4", "--invalid-utf8", "drop"]);
    for (body, status, expected) in [
        (&b"12345"[..], 413, "{'first':null,'last':null,'lines':0,'dropped':1}\n"),
        (b"\xff\n\xff\xff", 422, "{'first':null,'last':null,'lines':0,'dropped':2}\n"),
        (b"12345\n1234\n\xff\n", 200, "{'first':'1','last':'1','lines':1,'dropped':2}\n"),
        (b"\n", 200, "{'first':'2','last':'2','lines':1}\n"),
    ] {
        let mut client = server.connect();
        client.send(request("POST", "/", &format!("Content-Length: {}\r\n", body.len())));
        client.send(body);
        let answer = client.response();
        assert_eq!((answer.status, receipt(&answer.body).as_str()), (status, expected));
        // The connection goes on.
        client.send(request("POST", "/", "Content-Length: 0\r\n"));
        assert_eq!(client.response().status, 200);
    }
}

#[test]
fn a_client_of_http_1_0_publishes_and_may_keep_its_connection() {
    let server = server(&[]);
    let mut client = server.connect();
    for _ in 0..2 {
        client.send("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\na\n");
        let answer = client.response();
        assert_eq!((answer.status, answer.header("Connection")), (200, Some("keep-alive")));
    }
    client.send("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\na\n");
    assert_eq!(client.response().header("Connection"), Some("close"));
    assert_eq!(client.rest(), b"");
    assert!(server.exchange("POST / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 411 "));
    // The stream itself, behind a publication on the same connection.
    let mut client = server.connect();
    client.send([request("POST", "/", "Content-Length: 2\r\n"), b"z\n".to_vec()].concat());
    client.send(request("GET", "/?since=0", ""));
    assert_eq!(client.response().status, 200);
    assert!(client.response_head().header("X-Connection-Id").is_some());
}

#[test]
fn a_stream_of_another_source_takes_no_lines() {
    let server = Daemon::start(WS_SERVER, &["--source", "-"]);
    for method in ["POST", "PUT"] {
        let mut client = server.connect();
        client.send(request(method, "/", "Content-Length: 2\r\n"));
        let answer = client.response();
        assert_eq!((answer.status, answer.header("Allow")), (405, Some("GET, HEAD, OPTIONS")));
    }
}

#[test]
fn a_stop_answers_with_what_is_out() {
    // Longer than this test waits for an answer.
    let server = server(&["--drain-timeout", "1h"]);
    let mut reader = reader(&server);
    let mut client = server.connect();
    client.send(request("PUT", "/", "Transfer-Encoding: chunked\r\n"));
    client.send("6\r\na\nhalf\r\n");
    assert_eq!(line(&mut reader), "a", "the body was read, not only sent");
    let mut kept = server.connect();
    kept.send([request("POST", "/", "Content-Length: 2\r\n"), b"b\n".to_vec()].concat());
    assert_eq!(kept.response().status, 200);
    server.signal(Signal::TERM);
    let answer = client.response();
    assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("5")));
    assert!(receipt(&answer.body).contains("'lines':1}"), "{}", answer.text());
    assert_eq!(kept.rest(), b"");
}

#[test]
fn a_reload_changes_the_template_and_the_longest_line_of_a_body_that_goes_on() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "source = \"http\"\n").unwrap();
    let mut server = Daemon::start(WS_SERVER, &["--config", file.path().to_str().unwrap()]);
    let mut reader = reader(&server);
    let mut client = server.connect();
    client.send(request("PUT", "/", "Transfer-Encoding: chunked\r\n"));
    client.send("6\r\none\nlo\r\n");
    assert_eq!(line(&mut reader), "one");
    // The source waits for a restart, and takes lines on.
    std::fs::write(file.path(), "source = \"clock\"\ntemplate = \"<{date}>\"\n").unwrap();
    server.signal(Signal::HUP);
    server.log_line("read again");
    std::fs::write(file.path(), "source = \"http\"\ntemplate = \"<{line}>\"\nmax-line = 4\n").unwrap();
    server.signal(Signal::HUP);
    server.log_line("the configuration was read again");
    client.send("c\r\nng\nlonger\nx\n\r\n0\r\n\r\n");
    assert_eq!([line(&mut reader), line(&mut reader)], ["<long>", "<x>"]);
    assert_eq!(receipt(client.response().body), "{'first':'1','last':'3','lines':3,'dropped':1}\n");
}

#[test]
fn who_publishes_is_counted_apart_and_is_no_client() {
    let mut server = server(&["--metrics", "127.0.0.1:0", "--leave-notices", "on", "--interval", "1ms"]);
    let address = server.metrics_address();
    let mut socket = server.websocket("/").0;
    let mut open = server.connect();
    open.send(request("PUT", "/", "Transfer-Encoding: chunked\r\n"));
    open.send("4\r\na\nb\n\r\n");
    wait_until(address, "datecast_ws_published_lines_total", |lines| lines == 2.0);
    wait_until(address, r#"datecast_ws_connections{dialect="publish",state="open"}"#, |open| open == 1.0);
    open.send("0\r\n\r\n");
    assert_eq!(open.response().status, 200);
    wait_until(address, r#"datecast_ws_connections{dialect="publish",state="opening"}"#, |kept| kept == 1.0);
    drop(open);
    let mut cut = server.connect();
    cut.send(request("PUT", "/", "Content-Length: 10\r\n"));
    drop(cut);
    assert_eq!(server.exchange(request("POST", "/", "")).get(..12), Some("HTTP/1.1 411"));
    wait_until(address, r#"datecast_ws_publications_total{result="failed"}"#, |failed| failed == 1.0);
    let metrics = metrics(address);
    assert_eq!(value(&metrics, r#"datecast_ws_publications_total{result="ok"}"#), 1.0);
    assert_eq!(value(&metrics, r#"datecast_ws_handshake_failures_total{status="411"}"#), 1.0);
    // No notice of any of them, and no id.
    let mut next = server.request("GET / HTTP/1.1\nHost: localhost");
    assert!(next.head().contains("X-Connection-Id: "));
    output(&mut curl(&server, &["-d", "last"]));
    for expected in ["a", "b", "last"] {
        assert_eq!(socket.text(), expected);
    }
}

#[test]
fn a_unix_socket_takes_lines_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let path = path.to_str().unwrap();
    let server = server(&["--listen", &format!("unix:{path}")]);
    let mut reader = reader(&server);
    let answer = output(&mut curl(&server, &["--unix-socket", path, "-d", "a\nb"]));
    assert!(answer.ends_with("'lines':2}\n"), "{answer}");
    // One that writes and is gone at once.
    let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
    stream.write_all(&request("POST", "/", "Content-Length: 100\r\n")).unwrap();
    stream.write_all(b"c\nhalf").unwrap();
    drop(stream);
    assert_eq!([line(&mut reader), line(&mut reader), line(&mut reader)], ["a", "b", "c"]);
}

#[test]
fn two_thousand_at_once_are_all_answered() {
    let server = server(&["--max-connections", "4000", "--max-connections-per-ip", "0", "--greet", "0"]);
    let mut reader = server.websocket("/").0;
    // At most so many as this process may open; the rest comes on the same connections.
    let mut clients: Vec<_> = (0..200).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let bytes: Vec<u8> = (0..10)
            .flat_map(|at| {
                let body = format!("{}", number * 10 + at);
                let head = request("POST", "/", &format!("Content-Length: {}\r\n", body.len()));
                [head, body.into_bytes()].concat()
            })
            .collect();
        client.send(bytes);
    }
    for client in &mut clients {
        for _ in 0..10 {
            assert_eq!(client.response().status, 200);
        }
    }
    let mut seen: Vec<u32> = (0..2000).map(|_| reader.text().parse().unwrap()).collect();
    assert!((0..200).all(|number| {
        let of_client: Vec<_> = seen.iter().copied().filter(|line| line / 10 == number).collect();
        of_client.is_sorted()
    }));
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..2000));
}

#[test]
fn a_flood_is_slowed_down_and_a_small_request_is_answered_meanwhile() {
    let server = server(&["--max-backlog", "1MiB"]);
    let mut flood = server.connect();
    flood.send(request("PUT", "/", "Transfer-Encoding: chunked\r\n"));
    let chunk =
        [b"10000\r\n".to_vec(), b"a line\n".repeat(9363)[..65535].to_vec(), b"\n\r\n".to_vec()].concat();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        while is_done.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            flood.send(&chunk);
        }
        flood.send("0\r\n\r\n");
        flood.response().status
    });
    for _ in 0..20 {
        assert!(output(&mut curl(&server, &["-d", "small"])).ends_with("'lines':1}\n"));
    }
    drop(done);
    assert_eq!(writer.join().unwrap(), 200);
}
