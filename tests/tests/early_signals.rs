//! A daemon can be signalled as soon as one of its sockets listens: what waits for that must not kill it.

#![allow(clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods)] // Deadlines of the tests are read from the real clock.

use std::{os::unix::net::UnixStream, time::Instant};

use harness::{Daemon, PATIENCE, Signal, binary, command};

/// Addresses that it binds behind the first one: without them it would be done before a signal can come.
const MORE: usize = 300;

#[test]
fn a_signal_that_comes_once_a_socket_listens_stops_the_daemon_in_order() {
    for name in ["ws-server", "policy-server", "static-server"] {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("socket");
        let mut command = command(binary(name), &["--listen"]);
        command.arg(format!("unix:{}", socket.display()));
        command.args(["--listen", "127.0.0.1:0"].repeat(MORE));
        let daemon = Daemon::spawn(command);
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(&socket).is_err() {
            assert!(Instant::now() < deadline, "{name} does not listen");
        }
        daemon.signal(Signal::TERM);
        let (status, log) = daemon.wait();
        assert_eq!(status.code(), Some(0), "{name}: {status}\n{log}");
        assert!(log.contains(&format!("{name}: stopped\n")), "{log}");
        assert!(!socket.exists(), "{name} removes its socket");
    }
}
