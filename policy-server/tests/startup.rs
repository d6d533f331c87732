//! How policy-server starts, refuses to start, and stops: exit codes, inherited sockets, privileges (PO-07, PO-09).
#![allow(clippy::expect_used, reason = "a test fails by a panic")]

use std::{
    net::{TcpListener, TcpStream, UdpSocket},
    os::fd::OwnedFd,
    process::Command,
};

use harness::{Client, Daemon, Signal, command, inherit, unprivileged};

const POLICY_SERVER: &str = env!("CARGO_BIN_EXE_policy-server");
/// The request without its end.
const REQUEST: &[u8] = b"<policy-file-request/>";

/// This descriptor as number 3, as systemd passes it on; `count` is what `LISTEN_FDS` says.
fn command_with_socket(socket: OwnedFd, count: &str, arguments: &[&str]) -> Command {
    let mut command = command(POLICY_SERVER, arguments);
    inherit(&mut command, vec![("policy", socket)]);
    command.env("LISTEN_FDS", count);
    command
}

/// The exit code and the log of a command that refuses to start.
fn fails(command: Command) -> (Option<i32>, String) {
    let (status, log) = Daemon::spawn(command).wait();
    (status.code(), log)
}

#[test]
fn refusals_name_the_flag_the_value_and_what_to_do() {
    let owner = TcpListener::bind("127.0.0.1:0").expect("bound");
    let taken = owner.local_addr().expect("an address").to_string();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "<cross-domain-policy><nonsense/></cross-domain-policy>").expect("written");
    let bad_file = file.path().to_str().expect("a name");
    let cases: [(&[&str], i32, &[&str]); 10] = [
        (&["--listen", "[::]:8843", "--allow", "*:80"], 78, &["--allow", "*:80", "below 1024"]),
        (&["--allow", "*"], 64, &["--allow", "'*'", "DOMAIN:PORTS"]),
        (&["--allow", "a_b!:80"], 64, &["--allow", "a_b!", "host name"]),
        (&["--allow", "*:80-70"], 64, &["--allow", "80-70"]),
        (&["--site-control", "some"], 64, &["--site-control", "some", "master-only"]),
        (&["--listen", "843"], 64, &["--listen", "843", "[::]:843"]),
        (&["--lifetime", "5"], 64, &["--lifetime", "5s"]),
        (&["--file", bad_file], 78, &["--file", bad_file, "nonsense", "line 1"]),
        (&["--file", "/nowhere/policy.xml"], 66, &["--file", "/nowhere/policy.xml"]),
        (&["--config", "/nowhere/config.toml"], 66, &["--config", "/nowhere/config.toml"]),
    ];
    for (args, code, parts) in cases {
        for check in [true, false] {
            // The daemon refuses before it binds anything, so --check says the same.
            let args = [args, if check { &["--check"] } else { &[] }].concat();
            let (got, text) = fails(command(POLICY_SERVER, &args));
            assert_eq!(got, Some(code), "{args:?}: {text}");
            for part in parts {
                assert!(text.contains(part), "{args:?}: {text}");
            }
        }
    }
    let (code, text) = fails(command(POLICY_SERVER, &["--listen", &taken]));
    assert_eq!(code, Some(69), "{text}");
    assert!(text.contains(&taken) && text.contains("in use"), "{text}");
}

#[test]
fn all_ports_are_granted_with_a_warning_only() {
    let output = command(POLICY_SERVER, &["--allow", "*:*", "--check"]).output().expect("it runs");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("WARN  --allow *:* grants every port"));
}

#[test]
fn term_and_int_stop_with_exit_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = Daemon::spawn(command(POLICY_SERVER, &["--listen", "127.0.0.1:0"]));
        let line = daemon.log_line("policy-server: listening on ");
        let address = line.rsplit(' ').next().and_then(|address| address.parse().ok()).expect(&line);
        let _open = Client::connect(address);
        daemon.signal(signal);
        let (status, log) = daemon.wait();
        assert_eq!(status.code(), Some(0), "{signal:?}: {log}");
    }
}

#[test]
fn an_inherited_socket_serves_without_any_privilege() {
    // Where this test may bind a port below 1024, it does, as systemd does for the daemon.
    let listener = TcpListener::bind("127.0.0.1:843")
        .or_else(|_| TcpListener::bind("127.0.0.1:0"))
        .expect("a listener (left blocking on purpose)");
    let address = listener.local_addr().expect("an address");
    let command = command_with_socket(OwnedFd::from(listener), "1", &[]);
    let mut daemon = unprivileged(|| Daemon::start_command(command));
    assert_eq!(daemon.address(), address);
    for _ in 0..2 {
        let (got, _) = daemon.connect().exchange([REQUEST, b"\0"].concat());
        assert!(got.ends_with(b"</cross-domain-policy>\n\0"));
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("it runs");
    assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
    daemon.signal(Signal::USR1);
    assert!(daemon.log_line("open=").contains("accepted=2"));
}

#[test]
fn wrong_inherited_sockets_are_exit_78() {
    let listener = || TcpListener::bind("127.0.0.1:0").expect("bound");
    let peer = listener();
    let connection = TcpStream::connect(peer.local_addr().expect("an address")).expect("connected");
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("bound");
    let file = tempfile::tempfile().expect("a file");
    let none: &[&str] = &[];
    let cases: [(OwnedFd, &str, &[&str], &str); 6] = [
        (connection.into(), "1", none, "descriptor 3 (`policy`) is not listening"),
        (datagrams.into(), "1", none, "descriptor 3 (`policy`) is not a TCP or Unix stream socket"),
        (file.into(), "1", none, "descriptor 3 (`policy`) is not a TCP or Unix stream socket"),
        (listener().into(), "2", none, "descriptor 4 (`unnamed`) is not a TCP or Unix stream socket"),
        (listener().into(), "many", none, "LISTEN_FDS=many"),
        (listener().into(), "1", &["--listen", "127.0.0.1:0"], "--listen (command line) beside 1 inherited"),
    ];
    for (socket, count, args, part) in cases {
        let (code, text) = fails(command_with_socket(socket, count, args));
        assert_eq!(code, Some(78), "{part}: {text}");
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_low_port_granted_from_an_inherited_high_one_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let (code, text) = fails(command_with_socket(listener.into(), "1", &["--allow", "*:80"]));
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains("--allow") && text.contains("*:80"), "{text}");
}

#[test]
fn without_the_privilege_port_843_is_exit_77_with_three_ways_out() {
    let start = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if start.trim().parse::<u16>().is_ok_and(|first| first <= 843) {
        // Here any user may bind it; a unit test in daemon::listen checks the message.
        return;
    }
    let (code, text) = unprivileged(|| fails(command(POLICY_SERVER, &[])));
    assert_eq!(code, Some(77), "{text}");
    for way in ["843", "socket activation", "CAP_NET_BIND_SERVICE", "--listen [::]:8843"] {
        assert!(text.contains(way), "{text}");
    }
}
