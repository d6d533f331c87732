//! Events and lines over HTTP, to the byte.

#![allow(clippy::unwrap_used, reason = "for tests")]

use harness::{Daemon, Signal, after_retry, eventually, skipped_dates, without_epochs};

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
    let mut server = Daemon::start(WS_SERVER, &["--source", "-", "--greet", "0"]);
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
fn every_form_goes_on_for_a_client_that_half_closes() {
    for (request, probe, message) in [
        ("GET / HTTP/1.0", "", "a\n"),
        // A leading zero of the next chunk's size.
        ("GET / HTTP/1.1\nHost: a", "0", "2\r\na\n\r\n"),
        ("GET / HTTP/1.0\nAccept: text/event-stream", ":\n\n", "data: a\n\n"),
        ("GET / HTTP/1.1\nHost: a\nAccept: text/event-stream", "3\r\n:\n\n\r\n", "data: a\n\n\r\n"),
        ("GET / HTTP/1.0\nAccept: application/x-ndjson", "", "\"text\":\"a\",\"kind\":\"message\"}\n"),
        (
            "GET / HTTP/1.1\nHost: a\nAccept: application/x-ndjson",
            "0",
            "\"text\":\"a\",\"kind\":\"message\"}\n\r\n",
        ),
        ("GET / HTTP/1.0\nAccept: text/html", "<pre><!-- -->", "<div>a</div\n>"),
    ] {
        let mut server = Daemon::start(WS_SERVER, &["--source", "-"]);
        let mut client = server.request(request);
        client.head();
        client.finish_sending();
        if !probe.is_empty() {
            client.until(probe.as_bytes());
        }
        // Its kernel is asked every two seconds whether anybody is there.
        eventually(|| match &sockets_of(&server)[..] {
            [Tcp { state: CLOSE_WAIT, timer: KEEPALIVE, ticks: ..=200 }] => Ok(()),
            sockets => Err(format!("{request}: {sockets:?}")),
        });
        server.write("a\n");
        client.until(message.as_bytes());
        drop(client);
        server.write("b\nc\n");
        eventually(|| if sockets_of(&server).is_empty() { Ok(()) } else { Err(request.to_owned()) });
    }
}

#[test]
fn clients_that_have_left_a_silent_stream_are_gone_at_once() {
    let server = Daemon::start(WS_SERVER, &["--source", "-"]);
    for request in [
        "GET / HTTP/1.1\nHost: a",
        "GET / HTTP/1.1\nHost: a\nAccept: text/event-stream",
        "GET / HTTP/1.1\nHost: a\nAccept: application/x-ndjson",
        "GET / HTTP/1.1\nHost: a\nAccept: text/html",
    ] {
        for _ in 0..300 {
            let head = server.request(request).head();
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        }
        eventually(|| match sockets_of(&server).len() {
            0 => Ok(()),
            left => Err(format!("{left} of {request}")),
        });
    }
}

#[test]
fn the_kernel_asks_every_silent_client_for_a_sign_of_life() {
    let server = Daemon::start(WS_SERVER, &["--source", "-", "--ping-interval", "7s", "--heartbeat", "1h"]);
    let is_asked = |ticks: std::ops::RangeInclusive<u64>| {
        eventually(|| match &sockets_of(&server)[..] {
            [Tcp { timer: KEEPALIVE, ticks: left, .. }] if ticks.contains(left) => Ok(()),
            sockets => Err(format!("{sockets:?}")),
        });
    };
    let mut client = server.request("GET / HTTP/1.0");
    client.head();
    is_asked(300..=700);
    client.finish_sending();
    drop(client);
    is_asked(0..=200);
}

const CLOSE_WAIT: u8 = 8;
const KEEPALIVE: u8 = 2;

/// A socket of the server, as the kernel's table shows it.
#[derive(Debug)]
struct Tcp {
    state: u8,
    /// Which timer runs, and for how many hundredths of a second it still does.
    timer: u8,
    ticks: u64,
}

/// The server's sides of its connections that are established, or whose clients have half-closed.
fn sockets_of(server: &Daemon) -> Vec<Tcp> {
    const ESTABLISHED: u8 = 1;
    let local = format!(":{:04X}", server.address().port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ours = rows.filter(|row| row.get(1).is_some_and(|address| address.ends_with(&local)));
    let parsed = ours.map(|row| {
        let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
        let (timer, ticks) = row.get(5).unwrap().split_once(':').unwrap();
        let state = number(row.get(3).unwrap()).try_into().unwrap();
        Tcp { state, timer: number(timer).try_into().unwrap(), ticks: number(ticks) }
    });
    parsed.filter(|socket| [ESTABLISHED, CLOSE_WAIT].contains(&socket.state)).collect()
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
        // Another server lets two seconds pass, in which nothing happens at the first one.
        let elsewhere = Daemon::start(WS_SERVER, &["--head-timeout", "2s"]);
        assert_eq!(elsewhere.connect().rest(), b"", "nothing was asked, nothing is answered");
    }
    server.signal(Signal::TERM);
    let (status, log) = server.wait();
    assert!(status.success(), "{log}");
    // A busy machine may be late by some dates, but not by the hundred that were due meanwhile.
    assert!(skipped_dates(&log) < 50, "{log}");
}
