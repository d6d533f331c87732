//! What a log that nobody reads, a hostile client or a broken file may do to a daemon: rows OP-01 to OP-04 and OP-10 of the attack table.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)] // Deadlines of the tests are read from the real clock.

use std::{
    fs,
    io::{ErrorKind, PipeReader, PipeWriter, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use harness::{Client, Daemon, PATIENCE, Signal, binary, command, eventually, signal};
use rustix::{io::ioctl_fionbio, pipe::fcntl_setpipe_size};

const DAEMONS: [&str; 3] = ["ws-server", "policy-server", "static-server"];

/// A daemon at `--log-level trace` on a Unix socket; nothing of its log is needed.
fn start(name: &str, socket: &Path, run: impl FnOnce(&mut Command) -> Child) -> Child {
    let listen = format!("unix:{}", socket.display());
    let mut child = run(&mut command(binary(name), &["--listen", &listen, "--log-level", "trace"]));
    eventually(|| {
        assert!(child.try_wait().expect("its status").is_none(), "{name} has ended");
        UnixStream::connect(socket).map_err(|error| error.to_string())
    });
    child
}

/// Sends a request that each daemon answers or refuses, and reads to the end.
fn exchange(socket: &Path, request: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(request).expect("sent");
    let mut answer = Vec::new();
    // A refusal may end with a reset.
    drop(stream.read_to_end(&mut answer));
    answer
}

fn served(name: &str, socket: &Path) {
    let (request, answer): (&[u8], &[u8]) = match name {
        "policy-server" => (b"<policy-file-request/>\0", b"<?xml"),
        _ => (b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 "),
    };
    let got = exchange(socket, request);
    assert!(got.starts_with(answer), "{name}: {:?}", got.escape_ascii().to_string());
}

/// Many requests, each with lines in the log; then a clean stop.
fn serves_and_stops(name: &str, socket: &Path, mut child: Child) {
    for _ in 0..50 {
        exchange(socket, b"\x16\x03\x01\r\n\r\n");
        served(name, socket);
    }
    signal(&child, Signal::TERM);
    let status = eventually(|| child.try_wait().expect("its status").ok_or_else(|| "it runs".to_owned()));
    assert_eq!(status.code(), Some(0), "{name}");
}

/// A pipe that is full, and that nobody reads as long as the result lives.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    fcntl_setpipe_size(&writer, 4096).expect("a size");
    ioctl_fionbio(&writer, true).expect("does not block");
    while writer.write(&[b'x'; 512]).is_ok() {}
    ioctl_fionbio(&writer, false).expect("blocks, as a daemon gets it");
    (reader, writer)
}

// OP-01
#[test]
fn a_daemon_whose_log_is_closed_serves_and_stops() {
    for name in DAEMONS {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("socket");
        let child = start(name, &socket, |daemon| {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", "exec \"$@\" 2>&- >&-", "sh"])
                .arg(daemon.get_program())
                .args(daemon.get_args());
            shell.stdin(Stdio::null()).spawn().expect("started")
        });
        serves_and_stops(name, &socket, child);
    }
}

// OP-01
#[test]
fn a_daemon_whose_log_has_lost_its_reader_serves_and_stops() {
    for name in DAEMONS {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("socket");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let child = start(name, &socket, |daemon| daemon.stderr(writer).spawn().expect("started"));
        served(name, &socket);
        drop(reader);
        serves_and_stops(name, &socket, child);
    }
}

// OP-02
#[test]
fn a_daemon_whose_log_is_never_read_serves_and_stops() {
    for name in DAEMONS {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("socket");
        let (_reader, writer) = full_pipe();
        let child = start(name, &socket, |daemon| daemon.stderr(writer).spawn().expect("started"));
        serves_and_stops(name, &socket, child);
    }
}

// OP-02, OP-11
#[test]
fn a_daemon_that_cannot_start_ends_also_where_nobody_reads_why() {
    for name in DAEMONS {
        let (_reader, writer) = full_pipe();
        let mut child =
            command(binary(name), &["--write-timeout", "soon"]).stderr(writer).spawn().expect("started");
        let end = Instant::now() + PATIENCE;
        while child.try_wait().expect("its status").is_none() {
            if Instant::now() > end {
                child.kill().expect("it runs");
                child.wait().expect("it ends");
                panic!("{name} waits for a reader of its log");
            }
            std::thread::yield_now();
        }
        assert_eq!(child.wait().expect("its status").code(), Some(64), "{name}");
    }
}

/// What a terminal, a log viewer or a person could take for something else: CR, LF, NUL, escapes, C1, and text that runs backwards.
const HOSTILE: [&[u8]; 7] =
    [b"\x1b[2J", b"\r\n", b"\n<0>", b"\x00", b"\xc2\x9b", b"\xe2\x80\xae", b"\x7f\xff\x9b"];

/// Requests that carry these bytes wherever a client can put any.
fn hostile_requests(bytes: &[u8]) -> Vec<Vec<u8>> {
    let key = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n";
    let upgrade = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".as_slice(),
        key,
    ]
    .concat();
    let put = |before: &[u8], after: &[u8]| [before, bytes, b"evil", bytes, after].concat();
    let reason = put(b"\x03\xe8", b"");
    let length = 0x80 | u8::try_from(reason.len()).expect("short");
    vec![
        put(b"", b" / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        put(b"GET /", b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        put(b"GET / HTTP/1.1\r\nHost: ", b"\r\nConnection: close\r\n\r\n"),
        put(b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ", b"\r\nConnection: close\r\n\r\n"),
        put(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nReferer: a\r\nAccept-Encoding: ",
            b"\r\nConnection: close\r\n\r\n",
        ),
        put(&[&upgrade, b"Origin: http://".as_slice()].concat(), b"\r\n\r\n"),
        put(&[&upgrade, b"Sec-WebSocket-Protocol: ".as_slice()].concat(), b"\r\n\r\n"),
        [upgrade.as_slice(), b"\r\n", &[0x88, length, 0, 0, 0, 0], &reason].concat(),
        [upgrade.as_slice(), b"\r\n", &[0x81, length, 0, 0, 0, 0], &reason].concat(),
        put(b"<policy-file-", b"request/>\0"),
    ]
}

/// Reads the first bytes of the answer, or the end: a stream would go on for ever.
fn first_of(client: &mut Client) {
    drop(client.stream.shutdown(Shutdown::Write));
    match client.stream.read(&mut [0; 1024]) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("no answer: {error}"),
        _ => {}
    }
}

// OP-03
#[test]
fn no_line_of_the_log_holds_a_byte_that_a_client_could_have_meant_for_a_terminal() {
    for name in DAEMONS {
        for format in ["text", "journald"] {
            let mut daemon = Daemon::start(binary(name), &["--log-level", "trace", "--log-format", format]);
            for request in HOSTILE.iter().flat_map(|bytes| hostile_requests(bytes)) {
                let mut client = daemon.connect();
                client.try_send(request);
                first_of(&mut client);
            }
            daemon.signal(Signal::TERM);
            let mut lines = 0;
            while let Some(line) = daemon.next_log_line() {
                let plain = line.bytes().all(|byte| (0x20..0x7f).contains(&byte));
                assert!(plain && line.len() < 1024, "{name}: {}", line.escape_debug());
                assert!(format != "journald" || !line.starts_with("<0>"), "{name}: {line}");
                lines += 1;
            }
            assert!(lines > 3, "{name}: {lines} lines");
        }
    }
}

// OP-04
#[test]
fn no_bad_input_writes_a_line_where_the_log_level_is_that_of_every_day() {
    for name in DAEMONS {
        let daemon = Daemon::start(binary(name), &[]);
        for request in (0..5).flat_map(|_| HOSTILE).flat_map(hostile_requests) {
            let mut client = daemon.connect();
            client.try_send(request);
            first_of(&mut client);
        }
        daemon.signal(Signal::TERM);
        let (status, log) = daemon.wait();
        assert_eq!(status.code(), Some(0), "{name}");
        let of_clients: Vec<&str> =
            log.lines().filter(|line| !line.contains("stopping; ") && !line.ends_with(": stopped")).collect();
        assert!(of_clients.is_empty(), "{name}: {of_clients:#?}");
    }
}

// OP-10
#[test]
fn a_thousand_reloads_of_a_broken_file_end_nothing_and_flood_no_log() {
    for name in DAEMONS {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("text");
        let mut daemon = Daemon::start(binary(name), &["--config", path]);
        fs::write(path, "linger = \"soon\"\n").expect("written");
        let begin = Instant::now();
        for _ in 0..1000 {
            daemon.signal(Signal::HUP);
            // One at a time, as far as the kernel does not join two of them.
            std::thread::yield_now();
        }
        daemon.log_line("the old one stays in force: ");
        drop(daemon.connect());
        fs::write(path, "").expect("written");
        daemon.signal(Signal::HUP);
        let mut lines = 0;
        loop {
            // The flood may have used up the window of the line that we wait for.
            let line = daemon.next_log_line().expect("it goes on");
            if line.contains("the configuration was read again") {
                break;
            }
            lines += 1;
        }
        let windows = begin.elapsed().as_secs() + 2;
        assert!(lines <= 12 * windows, "{name}: {lines} lines in {windows} windows");
        assert!(daemon.is_running(), "{name}");
    }
}
