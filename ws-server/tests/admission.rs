//! `--host` and `--allow-origin` hold for every way to the stream, and say what would admit a request (row WS-29).

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::fs;

use harness::{Daemon, Signal};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

/// A request of each dialect and method, with these fields.
fn every_way(fields: &str) -> Vec<String> {
    let upgrade = "Upgrade: websocket\nConnection: Upgrade";
    vec![
        format!("GET / HTTP/1.1\n{fields}\n{upgrade}\n{KEY}\nSec-WebSocket-Version: 13"),
        format!("GET / HTTP/1.1\n{fields}\n{upgrade}\n{KEY}\nSec-WebSocket-Version: 8"),
        format!("GET / HTTP/1.1\n{fields}\n{upgrade}\nSec-WebSocket-Key1: 1 2\nSec-WebSocket-Key2: 3 4"),
        format!("GET / HTTP/1.1\n{fields}\nUpgrade: WebSocket\nConnection: Upgrade"),
        format!("GET / HTTP/1.1\n{fields}\nAccept: text/event-stream"),
        format!("GET / HTTP/1.1\n{fields}"),
        format!("GET / HTTP/1.0\n{fields}"),
        format!("HEAD / HTTP/1.1\n{fields}"),
        format!("OPTIONS / HTTP/1.1\n{fields}"),
        format!("POST / HTTP/1.1\n{fields}"),
    ]
}

/// The status of the answer, which may go on for ever.
fn status(server: &Daemon, request: &str) -> u16 {
    let head = server.request(request).head();
    head.get(9..12).unwrap().parse().unwrap()
}

/// The answer to each of them must be a 403 whose body is this line, in the words for its method, and none for HEAD.
fn all_refused(server: &Daemon, fields: &str, line: &str) {
    for request in every_way(fields) {
        let deed = if request.starts_with("POST ") { "publish here" } else { "read this" };
        let line = line.replace("read this", deed);
        let answer = String::from_utf8(server.request(&request).rest()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 "), "{request}: {answer}");
        let body = if request.starts_with("HEAD ") { String::new() } else { format!("{line}\n") };
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{request}: {answer}");
        assert!(answer.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{answer}");
        assert!(answer.contains("\r\nX-Content-Type-Options: nosniff\r\n"), "{answer}");
    }
}

/// None of them gets a 403.
fn all_admitted(server: &Daemon, fields: &str) {
    for request in every_way(fields) {
        let status = status(server, &request);
        assert!([101, 200, 204, 405].contains(&status), "{request}: {status}");
    }
}

#[test]
fn another_host_is_refused_by_every_way() {
    let server = Daemon::start(WS_SERVER, &["--host", "example.org", "--host", "[2001:db8::1]:8080"]);
    for host in ["example.org", "Example.ORG.:8080", "[2001:db8:0::1]:8080"] {
        all_admitted(&server, &format!("Host: {host}"));
    }
    let line =
        "Host: Evil.example:80 is no name of this server; if it should be, start it with --host evil.example";
    all_refused(&server, "Host: Evil.example:80", line);
    let absolute = "GET http://evil.example/ HTTP/1.1\nHost: example.org";
    assert_eq!(status(&server, absolute), 403);
    assert_eq!(status(&server, "GET / HTTP/1.0"), 200, "no browser leaves the Host out");
    let no_authority = String::from_utf8(server.request("GET / HTTP/1.1\nHost:").rest()).unwrap();
    assert!(no_authority.ends_with("start it with --host NAME\n"), "{no_authority}");
    assert_eq!(status(&server, "GET / HTTP/1.1\nHost: example.org\nHost: evil.example"), 400);
}

#[test]
fn another_origin_is_refused_by_every_way_and_learns_its_option() {
    let server = Daemon::start(WS_SERVER, &["--allow-origin", "https://example.org"]);
    for origin in ["https://evil.example", "null"] {
        let line = format!(
            "Origin: {origin} may not read this; if its pages should, start the server with --allow-origin {origin}"
        );
        all_refused(&server, &format!("Host: a\nOrigin: {origin}"), &line);
    }
    all_admitted(&server, "Host: a\nOrigin: https://example.org");
    all_admitted(&server, "Host: a");
}

#[test]
fn a_socket_of_flash_is_for_the_pages_that_may_read() {
    let grants = |args: &[&str]| {
        let server = Daemon::start(WS_SERVER, args);
        let mut client = server.connect();
        client.send(b"<policy-file-request/>\0");
        let document = String::from_utf8(client.rest()).unwrap();
        let port = format!("\" to-ports=\"{}\"/>", server.address().port());
        let grants =
            document.lines().filter_map(|line| line.trim().strip_prefix("<allow-access-from domain=\""));
        grants.map(|grant| grant.strip_suffix(&port).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(grants(&[]), ["*"]);
    assert_eq!(grants(&["--host", "example.net"]), ["*"], "a Host is no page");
    let origins = ["https://example.org", "http://192.0.2.1:8080", "http://[2001:db8::1]", "null"];
    let flags: Vec<&str> = origins.iter().flat_map(|origin| ["--allow-origin", origin]).collect();
    assert_eq!(grants(&flags), ["example.org", "192.0.2.1"]);
    assert_eq!(grants(&[&flags[..], &["--host", "example.net"]].concat()), ["example.org", "192.0.2.1"]);
}

#[test]
fn a_reload_puts_the_hosts_in_force() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut server = Daemon::start(WS_SERVER, &["--config", file.path().to_str().unwrap()]);
    let ask = |server: &Daemon| status(server, "GET / HTTP/1.1\nHost: evil.example");
    assert_eq!(ask(&server), 200);
    fs::write(file.path(), "host = [\"example.org\"]\n").unwrap();
    server.signal(Signal::HUP);
    server.log_line("the configuration was read again");
    assert_eq!(ask(&server), 403);
    fs::write(file.path(), "host = [\"http://example.org\"]\n").unwrap();
    server.signal(Signal::HUP);
    server.log_line("a host has no scheme: `example.org`");
    assert_eq!(ask(&server), 403, "a wrong configuration changes nothing");
}
