//! Restarts of a server of lines that come by HTTP: requests go on in the next process, each line is published once however often its
//! request is tried, and a token counts for as long as it is in its file.

#![allow(clippy::unwrap_used, clippy::panic, reason = "for tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Write as _,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use harness::{Client, Holder, PATIENCE, Signal, handshake, split_id};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

const CLIENTS: usize = 20;
const REQUESTS: usize = 100;
const RESTARTS: usize = 8;

fn holder(more: &[&str]) -> Holder {
    let args = ["--hand-over", "on", "--source", "http", "--history", "1000000", "--max-backlog", "1GiB"];
    Holder::start(WS_SERVER, &[&args[..], more].concat())
}

/// The status and the body of an answer that closes its connection; `None` if none has come.
fn answer(bytes: &[u8]) -> Option<(u16, String)> {
    let text = std::str::from_utf8(bytes).unwrap();
    let text = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(text);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some((status, body.to_owned()))
}

/// The numbers of the first and of the last line of a receipt, and how many lines there are.
fn receipt(body: &str) -> (u64, u64, u64) {
    let field = |name: &str| {
        let (_, rest) =
            body.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name}: {body}"));
        rest.split([',', '}']).next().unwrap().trim_matches('"').to_owned()
    };
    (split_id(&field("first")).1, split_id(&field("last")).1, field("lines").parse().unwrap())
}

/// All lines of the stream by their numbers.
fn published(holder: &Holder, last: u64) -> BTreeMap<u64, String> {
    let request = format!("GET /?since=0&until={last} HTTP/1.0\nAccept: text/event-stream");
    let text = String::from_utf8(holder.request(&request).rest()).unwrap();
    let event = |event: &str| {
        let (id, data) = event.split_once("id: ")?.1.split_once("\ndata: ")?;
        Some((split_id(id).1, data.to_owned()))
    };
    text.split("\n\n").filter_map(event).collect()
}

/// The number of the newest line, which this publishes.
fn newest(holder: &Holder) -> u64 {
    let mut client =
        holder.request("POST / HTTP/1.1\nHost: localhost\nConnection: close\nContent-Length: 3\n\nend");
    receipt(&answer(&client.rest()).unwrap().1).1
}

/// One try, which may be cut off: of so many bytes of the body only.
fn attempt(address: SocketAddr, key: &str, body: &str, cut: Option<usize>) -> Option<(u16, String)> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nIdempotency-Key: \"{key}\"\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut client = Client::connect(address);
    if let Some(cut) = cut {
        client.try_send(format!("{head}{}", &body[..cut]));
        return None;
    }
    let (bytes, _) = client.exchange(format!("{head}{body}"));
    answer(&bytes)
}

/// Tries until there is an answer, cut off a few times before; what it says.
#[allow(clippy::disallowed_methods, reason = "a client that retries waits a little")]
fn publish(address: SocketAddr, key: &str, body: &str, cuts: usize) -> (u64, u64, u64) {
    let started = Instant::now();
    for cut in 0..cuts {
        attempt(address, key, body, Some((cut * 7 + key.len()) % body.len()));
    }
    loop {
        assert!(started.elapsed() < PATIENCE, "no answer for {key}");
        match attempt(address, key, body, None) {
            Some((200, text)) => return receipt(&text),
            Some((409 | 503, _)) | None => std::thread::sleep(Duration::from_millis(5)),
            Some((status, text)) => panic!("{key}: {status} {text}"),
        }
    }
}

/// What each client does: a request after the other, some cut off, some tried again after their answer.
fn client(address: SocketAddr, client: usize, done: &AtomicUsize) -> Vec<(Vec<String>, (u64, u64, u64))> {
    let request = |number: usize| {
        let key = format!("{client} {number}");
        let lines: Vec<String> = (0..=number % 5).map(|line| format!("{client} {number} {line}")).collect();
        let body = lines.join("\n");
        let heard = publish(address, &key, &body, (client + number) % 3);
        if number.is_multiple_of(3) {
            assert_eq!(publish(address, &key, &body, 0), heard, "the same answer again");
        }
        if number.is_multiple_of(7) {
            let other = attempt(address, &key, &format!("{body}x"), None);
            assert!(other.as_ref().is_none_or(|(status, _)| matches!(status, 422 | 409 | 503)), "{other:?}");
        }
        done.fetch_add(1, Ordering::Relaxed);
        (lines, heard)
    };
    (0..REQUESTS).map(request).collect()
}

#[test]
#[allow(clippy::disallowed_methods, reason = "restarts are spread over the requests")]
fn two_thousand_requests_with_retries_over_restarts_publish_each_line_once() {
    let mut holder = holder(&["--workers", "1"]);
    let address = holder.connect().stream.peer_addr().unwrap();
    let (done, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut restarts = 0;
    let heard: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let done = &done;
                scope.spawn(move || client(address, number, done))
            })
            .collect();
        let (holder, done, ended, restarts) = (&mut holder, &done, &ended, &mut restarts);
        let restarter = scope.spawn(move || {
            for workers in ["2", "3", "1", "3", "2", "1"].into_iter().cycle().take(RESTARTS) {
                // As many requests before each, however long they take.
                while done.load(Ordering::Relaxed) < (*restarts + 1) * CLIENTS * REQUESTS / (RESTARTS + 1) {
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                let at = holder.args.len() - 1;
                workers.clone_into(&mut holder.args[at]);
                holder.restart();
                *restarts += 1;
            }
        });
        let heard = clients.into_iter().map(std::thread::ScopedJoinHandle::join);
        let heard: Vec<_> = heard.collect();
        ended.store(true, Ordering::Relaxed);
        restarter.join().unwrap();
        heard.into_iter().flat_map(Result::unwrap).collect()
    });
    assert_eq!(restarts, RESTARTS);
    let out = published(&holder, newest(&holder));
    let mut expected = BTreeSet::from(["end".to_owned()]);
    for (lines, (first, last, count)) in heard {
        assert_eq!(count, lines.len() as u64, "{lines:?}");
        assert_eq!((out.get(&first), out.get(&last)), (lines.first(), lines.last()), "{first} {last}");
        expected.extend(lines);
    }
    assert_eq!(out.len(), expected.len(), "a line is missing, or there twice");
    assert_eq!(out.into_values().collect::<BTreeSet<_>>(), expected);
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Sends a body of so many lines in chunks of any size, with these stops in between.
fn feed(holder: &mut Holder, client: &mut Client, lines: u64, mut at: impl FnMut(&mut Holder, u64) -> bool) {
    let mut waiting = String::new();
    for line in 0..lines {
        waiting.push_str(&chunk("li"));
        waiting.push_str(&chunk(&format!("ne {line}\n")));
        if at(holder, line) {
            // The first half of everything that has to be written down: a chunk's size, a line, a chunk's end.
            let cut = waiting.len() - usize::try_from(line % 11).unwrap();
            client.send(&waiting[..cut]);
            waiting.drain(..cut);
            holder.restart();
        } else if waiting.len() > 4000 {
            client.send(std::mem::take(&mut waiting));
        }
    }
    client.send(waiting + "0\r\n\r\n");
}

#[test]
fn a_put_that_lives_through_three_restarts_gets_one_answer_and_each_line_is_out_once() {
    const LINES: u64 = 10_000;
    for (key, workers) in [("", ["1", "3", "2", "1"]), ("Idempotency-Key: \"long\"\n", ["3", "1", "2", "3"])]
    {
        let mut holder = holder(&["--workers", workers[0]]);
        let mut reader = holder.request("GET /?since=0 HTTP/1.0");
        reader.head();
        let request = format!("PUT / HTTP/1.1\nHost: localhost\n{key}Transfer-Encoding: chunked");
        let mut client = holder.request(&request);
        let mut next = 0;
        feed(&mut holder, &mut client, LINES, |holder, line| {
            let is_stop = line % 2500 == 2507 % 2500 && next < 3;
            if is_stop {
                next += 1;
                let at = holder.args.len() - 1;
                workers[next].clone_into(&mut holder.args[at]);
            }
            is_stop
        });
        assert_eq!(next, 3);
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert_eq!(receipt(std::str::from_utf8(&client.until(b"\n")).unwrap()), (1, LINES, LINES));
        for line in 0..LINES {
            assert_eq!(reader.until(b"\n"), format!("line {line}\n").as_bytes());
        }
        // The connection waits for its next request, also in another process.
        holder.restart();
        client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nnext");
        assert!(client.head().starts_with("HTTP/1.1 200 "));
        assert_eq!(receipt(std::str::from_utf8(&client.until(b"\n")).unwrap()), (LINES + 1, LINES + 1, 1));
        assert_eq!(reader.until(b"\n"), b"next\n");
    }
}

#[test]
fn while_a_request_is_handed_over_its_key_is_busy_and_its_answer_is_kept() {
    let mut holder = holder(&["--workers", "2"]);
    let address = holder.connect().stream.peer_addr().unwrap();
    let mut reader = holder.request("GET /?since=0 HTTP/1.0");
    reader.head();
    let mut client =
        holder.request("POST / HTTP/1.1\nHost: localhost\nIdempotency-Key: \"k\"\nContent-Length: 8");
    client.send("one\n");
    assert_eq!(reader.until(b"\n"), b"one\n");
    for _ in 0..2 {
        // A retry that comes while no process serves is answered by the next one.
        holder.end(Signal::USR2);
        let early = std::thread::spawn(move || attempt(address, "k", "one\ntwo\n", None));
        holder.start_next();
        assert_eq!(early.join().unwrap().unwrap().0, 409);
        assert_eq!(attempt(address, "k", "one\ntwo\n", None).unwrap().0, 409);
    }
    client.send("two\n");
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    let body = String::from_utf8(client.until(b"\n")).unwrap();
    assert_eq!(receipt(&body), (1, 2, 2));
    assert_eq!(reader.until(b"\n"), b"two\n");
    for body_again in ["one\ntwo\n", "one\r\ntwo"] {
        assert_eq!(attempt(address, "k", body_again, None).unwrap(), (200, body.clone()));
        holder.restart();
    }
    for other in ["one", "one\ntwo\nthree", "one\nTWO"] {
        assert_eq!(attempt(address, "k", other, None).unwrap().0, 422, "{other}");
    }
    assert_eq!(newest(&holder), 3, "nothing else was published");
}

#[test]
fn a_body_that_is_cut_off_while_no_process_serves_is_gone_on_with_by_its_retry() {
    let mut holder = holder(&["--workers", "2"]);
    let address = holder.connect().stream.peer_addr().unwrap();
    let mut reader = holder.request("GET /?since=0 HTTP/1.0");
    reader.head();
    let mut client =
        holder.request("POST / HTTP/1.1\nHost: localhost\nIdempotency-Key: \"k\"\nContent-Length: 100");
    client.send("one\ntw");
    assert_eq!(reader.until(b"\n"), b"one\n");
    holder.end(Signal::USR2);
    client.send("o\nthr");
    drop(client);
    holder.start_next();
    assert_eq!(reader.until(b"\n"), b"two\n");
    assert_eq!(publish(address, "k", "one\ntwo\nthree\n", 0), (1, 3, 3));
    assert_eq!(reader.until(b"\n"), b"three\n");
    assert_eq!(newest(&holder), 4);
}

#[test]
fn requests_that_wait_behind_each_other_get_one_answer_each() {
    const LINES: u64 = 1000;
    let mut holder = holder(&["--workers", "2"]);
    let mut client = holder.connect();
    let mut bytes = String::new();
    for line in 1..=LINES {
        let body = format!("line {line}");
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        bytes.extend([head, body]);
    }
    // Pieces end anywhere: in a head, in a body, or behind one.
    for (number, piece) in bytes.as_bytes().chunks(bytes.len() / 7).enumerate() {
        client.send(piece);
        if number % 2 == 1 {
            holder.restart();
        }
    }
    for line in 1..=LINES {
        assert!(client.head().starts_with("HTTP/1.1 200 "));
        assert_eq!(receipt(std::str::from_utf8(&client.until(b"\n")).unwrap()), (line, line, 1));
    }
    assert_eq!(newest(&holder), LINES + 1);
}

#[test]
fn a_flood_that_waits_for_room_goes_on_where_it_was() {
    const LINES: u64 = 300_000;
    let mut holder = holder(&["--workers", "3"]);
    let mut floods = [0, 1].map(|number| {
        let client = holder.connect();
        let mut waiting = client.stream.try_clone().unwrap();
        let sender = std::thread::spawn(move || {
            let mut body = String::new();
            (0..LINES).for_each(|line| writeln!(body, "{number} {line}").unwrap());
            let head = format!("PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
            waiting.write_all(head.as_bytes()).unwrap();
            waiting.write_all(body.as_bytes()).unwrap();
        });
        (client, sender)
    });
    for _ in 0..5 {
        holder.restart();
    }
    for (client, _) in &mut floods {
        assert!(client.head().starts_with("HTTP/1.1 200 "));
        assert_eq!(receipt(std::str::from_utf8(&client.until(b"\n")).unwrap()).2, LINES);
    }
    for (_, sender) in floods {
        sender.join().unwrap();
    }
    newest(&holder);
    let mut reader = holder.request("GET /?since=0 HTTP/1.0");
    reader.head();
    let mut next = [0, 0];
    loop {
        let line = String::from_utf8(reader.until(b"\n")).unwrap();
        let Some((number, line)) = line.trim_end().split_once(' ') else { break };
        let next = &mut next[number.parse::<usize>().unwrap()];
        assert_eq!(line.parse(), Ok(*next), "of {number}");
        *next += 1;
    }
    assert_eq!(next, [LINES; 2]);
}

#[test]
fn where_the_next_process_takes_no_lines_a_request_is_cut_off_and_its_retry_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = holder(&[]);
    let address = holder.connect().stream.peer_addr().unwrap();
    let mut reader = holder.request("GET /?since=0 HTTP/1.0");
    reader.head();
    let mut client =
        holder.request("POST / HTTP/1.1\nHost: localhost\nIdempotency-Key: \"k\"\nContent-Length: 8");
    client.send("one\n");
    assert_eq!(reader.until(b"\n"), b"one\n");
    holder.args[3] = format!("unix:{}", folder.path().join("lines").display());
    holder.restart();
    let (status, _) = answer(&client.read_to_end().0).unwrap();
    assert_eq!(status, 503);
    assert_eq!(attempt(address, "k", "one\ntwo\n", None).unwrap().0, 405);
    "http".clone_into(&mut holder.args[3]);
    holder.restart();
    assert_eq!(publish(address, "k", "one\ntwo\n", 0), (1, 2, 2));
    assert_eq!(reader.until(b"\n"), b"two\n");
}

#[test]
fn a_request_whose_state_cannot_be_read_is_told_to_come_back() {
    let mut holder = holder(&[]);
    let mut reader = holder.request("GET /?since=0 HTTP/1.0");
    reader.head();
    let mut client = holder.request("POST / HTTP/1.1\nHost: localhost\nContent-Length: 100");
    client.send("one\n");
    assert_eq!(reader.until(b"\n"), b"one\n");
    holder.end(Signal::USR2);
    holder.change_format(99);
    holder.start_next();
    let (bytes, _) = client.read_to_end();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("\r\nRetry-After: "), "{text}");
}

#[test]
fn a_reader_stays_over_a_restart_as_long_as_its_token_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("readers.tokens");
    let (anna, bob) = ("anna 0123456789abcdef\n", "bob fedcba9876543210\n");
    std::fs::write(&path, format!("{anna}{bob}")).unwrap();
    let mut holder = holder(&["--token-file", path.to_str().unwrap(), "--workers", "2"]);
    let ask = |holder: &Holder, token: &str, how: &str| match how {
        "websocket" => holder.request(&handshake(&format!("/?token={token}"), 13)),
        "events" => holder
            .request(&format!("GET /?token={token} HTTP/1.1\nHost: localhost\nAccept: text/event-stream")),
        _ => holder.request(&format!("GET / HTTP/1.0\nAuthorization: Bearer {token}")),
    };
    let mut readers = Vec::new();
    for (name, token) in [("anna", "0123456789abcdef"), ("bob", "fedcba9876543210")] {
        for how in ["websocket", "events", "lines"] {
            let mut reader = ask(&holder, token, how);
            reader.head();
            readers.push((name, how, reader));
        }
    }
    let publish = |holder: &Holder| {
        let mut client =
            holder.request("POST / HTTP/1.1\nHost: localhost\nConnection: close\nContent-Length: 4\n\nline");
        assert_eq!(answer(&client.rest()).unwrap().0, 200);
    };
    for _ in 0..2 {
        publish(&holder);
        for (_, _, reader) in &mut readers {
            reader.until(b"line");
        }
        holder.restart();
    }
    std::fs::write(&path, bob).unwrap();
    holder.restart();
    publish(&holder);
    for (name, how, mut reader) in readers {
        match (name, how) {
            ("bob", _) => _ = reader.until(b"line"),
            (_, "websocket") => assert_eq!(reader.close_code(), Some(1008)),
            (_, how) => {
                let (rest, was_reset) = reader.read_to_end();
                let text = String::from_utf8(rest).unwrap();
                assert!(!was_reset && !text.contains("line"), "{how}: {text}");
            }
        }
    }
    assert!(ask(&holder, "0123456789abcdef", "lines").head().starts_with("HTTP/1.1 401 "));
}

#[test]
fn a_publisher_whose_token_was_revoked_is_cut_off_in_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("publishers.tokens");
    std::fs::write(&path, "anna 0123456789abcdef\nbob fedcba9876543210\n").unwrap();
    let mut holder = holder(&["--publish-token-file", path.to_str().unwrap()]);
    let mut reader = holder.request("GET /?since=0 HTTP/1.0");
    reader.head();
    let mut publishers = ["0123456789abcdef", "fedcba9876543210"].map(|token| {
        // The same key: each token has its own.
        let mut client = holder.request(&format!(
            "POST / HTTP/1.1\nHost: localhost\nAuthorization: Bearer {token}\nIdempotency-Key: \"k\"\nContent-Length: 8"
        ));
        client.send("one\n");
        assert_eq!(reader.until(b"\n"), b"one\n");
        client
    });
    std::fs::write(&path, "bob fedcba9876543210\n").unwrap();
    holder.restart();
    for client in &mut publishers {
        client.try_send("two\n");
    }
    let [mut anna, mut bob] = publishers;
    assert!(bob.head().starts_with("HTTP/1.1 200 "));
    assert_eq!(receipt(std::str::from_utf8(&bob.until(b"\n")).unwrap()), (2, 3, 2));
    assert_eq!(reader.until(b"\n"), b"two\n");
    let (bytes, _) = anna.read_to_end();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 401 "), "{text}");
    // With a new token of the same name it goes on where it was.
    std::fs::write(&path, "anna 0000000000000000\n").unwrap();
    holder.restart();
    let mut client = holder.request(
        "POST / HTTP/1.1\nHost: localhost\nAuthorization: Bearer 0000000000000000\nIdempotency-Key: \"k\"\nContent-Length: 8",
    );
    client.send("one\ntwo\n");
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    assert_eq!(receipt(std::str::from_utf8(&client.until(b"\n")).unwrap()), (1, 4, 2));
}
