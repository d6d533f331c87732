//! Events and lines over HTTP, to the byte.

#![allow(clippy::unwrap_used, reason = "for tests")]

use harness::{Daemon, Signal, after_retry, without_epochs};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

fn body(server: &mut Daemon, request: &str, lines: &str, end: &[u8]) -> String {
    let mut client = server.request(request);
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("X-Content-Type-Options: nosniff\r\n"), "{head}");
    server.write(lines);
    String::from_utf8(client.until(end)).unwrap()
}

#[test]
fn the_four_forms_of_a_message() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-"]);
    let text = body(&mut server, "GET / HTTP/1.0", "a\n", b"a\n");
    assert_eq!(text, "a\n");
    let text = body(&mut server, "GET / HTTP/1.1\nHost: a", "b\n", b"b\n\r\n");
    assert_eq!(text, "2\r\nb\n\r\n");
    let text = body(&mut server, "GET / HTTP/1.0\nAccept: text/event-stream", "c\n", b"c\n\n");
    assert_eq!(without_epochs(after_retry(&text)), "id: 3\ndata: c\n\n");
    let text = body(&mut server, "GET / HTTP/1.1\nHost: a\nAccept: text/event-stream", "d\n", b"d\n\n\r\n");
    let chunk = text.strip_prefix("d\r\n").unwrap();
    assert_eq!(without_epochs(after_retry(chunk)), "\r\n1c\r\nid: 4\ndata: d\n\n\r\n");
}

#[test]
fn a_stream_goes_on_when_its_client_half_closes() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-"]);
    let mut client = server.request("GET / HTTP/1.0");
    client.head();
    client.finish_sending();
    server.write("still here\n");
    client.until(b"still here\n");
    server.stdin = None;
    assert_eq!(client.rest(), b"");
}

#[test]
fn the_end_of_the_source_is_the_last_chunk() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-"]);
    let mut client = server.request("GET / HTTP/1.1\nHost: a");
    client.head();
    server.write("last");
    server.stdin = None;
    assert_eq!(client.rest(), b"5\r\nlast\n\r\n0\r\n\r\n");
    assert!(server.wait().0.success());
}

#[test]
fn an_idle_event_stream_gets_comments() {
    let server = Daemon::start(WS_SERVER, &["--source", "-", "--heartbeat", "100ms"]);
    let mut client = server.request("GET / HTTP/1.0\nAccept: text/event-stream");
    client.head();
    let text = String::from_utf8(client.until(b":\n\n:\n\n")).unwrap();
    assert_eq!(after_retry(&text), ":\n\n:\n\n");
}

#[test]
fn head_and_options_are_answered_without_a_stream() {
    let server = Daemon::start(WS_SERVER, &[]);
    let head = String::from_utf8(server.request("HEAD / HTTP/1.1\nHost: a").rest()).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let options =
        String::from_utf8(server.request("OPTIONS / HTTP/1.1\nHost: a\nOrigin: http://b").rest()).unwrap();
    assert!(options.starts_with("HTTP/1.1 204 "), "{options}");
    assert!(options.contains("Access-Control-Allow-Origin: *\r\n"), "{options}");
    assert!(options.contains("Allow: GET, HEAD, OPTIONS\r\n"), "{options}");
}

#[test]
fn dates_without_a_client_do_not_count_as_skipped() {
    let server = Daemon::start(WS_SERVER, &["--workers", "1", "--interval", "20ms"]);
    for _ in 0..2 {
        let mut client = server.request("GET / HTTP/1.0");
        client.head();
        client.until(b"(UTC)\n");
        client.until(b"(UTC)\n");
        drop(client);
        // Another server lets half a second pass, in which nothing happens at the first one.
        let elsewhere = Daemon::start(WS_SERVER, &["--head-timeout", "500ms"]);
        assert!(String::from_utf8(elsewhere.connect().rest()).unwrap().starts_with("HTTP/1.1 408 "));
    }
    server.signal(Signal::TERM);
    let (status, log) = server.wait();
    assert!(status.success(), "{log}");
    // A busy machine may be late by a date or two, but not by half a second.
    let skipped = log.lines().find(|line| line.contains("dates were skipped"));
    let count = skipped.and_then(|line| line.split(' ').find_map(|word| word.parse::<u32>().ok()));
    assert!(count.unwrap_or(0) < 10, "{log}");
}
