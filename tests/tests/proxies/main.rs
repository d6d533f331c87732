//! The page and the stream behind nginx, HAProxy and Caddy: TLS, one origin, real addresses.
//!
//! ```text
//!  openssl s_client ── TLS ──▶ proxy (docs/proxies/) ─┬─ /stream ─▶ ws-server
//!  from 127.0.0.2, .3                                 └─ /        ─▶ static-server
//! ```
//!
//! Ignored by default: `tests/run proxies` installs the proxies first.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod drafts;
mod front;
mod hosts;
mod limits;
mod tls;
mod ways;

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::http::exchange;
use harness::project;

use front::{Front, Kind, Way};
use tls::{PATIENCE, Tls};

/// One test for each proxy.
#[macro_export]
macro_rules! behind_each {
    ($($what:ident)*) => {
        behind_each! { @ nginx Nginx, $($what)* }
        behind_each! { @ haproxy Haproxy, $($what)* }
        behind_each! { @ caddy Caddy, $($what)* }
    };
    (@ $name:ident $kind:ident, $($what:ident)*) => {
        mod $name {
            $(
                #[test]
                #[ignore = "needs nginx, HAProxy and Caddy: `tests/run proxies` runs it"]
                fn $what() {
                    super::$what($crate::front::Kind::$kind);
                }
            )*
        }
    };
}

behind_each! {
    page_and_streams_share_one_origin
    messages_arrive_one_by_one
    a_client_that_leaves_is_announced
    a_quiet_stream_is_not_cut
    a_reload_leaves_streams_alone_but_caddy_closes_websockets
    a_browser_connects_by_wss_on_the_origin_of_the_page
}

/// The request for a WebSocket of RFC 6455 at `/stream`; `more` are further fields, one a line.
fn websocket(front: &Front, from: &str, more: &str) -> Tls {
    let port = front.port;
    let request = format!(
        "GET /stream HTTP/1.1\nHost: localhost:{port}\nUpgrade: websocket\nConnection: Upgrade\n\
         Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=={more}"
    );
    Tls::request_from(port, from, &request)
}

/// The id in the head of an answer.
fn id(head: &str) -> u64 {
    assert!(head.starts_with("HTTP/1.1 101 ") || head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let id = fields.find(|(name, _)| name.eq_ignore_ascii_case("X-Connection-Id"));
    id.and_then(|(_, id)| id.parse().ok()).unwrap_or_else(|| panic!("no id in {head}"))
}

fn http_stream(front: &Front, accept: &str) -> Tls {
    let request = format!("GET /stream HTTP/1.1\nHost: localhost:{}\nAccept: {accept}", front.port);
    Tls::request(front.port, &request)
}

fn page_and_streams_share_one_origin(kind: Kind) {
    let front = Front::start(kind, &[]);
    let mut page = Tls::request(front.port, &format!("GET / HTTP/1.1\nHost: localhost:{}", front.port));
    assert!(page.head().starts_with("HTTP/1.1 200 "));
    page.until(b"<meta name=\"datecast-ws\" content=\"/stream\">");
    let mut stream = websocket(&front, "127.0.0.1", "");
    id(&stream.head());
    for _ in 0..3 {
        assert!(stream.text().ends_with(" GMT+0000 (UTC)"));
    }
    if kind != Kind::Caddy {
        let plain = SocketAddr::from(([127, 0, 0, 1], front.plain_port));
        let answer = exchange(plain, b"GET /x HTTP/1.1\r\nHost: example.com\r\n\r\n").expect("an answer");
        let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        assert!(
            answer.starts_with("http/1.1 301 ") && answer.contains("location: https://example.com/x\r\n")
        );
    }
}

fn messages_arrive_one_by_one(kind: Kind) {
    let front = Front::start(kind, &[]);
    for accept in ["text/event-stream", "*/*"] {
        let mut client = http_stream(&front, accept);
        assert!(client.head().starts_with("HTTP/1.1 200 "));
        one_by_one(&mut client).unwrap_or_else(|why| panic!("{accept}: {why}"));
    }
    one_by_one(&mut Tls::events_by_http2(front.port)).unwrap_or_else(|why| panic!("HTTP/2: {why}"));
}

/// Five dates, one each 200 ms, must come one by one and not in one piece. This test may be late itself, and find several: not each time.
fn one_by_one(client: &mut Tls) -> Result<(), String> {
    client.try_until(b"(UTC)", PATIENCE)?;
    let mut times = Vec::new();
    for _ in 0..3 {
        let first = Instant::now();
        for _ in 0..4 {
            client.try_until(b"(UTC)", PATIENCE)?;
        }
        let time = first.elapsed();
        if time >= Duration::from_millis(400) {
            return Ok(());
        }
        times.push(time);
    }
    Err(format!("four more each time within {times:?}"))
}

/// The control: the check notices a proxy that holds messages back.
#[test]
#[ignore = "needs nginx: `tests/run proxies` runs it"]
fn a_proxy_that_buffers_does_not_pass() {
    let buffering = [("proxy_buffering off;", "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;")];
    let trusted = ["--trusted-proxy", "127.0.0.1"];
    let front = Front::start_with(Kind::Nginx, Way::Tcp, &trusted, &buffering);
    for mut client in [http_stream(&front, "text/event-stream"), Tls::events_by_http2(front.port)] {
        one_by_one(&mut client).expect_err("nginx holds back what is less than a buffer");
    }
}

fn a_client_that_leaves_is_announced(kind: Kind) {
    let front = Front::start(kind, &[]);
    let mut stays = websocket(&front, "127.0.0.1", "");
    id(&stays.head());
    for mut leaves in [websocket(&front, "127.0.0.1", ""), http_stream(&front, "text/event-stream")] {
        let id = id(&leaves.head());
        // Only a client that has lived a whole interval is announced.
        for _ in 0..3 {
            leaves.until(b"(UTC)");
        }
        drop(leaves);
        let notice = format!("{id} disconnected");
        let deadline = Instant::now() + PATIENCE;
        while stays.text() != notice {
            assert!(Instant::now() < deadline, "{kind:?}: no {notice:?}");
        }
    }
}

/// Only pings and heartbeats go through a stream without messages. The proxy's timeouts are longer than the time between
/// two of them, as in the documentation; both are shorter here, and far apart: a busy machine may be late.
fn a_quiet_stream_is_not_cut(kind: Kind) {
    let quiet = ["--trusted-proxy", "127.0.0.1", "--source", "-"];
    let lively = [&quiet[..], &["--ping-interval", "500ms", "--heartbeat", "500ms"]].concat();
    let edits: &[_] = if kind == Kind::Caddy { &[] } else { &[("90s", "6s")] };
    let front = Front::start_with(kind, Way::Tcp, &lively, edits);
    let mut events = http_stream(&front, "text/event-stream");
    let mut socket = websocket(&front, "127.0.0.1", "");
    id(&socket.head());
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(9) {
        assert_eq!(socket.frame().0, 0x89, "pings only");
        socket.pong();
        events.until(b"\n:");
    }
    // The control: without them the timeouts cut the stream; Caddy has none.
    if kind != Kind::Caddy {
        let front = Front::start_with(kind, Way::Tcp, &quiet, edits);
        let mut events = http_stream(&front, "text/event-stream");
        events.head();
        assert!(events.has_ended(2 * PATIENCE), "{kind:?} cuts a silent stream");
    }
}

/// As docs/operations.md says.
fn a_reload_leaves_streams_alone_but_caddy_closes_websockets(kind: Kind) {
    let front = Front::start(kind, &[]);
    let (mut socket, mut events) =
        (websocket(&front, "127.0.0.1", ""), http_stream(&front, "text/event-stream"));
    id(&socket.head());
    socket.text();
    front.reload();
    if kind == Kind::Caddy {
        let mut frame = socket.frame();
        while frame.0 == 0x81 {
            frame = socket.frame();
        }
        assert_eq!(frame, (0x88, 1001_u16.to_be_bytes().to_vec()));
    } else {
        (0..10).for_each(|_| drop(socket.text()));
    }
    (0..12).for_each(|_| drop(events.until(b"(UTC)")));
    id(&websocket(&front, "127.0.0.1", "").head());
}

/// The real page in a real Chromium: its content policy and ours agree on `wss:` of the same origin.
fn a_browser_connects_by_wss_on_the_origin_of_the_page(kind: Kind) {
    let front = Front::start(kind, &[]);
    let url = format!("https://localhost:{}/", front.port);
    let output = Command::new("node").arg(project().join("tests/browser/one_origin.mjs")).arg(&url).output();
    let output = output.expect("start node");
    let printed = String::from_utf8_lossy(&output.stdout);
    let wanted = format!("by WebSocket to wss://localhost:{}/stream", front.port);
    assert!(
        output.status.success() && printed.contains(&wanted),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
