//! Publishing to `/stream` of the command, on connections that are kept for its page.

use std::process::Stdio;

use harness::{Client, Daemon, http::request};

const DATECAST: &str = env!("CARGO_BIN_EXE_datecast");

fn publish(client: &mut Client, method: &str, body: &str) -> u16 {
    client.send(request(method, "/stream/any", &format!("Content-Length: {}\r\n", body.len())));
    client.send(body);
    client.response().status
}

fn get(client: &mut Client, target: &str) -> u16 {
    client.send(request("GET", target, ""));
    client.response().status
}

#[test]
fn a_connection_publishes_and_reads_pages_by_turns() {
    let server = Daemon::start(DATECAST, &["--source", "http"]);
    let mut client = server.connect();
    assert_eq!(publish(&mut client, "POST", "one\n"), 200);
    assert_eq!(get(&mut client, "/"), 200);
    assert_eq!(publish(&mut client, "PUT", "two"), 200);
    assert_eq!(publish(&mut client, "POST", "three\n"), 200);
    assert_eq!(get(&mut client, "/nothing"), 404);
    // All at once.
    let mut bytes = request("POST", "/stream", "Content-Length: 4\r\n");
    bytes.extend(b"four");
    bytes.extend(request("GET", "/style.css", ""));
    bytes.extend(request("PUT", "/stream", "Transfer-Encoding: chunked\r\n"));
    bytes.extend(b"4\r\nfive\r\n0\r\n\r\n");
    bytes.extend(request("GET", "/stream?since=0", ""));
    client.send(bytes);
    let answers = [client.response(), client.response(), client.response()];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 200, 200]);
    assert!(answers[1].header("content-type").is_some_and(|media| media.starts_with("text/css")));
    assert_eq!(client.response_head().status, 200);
    for line in ["one\n", "two\n", "three\n", "four\n", "five\n"] {
        client.until(line.as_bytes());
    }
}

#[test]
fn lines_come_by_the_url_that_is_printed_and_only_to_a_stream_that_takes_them() {
    let server = Daemon::start(DATECAST, &["--source", "http"]);
    let mut client = server.connect();
    for target in ["/", "/streams", "/stream"] {
        client.send(request("POST", target, "Content-Length: 2\r\n"));
        client.send("x\n");
        assert_eq!(client.response().status, 200, "{target}");
    }
    client.send(request("DELETE", "/", ""));
    assert_eq!(client.response().status, 405);
    let server = Daemon::start(DATECAST, &["--source", "clock"]);
    let mut client = server.connect();
    client.send(request("POST", "/", "Content-Length: 2\r\n"));
    let answer = client.response();
    assert_eq!(answer.status, 405);
    assert!(answer.text().contains("--source http"), "{answer:?}");
}

#[test]
fn a_page_of_another_origin_does_not_publish() {
    let server = Daemon::start(DATECAST, &["--source", "http"]);
    for (fields, status) in [
        ("Origin: http://evil.example\r\n", 403),
        ("Origin: http://localhost\r\n", 200),
        ("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", 403),
    ] {
        let mut client = server.connect();
        client.send(request("POST", "/stream", &format!("Content-Length: 2\r\n{fields}")));
        client.try_send("x\n");
        assert_eq!(client.response().status, status, "{fields}");
    }
    let mut client = server.connect();
    client.send("POST /stream HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\nx\n");
    assert_eq!(client.response().status, 403, "a name that was rebound");
}

#[test]
fn curl_publishes_to_it() {
    let server = Daemon::start(DATECAST, &["--source", "http"]);
    let url = format!("http://{}/stream", server.address());
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sS", "--fail", "--max-time", "20", "-d", "a line", &url]).stderr(Stdio::inherit());
    let answer = String::from_utf8(curl.output().unwrap().stdout).unwrap();
    assert!(answer.ends_with("\"lines\":1}\n"), "{answer}");
}
