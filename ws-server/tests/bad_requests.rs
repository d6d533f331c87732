//! Whatever a client sends first, it gets the right answer at once (rows WS-18 to WS-26, WS-32 to WS-34).

#![allow(clippy::disallowed_methods, reason = "a test of a deadline reads the real clock")]

use std::time::{Duration, Instant};

use harness::{Daemon, frame};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

const HYBI: &str = "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade";

#[test]
fn each_bad_request_has_its_status() {
    let server = Daemon::start(WS_SERVER, &["--path", "/", "--path", "/echo"]);
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let table: Vec<(String, u16)> = vec![
        ("POST / HTTP/1.1\nHost: a\nContent-Length: 5".into(), 405),
        ("DELETE / HTTP/1.1\nHost: a".into(), 405),
        ("GET /other HTTP/1.1\nHost: a".into(), 404),
        ("GET / HTTP/1.1".into(), 400),
        ("GET / HTTP/2.0\nHost: a".into(), 505),
        ("GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: close".into(), 426),
        (format!("GET /{} HTTP/1.1\nHost: a", "x".repeat(8191)), 404),
        (format!("GET /{} HTTP/1.1\nHost: a", "x".repeat(8192)), 414),
        (format!("GET / HTTP/1.1\nHost: a\nX: {}", "x".repeat(32 * 1024)), 431),
        (format!("GET / HTTP/1.1\nHost: a{}", "\nX: y".repeat(64)), 431),
        (format!("{HYBI}\n{key}\nSec-WebSocket-Version: 99"), 426),
        (format!("{HYBI}\n{key}"), 426),
        (format!("{HYBI}\n{key}\nSec-WebSocket-Version: 13\nSec-WebSocket-Version: 13"), 400),
        (format!("{HYBI}\nSec-WebSocket-Version: 13"), 400),
        (format!("{HYBI}\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: short"), 400),
        (
            format!(
                "{HYBI}\n{key}\nSec-WebSocket-Version: 13\nSec-WebSocket-Key1: 1 1\nSec-WebSocket-Key2: 1 1"
            ),
            400,
        ),
        (format!("{HYBI}\nSec-WebSocket-Key1: 1 1"), 400),
        (format!("{HYBI}\nSec-WebSocket-Key1: 11\nSec-WebSocket-Key2: 1 1"), 400), // WS-23: no blank, a division by zero
        (format!("{HYBI}\nSec-WebSocket-Key1: 99999999999 9\nSec-WebSocket-Key2: 1 1"), 400),
        (format!("{HYBI}\nSec-WebSocket-Key1: 1  2\nSec-WebSocket-Key2: 3  x  4"), 400),
        (format!("{HYBI}\nOrigin: a\u{1}b"), 400), // WS-22
        (format!("{HYBI}\nOrigin: a\u{7f}b"), 400),
    ];
    for (request, status) in table {
        assert_eq!(server.request(&request).status(), status, "{request}");
    }
}

#[test]
fn who_would_publish_learns_which_source_takes_lines() {
    let server = Daemon::start(WS_SERVER, &[]);
    for (method, hint) in [("POST", true), ("PUT", true), ("DELETE", false)] {
        let mut client = server.request(&format!("{method} / HTTP/1.1\nHost: a"));
        assert!(client.head().contains("\r\nAllow: GET, HEAD, OPTIONS\r\n"));
        let body = client.rest();
        assert!(body.starts_with(b"405 Method Not Allowed"), "{}", body.escape_ascii());
        let says = body.escape_ascii().to_string().contains("--source http");
        assert_eq!(says, hint, "{method}");
    }
}

#[test]
fn bytes_that_are_no_http_are_answered_within_a_moment() {
    let server = Daemon::start(WS_SERVER, &[]);
    let beginnings: [&[u8]; 12] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00",
        b"SSH-2.0-OpenSSH_9.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x03\x00\x00\x13\x0e\xe0\x00\x00",
        b"\x05\x01\x00",
        b"\x00\x00\x00\x55\xffSMB",
        b"EHLO example.org\r\n",
        b"GET /\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c",
        b"GET / HTTP/1.1\nHost: a\n\n",
    ];
    for bytes in beginnings {
        let started = Instant::now();
        let mut client = server.connect();
        client.send(bytes);
        let status = client.status();
        assert!(matches!(status, 400 | 405 | 426 | 501 | 505), "{}: {status}", bytes.escape_ascii());
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "{}: far from the deadline",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn a_head_that_dribbles_is_answered_at_the_absolute_deadline() {
    // Longer than the second that the event loop gives a connection without a deadline of its own.
    let server = Daemon::start(WS_SERVER, &["--head-timeout", "1200ms"]);
    let waiting = ["G", "GET / HTTP/1.1\r\nHost:"].map(|beginning| {
        let started = Instant::now();
        let mut client = server.connect();
        client.send(beginning);
        (started, client)
    });
    for (started, mut client) in waiting {
        assert_eq!(client.status(), 408);
        assert!(started.elapsed() >= Duration::from_millis(1190));
    }
}

// WS-18: each byte comes in time, the whole head never.
#[test]
fn bytes_that_dribble_in_do_not_put_the_deadline_off() {
    let server = Daemon::start(WS_SERVER, &["--head-timeout", "500ms"]);
    let mut client = server.connect();
    client.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    client.send("GET / HTTP/1.1\r\nX: ");
    let answered = (0..100).any(|_| client.stream.peek(&mut [0]).is_ok() || !client.try_send(b"y"));
    assert!(answered, "100 bytes, each 50 ms after the last, kept it waiting");
    assert_eq!(client.status(), 408);
}

// WS-24
#[test]
fn a_third_key_that_stays_away_is_waited_for_until_the_deadline_of_the_head() {
    let server = Daemon::start(WS_SERVER, &["--head-timeout", "300ms"]);
    for part in ["", "^n:ds[4"] {
        let started = Instant::now();
        let mut client = server.request(&format!("{HYBI}\nSec-WebSocket-Key1: 1 2\nSec-WebSocket-Key2: 3 4"));
        client.send(part);
        assert!(client.head().starts_with("HTTP/1.1 101 "));
        assert_eq!(client.rest(), b"", "no digest and no date");
        assert!(started.elapsed() >= Duration::from_millis(290));
    }
}

// WS-26
#[test]
fn the_answer_to_an_unknown_version_names_those_that_are_served() {
    let server = Daemon::start(WS_SERVER, &[]);
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    for version in ["99", "6", "13, 8", ""] {
        let request = format!("{HYBI}\n{key}\nSec-WebSocket-Version: {version}");
        let answer = String::from_utf8(server.request(&request).rest()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
        assert!(answer.contains("\r\nSec-WebSocket-Version: 13, 8, 7\r\n"), "{answer}");
    }
}

// WS-33
#[test]
fn a_request_that_breaks_off_is_answered_at_its_end() {
    let server = Daemon::start(WS_SERVER, &[]);
    for beginning in ["G", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut client = server.connect();
        client.send(beginning);
        client.finish_sending();
        assert_eq!(client.status(), 400, "{beginning:?}");
    }
}

#[test]
fn a_handshake_byte_by_byte_is_a_handshake_and_frames_behind_it_are_kept() {
    let server = Daemon::start(WS_SERVER, &["--interval", "0", "--on-message", "echo"]);
    let request =
        format!("{HYBI}\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n")
            .replace('\n', "\r\n");
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(&frame(0x81, b"early"));
    let mut client = server.connect();
    bytes.chunks(1).for_each(|byte| client.send(byte));
    client.head();
    assert_eq!(client.text(), "early");
    let mut client = server.connect();
    client.send(&bytes);
    client.head();
    assert_eq!(client.text(), "early");
}

#[test]
fn a_policy_request_is_answered_whatever_ends_it() {
    let server = Daemon::start(WS_SERVER, &[]);
    for end in [&b"\0"[..], b"\r", b"\n", b""] {
        let mut client = server.connect();
        client.send(b"<policy-file-request/>");
        client.send(end);
        client.finish_sending();
        let answer = String::from_utf8(client.rest()).unwrap();
        assert!(answer.ends_with("</cross-domain-policy>\n\0"), "{answer:?}");
        let grant = format!("domain=\"*\" to-ports=\"{}\"", server.address().port());
        assert!(answer.contains(&grant), "{answer:?}");
    }
    let mut client = server.connect();
    client.send(b"<html>");
    assert_eq!(client.status(), 400);
}

#[test]
fn no_refusal_of_a_head_request_has_a_body() {
    let server = Daemon::start(WS_SERVER, &["--path", "/a", "--allow-origin", "https://example.org"]);
    for (status, rest) in [
        (404, "/b HTTP/1.1\nHost: a"),
        (403, "/a HTTP/1.1\nHost: a\nOrigin: https://other.example"),
        (400, "/a?since=x HTTP/1.1\nHost: a"),
    ] {
        let whole = |method| {
            let answer = server.request(&format!("{method} {rest}")).rest();
            let answer = String::from_utf8(answer).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
            (head.lines().find(|line| line.starts_with("Content-Length: ")).unwrap().to_owned(), body.len())
        };
        let (got, head) = (whole("GET"), whole("HEAD"));
        assert!(got.1 > 0, "{rest}");
        assert_eq!(head, (got.0, 0), "{rest}");
    }
}

#[test]
fn the_page_of_a_listed_origin_reads_every_answer_with_its_cookies() {
    let server = Daemon::start(WS_SERVER, &["--allow-origin", "https://example.org"]);
    for method in ["GET", "HEAD", "OPTIONS", "PUT"] {
        let mut friend =
            server.request(&format!("{method} / HTTP/1.1\nHost: a\nOrigin: https://example.org"));
        let head = friend.head();
        for field in ["Origin: https://example.org", "Credentials: true"] {
            assert!(head.contains(&format!("\r\nAccess-Control-Allow-{field}\r\n")), "{head}");
        }
        assert!(head.contains("\r\nVary: Origin\r\n"), "{head}");
    }
    let open_to_all = Daemon::start(WS_SERVER, &[]);
    let head = open_to_all.request("GET / HTTP/1.1\nHost: a\nOrigin: https://example.org").head();
    assert!(head.contains("-Origin: *\r\n") && !head.contains("Credentials"), "{head}");
}

#[test]
fn address_and_scheme_come_from_a_trusted_proxy() {
    let server =
        Daemon::start(WS_SERVER, &["--trusted-proxy", "127.0.0.1/32", "--max-connections-per-ip", "2"]);
    let shell = "GET /a HTTP/1.1\nHost: b\nConnection: Upgrade\nUpgrade: WebSocket\nX-Forwarded-Proto: https";
    let mut client = server.request(shell);
    assert!(client.head().contains("WebSocket-Location: wss://b/a\r\n"));
    let from = |last: u8| format!("GET / HTTP/1.0\nX-Forwarded-For: 192.0.2.{last}");
    let mut first = server.request(&from(1));
    assert!(first.head().starts_with("HTTP/1.1 200 "));
    let mut second = server.request(&from(1));
    assert!(second.head().starts_with("HTTP/1.1 200 "));
    assert_eq!(server.request(&from(1)).status(), 503);
    let mut by_header = server.connect();
    by_header.send([&proxy_header([192, 0, 2, 1])[..], b"GET / HTTP/1.0\r\n\r\n"].concat());
    assert_eq!(by_header.status(), 503);
}

/// The PROXY header of a proxy that passes a client's bytes on unchanged.
fn proxy_header(source: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    header.extend_from_slice(&source);
    header.extend_from_slice(&[127, 0, 0, 1, 0x30, 0x39, 0, 80]);
    header
}

#[test]
fn behind_a_proxy_header_the_fields_of_the_client_do_not_count() {
    let server = Daemon::start(WS_SERVER, &["--trusted-proxy", "127.0.0.1", "--max-connections-per-ip", "1"]);
    let client = |request: &str| {
        let mut client = server.connect();
        client.send([&proxy_header([192, 0, 2, 1]), request.as_bytes()].concat());
        client
    };
    let shell = "GET / HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nX-Forwarded-Proto: https\r\n\r\n";
    let mut first = client(shell);
    assert!(first.head().contains("WebSocket-Location: ws://b/\r\n"));
    // It has its one connection now, whatever address its own header fields claim.
    assert_eq!(client("GET / HTTP/1.0\r\nX-Forwarded-For: 192.0.2.2\r\n\r\n").status(), 503);
}

#[test]
fn clients_of_one_proxy_do_not_evict_each_other() {
    let flags = ["--trusted-proxy", "127.0.0.1", "--max-connections-per-ip", "1", "--workers", "1"];
    let server = Daemon::start(WS_SERVER, &flags);
    let request = |last: u8| format!("GET / HTTP/1.0\r\nX-Forwarded-For: 192.0.2.{last}\r\n\r\n");
    let mut slow = server.connect();
    let mut quick = server.connect();
    quick.send(request(1));
    assert!(quick.head().starts_with("HTTP/1.1 200 "));
    slow.send(request(2));
    assert!(slow.head().starts_with("HTTP/1.1 200 "));
    // A request without a forwarded address counts as the proxy's own.
    let mut first = server.request("GET / HTTP/1.0");
    assert!(first.head().starts_with("HTTP/1.1 200 "));
    assert_eq!(server.request("GET / HTTP/1.0").status(), 503);
}

#[test]
fn the_answer_to_a_newcomer_without_room_says_when_to_come_back() {
    let server = Daemon::start(WS_SERVER, &["--max-connections", "2", "--workers", "1"]);
    let streams: Vec<_> = (0..2).map(|_| server.websocket("/")).collect();
    let answer = String::from_utf8(server.request("GET / HTTP/1.1\nHost: a").rest()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After: "), "{answer}");
    drop(streams);
}

#[test]
fn a_unix_socket_is_served_and_its_proxy_is_trusted_with_the_flag() {
    use std::io::{Read, Write};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ws.sock");
    let _server = Daemon::start(
        WS_SERVER,
        &["--listen", &format!("unix:{}", path.display()), "--trusted-proxy", "unix"],
    );
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = "GET /a HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nX-Forwarded-Proto: https\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 150];
    stream.read_exact(&mut answer).unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("WebSocket-Location: wss://b/a\r\n"));
}
