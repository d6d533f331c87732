//! Every way to the stream, byte by byte: what curl and nc get is what `docs/ways.md` shows, and HTTP/1.0 without a Host gets it, too.
//!
//! ```text
//!  docs/ways.md ── steps ──▶ bash -c 'curl -N …' ──▶ ws-server --source -
//!         └───────── compared, but for dates and births ◀──┘
//! ```

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod terminal;
mod transcript;

use std::fs;
use std::time::Duration;

use harness::{Daemon, PATIENCE, binary, project};

use terminal::Terminal;
use transcript::{Step, comparable, steps};

/// What the document's server has read, and the port that it stands for.
const INPUT: &str = "one\ntwo\n";
const PORT: &str = "40132";
const DOCUMENT: &str = "docs/ways.md";

fn document() -> String {
    fs::read_to_string(project().join(DOCUMENT)).expect("read it")
}

/// The server of the document, which has read its lines.
fn server(options: &[&str]) -> Daemon {
    let mut server = Daemon::start(binary("ws-server"), &[&["--source", "-"], options].concat());
    server.write(INPUT);
    let mut reader = server.request("GET / HTTP/1.0");
    reader.until(b"two\n");
    server
}

/// What a step printed instead, if that is not what the document says.
fn differs(step: &Step, port: u16, patience: Duration) -> Option<String> {
    let port = port.to_string();
    let lines = |text: &str| -> Vec<String> {
        text.lines().map(|line| comparable(line).replace(&port, PORT)).collect()
    };
    let wanted: Vec<String> = step.output.iter().map(|line| comparable(line)).collect();
    let mut terminal = Terminal::run(&step.command.replace(PORT, &port));
    let (printed, has_ended) = terminal.until(patience, |text| {
        let printed = lines(text);
        step.goes_on && (printed.starts_with(&wanted) || printed.len() > wanted.len())
    });
    let printed = lines(&printed);
    let is_same = if step.goes_on { printed.starts_with(&wanted) } else { has_ended && printed == wanted };
    (!is_same).then(|| {
        let [printed, wanted] = [printed, wanted].map(|lines| lines.join("\n"));
        let end = if has_ended { "" } else { "\n(it goes on)" };
        format!(
            "{}: $ {}\n--- printed:\n{printed}{end}\n--- documented:\n{wanted}",
            step.section, step.command
        )
    })
}

#[test]
#[ignore = "needs curl and nc: `make test-clients` runs it"]
fn what_curl_and_nc_get_is_what_the_document_shows() {
    let server = server(&[]);
    let port = server.address().port();
    let steps = steps(&document());
    assert!(steps.len() >= 8, "{DOCUMENT} has only {} steps", steps.len());
    let different: Vec<String> = steps.iter().filter_map(|step| differs(step, port, PATIENCE)).collect();
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}

/// The control: a document that says something else fails.
#[test]
#[ignore = "needs curl and nc: `make test-clients` runs it"]
fn a_transcript_that_is_wrong_is_noticed() {
    let server = server(&[]);
    let port = server.address().port();
    let right = "```console\n$ curl -sN http://localhost:40132/\none\ntwo\n…\n```\n";
    let step = |document: &str| steps(document).remove(0);
    assert_eq!(differs(&step(right), port, PATIENCE), None);
    for (there, instead) in [
        ("two", "three"),
        ("…\n", ""),
        ("one\n", ""),
        ("two\n", "two\nthree\n"),
        ("40132", "40132/none?since=x"),
    ] {
        let wrong = right.replace(there, instead);
        assert!(differs(&step(&wrong), port, Duration::from_secs(1)).is_some(), "{wrong}");
    }
}

/// Each way, with its media type and a piece of what it brings.
const WAYS: [(&str, &str, &str, &str); 8] = [
    ("/", "*/*", "text/plain", "\none\ntwo\n"),
    ("/", "text/event-stream", "text/event-stream", "data: two\n\n"),
    ("/", "application/x-ndjson", "application/x-ndjson", "\"text\":\"two\",\"kind\":\"message\"}\n"),
    ("/", "text/html", "text/html", "<div>two</div\n>"),
    ("/stream.html", "*/*", "text/html", "<div>two</div\n>"),
    ("/?poll=20", "*/*", "application/x-ndjson", "\"text\":\"two\",\"kind\":\"message\"}\n"),
    ("/?callback=show", "*/*", "application/javascript", "\"text\":\"two\",\"kind\":\"message\"}]});"),
    ("/?until=999999999", "*/*", "text/plain", "\none\ntwo\n"),
];

#[test]
fn each_way_is_open_to_http_1_0_without_a_host() {
    let server = server(&[]);
    for (path, accept, media_type, wanted) in WAYS {
        let mut client = server.request(&format!("GET {path} HTTP/1.0\nAccept: {accept}"));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{path} {accept}: {head}");
        assert!(
            head.contains(&format!("\r\nContent-Type: {media_type}; charset=utf-8\r\n")),
            "{path} {accept}: {head}"
        );
        // RFC 9112 §6.1: "A server MUST NOT send a response containing Transfer-Encoding unless the corresponding request
        // indicates HTTP/1.1 (or later minor revisions)."
        assert!(
            !head.contains("Transfer-Encoding") && head.contains("\r\nConnection: close\r\n"),
            "{path} {accept}: {head}"
        );
        let body = String::from_utf8(client.until(wanted.trim_start().as_bytes())).expect("text");
        assert!(format!("\n{body}").contains(wanted), "{path} {accept}: {body}");
    }
}
