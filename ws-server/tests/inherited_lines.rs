//! Lines by a socket that systemd has opened (`FileDescriptorName=lines`): it is read, and stays systemd's.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{
    fs,
    io::Write as _,
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use harness::{Client, Holder, Signal};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

/// A folder, and the path of a socket in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    (folder, path)
}

/// What systemd has opened at this path, in place of whatever was there.
fn opened(path: &Path) -> (&'static str, OwnedFd) {
    _ = fs::remove_file(path);
    ("lines", UnixListener::bind(path).unwrap().into())
}

fn options(source: &str) -> Vec<&str> {
    vec!["--hand-over", "on", "--source", source, "--workers", "2", "--leave-notices", "off"]
}

fn source(path: &Path) -> String {
    format!("unix:{}", path.display())
}

fn all_lines(holder: &Holder) -> Client {
    let mut client = holder.request("GET /?since=0 HTTP/1.0");
    client.head();
    client
}

fn producer(path: &Path, text: &str) -> UnixStream {
    let mut producer = UnixStream::connect(path).unwrap();
    producer.write_all(text.as_bytes()).unwrap();
    producer
}

#[test]
fn producers_and_their_half_lines_go_on_over_restarts_and_the_path_is_left_alone() {
    let (_folder, path) = place();
    let mut holder = Holder::start_with(WS_SERVER, &options(&source(&path)), vec![opened(&path)]);
    let mut client = all_lines(&holder);
    let mut first = producer(&path, "first\nhalf of ");
    client.until(b"first\n");
    holder.end(Signal::USR2);
    let mut waiting = producer(&path, "waiting\n");
    first.write_all(b"a line\n").unwrap();
    holder.start_next();
    let mut both = [client.until(b"\n"), client.until(b"\n")];
    both.sort();
    assert_eq!(both, [b"half of a line\n".to_vec(), b"waiting\n".to_vec()]);
    // Its own socket would be bound again at once.
    fs::remove_file(&path).unwrap();
    holder.restart();
    waiting.write_all(b"without a name\n").unwrap();
    client.until(b"without a name\n");
    assert!(!path.exists(), "bound again, while systemd's socket lives");
    let (status, log) = holder.end(Signal::TERM);
    assert!(status.success() && !log.contains("bound it again"), "{log}");
}

#[test]
fn a_stop_leaves_the_socket_and_what_waits_in_it() {
    let (_folder, path) = place();
    let mut holder = Holder::start_with(WS_SERVER, &options(&source(&path)), vec![opened(&path)]);
    holder.end(Signal::TERM);
    let _waiting = producer(&path, "while nobody ran\n");
    holder.start_next();
    all_lines(&holder).until(b"while nobody ran\n");
}

#[test]
fn what_waits_at_the_socket_of_before_is_read_although_another_has_its_path() {
    let (_folder, path) = place();
    let source = source(&path);
    let mut options = options(&source);
    options.extend(["--max-producers", "1"]);
    let mut holder = Holder::start(WS_SERVER, &options);
    let mut client = all_lines(&holder);
    let mut first = producer(&path, "1\n");
    client.until(b"1\n");
    let second = producer(&path, "2\n");
    holder.end(Signal::USR2);
    holder.sockets.push(opened(&path));
    let _third = producer(&path, "3\n");
    holder.start_next();
    first.write_all(b"4\n").unwrap();
    assert_eq!(client.until(b"\n"), b"4\n", "there is room for one");
    // The second one goes along, although its listener does not.
    holder.restart();
    assert_eq!(client.until(b"\n"), b"2\n");
    drop((first, second));
    assert_eq!(client.until(b"\n"), b"3\n");
}

#[test]
fn from_an_inherited_socket_one_can_go_back_to_one_of_its_own() {
    let (_folder, path) = place();
    let mut holder = Holder::start_with(WS_SERVER, &options(&source(&path)), vec![opened(&path)]);
    let mut client = all_lines(&holder);
    let mut first = producer(&path, "1\n");
    client.until(b"1\n");
    holder.sockets.clear();
    holder.restart();
    first.write_all(b"2\n").unwrap();
    client.until(b"2\n");
    let _second = producer(&path, "3\n");
    client.until(b"3\n");
    // It is looked after again, and removed at a stop.
    fs::remove_file(&path).unwrap();
    harness::eventually(|| UnixStream::connect(&path).map_err(|error| error.to_string()))
        .write_all(b"4\n")
        .unwrap();
    client.until(b"4\n");
    holder.end(Signal::TERM);
    assert!(!path.exists());
}

#[test]
fn a_socket_at_another_path_is_refused_with_both() {
    let (folder, path) = place();
    let other = folder.path().join("other");
    let mut holder = Holder::new(WS_SERVER, &options(&source(&path)), vec![opened(&other)]);
    let (status, log) = holder.start_in_vain();
    assert_eq!(status.code(), Some(78), "{log}");
    let [path, other] = [path, other].map(|path| path.display().to_string());
    for part in [
        format!("--source unix:{path}: the inherited socket `lines` is bound to {other}"),
        format!("say --source unix:{other}, or ListenStream={path}"),
    ] {
        assert!(log.contains(&part), "{log}");
    }
}

#[test]
fn two_of_them_and_one_that_nobody_reads_are_said() {
    let (folder, path) = place();
    let second = opened(&folder.path().join("second"));
    let mut holder = Holder::new(WS_SERVER, &options(&source(&path)), vec![opened(&path), second]);
    let (status, log) = holder.start_in_vain();
    assert_eq!(status.code(), Some(78), "{log}");
    assert!(log.contains("is a second one"), "{log}");
    let mut holder = Holder::start_with(WS_SERVER, &options("clock"), vec![opened(&path)]);
    // No client is served there.
    let mut waiting = UnixStream::connect(&path).unwrap();
    waiting.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    all_lines(&holder);
    let (status, log) = holder.end(Signal::TERM);
    let warning = format!("inherited socket `lines` ({}): nobody reads it", source(&path));
    assert!(status.success() && log.contains(&warning), "{log}");
}
