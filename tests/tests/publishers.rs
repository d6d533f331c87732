//! ws-server and programs of other people that publish: curl, `http.client` of Python, `fetch` of Node, nc; and their readers
//! with a token.
//!
//! The programs are in `clients/`; `make test-clients` runs these tests.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::PathBuf;

use harness::foreign::{Program, publish};
use harness::publish::{post, published};
use harness::{Client, Daemon, binary};

const READER: &str = "5d2a6c1e9f30b874";
const PUBLISHER: &str = "c7e1b5f60a9d3824";

struct Stream {
    server: Daemon,
    folder: tempfile::TempDir,
}

impl Stream {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, token: &str| -> PathBuf {
            let path = folder.path().join(name);
            fs::write(&path, format!("{name} {token}\n")).expect("written");
            path
        };
        let (readers, publishers) = (file("reader", READER), file("publisher", PUBLISHER));
        let options = ["--source", "http", "--greet", "0", "--token-file"].map(str::to_owned);
        let files =
            [readers.display().to_string(), "--publish-token-file".into(), publishers.display().to_string()];
        let options: Vec<String> = options.into_iter().chain(files).collect();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        Self { server: Daemon::start(binary("ws-server"), &options), folder }
    }

    fn reader(&self) -> Client {
        let mut reader = self.server.request(&format!("GET /?since=0&token={READER} HTTP/1.0"));
        assert!(reader.head().starts_with("HTTP/1.1 200 "));
        reader
    }

    fn url(&self) -> String {
        format!("http://{}/", self.server.address())
    }
}

const LINES: [&str; 3] = ["one", "a second line", "the last"];

/// Every line once, though each is posted twice under its key; then all of them in one request.
fn publishes(program: &str) {
    let stream = Stream::start();
    let mut reader = stream.reader();
    let answers = publish(program, &stream.url(), PUBLISHER, &LINES);
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), 2 * LINES.len() + 1, "{answers:#?}");
    for pair in answers[..2 * LINES.len()].chunks(2) {
        assert!(
            pair[0].starts_with("200 {\"first\":\"") && pair[0].ends_with("\"lines\":1}"),
            "{answers:#?}"
        );
        assert_eq!(pair[0], pair[1], "the same again gets the same answer");
    }
    assert!(answers[2 * LINES.len()].ends_with("\"lines\":3}"), "{answers:#?}");
    for line in LINES.iter().chain(&LINES) {
        assert_eq!(reader.until(b"\n"), format!("{line}\n").into_bytes());
    }
    let refused = publish(program, &stream.url(), READER, &LINES[..1]);
    assert!(!refused.contains("\"lines\""), "a reader's token does not publish: {refused}");
    drop(stream.folder);
}

macro_rules! publishes {
    ($($test:ident: $program:expr,)*) => {$(
        #[test]
        #[ignore = "needs programs of other people: `make test-clients` runs it"]
        fn $test() {
            publishes($program);
        }
    )*};
}

publishes! {
    curl_publishes: "publish.sh",
    python_http_client_publishes: "publish.py",
    node_fetch_publishes: "publish.mjs",
    nc_publishes: "publish-nc.sh",
}

const fn program(file: &'static str, version: &'static str) -> Program {
    Program { file, version, has_id: true }
}

/// Those that can send a header, and those that have the URL alone.
const READERS: [(Program, bool); 8] = [
    (program("ws.mjs", "13"), true),
    (program("ws.mjs", "13"), false),
    (program("websocket.mjs", "13"), false),
    (program("websocket-driver.mjs", "76"), false),
    (program("eventsource.mjs", ""), true),
    (program("eventsource.mjs", ""), false),
    (program("lines.sh", ""), true),
    (program("websockets_client.py", "13"), true),
];

#[test]
#[ignore = "needs libraries from npm and PyPI: `make test-clients` runs it"]
fn readers_of_other_people_read_with_a_token_in_a_header_or_in_the_url() {
    let stream = Stream::start();
    let mut publisher = stream.server.connect();
    for (number, (program, sends_header)) in READERS.into_iter().enumerate() {
        let token = if sends_header { READER } else { "" };
        let query = if sends_header { String::new() } else { format!("&token={READER}") };
        let client =
            program.start_with_token(&stream.server.ws_url(&format!("/?since={number}{query}")), &[], token);
        client.opened();
        let line = format!("for {}, {sends_header}", client.name);
        publisher.send(post(&format!("Authorization: Bearer {PUBLISHER}\r\n"), &line));
        assert_eq!(published(&publisher.response()), 1);
        assert_eq!(client.text(), line);
    }
}
