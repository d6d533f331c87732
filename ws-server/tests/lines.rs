//! Lines of a source: every client gets each once, resumes by number, and is closed in order at the end.

use std::{fmt::Write as _, fs::File, io::Write as _, os::unix::net::UnixStream};

use harness::{Client, Daemon, Signal, after_retry, command, frame, make_fifo, without_epochs};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

/// The next messages must be these numbers.
fn check(client: &mut Client, from: u64, to: u64) {
    for number in from..=to {
        assert_eq!(client.text(), number.to_string());
    }
}

#[test]
fn a_hundred_thousand_lines_reach_every_client_once_and_in_order() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-"]);
    let mut clients: Vec<_> = (0..6).map(|_| server.websocket("/").0).collect();
    let mut old = server.request("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket");
    old.head();
    let mut plain = server.request("GET / HTTP/1.0");
    plain.head();
    let mut stdin = server.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let mut text = String::new();
        (1..=100_000).for_each(|number| writeln!(text, "{number}").unwrap());
        stdin.write_all(text.as_bytes()).unwrap();
    });
    std::thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(|| {
                check(client, 1, 100_000);
                assert_eq!(client.close_code(), Some(1000));
            });
        }
        scope.spawn(|| (1..=100_000).for_each(|number| assert_eq!(old.hixie_text(), number.to_string())));
        scope.spawn(|| {
            let text = String::from_utf8(plain.rest()).unwrap();
            assert!(text.lines().eq((1..=100_000).map(|number| number.to_string())));
        });
    });
    writer.join().unwrap();
    drop(clients);
    drop(old);
    assert!(server.wait().0.success());
}

#[test]
fn a_client_that_comes_back_with_its_last_number_misses_nothing() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-", "--history", "5", "--greet", "0"]);
    let (mut first, _) = server.websocket("/");
    server.write("1\n2\n3\n4\n5\n6\n7\n8\n");
    check(&mut first, 1, 8);
    check(&mut server.websocket("/?since=6").0, 7, 8);
    check(&mut server.websocket("/?since=1").0, 4, 8); // as far as the history goes
    let mut numbered = server.websocket("/?since=7&numbered=1").0;
    assert_eq!(numbered.text(), "8\t8");
    let mut events = server.request("GET / HTTP/1.0\nAccept: text/event-stream\nLast-Event-ID: 7");
    events.head();
    let text = String::from_utf8(events.until(b"data: 8\n\n")).unwrap();
    assert_eq!(without_epochs(after_retry(&text)), "id: 8\ndata: 8\n\n");
    // A number that was never given: all that is there.
    check(&mut server.websocket("/?since=99").0, 4, 8);
}

#[test]
fn a_client_misses_and_doubles_nothing_whichever_worker_it_comes_back_to() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-", "--workers", "4"]);
    let mut client = server.websocket("/").0;
    for number in 1..=200 {
        server.write(format!("{number}\n"));
        check(&mut client, number, number);
        client = server.websocket(&format!("/?since={number}")).0;
    }
}

#[test]
fn newcomers_get_the_last_lines_and_ten_by_default() {
    for (options, first_line) in [(&["--greet", "2"][..], 11), (&[], 3)] {
        let mut server = Daemon::start(WS_SERVER, &[&["--source", "-"], options].concat());
        let (mut first, _) = server.websocket("/");
        server.write("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n");
        check(&mut first, 1, 12);
        check(&mut server.websocket("/").0, first_line, 12);
    }
}

#[test]
fn a_line_arrives_as_json() {
    let mut server =
        Daemon::start(WS_SERVER, &["--source", "-", "--template", r#"{"n":{seq},"text":{json}}"#]);
    let (mut client, _) = server.websocket("/");
    server.write("say \"hi\"\n");
    assert_eq!(client.text(), r#"{"n":1,"text":"say \"hi\""}"#);
}

#[test]
fn lines_that_are_not_utf8_are_replaced_or_dropped_and_counted_by_name() {
    for (invalid_utf8, expected, metrics) in [
        ("replace", &["good", "d\u{fffd}er", "better"][..], [1.0, 0.0, 1.0]),
        ("drop", &["good", "better"], [0.0, 1.0, 1.0]),
    ] {
        let mut server = Daemon::start(
            WS_SERVER,
            &["--source", "-", "--max-line", "8", "--invalid-utf8", invalid_utf8, "--metrics", "127.0.0.1:0"],
        );
        let (mut client, _) = server.websocket("/");
        server.write(b"\xEF\xBB\xBFgood\nd\xf6er\n123456789\nbetter\r\n");
        for line in expected {
            assert_eq!(client.text(), *line);
        }
        let endpoint = server.metrics_address();
        server.log_line("1 line dropped: longer than --max-line");
        let scraped = harness::scrape::metrics(endpoint);
        let counts = ["replaced", "not_utf8", "too_long"]
            .map(|fault| harness::scrape::value(&scraped, &format!("datecast_ws_lines_{fault}_total")));
        assert!(counts.iter().eq(&metrics), "{invalid_utf8}: {counts:?}");
    }
}

#[test]
fn the_last_lines_that_were_dropped_are_logged_at_the_end() {
    let too_long = "123456789\n";
    for end in ["exit", "keep"] {
        let args = ["--source", "-", "--max-line", "8", "--at-eof", end];
        let mut server = Daemon::start(WS_SERVER, &args);
        let (mut client, _) = server.websocket("/");
        server.write(too_long);
        server.log_line("1 line dropped: longer than --max-line");
        server.write(format!("{too_long}{too_long}last\n"));
        assert_eq!(client.text(), "last");
        drop(client);
        if end == "exit" {
            server.stdin = None;
        } else {
            server.signal(Signal::TERM);
        }
        let (status, log) = server.wait();
        assert!(status.success() && log.contains("2 lines dropped: longer than --max-line"), "{end}: {log}");
    }
}

#[test]
fn with_keep_the_connections_outlive_the_source() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-", "--at-eof", "keep", "--greet", "1"]);
    server.write("only\n");
    server.stdin = None;
    let (mut client, _) = server.websocket("/");
    assert_eq!(client.text(), "only");
    client.send(frame(0x89, b"?"));
    assert_eq!(client.frame().0, 0x8A);
}

#[test]
fn a_template_and_the_ordered_clock_work_together() {
    // On a busy machine a client lives for an interval, which makes it worth a notice.
    let args =
        ["--delivery", "ordered", "--interval", "200ms", "--template", "{seq}", "--leave-notices", "off"];
    let server = Daemon::start(WS_SERVER, &args);
    let (mut client, _) = server.websocket("/");
    let first: u64 = client.text().parse().unwrap();
    check(&mut client, first + 1, first + 4);
    // The other worker has the same numbers.
    for _ in 0..4 {
        check(&mut server.websocket(&format!("/?since={first}")).0, first + 1, first + 4);
    }
}

#[test]
fn a_fifo_serves_one_writer_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    make_fifo(&path);
    let server = Daemon::start(WS_SERVER, &["--source", &format!("fifo:{}", path.display())]);
    let (mut client, _) = server.websocket("/");
    for number in 1..=20 {
        std::fs::write(&path, format!("{number}\n")).unwrap();
    }
    check(&mut client, 1, 20);
}

#[test]
fn lines_that_a_writer_left_in_a_fifo_do_not_wait_for_the_next_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    make_fifo(&path);
    let mut writer = File::options().read(true).write(true).open(&path).unwrap();
    let _keeps_it = File::open(&path).unwrap();
    writer.write_all(b"1\n").unwrap();
    drop(writer);
    let server = Daemon::start(WS_SERVER, &["--source", &format!("fifo:{}", path.display())]);
    check(&mut server.websocket("/?since=0").0, 1, 1);
}

#[test]
fn a_fifo_that_was_replaced_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    make_fifo(&path);
    let mut server = Daemon::start(WS_SERVER, &["--source", &format!("fifo:{}", path.display())]);
    let (mut client, _) = server.websocket("/");
    let mut writer = File::create(&path).unwrap();
    writer.write_all(b"1\n").unwrap();
    check(&mut client, 1, 1);
    std::fs::remove_file(&path).unwrap();
    drop(writer);
    server.log_line("trying again");
    make_fifo(&path);
    std::fs::write(&path, "2\n").unwrap();
    check(&mut client, 2, 2);
}

#[test]
fn a_producer_that_finds_no_free_descriptor_is_let_in_when_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut server =
        Daemon::start(WS_SERVER, &["--source", &format!("unix:{}", path.display()), "--template", "{seq}"]);
    let (mut client, _) = server.websocket("/");
    server.limit_files(3);
    // The kernel has set a descriptor aside for the first one already.
    let producers: Vec<_> = (0..2).map(|_| UnixStream::connect(&path).unwrap()).collect();
    for mut producer in &producers {
        producer.write_all(b"line\n").unwrap();
    }
    server.log_line("accepting a producer");
    server.limit_files(1000);
    check(&mut client, 1, 2);
}

#[test]
fn many_producers_share_one_numbering() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let server =
        Daemon::start(WS_SERVER, &["--source", &format!("unix:{}", path.display()), "--template", "{seq}"]);
    let (mut client, _) = server.websocket("/");
    let producers: Vec<_> = (0..4).map(|_| UnixStream::connect(&path).unwrap()).collect();
    for _ in 0..5 {
        for mut producer in &producers {
            producer.write_all(b"line\n").unwrap();
        }
    }
    check(&mut client, 1, 20);
}

#[test]
fn a_source_that_is_not_there_is_exit_66() {
    let arguments = ["--listen", "127.0.0.1:0", "--source", "fifo:/nonexistent/fifo"];
    let (status, log) = Daemon::spawn(command(WS_SERVER, &arguments)).wait();
    assert_eq!(status.code(), Some(66), "{log}");
}
