//! Opening handshakes of every dialect on the wire, the first dates, and the notice when a client leaves.

#![allow(clippy::disallowed_methods, reason = "a test of a deadline reads the real clock")]

use std::time::{Duration, Instant};

use harness::{Daemon, frame, is_js_date};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

const SHELL: &str = "GET /echo HTTP/1.1\nHost: localhost\nConnection: Upgrade\nUpgrade: WebSocket";
const HIXIE76: &str = "GET /demo?a=b HTTP/1.1\nHost: example.com\nConnection: Upgrade\nUpgrade: WebSocket\n\
    Origin: http://example.com\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00";

#[test]
fn the_shell_style_request_gets_exactly_the_answer_of_draft_75_and_then_dates() {
    let server = Daemon::start(WS_SERVER, &["--interval", "50ms"]);
    let mut client = server.request(SHELL);
    assert_eq!(
        client.head(),
        "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
         WebSocket-Origin: undefined\r\nWebSocket-Location: ws://localhost/echo\r\nWebSocket-Protocol: *\r\n\r\n"
    );
    for _ in 0..3 {
        let date = client.hixie_text();
        assert!(is_js_date(&date), "{date:?}");
    }
}

#[test]
fn draft_76_gets_its_head_at_once_and_the_digest_when_the_third_key_arrives() {
    let server = Daemon::start(WS_SERVER, &[]);
    let key3 = b"^n:ds[4U";
    for split in 0..=key3.len() {
        let mut client = server.request(HIXIE76);
        assert_eq!(
            client.head(),
            "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Origin: http://example.com\r\nSec-WebSocket-Location: ws://example.com/demo?a=b\r\n\
             Sec-WebSocket-Protocol: *\r\n\r\n"
        );
        client.send(&key3[..split]);
        client.send(&key3[split..]);
        assert_eq!(client.take(16), b"8jKS'y:G*Co,Wxa-");
        assert!(is_js_date(&client.hixie_text()));
        client.send([0xFF, 0x00]);
        assert_eq!(client.rest(), [0xFF, 0x00], "its closing handshake is answered");
    }
}

#[test]
fn frames_right_behind_the_third_key_are_kept() {
    let server = Daemon::start(WS_SERVER, &["--on-message", "echo", "--interval", "0"]);
    let mut client = server.connect();
    client.send(
        [format!("{}\r\n\r\n", HIXIE76.replace('\n', "\r\n")).as_bytes(), b"^n:ds[4U\x00early\xff"].concat(),
    );
    client.head();
    assert_eq!(client.take(16), b"8jKS'y:G*Co,Wxa-");
    assert_eq!(client.hixie_text(), "early");
}

#[test]
fn the_hybi_family_learns_its_id_and_gets_the_first_date_at_once() {
    let server = Daemon::start(WS_SERVER, &["--interval", "1h"]);
    let mut ids = Vec::new();
    for version in ["13", "8", "7"] {
        let started = Instant::now();
        let mut client = server.request(&format!(
            "GET / HTTP/1.1\nHost: a\nUpgrade: WebSocket\nConnection: keep-alive, Upgrade\n\
             Sec-WebSocket-Version: {version}\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        ));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
        assert!(head.contains("Connection: Upgrade\r\n"), "{head}");
        assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
        let (_, id) = head.split_once("X-Connection-Id: ").unwrap();
        ids.push(id.lines().next().unwrap().to_owned());
        assert!(is_js_date(&client.text()));
        assert!(started.elapsed() < Duration::from_secs(5), "far less than the interval");
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3, "every id is another");
}

#[test]
fn dates_keep_their_interval_and_their_numbers() {
    // A date that is late by half an interval is skipped; so late a busy machine must not make it.
    let server = Daemon::start(WS_SERVER, &["--interval", "400ms", "--template", "{seq}", "--align"]);
    // Before the server can send the first date, however late it is read.
    let started = Instant::now();
    let (mut client, _) = server.websocket("/");
    let first: u64 = client.text().parse().unwrap();
    for number in first + 1..first + 6 {
        assert_eq!(client.text(), number.to_string());
    }
    let passed = started.elapsed();
    assert!(passed >= Duration::from_millis(1590), "five dates within {passed:?}");
}

#[test]
fn clients_of_every_dialect_get_a_notice_when_one_leaves_after_a_whole_interval() {
    let server = Daemon::start(WS_SERVER, &["--interval", "100ms"]);
    let mut old = server.request(SHELL);
    old.head();
    let (mut other, _) = server.websocket("/?numbered=1");
    let mut events = server.request("GET / HTTP/1.1\nHost: a\nAccept: text/event-stream");
    events.head(); // it is there before another leaves
    let (mut leaver, head) = server.websocket("/");
    let id = head.split_once("X-Connection-Id: ").unwrap().1.lines().next().unwrap().to_owned();
    for _ in 0..4 {
        leaver.text(); // it lives for whole intervals
    }
    leaver.send(frame(0x88, &1000_u16.to_be_bytes()));
    assert_eq!(leaver.close_code(), Some(1000));
    drop(leaver);
    let notice = format!("{id} disconnected");
    while old.hixie_text() != notice {}
    while other.text() != notice {}
    events.until(format!("event: notice\ndata: {notice}\n\n").as_bytes());
}

#[test]
fn without_legacy_the_answer_to_a_hixie_draft_names_the_versions_that_are_served() {
    let server = Daemon::start(WS_SERVER, &["--legacy", "off"]);
    for request in [SHELL, HIXIE76] {
        let answer = String::from_utf8(server.request(request).rest()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
        assert!(answer.contains("Sec-WebSocket-Version: 13, 8, 7\r\n"), "{answer}");
    }
}

// WS-28: no client speaks through this server unless the operator allows it.
#[test]
fn by_default_no_message_is_sent_back_or_passed_on() {
    let server = Daemon::start(WS_SERVER, &["--interval", "0"]);
    let (mut speaker, _) = server.websocket("/");
    let (mut listener, _) = server.websocket("/");
    speaker.send([frame(0x81, b"to all"), frame(0x89, b"")].concat());
    assert_eq!(speaker.frame().0, 0x8A, "nothing came back before the pong");
    listener.send(frame(0x89, b""));
    assert_eq!(listener.frame().0, 0x8A, "nothing was passed on before the pong");
    let mut old = server.request(HIXIE76);
    old.head();
    old.send(b"^n:ds[4U\x00said unmasked\xFF\xFF\x00");
    old.take(16);
    assert_eq!(old.rest(), [0xFF, 0x00]);
}

#[test]
fn messages_are_echoed_or_passed_on() {
    let server = Daemon::start(WS_SERVER, &["--on-message", "echo", "--interval", "0"]);
    let (mut client, _) = server.websocket("/");
    client.send(
        [frame(0x01, b"one "), frame(0x89, b"ping"), frame(0x80, b"two"), frame(0x82, &[0xFF])].concat(),
    );
    assert_eq!(client.frame(), (0x8A, b"ping".to_vec()));
    assert_eq!(client.text(), "one two");
    assert_eq!(client.frame(), (0x82, vec![0xFF]));

    let server = Daemon::start(WS_SERVER, &["--on-message", "broadcast", "--interval", "0"]);
    let (mut speaker, _) = server.websocket("/");
    let (mut listener, _) = server.websocket("/");
    let (mut second, _) = server.websocket("/");
    speaker.send(frame(0x81, b"to all others"));
    assert_eq!(listener.text(), "to all others");
    assert_eq!(second.text(), "to all others");
    speaker.send(frame(0x89, b""));
    assert_eq!(speaker.frame().0, 0x8A, "nothing came back before the pong");
}

#[test]
fn a_silent_peer_is_pinged_and_then_let_go() {
    let server =
        Daemon::start(WS_SERVER, &["--interval", "0", "--ping-interval", "100ms", "--pong-timeout", "3s"]);
    let (mut client, _) = server.websocket("/");
    for _ in 0..3 {
        assert_eq!(client.frame().0, 0x89);
        client.send(frame(0x8A, b""));
    }
    assert_eq!(client.rest(), [0x89, 0], "no pong any more: one ping, then the end");
}

#[test]
fn a_subprotocol_is_chosen_in_every_dialect() {
    let hybi = "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13";
    for (flags, hybi_answer, hixie_answer) in [
        (&[][..], None, "chat.v1"),
        (&["--protocol", "other", "--protocol", "chat.v1"], Some("chat.v1"), "chat.v1"),
        (&["--protocol", "other"], None, "*"),
    ] {
        let server = Daemon::start(WS_SERVER, flags);
        let head = server.request(&format!("{hybi}\nSec-WebSocket-Protocol: chat.v2,, chat.v1")).head();
        let field = hybi_answer.map(|name| format!("\r\nSec-WebSocket-Protocol: {name}\r\n"));
        assert_eq!(head.contains("Protocol: "), field.is_some(), "{head}");
        assert!(field.is_none_or(|field| head.contains(&field)), "{head}");
        let head = server.request(&format!("{SHELL}\nWebSocket-Protocol: chat.v1")).head();
        assert!(head.contains(&format!("\r\nWebSocket-Protocol: {hixie_answer}\r\n")), "{head}");
        let head = server.request(&format!("{HIXIE76}\nSec-WebSocket-Protocol: chat.v1")).head();
        assert!(head.contains(&format!("\r\nSec-WebSocket-Protocol: {hixie_answer}\r\n")), "{head}");
    }
}
