//! Each daemon on sockets that were opened for it: the first connection starts it, and every socket is answered.
//!
//! `systemd-socket-activate` plays systemd's part. Ignored by default: `tests/run units` looks whether it is there.

#![allow(clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods)] // Deadlines of the tests are read from the real clock.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use datecast_tests::daemon::binary;

/// How long a socket may take to be there, and an answer to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A daemon behind sockets, or the program that still waits for its first connection; killed when this is dropped.
struct Activated(Child);

impl Activated {
    fn start(name: &str, sockets: usize, arguments: &[&str]) -> Self {
        let mut command = Command::new("systemd-socket-activate");
        command.args(vec!["--listen=127.0.0.1:0"; sockets]);
        command.arg(format!("--fdname={}", vec!["stream"; sockets].join(":")));
        command.arg(binary(name)).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().expect("start systemd-socket-activate"))
    }

    /// The address of this inherited socket (`SD_LISTEN_FDS_START` is 3).
    fn address(&self, index: usize) -> SocketAddr {
        let descriptor = format!("/proc/{}/fd/{}", self.0.id(), 3 + index);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let socket = fs::read_link(&descriptor).ok();
            let inode = socket.as_ref().and_then(|link| {
                link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(ToOwned::to_owned)
            });
            if let Some(address) = inode.and_then(|inode| listening(&inode)) {
                return address;
            }
            std::thread::yield_now();
        }
        panic!("{descriptor} never listened");
    }

    /// What comes first after this request.
    fn ask(&self, index: usize, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address(index)).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(request).expect("asked");
        let mut answer = [0; 512];
        let length = stream.read(&mut answer).expect("an answer");
        String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned()
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The address of the listening TCP socket with this inode: `sl local_address rem_address st … inode`.
fn listening(inode: &str) -> Option<SocketAddr> {
    const LISTEN: &str = "0A";
    let table = fs::read_to_string("/proc/net/tcp").expect("the table of sockets");
    let row = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = row.into_iter().find(|row| row.get(9) == Some(&inode) && row.get(3) == Some(&LISTEN))?;
    let port = row.get(1)?.split_once(':')?.1;
    Some(SocketAddr::from(([127, 0, 0, 1], u16::from_str_radix(port, 16).ok()?)))
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
#[ignore = "needs systemd-socket-activate"]
fn the_first_connection_starts_ws_server_and_both_sockets_are_answered() {
    let daemon = Activated::start("ws-server", 2, &["--workers", "2"]);
    assert!(daemon.ask(1, GET).starts_with("HTTP/1.1 200 "));
    assert!(daemon.ask(0, GET).starts_with("HTTP/1.1 200 "));
}

#[test]
#[ignore = "needs systemd-socket-activate"]
fn one_worker_serves_several_sockets_and_several_workers_serve_one() {
    let daemon = Activated::start("ws-server", 3, &["--workers", "1"]);
    for index in 0..3 {
        assert!(daemon.ask(index, GET).starts_with("HTTP/1.1 200 "));
    }
    let daemon = Activated::start("ws-server", 1, &["--workers", "3"]);
    for _ in 0..6 {
        assert!(daemon.ask(0, GET).starts_with("HTTP/1.1 200 "));
    }
}

#[test]
#[ignore = "needs systemd-socket-activate"]
fn the_first_connection_starts_static_server() {
    let daemon = Activated::start("static-server", 2, &[]);
    for index in [0, 1] {
        assert!(daemon.ask(index, GET).starts_with("HTTP/1.1 200 "));
    }
}

#[test]
#[ignore = "needs systemd-socket-activate"]
fn the_first_connection_starts_policy_server() {
    // The socket's port is a high one: only high ports may be granted from it, as the default does.
    let daemon = Activated::start("policy-server", 2, &[]);
    for index in [0, 1] {
        assert!(daemon.ask(index, b"<policy-file-request/>\0").contains("to-ports=\"40132\""));
    }
}

#[test]
#[ignore = "needs systemd-socket-activate"]
fn listen_beside_an_inherited_socket_is_a_wrong_configuration() {
    let mut daemon = Activated::start("ws-server", 1, &["--listen", "127.0.0.1:0"]);
    let mut stream = TcpStream::connect(daemon.address(0)).expect("connected");
    drop(stream.write_all(GET));
    let status = daemon.0.wait().expect("ended");
    assert_eq!(status.code(), Some(78));
}
