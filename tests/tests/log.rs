//! The log of a daemon on its real standard error: the format of its lines.

#![allow(clippy::expect_used, clippy::panic)]

use std::{fs::File, net::SocketAddr, os::unix::fs::MetadataExt as _, process::Child};

use harness::{Daemon, Signal, binary, command, eventually, signal};

/// The whole log of a static-server with these arguments; `journal_stream` makes `JOURNAL_STREAM` from the device and inode
/// of its standard error.
fn log_of(arguments: &[&str], journal_stream: impl Fn(u64, u64) -> String) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, socket) = (folder.path().join("log"), folder.path().join("socket"));
    let stderr = File::create(&log).expect("a log");
    let stat = stderr.metadata().expect("its numbers");
    let mut child = command(binary("static-server"), &["--listen"])
        .arg(format!("unix:{}", socket.display()))
        .args(arguments)
        .env("JOURNAL_STREAM", journal_stream(stat.dev(), stat.ino()))
        .stderr(stderr)
        .spawn()
        .expect("started");
    let read = || std::fs::read_to_string(&log).expect("text");
    let is_settled = |child: &mut Child| {
        let ended = child.try_wait().expect("its status").is_some();
        if ended || read().contains("listening on") {
            Ok(ended)
        } else {
            Err("it neither listens nor ends".into())
        }
    };
    if !eventually(|| is_settled(&mut child)) {
        signal(&child, Signal::TERM);
    }
    eventually(|| child.try_wait().expect("its status").ok_or_else(|| "it does not end".into()));
    read()
}

#[test]
fn standard_error_is_journalds_only_if_its_numbers_are_in_the_environment() {
    let own = |device: u64, inode: u64| format!("{device}:{inode}");
    let text = log_of(&[], own);
    assert!(text.lines().count() >= 2 && text.lines().all(|line| line.starts_with("<6>")), "{text}");
    // The numbers of another stream, as from the shell of a service.
    let text = log_of(&[], |device, inode| format!("{device}:{}", inode + 1));
    assert!(text.lines().all(|line| line.contains(" INFO  ")), "{text}");
    // An explicit --log-format counts more.
    let text = log_of(&["--log-format", "text"], own);
    assert!(text.lines().all(|line| line.contains(" INFO  ")), "{text}");
}

#[test]
fn with_json_every_line_is_an_object_the_last_one_too() {
    let none = |_, _| String::new();
    let text = log_of(&["--log-format", "json"], none);
    assert!(text.lines().count() >= 2, "{text}");
    let wrong = log_of(&["--log-format", "json", "--max-target", "0"], none);
    assert!(wrong.contains("\"level\":\"error\",\"message\":\"static-server: --max-target 0: "), "{wrong}");
    for line in text.lines().chain(wrong.lines()) {
        let inside = line.strip_prefix("{\"time\":\"").and_then(|line| line.strip_suffix("\"}"));
        let (time, rest) = inside.expect(line).split_once('"').expect(line);
        assert!(time.len() == 24 && time.ends_with('Z'), "{line}");
        assert!(rest.starts_with(",\"level\":\""), "{line}");
    }
}

#[test]
fn at_debug_a_refusal_says_whose_request_it_was() {
    let mut daemon = Daemon::start(binary("ws-server"), &["--path", "/s", "--log-level", "debug"]);
    let (answer, _) = daemon.connect().exchange(b"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with(b"HTTP/1.1 404 "), "{}", String::from_utf8_lossy(&answer));
    let line = daemon.log_line(": GET /nope: 404");
    let peer = line.split_once("DEBUG ").and_then(|(_, rest)| rest.split_once(": ")).expect(&line).0;
    assert!(peer.parse::<SocketAddr>().is_ok(), "{line}");
}
