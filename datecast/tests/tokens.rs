//! The page of the command needs no token; its stream does.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{fs, os::unix::fs::PermissionsExt as _};

use harness::{Daemon, Signal, UPGRADE, command};

const DATECAST: &str = env!("CARGO_BIN_EXE_datecast");
const ALICE: &str = "8b1a9953c4611296a827abf8c47804d7";
const CRON: &str = "3c59dc048e8850243be8079a5c74d079";

/// A command with a token for a reader and one for a publisher, and the folder of their files.
fn start() -> (Daemon, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let readers = write("readers", format!("alice {ALICE}\n"));
    let publishers = write("publishers", format!("cron {CRON}\n"));
    let arguments = ["--source", "http", "--token-file", &readers, "--publish-token-file", &publishers];
    (Daemon::start(DATECAST, &arguments), folder)
}

#[test]
fn the_page_needs_no_token_and_the_stream_does_at_every_path() {
    let (server, _folder) = start();
    let head = |target: &str, fields: &str| {
        server.request(&format!("GET {target} HTTP/1.1\nHost: localhost{fields}")).head()
    };
    for target in ["/", "/app.js", "/favicon.ico"] {
        assert!(!head(target, "").starts_with("HTTP/1.1 401 "), "{target}");
    }
    let (events, upgrade) = ("\nAccept: text/event-stream", format!("\n{UPGRADE}"));
    for (target, fields) in [
        ("/stream", ""),
        ("/stream/x", ""),
        ("//stream", ""),
        ("/", events),
        ("/app.js", &upgrade),
        ("/", &upgrade),
    ] {
        let refused = head(target, fields);
        assert!(refused.starts_with("HTTP/1.1 401 "), "{target} {fields}: {refused}");
        assert!(refused.contains("Cross-Origin-Resource-Policy: same-origin"), "{refused}");
        let token = format!("{fields}\nAuthorization: Bearer {ALICE}");
        assert!(!head(target, &token).starts_with("HTTP/1.1 4"), "{target} {fields}");
        let token = format!("{fields}\nCookie: datecast_token={ALICE}");
        assert!(!head(target, &token).starts_with("HTTP/1.1 4"), "{target} {fields}");
        let wrong = format!("{fields}\nAuthorization: Bearer {CRON}");
        assert!(head(target, &wrong).contains("error=\"invalid_token\""), "a publisher does not read");
    }
}

#[test]
fn lines_come_in_by_the_token_of_a_publisher() {
    let (server, _folder) = start();
    for (token, status) in [(CRON, 200), (ALICE, 401), ("", 401)] {
        let mut client = server.request(&format!(
            "POST /stream HTTP/1.1\nHost: localhost\nAuthorization: Bearer {token}\nContent-Length: 2"
        ));
        client.try_send("x\n");
        assert_eq!(client.response().status, status, "{token}");
    }
}

#[test]
fn a_connection_of_the_page_outlives_a_token_and_one_of_the_stream_does_not() {
    let (server, folder) = start();
    let mut page = server.connect();
    let get = "GET /app.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
    page.send(get);
    assert_eq!(page.response().status, 200);
    let mut stream = server.request(&format!("GET /stream?token={ALICE} HTTP/1.1\nHost: localhost"));
    stream.head();
    fs::write(folder.path().join("readers"), format!("alice {CRON}\n")).unwrap();
    server.signal(Signal::HUP);
    assert_eq!(stream.rest(), b"0\r\n\r\n");
    page.send(get);
    assert_eq!(page.response().status, 200);
}

#[test]
fn nobody_is_told_a_url_to_which_everybody_could_publish() {
    let folder = tempfile::tempdir().unwrap();
    let printed = folder.path().join("printed");
    let output = command(DATECAST, &["--source", "http", "--listen", "[::]:0"])
        .stdout(fs::File::create(&printed).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("--publish-token-file FILE"), "{log}");
    assert_eq!(fs::read_to_string(&printed).unwrap(), "");
}
