//! Whoever pipes a log must not have it read by a web site that the same browser visits.

#![allow(clippy::unwrap_used, reason = "for tests")]

use harness::{Client, Daemon, UPGRADE, command};

const DATECAST: &str = env!("CARGO_BIN_EXE_datecast");

fn start(arguments: &[&str]) -> Daemon {
    let mut server = Daemon::start(DATECAST, arguments);
    server.write("secret\n");
    server
}

/// The head of the answer, and for a refusal its body.
fn answer(server: &Daemon, target: &str, fields: &str) -> String {
    let mut client = server.request(&format!("GET {target} HTTP/1.1\n{fields}"));
    let head = client.head();
    if head.starts_with("HTTP/1.1 403 ") { head + &String::from_utf8(client.rest()).unwrap() } else { head }
}

#[test]
fn a_page_of_another_site_gets_neither_the_page_nor_the_stream() {
    let server = start(&[]);
    let port = server.address().port();
    let own = format!("Host: localhost:{port}");
    for (fields, option) in [
        (format!("{own}\nOrigin: https://evil.example"), "--allow-origin https://evil.example"),
        (format!("{own}\nOrigin: http://localhost:1"), "--allow-origin http://localhost:1"),
        (format!("{own}\nOrigin: null"), "--allow-origin null"),
        (format!("Host: evil.example:{port}"), "--host evil.example"),
        (format!("Host: evil.example:{port}\nOrigin: http://evil.example:{port}"), "--host evil.example"),
        ("Host: localhost.evil.example".to_owned(), "--host localhost.evil.example"),
        (format!("{own}\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors"), "--allow-origin"),
    ] {
        for target in ["/", "/stream", "/app.js", "/nothing"] {
            let answer = answer(&server, target, &fields);
            assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains(option), "{fields}: {answer}");
            assert!(
                !answer.contains("secret") && !answer.contains("Access-Control-Allow-Origin"),
                "{answer}"
            );
        }
        assert!(
            answer(&server, "/", &format!("{fields}\n{UPGRADE}")).starts_with("HTTP/1.1 403 "),
            "{fields}"
        );
    }
}

#[test]
fn its_own_pages_and_those_that_an_option_names_get_both() {
    let server = start(&["--allow-origin", "https://ok.example", "--host", "ok.example"]);
    let port = server.address().port();
    let own = format!("Host: localhost:{port}");
    for fields in [
        own.clone(),
        format!("{own}\nOrigin: http://localhost:{port}"),
        format!("Host: 127.0.0.1:{port}\nOrigin: http://127.0.0.1:{port}"),
        format!("Host: [::1]:{port}"),
        "Host: localhost:1234\nOrigin: http://localhost:1234".to_owned(),
        format!("{own}\nOrigin: https://ok.example"),
        "Host: ok.example\nOrigin: https://ok.example".to_owned(),
        format!("{own}\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document"),
    ] {
        for target in ["/", "/stream", "/app.js"] {
            let answer = answer(&server, target, &fields);
            assert!(answer.starts_with("HTTP/1.1 200 "), "{fields}: {answer}");
            assert!(answer.contains("Cross-Origin-Resource-Policy: same-origin"), "{answer}");
        }
    }
}

#[test]
fn a_request_of_a_foreign_page_is_refused_on_a_connection_that_is_kept_too() {
    let server = start(&[]);
    let mut client = server.request("GET /app.js HTTP/1.1\nHost: localhost");
    assert_eq!(client.response().status, 200);
    client.send(b"GET /app.js HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n");
    let refusal = client.response();
    assert_eq!(refusal.status, 403);
    assert!(refusal.text().contains("--allow-origin"), "{}", refusal.text());
}

#[test]
fn the_terminal_says_who_was_refused_and_what_would_let_them_in() {
    let mut server = start(&[]);
    answer(&server, "/app.js", "Host: localhost\nOrigin: https://proxied.example");
    let warning = server.log_line("WARN");
    assert!(
        warning.contains("GET /app.js") && warning.contains("--allow-origin https://proxied.example"),
        "{warning}"
    );
}

#[test]
fn what_it_prints_opens_on_this_machine_too() {
    let arguments = ["--listen", "[::]:0", "--log-level", "info"];
    let mut server = Daemon::spawn(command(DATECAST, &arguments));
    let warning = server.log_line("open to every machine");
    let authority = warning.split_once("as http://").unwrap().1.trim_end_matches('/');
    let (machine, port) = authority.rsplit_once(':').unwrap();
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    for (host, status) in [(authority, 200), (machine, 200), ("127.0.0.1", 200), ("evil.example", 403)] {
        let mut client = Client::request(address, &format!("GET / HTTP/1.1\nHost: {host}"));
        assert_eq!(client.response().status, status, "{host}");
    }
}
