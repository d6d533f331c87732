//! Every way to the stream through every proxy: what works is what the table of `docs/ways.md` says.

use std::fs;

use harness::project;

use crate::drafts::{draft_75, draft_76};
use crate::front::{Front, Kind};
use crate::one_by_one;
use crate::tls::{PATIENCE, Tls};

const DOCUMENT: &str = "docs/ways.md";
const HEADING: &str = "| through | nginx | HAProxy | HAProxy, TCP | Caddy |";

/// The columns of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Nginx,
    Haproxy,
    HaproxyTcp,
    Caddy,
}

impl Lane {
    const ALL: [Self; 4] = [Self::Nginx, Self::Haproxy, Self::HaproxyTcp, Self::Caddy];

    fn kind(self) -> Kind {
        match self {
            Self::Nginx => Kind::Nginx,
            Self::Haproxy | Self::HaproxyTcp => Kind::Haproxy,
            Self::Caddy => Kind::Caddy,
        }
    }

    fn port(self, front: &Front) -> u16 {
        if self == Self::HaproxyTcp { front.raw_port } else { front.port }
    }
}

/// What must hold of one way at this port; the text says what came instead.
type Check = fn(u16) -> Result<(), String>;

const EMPTY: &str = "a poll without news";
/// The rows of the table.
const WAYS: [(&str, Check); 10] = [
    ("WebSocket, RFC 6455", rfc_6455),
    ("WebSocket, draft 76", draft_76),
    ("WebSocket, draft 75", draft_75),
    ("server-sent events", |port| streams(port, "/stream", "text/event-stream")),
    ("JSON lines", |port| streams(port, "/stream", "application/x-ndjson")),
    ("lines", |port| streams(port, "/stream", "*/*")),
    ("the document", |port| {
        streams(port, "/stream", "text/html").and_then(|()| streams(port, "/stream.html", "*/*"))
    }),
    ("long poll", |port| polls(port, "poll=20", "\"kind\":\"message\"")),
    ("JSONP", |port| polls(port, "callback=show", "/**/show({\"last\":")),
    (EMPTY, empty_poll),
];

fn rfc_6455(port: u16) -> Result<(), String> {
    let mut client = Tls::request(
        port,
        &format!(
            "GET /stream HTTP/1.1\nHost: localhost:{port}\nUpgrade: websocket\nConnection: Upgrade\n\
             Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        ),
    );
    let head = client.head();
    if !head.starts_with("HTTP/1.1 101 ") {
        return Err(head);
    }
    one_by_one(&mut client)
}

fn streams(port: u16, path: &str, accept: &str) -> Result<(), String> {
    let mut client =
        Tls::request(port, &format!("GET {path} HTTP/1.1\nHost: localhost:{port}\nAccept: {accept}"));
    let head = client.try_until(b"\r\n\r\n", PATIENCE)?;
    let head = String::from_utf8(head).map_err(|error| error.to_string())?;
    let wanted = match accept {
        "*/*" if path == "/stream.html" => "text/html",
        "*/*" => "text/plain",
        accept => accept,
    };
    if !head.starts_with("HTTP/1.1 200 ") || !head.contains(wanted) {
        return Err(head);
    }
    one_by_one(&mut client)
}

/// The next answer on a connection that is kept alive: its head and its body.
fn answer(client: &mut Tls, port: u16, query: &str) -> Result<(String, String), String> {
    client.send(format!("GET /stream?{query} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").as_bytes());
    let head = client.try_until(b"\r\n\r\n", PATIENCE)?;
    let head = String::from_utf8(head).map_err(|error| error.to_string())?;
    let length = field(&head, "content-length").and_then(|length| length.parse().ok()).ok_or(head.clone())?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(head);
    }
    let body = String::from_utf8(client.take(length)).map_err(|error| error.to_string())?;
    Ok((head, body))
}

fn field(head: &str, name: &str) -> Option<String> {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}

/// One poll behind the other on one connection: each has what came after the one before.
fn polls(port: u16, query: &str, wanted: &str) -> Result<(), String> {
    let mut client = Tls::connect(port, "127.0.0.1");
    let mut since = String::new();
    for _ in 0..4 {
        let (head, body) = answer(&mut client, port, &format!("{query}{since}"))?;
        let last = field(&head, "datecast-last-id").ok_or(head)?;
        if !body.contains(wanted)
            || !body.contains("(UTC)")
            || !body.contains(&last)
            || since.ends_with(&last)
        {
            return Err(format!("after {since:?}: {body}"));
        }
        since = format!("&since={last}");
    }
    Ok(())
}

/// Of a stream that says nothing.
fn empty_poll(port: u16) -> Result<(), String> {
    let mut client = Tls::connect(port, "127.0.0.1");
    for _ in 0..2 {
        let (head, body) = answer(&mut client, port, "poll=1")?;
        if !body.is_empty() || field(&head, "datecast-last-id").is_none() {
            return Err(head + &body);
        }
    }
    Ok(())
}

/// The rows of the document: the way and, for each lane, whether it works.
fn documented() -> Vec<(String, Vec<bool>)> {
    let text = fs::read_to_string(project().join(DOCUMENT)).expect("read it");
    let table =
        text.lines().skip_while(|line| *line != HEADING).skip(2).take_while(|line| line.starts_with('|'));
    let rows = table.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let way = cells.next().expect("a way").to_owned();
        let cells = cells.map(|cell| {
            assert!(cell == "yes" || cell.starts_with("no: "), "{way}: {cell}");
            cell == "yes"
        });
        (way.clone(), cells.collect())
    });
    rows.collect()
}

/// Whether browsers' HTTP/2 holds a stream back.
fn by_http2(front: &Front) {
    for accept in ["text/event-stream", "application/x-ndjson", "text/html", "*/*"] {
        one_by_one(&mut Tls::stream_by_http2(front.port, accept))
            .unwrap_or_else(|why| panic!("{accept}: {why}"));
    }
}

#[test]
#[ignore = "needs nginx, HAProxy and Caddy: `tests/run proxies` runs it"]
fn each_way_passes_each_proxy_as_the_document_says() {
    let documented = documented();
    let names: Vec<&str> = documented.iter().map(|(way, _)| way.as_str()).collect();
    assert_eq!(names, WAYS.map(|(name, _)| name), "the rows of {DOCUMENT}");
    let mut different = Vec::new();
    for (column, lane) in Lane::ALL.into_iter().enumerate() {
        let front = Front::start(lane.kind(), &["--secure"]);
        let silent = Front::start(lane.kind(), &["--secure", "--source", "-"]);
        for ((name, check), (_, cells)) in WAYS.iter().zip(&documented) {
            let front = if *name == EMPTY { &silent } else { &front };
            let result = check(lane.port(front));
            if result.is_ok() != cells[column] {
                different.push(format!("{name} through {lane:?}: {result:?}"));
            }
        }
        if lane != Lane::HaproxyTcp {
            by_http2(&front);
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The control: a way that a proxy holds back is noticed, a poll as well as a stream.
#[test]
#[ignore = "needs nginx: `tests/run proxies` runs it"]
fn a_proxy_that_answers_by_itself_does_not_pass() {
    let stale = [(
        "proxy_buffering off;",
        "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering; proxy_hide_header Datecast-Last-Id;",
    )];
    let front =
        Front::start_with(Kind::Nginx, crate::front::Way::Tcp, &["--trusted-proxy", "127.0.0.1"], &stale);
    for (name, check) in WAYS.iter().filter(|(name, _)| ["JSON lines", "long poll", "JSONP"].contains(name)) {
        assert!(check(front.port).is_err(), "{name}");
    }
}
