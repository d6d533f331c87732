//! Whole requests over the wire: rows ST-17, 18, 20 to 24 and 27 of the attack table.
#![allow(clippy::unwrap_used)] // a test may fail anywhere
#![allow(clippy::disallowed_methods)] // and has a clock

use std::time::{Duration, Instant};

use harness::http::{request, status};
use harness::{Daemon, Signal};

const STATIC_SERVER: &str = env!("CARGO_BIN_EXE_static-server");

#[test]
fn a_head_that_never_ends_gets_408_at_its_absolute_deadline() {
    let server = Daemon::start(STATIC_SERVER, &["--head-timeout", "600ms"]);
    let begun = Instant::now();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\n");
    // A byte now and then does not move the deadline: they come for longer than anybody waits here for the answer.
    let writer = client.stream.try_clone().unwrap();
    let dribble = std::thread::spawn(move || {
        use std::io::Write;
        let (_keep, never) = std::sync::mpsc::channel::<()>();
        for _ in 0..1000 {
            let _ = never.recv_timeout(Duration::from_millis(50));
            if (&writer).write_all(b"X").is_err() {
                break;
            }
        }
    });
    let answer = client.response_head();
    assert_eq!(answer.status, 408);
    assert_eq!(answer.header("connection"), Some("close"));
    assert!((Duration::from_millis(550)..Duration::from_secs(10)).contains(&begun.elapsed()));
    drop(client);
    dribble.join().unwrap();
}

#[test]
fn the_deadline_holds_for_the_second_head_too() {
    let server = Daemon::start(STATIC_SERVER, &["--head-timeout", "300ms"]);
    let mut client = server.connect();
    client.send([request("GET", "/", ""), b"GET /".to_vec()].concat());
    assert_eq!(client.response().status, 200);
    let begun = Instant::now();
    assert_eq!(status(&client.rest_as_text()), "408");
    assert!(begun.elapsed() < Duration::from_secs(5), "not the longer time between two requests");
}

#[test]
fn a_connection_that_says_nothing_is_closed_without_a_word() {
    let server = Daemon::start(STATIC_SERVER, &["--head-timeout", "200ms", "--keep-alive", "1h"]);
    assert_eq!(server.connect().rest_as_text(), "");
    // Its request is not sent at the moment at which it connects.
    let server = Daemon::start(STATIC_SERVER, &["--head-timeout", "1h", "--keep-alive", "200ms"]);
    let mut client = server.connect();
    client.send(request("GET", "/", ""));
    assert_eq!(client.response().status, 200);
    assert_eq!(client.rest_as_text(), "");
}

#[test]
fn other_methods_get_405_at_once_and_their_body_is_not_awaited() {
    let server = Daemon::start(STATIC_SERVER, &["--linger", "20s"]);
    // One that would be read away, and one that is too long for that.
    let lengths = ["Content-Length: 5\r\n", "Content-Length: 1000000\r\n"];
    let methods = ["POST", "PUT", "DELETE", "PATCH", "TRACE"];
    for (method, length) in methods.into_iter().flat_map(|method| lengths.map(|length| (method, length))) {
        let begun = Instant::now();
        let answer = server.exchange(request(method, "/", length));
        assert_eq!(status(&answer), "405", "{method}");
        assert!(
            answer.contains("\r\nAllow: GET, HEAD, OPTIONS\r\n")
                && answer.contains("\r\nConnection: close\r\n")
        );
        // The answer and the end of the stream come without the body; the daemon lingers after that.
        assert!(begun.elapsed() < Duration::from_secs(5), "{method}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Daemon::start(STATIC_SERVER, &["--keep-alive-requests", "100000"]);
    let mut client = server.connect();
    let targets = ["/", "/app.js", "/none", "/style.css", "/favicon.svg"];
    let burst: Vec<u8> = (0..3000).flat_map(|number| request("GET", targets[number % 5], "")).collect();
    let mut writer = client.stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &burst).unwrap());
    let first: Vec<(u16, Vec<u8>)> =
        targets.map(|target| server.get(target)).map(|it| (it.status, it.body)).into();
    for number in 0..3000 {
        let answer = client.response();
        assert_eq!(
            (answer.status, &answer.body),
            (first[number % 5].0, &first[number % 5].1),
            "answer {number}"
        );
    }
    writing.join().unwrap();
}

#[test]
fn a_burst_that_nobody_reads_does_not_hold_up_the_others() {
    let server = Daemon::start(STATIC_SERVER, &["--keep-alive-requests", "10000000"]);
    let greedy = server.connect();
    let mut writer = greedy.stream.try_clone().unwrap();
    writer.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // This client never reads an answer: the server stops reading its requests, and the write stalls.
    let stalled = std::thread::spawn(move || {
        std::io::Write::write_all(&mut writer, &request("GET", "/app.js", "").repeat(300_000)).is_err()
    });
    for _ in 0..100 {
        let begun = Instant::now();
        assert_eq!(server.get("/").status, 200);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    assert!(stalled.join().unwrap(), "the server took 300,000 requests without sending its answers");
}

#[test]
fn what_two_servers_could_read_in_two_ways_is_refused() {
    let server = Daemon::start(STATIC_SERVER, &[]);
    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4, 5\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length:\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length : 4\r\n",
        "X: a\r\n b\r\n",
        " X: a\r\n",
        "X: a\nY: b\r\n",
        "X: a\rY: b\r\n",
        "X: a\0b\r\n",
        "X\r\n",
        ": a\r\n",
        "X y: a\r\n",
    ] {
        let answer = server.exchange(request("GET", "/", &format!("{fields}Connection: keep-alive\r\n")));
        assert_eq!(status(&answer), "400", "{fields:?}: {answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{fields:?}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{fields:?}");
    }
}

#[test]
fn a_body_is_never_taken_for_the_next_request() {
    let server = Daemon::start(STATIC_SERVER, &[]);
    let inner = String::from_utf8(request("GET", "/none", "")).unwrap();
    let chunked = format!("{:x}\r\n{inner}\r\n0\r\nTrailer: x\r\n\r\n", inner.len());
    for (field, body) in [
        (format!("Content-Length: {}\r\n", inner.len()), &inner),
        ("Transfer-Encoding: chunked\r\n".to_owned(), &chunked),
    ] {
        let all = [
            request("GET", "/", &field),
            body.clone().into_bytes(),
            request("GET", "/app.js", "Connection: close\r\n"),
        ]
        .concat();
        for size in [all.len(), 1] {
            let mut client = server.connect();
            all.chunks(size).for_each(|piece| client.send(piece));
            assert_eq!(client.response().status, 200);
            let second = client.response();
            assert_eq!(second.header("content-type"), Some("text/javascript; charset=utf-8"));
            assert_eq!(client.rest_as_text(), "");
        }
    }
    // Chunks that are none, or too many: the answer, and the end.
    let many = "1\r\nx\r\n".repeat(20_000);
    for body in [&inner, &many] {
        let mut client = server.connect();
        client.send(request("GET", "/", "Transfer-Encoding: chunked\r\n"));
        client.try_send(body);
        let (answer, _) = client.read_to_end();
        assert_eq!(String::from_utf8_lossy(&answer).matches("HTTP/1.1 ").count(), 1);
    }
    // After a body that is too long or one that waits for 100 it says so.
    for fields in ["Content-Length: 65537\r\n", "Content-Length: 5\r\nExpect: 100-continue\r\n"] {
        let mut client = server.connect();
        client.send(request("GET", "/", fields));
        client.try_send(&inner);
        let answer = client.rest_as_text();
        assert_eq!(status(&answer), "200", "{fields}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{fields}");
        assert!(answer.contains("\r\nConnection: close\r\n"));
    }
}

#[test]
fn each_request_line_and_host_has_its_status() {
    let server = Daemon::start(STATIC_SERVER, &[]);
    for (bytes, expected) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
        ("GET / HTTP/1.0\r\n\r\n", "200"),
        ("GET http://other/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "204"),
        ("OPTIONS / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "204"),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
        ("get / HTTP/1.1\r\nHost: a\r\n\r\n", "501"),
        ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "501"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"),
        ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", "505"),
        ("GET /\r\n\r\n", "400"),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "400"),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", "400"),
        ("/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("\u{16}\u{3}\u{1}\0\u{5}\r\n\r\n", "400"),
        ("SSH-2.0-x\r\n\r\n", "400"),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200"),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nConnection: close\r\n\r\n", "200"),
    ] {
        let begun = Instant::now();
        let answer = server.exchange(bytes);
        assert_eq!(status(&answer), expected, "{bytes:?}: {answer}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{bytes:?}: far from the deadline of a head");
    }
    let options = server.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(options.contains("\r\nAllow: GET, HEAD, OPTIONS\r\n") && !options.contains("Content-Length"));
}

#[test]
fn limits_hold_to_the_byte() {
    let server = Daemon::start(STATIC_SERVER, &[]);
    let sized = |len: usize| {
        let bare = request("GET", "/", "Connection: close\r\nX: \r\n").len();
        request("GET", "/", &format!("Connection: close\r\nX: {}\r\n", "x".repeat(len - bare)))
    };
    assert_eq!(status(&server.exchange(sized(32 * 1024))), "200");
    assert_eq!(status(&server.exchange(sized(32 * 1024 + 1))), "431");
    let fields =
        |count: usize| request("GET", "/", &format!("Connection: close\r\n{}", "X: y\r\n".repeat(count - 2)));
    assert_eq!(status(&server.exchange(fields(64))), "200");
    assert_eq!(status(&server.exchange(fields(65))), "431");
    let target = |len: usize| request("GET", format!("/{}", "x".repeat(len - 1)), "Connection: close\r\n");
    assert_eq!(status(&server.exchange(target(8192))), "404");
    assert_eq!(status(&server.exchange(target(8193))), "414");
    assert_eq!(status(&server.exchange(request("GET", "/".repeat(1 << 16), ""))), "414");
    assert_eq!(
        status(&server.exchange(request("GET", "/", &format!("X: {}\r\n", "x".repeat(1 << 17))))),
        "431"
    );
}

#[test]
fn answers_without_a_body_keep_the_connection_in_step() {
    let server = Daemon::start(STATIC_SERVER, &[]);
    let tag = server.get("/app.js").header("etag").unwrap().to_owned();
    let length = server.get("/app.js").header("content-length").unwrap().to_owned();
    let mut client = server.connect();
    client.send(request("HEAD", "/app.js", ""));
    client.send(request("HEAD", "/none", ""));
    client.send(request("GET", "/app.js", &format!("If-None-Match: {tag}\r\n")));
    client.send(request("HEAD", "/app.js", "Range: bytes=0-1\r\n"));
    client.send(request("GET", "/app.js", "Range: bytes=999999-\r\n"));
    client.send(request("OPTIONS", "/", ""));
    client.send(request("GET", "/none", "Connection: close\r\n"));
    let head = client.response_head();
    assert_eq!((head.status, head.header("content-length")), (200, Some(length.as_str())));
    assert_eq!(client.response_head().status, 404);
    let unchanged = client.response_head();
    assert_eq!((unchanged.status, unchanged.header("content-length")), (304, None));
    assert_eq!(unchanged.header("etag"), Some(tag.as_str()));
    let head = client.response_head();
    assert_eq!((head.status, head.header("content-range")), (200, None));
    let beyond = client.response();
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, Some(format!("bytes */{length}").as_str()))
    );
    assert_eq!(client.response_head().status, 204);
    assert_eq!(client.response().text(), "404 Not Found\n");
    assert_eq!(client.rest_as_text(), "");
}

#[test]
fn a_range_counts_in_a_get_only() {
    let server = Daemon::start(STATIC_SERVER, &[]);
    let whole = server.get("/app.js").header("content-length").unwrap().to_owned();
    let tag = server.get("/app.js").header("etag").unwrap().to_owned();
    let mut client = server.connect();
    // One that can be had, one that cannot, and one of this very version.
    let ranges = [
        "Range: bytes=0-1\r\n",
        "Range: bytes=999999-\r\n",
        &format!("Range: bytes=0-1\r\nIf-Range: {tag}\r\n"),
    ];
    for range in ranges {
        client.send(request("HEAD", "/app.js", range));
        let head = client.response_head();
        let told = (head.status, head.header("content-length"), head.header("content-range"));
        assert_eq!(told, (200, Some(whole.as_str()), None), "{range}");
        client.send(request("OPTIONS", "/app.js", range));
        assert_eq!(client.response_head().status, 204, "{range}");
    }
}

#[test]
fn a_connection_is_kept_as_its_client_wants_and_for_so_many_requests() {
    let server = Daemon::start(STATIC_SERVER, &["--keep-alive-requests", "3"]);
    let mut client = server.connect();
    for number in 1..=3 {
        client.send(request("GET", "/favicon.svg", ""));
        let closes = client.response().header("connection") == Some("close");
        assert_eq!(closes, number == 3);
    }
    assert_eq!(client.rest_as_text(), "");
    let mut client = server.connect();
    client.send("GET /none HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /none HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().header("connection"), Some("keep-alive"));
    assert_eq!(client.response().header("connection"), Some("close"));
    assert_eq!(client.rest_as_text(), "");
}

#[test]
fn an_answer_that_was_begun_is_finished_when_the_daemon_stops() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::File::create(dir.path().join("large")).unwrap().set_len(32 << 20).unwrap();
    let server = Daemon::start(STATIC_SERVER, &["--root", dir.path().to_str().unwrap()]);
    let mut client = server.connect();
    client.send(request("GET", "/large", ""));
    let head = client.response_head();
    assert_eq!(head.header("content-length"), Some("33554432"));
    server.signal(Signal::TERM);
    assert_eq!(client.rest_as_text().len(), 32 << 20);
}

#[test]
fn a_client_that_finished_sending_still_gets_its_answers() {
    let server = Daemon::start(STATIC_SERVER, &[]);
    let mut client = server.connect();
    client.send([request("GET", "/none", ""), request("GET", "/none", "")].concat());
    client.finish_sending();
    assert_eq!(client.rest_as_text().matches("HTTP/1.1 404").count(), 2);
}
