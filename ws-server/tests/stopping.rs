//! A stop ends each connection in the way of its dialect.

use std::{fs::File, io::Write, os::unix::net::UnixStream};

use harness::{Daemon, Signal, frame, make_fifo};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

#[test]
fn each_signal_has_its_close_code_and_exit_0() {
    for (signal, code) in [(Signal::TERM, 1001), (Signal::INT, 1001), (Signal::USR2, 1012)] {
        let server = Daemon::start(WS_SERVER, &["--linger", "100ms"]);
        let (mut client, _) = server.websocket("/");
        let mut old = server.request("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket");
        old.head();
        let mut lines = server.request("GET / HTTP/1.1\nHost: a");
        lines.head();
        server.signal(signal);
        assert_eq!(client.close_code(), Some(code));
        client.send(frame(0x88, &code.to_be_bytes()));
        assert_eq!(client.rest(), b"");
        assert!(lines.rest().ends_with(b"0\r\n\r\n"));
        old.rest();
        assert!(server.wait().0.success());
    }
}

#[test]
fn a_parent_that_blocked_or_ignored_the_signals_changes_nothing() {
    let script = "trap '' TERM INT HUP USR1 USR2; exec \"$0\" --listen 127.0.0.1:0";
    for signal in [Signal::TERM, Signal::INT] {
        let blocked = harness::with_blocked_signals(|| Daemon::start(WS_SERVER, &[]));
        let ignored = Daemon::start_command(harness::command("sh", &["-c", script, WS_SERVER]));
        for mut server in [blocked, ignored] {
            server.signal(Signal::USR1);
            server.log_line("open=0");
            server.signal(Signal::HUP);
            server.log_line("the configuration was read again");
            server.signal(signal);
            assert!(server.wait().0.success());
        }
    }
}

// WS-15
#[test]
fn a_client_that_never_answers_the_close_is_let_go() {
    let server =
        Daemon::start(WS_SERVER, &["--close-timeout", "200ms", "--drain-timeout", "1h", "--linger", "100ms"]);
    let (mut client, _) = server.websocket("/");
    server.signal(Signal::TERM);
    assert_eq!(client.close_code(), Some(1001));
    assert_eq!(client.rest(), b"");
    assert!(server.wait().0.success());
}

#[test]
fn a_stop_while_the_rest_of_the_input_is_delivered_is_no_second_signal() {
    let mut server =
        Daemon::start(WS_SERVER, &["--source", "-", "--drain-timeout", "20s", "--linger", "100ms"]);
    let (mut slow, _) = server.websocket("/?since=0");
    let (mut fast, _) = server.websocket("/?since=0");
    for line in 0..400 {
        // In all, more than the kernel buffers for a client that does not read.
        server.write(format!("{line:016000}\n"));
        fast.text();
    }
    server.stdin = None;
    assert_eq!(fast.close_code(), Some(1000), "the source has ended");
    server.signal(Signal::TERM);
    assert_eq!(slow.close_code(), Some(1001), "after a whole message");
    slow.send(frame(0x88, &1001_u16.to_be_bytes()));
    assert!(server.wait().0.success());
}

#[test]
fn what_was_written_before_a_stop_reaches_each_client_before_it_hears_of_the_stop() {
    for (source, signal) in ["-", "fifo", "unix"].into_iter().flat_map(|source| {
        [(source, Signal::TERM), (source, Signal::USR2)] // USR2 drains without `--hand-over`
    }) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        if source == "fifo" {
            make_fifo(&path);
        }
        let value = if source == "-" { source.to_owned() } else { format!("{source}:{}", path.display()) };
        // Both are longer than this test waits.
        let options = ["--source", &value, "--coalesce", "1h", "--linger", "100ms", "--drain-timeout", "1h"];
        let mut server = Daemon::start(WS_SERVER, &options);
        let mut writer: Box<dyn Write> = match source {
            "-" => Box::new(server.stdin.take().unwrap()),
            "fifo" => Box::new(File::options().write(true).open(&path).unwrap()),
            _ => Box::new(UnixStream::connect(&path).unwrap()),
        };
        let mut clients = [(); 3].map(|()| server.request("GET / HTTP/1.0"));
        for client in &mut clients {
            client.head();
        }
        for lines in ["1\n", "2\n3\n", "4\n"] {
            writer.write_all(lines.as_bytes()).unwrap();
        }
        server.signal(signal);
        for client in &mut clients {
            assert_eq!(String::from_utf8_lossy(&client.rest()), "1\n2\n3\n4\n", "{source}, {signal:?}");
        }
        assert!(server.wait().0.success());
    }
}
