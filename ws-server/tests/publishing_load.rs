//! Publishing under load: two thousand at once, a flood, a full server, a reader that does not read, a stop and restarts in the middle.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "for tests")]
#![allow(clippy::disallowed_methods, reason = "a flood lasts for a time of the real clock")]

use std::{
    io::{BufRead as _, BufReader, ErrorKind, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use harness::http::request;
use harness::publish::{END, LAST_CHUNK, PUBLISHING, all_lines, chunk, post, published, put_head, reader};
use harness::{Client, Daemon, Holder, Signal, Stop, StopAtEnd, frame};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

fn server(options: &[&str]) -> Daemon {
    Daemon::start(WS_SERVER, &[&PUBLISHING, options].concat())
}

/// Each of these clients' two lines came once, the first one before the second.
fn expect_two_of_each(lines: &[String], count: usize) {
    let mut next = vec![0; count];
    for line in lines {
        let (number, line) = line.split_once(' ').unwrap();
        let next = &mut next[number.parse::<usize>().unwrap()];
        assert_eq!(line, ["one", "two"][*next], "of {number}");
        *next += 1;
    }
    assert!(next.iter().all(|&next| next == 2));
}

/// A request of this number in two halves, the first of which ends within a line.
fn halves(number: usize) -> [Vec<u8>; 2] {
    if number.is_multiple_of(2) {
        let whole = post("", format!("{number} one\n{number} two"));
        let (first, second) = whole.split_at(whole.len() - 5);
        [first.to_vec(), second.to_vec()]
    } else {
        let first = [put_head(""), chunk(format!("{number} one\n{number} "))].concat();
        [first, [chunk("two\n"), LAST_CHUNK.to_vec()].concat()]
    }
}

#[test]
fn two_thousand_publish_at_once() {
    const COUNT: usize = 2000;
    harness::raise_file_limit();
    let server = server(&["--max-connections", "4096", "--max-heads", "100"]);
    let mut reader = reader(&server);
    let mut clients: Vec<Client> = (0..COUNT).map(|_| server.connect()).collect();
    for half in 0..2 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(&halves(number)[half]);
        }
    }
    for client in &mut clients {
        assert_eq!(published(&client.response()), 2);
    }
    expect_two_of_each(&all_lines(&server, &mut reader), COUNT);
}

#[test]
fn a_restart_in_the_middle_of_publications_loses_and_doubles_nothing() {
    const COUNT: usize = 40;
    let mut holder = Holder::start(WS_SERVER, &[&PUBLISHING[..], &["--hand-over", "on"]].concat());
    let mut reader = holder.request("GET /?since=0 HTTP/1.0");
    reader.head();
    let mut clients: Vec<Client> = (0..COUNT).map(|_| holder.connect()).collect();
    let send = |clients: &mut [Client], half: usize| {
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(&halves(number)[half]);
        }
    };
    send(&mut clients, 0);
    holder.restart();
    send(&mut clients, 1);
    for client in &mut clients {
        assert_eq!(published(&client.response()), 2);
    }
    // The connections take more requests, also while no process serves.
    send(&mut clients, 0);
    holder.end(Signal::USR2);
    send(&mut clients, 1);
    holder.start_next();
    for client in &mut clients {
        assert_eq!(published(&client.response()), 2);
    }
    holder.connect().publish(END);
    let lines = reader.lines_before(END);
    expect_two_of_each(&lines[..lines.len() / 2], COUNT);
    expect_two_of_each(&lines[lines.len() / 2..], COUNT);
}

#[test]
fn a_stop_in_the_middle_of_publications_delivers_their_whole_lines() {
    const COUNT: usize = 40;
    let server = server(&["--drain-timeout", "10s"]);
    let mut reader = reader(&server);
    let mut clients: Vec<Client> = (0..COUNT).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&halves(number)[0]);
    }
    let mut lines: Vec<String> =
        (0..COUNT).map(|_| String::from_utf8(reader.until(b"\n")).unwrap()).collect();
    let begun = Instant::now();
    server.signal(Signal::TERM);
    let rest = String::from_utf8_lossy(&reader.rest()).into_owned();
    assert_eq!(rest, "", "no part of a line, and no line again");
    for client in &mut clients {
        let answer = String::from_utf8_lossy(&client.rest()).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
    let (status, log) = server.wait();
    assert!(status.success(), "{log}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    lines.sort();
    let mut expected: Vec<String> = (0..COUNT).map(|number| format!("{number} one\n")).collect();
    expected.sort();
    assert_eq!(lines, expected);
}

/// Megabytes of memory that a process has.
fn resident(server: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

/// Writes numbered lines as fast as the server takes them, so many or until it is to stop; how many lines went out. `full` counts how often
/// the socket was full.
fn flood(client: Client, most: u64, stop: &Stop, full: &AtomicU64) -> u64 {
    flood_from(client, 0, most, stop, full)
}

/// Likewise, from this number on; the next number.
fn flood_from(mut client: Client, first: u64, most: u64, stop: &Stop, full: &AtomicU64) -> u64 {
    client.send(put_head(""));
    client.stream.set_nonblocking(true).unwrap();
    let mut next = first;
    while next - first < most && !stop.is_asked() {
        let mut lines = String::new();
        while lines.len() < 16 * 1024 {
            lines.extend(["flood ", &next.to_string(), " ", &"x".repeat(100), "\n"]);
            next += 1;
        }
        write_all(&client.stream, &chunk(lines), full);
    }
    write_all(&client.stream, LAST_CHUNK, full);
    client.stream.set_nonblocking(false).unwrap();
    assert_eq!(published(&client.response()) as u64, next - first);
    next
}

/// Writes on a socket that does not block, and counts how often it would have.
fn write_all(mut stream: &TcpStream, mut bytes: &[u8], full: &AtomicU64) {
    let begun = Instant::now();
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(len) => bytes = &bytes[len..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                assert!(begun.elapsed() < harness::PATIENCE, "the flood is not read any more");
                full.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Posts lines one after the other, each of which must be answered: how many, the longest wait, and the most memory meanwhile.
fn small_posts(server: &Daemon, go_on: impl Fn(u64) -> bool) -> (u64, Duration, u64) {
    let (mut count, mut longest, mut most) = (0_u64, Duration::ZERO, 0);
    let mut kept = server.connect();
    while go_on(count) {
        let at = Instant::now();
        // Half of them on a connection that is kept, half on new ones.
        let mut new = server.connect();
        let client = if count.is_multiple_of(2) { &mut kept } else { &mut new };
        client.publish(&format!("small {count}\n"));
        count += 1;
        longest = longest.max(at.elapsed());
        most = most.max(resident(server));
    }
    (count, longest, most)
}

/// A series of small posts, for a second at least, and until something has held back the flood beside them; the longest wait.
fn small_posts_in_a_flood(server: &Daemon, full: &AtomicU64) -> Duration {
    let (begun, before) = (Instant::now(), full.load(Ordering::Relaxed));
    let (_, longest, most) = small_posts(server, |count| {
        let is_held_back = full.load(Ordering::Relaxed) > before;
        let goes_on = begun.elapsed() < Duration::from_secs(1) || count <= 20 || !is_held_back;
        assert!(
            !goes_on || begun.elapsed() < harness::PATIENCE,
            "{count} small ones, held back: {is_held_back}"
        );
        goes_on
    });
    assert!(most < 150, "{most} MB");
    longest
}

#[test]
fn a_flood_slows_down_itself_and_nobody_else() {
    let server = server(&[]);
    let (mut socket, _) = server.websocket("/");
    // It never reads, falls behind, and is given up.
    let _deaf = server.request("GET /?since=0 HTTP/1.0");
    let stop = &Stop::default();
    let flooding = server.connect();
    let full = &AtomicU64::new(0);
    thread::scope(|scope| {
        let end = StopAtEnd(stop);
        let flood = scope.spawn(|| flood(flooding, u64::MAX, stop, full));
        // A machine that is busy for a moment holds up one of a series, too; an unfair server holds up some of each.
        let longest = [(); 3].map(|()| small_posts_in_a_flood(&server, full));
        drop(end);
        let lines = flood.join().unwrap();
        eprintln!("{lines} lines, {full:?} times full; the longest small posts took {longest:?}");
        // Starved, one of them would wait for the end of the flood.
        assert!(longest.iter().any(|longest| *longest < Duration::from_millis(1500)), "{longest:?}");
    });
    // A client that only speaks has fallen behind, too, or is served as ever.
    socket.try_send(frame(0x89, b"?"));
    let mut newcomer = server.websocket("/").0;
    newcomer.send(frame(0x89, b"?"));
    while newcomer.frame() != (0x8A, b"?".to_vec()) {}
}

#[test]
fn where_many_flood_a_request_without_a_body_is_answered_in_its_turn_too() {
    let server = server(&["--workers", "1"]);
    let stop = &Stop::default();
    thread::scope(|scope| {
        let _end = StopAtEnd(stop);
        for _ in 0..30 {
            let flooding = server.connect();
            scope.spawn(|| flood(flooding, u64::MAX, stop, &AtomicU64::new(0)));
        }
        let mut client = server.connect();
        for _ in 0..20 {
            // It has no input whose turn could come.
            client.publish("");
            client.publish("a line\n");
        }
    });
}

#[test]
fn readers_that_read_get_every_line_of_a_flood_and_what_others_post() {
    const LINES: u64 = 200_000;
    // All of it fits: how fast this test reads on a busy machine does not count.
    let server = server(&["--history", "1000000", "--max-backlog", "256MiB", "--max-queue", "1MiB"]);
    let readers = [reader(&server), reader(&server), reader(&server)];
    let stop = &Stop::default();
    let flooding = server.connect();
    thread::scope(|scope| {
        let _end = StopAtEnd(stop);
        let flood = scope.spawn(|| flood(flooding, LINES, stop, &AtomicU64::new(0)));
        let readings: Vec<_> = readers.iter().map(|reader| scope.spawn(|| numbers(reader))).collect();
        let (count, _, _) = small_posts(&server, |_| !flood.is_finished());
        let lines = flood.join().unwrap();
        server.connect().publish(END);
        for reading in readings {
            assert_eq!(reading.join().unwrap(), (lines, count));
        }
    });
}

#[test]
fn a_flood_goes_on_over_restarts_and_loses_and_doubles_no_line() {
    let backlog = ["--history", "1000000", "--max-backlog", "256MiB", "--max-queue", "1MiB"];
    let mut holder = Holder::start(WS_SERVER, &[&PUBLISHING[..], &["--hand-over", "on"], &backlog].concat());
    let mut reader = holder.request("GET /?since=0 HTTP/1.0");
    reader.head();
    let stop = &Stop::default();
    let flooding: Vec<Client> = (0..3).map(|_| holder.connect()).collect();
    let sent = thread::scope(|scope| {
        let end = StopAtEnd(stop);
        let floods = flooding.into_iter().enumerate().map(|(number, client)| {
            let first = number as u64 * 1_000_000_000;
            scope.spawn(move || flood_from(client, first, 50_000, stop, &AtomicU64::new(0)))
        });
        let floods: Vec<_> = floods.collect();
        while !floods.iter().all(thread::ScopedJoinHandle::is_finished) {
            holder.restart();
            thread::sleep(Duration::from_millis(100));
        }
        drop(end);
        floods.into_iter().map(|flood| flood.join().unwrap()).collect::<Vec<_>>()
    });
    holder.connect().publish(END);
    let mut next = vec![0, 1_000_000_000, 2_000_000_000];
    let lines = BufReader::with_capacity(1 << 16, &reader.stream).lines().map(Result::unwrap);
    for line in lines.take_while(|line| line != END) {
        let number: u64 = line.split(' ').nth(1).unwrap().parse().unwrap();
        let next = &mut next[(number / 1_000_000_000) as usize];
        assert_eq!(number, *next, "{line}");
        *next += 1;
    }
    assert_eq!(next, sent);
}

/// How many lines of the flood and small ones there were before the last line, each with the next number of its kind.
fn numbers(reader: &Client) -> (u64, u64) {
    let (mut floods, mut smalls) = (0, 0);
    for line in BufReader::with_capacity(1 << 16, &reader.stream).lines().map(Result::unwrap) {
        if line == END {
            return (floods, smalls);
        }
        let next = if line.starts_with("flood ") { &mut floods } else { &mut smalls };
        let number: u64 = line.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(number, *next, "{line}");
        *next += 1;
    }
    panic!("the stream ended after {floods} lines of the flood and {smalls} small ones");
}

#[test]
fn a_full_server_keeps_those_that_publish_and_refuses_newcomers() {
    const COUNT: usize = 8;
    let server = server(&["--max-connections", "10", "--max-heads", "100", "--workers", "1"]);
    let mut reader = reader(&server);
    let mut clients: Vec<Client> = (0..COUNT).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&halves(number)[0]);
    }
    // All first halves are there.
    for _ in 0..COUNT {
        reader.until(b"\n");
    }
    for number in 0..50 {
        let mut newcomer = server.connect();
        newcomer.try_send(if number % 2 == 0 { post("", "") } else { request("GET", "/", "") });
        drop(newcomer);
        let mut silent = server.connect();
        silent.try_send(b"POST / HT");
        drop(silent);
    }
    let mut crowd: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for newcomer in &mut crowd {
        newcomer.try_send(b"POST / HTTP/1.1\r\nHost: localhost\r\n");
    }
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&halves(number)[1]);
        assert_eq!(published(&client.response()), 2, "of {number}");
    }
    drop(crowd);
    let mut last = clients.pop().unwrap();
    last.publish(END);
    let mut lines = reader.lines_before(END);
    lines.sort();
    let mut expected: Vec<String> = (0..COUNT).map(|number| format!("{number} two")).collect();
    expected.sort();
    assert_eq!(lines, expected);
}
