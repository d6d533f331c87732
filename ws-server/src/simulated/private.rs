//! A private server: its own pages read it by every way, and no other page reads or loads anything of it.

use clap::Parser;

use super::*;

/// A private server at 127.0.0.1, port 80.
fn private_world(args: &[&str]) -> World {
    let args = [&["ws-server", "--workers", "1"], args].concat();
    let config = Arc::new(Config::try_parse_from(args).unwrap().private("").check().unwrap());
    Simulation::new(1, config.reactor_settings(), |birth| handler(config, None, birth))
}

/// What the server says within a moment.
fn answer(world: &mut World, bytes: &[u8]) -> String {
    let peer = world.connect();
    world.send(peer, bytes);
    let mut answer = Vec::new();
    for _ in 0..300 {
        world.settle();
        answer.extend(world.read(peer, usize::MAX));
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn ask(world: &mut World, request: &str) -> String {
    answer(world, format!("{}\r\n\r\n", request.replace('\n', "\r\n")).as_bytes())
}

const OWN: &str = "Host: localhost:8080\nOrigin: http://localhost:8080";
const HYBI: &str = "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

#[test]
fn its_own_pages_read_it_by_every_way() {
    let mut world = private_world(&[]);
    for (request, status) in [
        (format!("GET / HTTP/1.1\n{OWN}\n{HYBI}\nSec-WebSocket-Version: 13"), 101),
        (format!("GET / HTTP/1.1\n{OWN}\nUpgrade: WebSocket\nConnection: Upgrade"), 101),
        (format!("GET / HTTP/1.1\n{OWN}\nAccept: text/event-stream"), 200),
        (format!("GET / HTTP/1.1\n{OWN}"), 200),
        ("GET / HTTP/1.1\nHost: 127.0.0.1:8080".to_owned(), 200),
        ("GET / HTTP/1.0".to_owned(), 200),
        (format!("OPTIONS / HTTP/1.1\n{OWN}"), 204),
    ] {
        let answer = ask(&mut world, &request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
}

#[test]
fn other_pages_get_a_403_by_every_way() {
    let mut world = private_world(&[]);
    for fields in [
        "Host: localhost:8080\nOrigin: http://localhost:3000",
        "Host: localhost:8080\nOrigin: https://evil.example",
        "Host: localhost:8080\nOrigin: null",
        "Host: evil.example\nOrigin: http://evil.example",
        "Host: evil.example",
        "Host: localhost:8080\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors",
    ] {
        for request in [
            format!("GET / HTTP/1.1\n{fields}\n{HYBI}\nSec-WebSocket-Version: 13"),
            format!("GET / HTTP/1.1\n{fields}\nUpgrade: WebSocket\nConnection: Upgrade"),
            format!("GET / HTTP/1.1\n{fields}\nAccept: text/event-stream"),
            format!("GET /?since=0&until=5 HTTP/1.1\n{fields}"),
            format!("HEAD / HTTP/1.1\n{fields}"),
            format!("OPTIONS / HTTP/1.1\n{fields}\nAccess-Control-Request-Method: GET"),
        ] {
            let answer = ask(&mut world, &request);
            assert!(answer.starts_with("HTTP/1.1 403 "), "{request}: {answer}");
            assert!(!answer.contains("Access-Control-Allow-Origin"), "{request}: {answer}");
        }
    }
}

#[test]
fn no_answer_is_given_to_a_page_of_another_origin() {
    let mut world = private_world(&["--path", "/", "--allow-origin", "https://friend.example"]);
    for request in [
        format!("GET / HTTP/1.1\n{OWN}"),
        format!("GET / HTTP/1.1\n{OWN}\nAccept: text/event-stream"),
        format!("GET /?since=x HTTP/1.1\n{OWN}"),
        format!("GET /?since=0&until=5 HTTP/1.1\n{OWN}"),
        format!("GET /other HTTP/1.1\n{OWN}"),
        format!("HEAD / HTTP/1.1\n{OWN}"),
        format!("OPTIONS / HTTP/1.1\n{OWN}"),
        format!("PUT / HTTP/1.1\n{OWN}"),
        "GET / HTTP/1.1\nHost: localhost".to_owned(),
        "GET / HTTP/1.1\nHost: evil.example".to_owned(),
        "GET / HTTP/1.1\nHost: localhost\nOrigin: https://friend.example".to_owned(),
        "GET / HTTP/1.1".to_owned(),
    ] {
        let answer = ask(&mut world, &request);
        for field in
            ["Cross-Origin-Resource-Policy: same-origin", "Vary: Origin", "X-Content-Type-Options: nosniff"]
        {
            let is_204 = answer.starts_with("HTTP/1.1 204 ");
            assert!(answer.contains(&format!("\r\n{field}\r\n")) || is_204, "{field}: {request}: {answer}");
        }
        let allowed = answer.lines().find_map(|line| line.strip_prefix("Access-Control-Allow-Origin: "));
        let origin = request.lines().find_map(|line| line.strip_prefix("Origin: "));
        assert_eq!(allowed, origin, "{request}: {answer}");
    }
}

#[test]
fn flash_gets_a_socket_for_pages_of_its_own_hosts_and_of_the_lists() {
    let grants = |args: &[&str]| {
        let document = answer(&mut private_world(args), b"<policy-file-request/>\0");
        let grants = document.split("<allow-access-from domain=\"").skip(1);
        grants.map(|grant| grant.split_once("\"/>").unwrap().0.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(grants(&[]), ["localhost\" to-ports=\"80", "127.0.0.1\" to-ports=\"80"]);
    let lists = [
        "--host",
        "logs.example:8080",
        "--host",
        "[2001:db8::1]",
        "--allow-origin",
        "https://friend.example",
    ];
    let hosts: Vec<String> = ["localhost", "127.0.0.1", "logs.example", "friend.example"]
        .map(|host| format!("{host}\" to-ports=\"80"))
        .into();
    assert_eq!(grants(&lists), hosts);
    assert_eq!(grants(&["--policy", "*.example:8080"]), ["*.example\" to-ports=\"8080"]);
}

#[test]
fn a_newcomer_without_a_place_learns_no_more_than_that() {
    let mut world = private_world(&["--max-connections", "1"]);
    let first = world.connect();
    world.send(first, LINES);
    world.settle();
    let answer = answer(&mut world, b"");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("Cross-Origin-Resource-Policy: same-origin"), "{answer}");
    assert!(!answer.contains("Access-Control-Allow-Origin"), "{answer}");
}
