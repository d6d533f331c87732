//! Each daemon on inherited sockets: the first connection starts it, and it answers on every socket.
//!
//! `systemd-socket-activate` plays systemd's part. Ignored by default: `tests/run units` runs the tests where that is there.

#![allow(clippy::expect_used, clippy::panic)]

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Child, Stdio},
};

use harness::{Client, binary, command, eventually, free_port};

/// A daemon behind sockets, or the program that still waits for its first connection. Dropping it kills the process.
struct Activated {
    child: Child,
    addresses: Vec<SocketAddr>,
}

impl Activated {
    fn start(name: &str, sockets: usize, arguments: &[&str]) -> Self {
        // systemd takes no port 0.
        let addresses: Vec<_> =
            (0..sockets).map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))).collect();
        let mut command = command("systemd-socket-activate", &[]);
        command.args(addresses.iter().map(|address| format!("--listen={address}")));
        command.arg(format!("--fdname={}", vec!["stream"; sockets].join(":")));
        command.arg(binary(name)).args(arguments).stdout(Stdio::null());
        Self { child: command.spawn().expect("start systemd-socket-activate"), addresses }
    }

    /// Connects to this socket as soon as it is there.
    fn connect(&mut self, index: usize) -> Client {
        let address = *self.addresses.get(index).expect("one of the sockets");
        let stream = eventually(|| {
            assert_eq!(self.child.try_wait().expect("its status"), None, "it ended; see its message above");
            TcpStream::connect(address).map_err(|error| format!("{address}: {error}"))
        });
        stream.into()
    }

    /// A connection to this socket that has sent this request.
    fn ask(&mut self, index: usize, request: &[u8]) -> Client {
        let mut client = self.connect(index);
        client.send(request);
        client
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
#[ignore = "needs systemd-socket-activate"]
fn the_first_connection_starts_ws_server_and_both_sockets_are_answered() {
    let mut daemon = Activated::start("ws-server", 2, &["--workers", "2"]);
    assert!(daemon.ask(1, GET).head().starts_with("HTTP/1.1 200 "));
    assert!(daemon.ask(0, GET).head().starts_with("HTTP/1.1 200 "));
}

#[test]
#[ignore = "needs systemd-socket-activate"]
fn one_worker_serves_several_sockets_and_several_workers_serve_one() {
    let mut daemon = Activated::start("ws-server", 3, &["--workers", "1"]);
    for index in 0..3 {
        assert!(daemon.ask(index, GET).head().starts_with("HTTP/1.1 200 "));
    }
    let mut daemon = Activated::start("ws-server", 1, &["--workers", "3"]);
    for _ in 0..6 {
        assert!(daemon.ask(0, GET).head().starts_with("HTTP/1.1 200 "));
    }
}

#[test]
#[ignore = "needs systemd-socket-activate"]
fn the_first_connection_starts_static_server() {
    let mut daemon = Activated::start("static-server", 2, &[]);
    for index in [0, 1] {
        assert!(daemon.ask(index, GET).head().starts_with("HTTP/1.1 200 "));
    }
}

#[test]
#[ignore = "needs systemd-socket-activate"]
fn the_first_connection_starts_policy_server() {
    // The socket's port is a high one: only high ports may be granted from it, as the default does.
    let mut daemon = Activated::start("policy-server", 2, &[]);
    for index in [0, 1] {
        daemon.ask(index, b"<policy-file-request/>\0").until(b"to-ports=\"40132\"");
    }
}

#[test]
#[ignore = "needs systemd-socket-activate"]
fn listen_beside_an_inherited_socket_is_a_wrong_configuration() {
    let mut daemon = Activated::start("ws-server", 1, &["--listen", "127.0.0.1:0"]);
    let mut client = daemon.connect(0);
    client.try_send(GET);
    let status =
        eventually(|| daemon.child.try_wait().expect("its status").ok_or_else(|| "it does not end".into()));
    assert_eq!(status.code(), Some(78));
}
