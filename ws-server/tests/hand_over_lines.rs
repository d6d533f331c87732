//! A restart of a server of lines: the lines that producers write meanwhile wait for the next process, and every client gets
//! each line once.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{fs::OpenOptions, io::Write as _, os::unix::net::UnixStream};

use harness::{Holder, Signal, handshake, is_js_date, make_fifo, split_id};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

/// So many long lines are more than the kernel buffers for a client that does not read.
const LINES: usize = 400;

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().trim_end().to_owned()
}

/// Writes numbers as lines across restarts; every client must get each of them once.
fn expect_all(holder: &mut Holder, mut write: impl FnMut(&[u8])) {
    let mut lines = holder.request("GET /?since=0 HTTP/1.0");
    lines.head();
    let mut frames = holder.request(&handshake("/?since=0", 13));
    frames.head();
    let mut next = 1;
    for round in 0..3 {
        for _ in 0..50 {
            write(format!("{next}\n").as_bytes());
            next += 1;
        }
        // The second half of this line comes after the restart.
        write(b"half of ");
        // While no process reads, nothing is lost.
        holder.end(Signal::USR2);
        write(format!("{next}\n").as_bytes());
        next += 1;
        for _ in 0..50 {
            write(format!("{next}\n").as_bytes());
            next += 1;
        }
        holder.start_next();
        for number in next - 101..next {
            let expected = if number == next - 51 { format!("half of {number}") } else { number.to_string() };
            assert_eq!(text(lines.until(b"\n")), expected, "round {round}");
            assert_eq!(frames.text(), expected, "round {round}");
        }
    }
    // The next process has the history: a newcomer can ask for the first line.
    let mut newcomer = holder.request("GET /?since=0 HTTP/1.0");
    newcomer.head();
    assert_eq!(text(newcomer.until(b"\n")), "1");
    // The numbering goes on, too.
    let mut numbered = holder.request(&handshake(&format!("/?numbered=1&since={}", next - 2), 13));
    numbered.head();
    assert_eq!(numbered.text(), format!("{0}\t{0}", next - 1));
}

#[test]
fn no_line_of_a_producer_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let source = format!("unix:{}", path.display());
    let mut holder = Holder::start(
        WS_SERVER,
        &["--hand-over", "on", "--source", &source, "--workers", "2", "--leave-notices", "off"],
    );
    let mut producer = UnixStream::connect(&path).unwrap();
    expect_all(&mut holder, |bytes| producer.write_all(bytes).unwrap());
    // The socket still takes other producers.
    let mut last = holder.request("GET / HTTP/1.0");
    last.head();
    UnixStream::connect(&path).unwrap().write_all(b"another producer\n").unwrap();
    last.until(b"another producer\n");
}

#[test]
fn no_line_in_a_fifo_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    make_fifo(&path);
    let source = format!("fifo:{}", path.display());
    let mut holder = Holder::start(
        WS_SERVER,
        &["--hand-over", "on", "--source", &source, "--workers", "2", "--leave-notices", "off"],
    );
    let mut fifo = OpenOptions::new().write(true).open(&path).unwrap();
    expect_all(&mut holder, |bytes| fifo.write_all(bytes).unwrap());
}

#[test]
fn a_slow_client_goes_on_in_the_middle_of_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let source = format!("unix:{}", path.display());
    let mut holder =
        Holder::start(WS_SERVER, &["--hand-over", "on", "--source", &source, "--leave-notices", "off"]);
    let mut slow = holder.request(&handshake("/?since=0", 13));
    slow.head();
    let mut fast = holder.request(&handshake("/?since=0", 13));
    fast.head();
    let mut producer = UnixStream::connect(&path).unwrap();
    for line in 0..LINES {
        producer.write_all(format!("{line:016000}\n").as_bytes()).unwrap();
        fast.text();
    }
    for restart in 0..2 {
        for line in restart * LINES / 4..(restart + 1) * LINES / 4 {
            assert_eq!(slow.text(), format!("{line:016000}"));
        }
        holder.restart();
    }
    for line in LINES / 2..LINES {
        assert_eq!(slow.text(), format!("{line:016000}"));
    }
}

#[test]
fn when_the_source_is_gone_the_clients_are_closed_with_1012() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    make_fifo(&path);
    let source = format!("fifo:{}", path.display());
    let mut holder = Holder::start(WS_SERVER, &["--hand-over", "on", "--source", &source]);
    let mut client = holder.request(&handshake("/", 13));
    client.head();
    holder.end(Signal::USR2);
    std::fs::remove_file(&path).unwrap();
    let (status, log) = holder.start_in_vain();
    assert_eq!(status.code(), Some(66), "{log}");
    assert_eq!(client.close_code(), Some(1012));
}

#[test]
fn a_fifo_that_is_gone_does_not_hold_up_the_hand_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    make_fifo(&path);
    let source = format!("fifo:{}", path.display());
    let mut holder =
        Holder::start(WS_SERVER, &["--hand-over", "on", "--source", &source, "--leave-notices", "off"]);
    let mut client = holder.request("GET / HTTP/1.0");
    client.head();
    let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    writer.write_all(b"before\n").unwrap();
    drop(writer);
    client.until(b"before\n");
    let (status, log) = holder.end(Signal::USR2);
    assert!(status.success(), "{log}");
    make_fifo(&path);
    holder.start_next();
    std::fs::write(&path, "after\n").unwrap();
    client.until(b"after\n");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "one worker has to end, and no event says when")]
fn a_restart_or_a_reload_during_a_stop_holds_up_no_second_signal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let source = format!("unix:{}", path.display());
    let mut holder = Holder::start(
        WS_SERVER,
        &[
            "--hand-over",
            "on",
            "--source",
            &source,
            "--workers",
            "2",
            "--drain-timeout",
            "60s",
            "--close-timeout",
            "60s",
            // A client that has to have each line of a flood would fall behind it before it hears of the stop (1008).
            "--delivery",
            "latest",
        ],
    );
    let mut client = holder.request(&handshake("/", 13));
    client.head();
    let mut producer = UnixStream::connect(&path).unwrap();
    producer.write_all(b"here\n").unwrap();
    client.text();
    let flood = std::thread::spawn(move || while producer.write_all(&[b'\n'; 4096]).is_ok() {});
    let begun = std::time::Instant::now();
    holder.signal(Signal::TERM);
    // The client never answers the Close, so its worker goes on while the other one ends.
    assert_eq!(client.close_code(), Some(1001));
    holder.wait_for("STOPPING=1");
    std::thread::sleep(std::time::Duration::from_millis(500));
    holder.signal(Signal::HUP);
    std::thread::sleep(std::time::Duration::from_millis(200));
    holder.signal(Signal::USR2);
    let (_, log) = holder.wait();
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{log}");
    flood.join().unwrap();
}

#[test]
fn another_source_takes_over_the_clients_and_leaves_no_socket_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let source = format!("unix:{}", path.display());
    let mut holder =
        Holder::start(WS_SERVER, &["--hand-over", "on", "--source", &source, "--leave-notices", "off"]);
    let mut told = holder.request(&handshake("/?ids=1", 13));
    let mut untold = holder.request(&handshake("/", 13));
    for client in [&mut told, &mut untold] {
        client.head();
    }
    UnixStream::connect(&path).unwrap().write_all(b"the last line\n").unwrap();
    let before = told.text();
    assert_eq!(untold.text(), "the last line");
    holder.args[3] = "clock".to_owned();
    holder.restart();
    assert!(!path.exists());
    // The dates have numbers of their own.
    let gap = told.text();
    let first = told.text();
    let (id, date) = first.split_once('\t').unwrap();
    assert_eq!(gap, format!("!\t{{\"missed\":null,\"stream\":\"new\",\"next\":\"{id}\"}}"));
    assert!(is_js_date(date), "{date}");
    let (lines, dates) = (split_id(before.split_once('\t').unwrap().0), split_id(id));
    assert!(lines.0 < dates.0 && lines.1 == 1, "{lines:?} {dates:?}");
    assert_eq!(untold.close_code(), Some(1012));
}
