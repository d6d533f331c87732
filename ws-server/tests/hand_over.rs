//! A restart that no client notices: the holder plays systemd's part, and each connection lives on in the next process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "for tests; they sleep through the restart itself"
)]

use std::{
    os::unix::net::UnixStream,
    thread,
    time::{Duration, Instant},
};

use harness::scrape::ask_on;
use harness::{Client, Daemon, Holder, Signal, eventually, frame, handshake, skipped_dates, split_id};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

/// Dates as numbers. A date that is late by half an interval is skipped: on a busy machine, too, and [`Numbers`] allow for it.
const DATES: [&str; 8] =
    ["--hand-over", "on", "--interval", "700ms", "--template", "{seq}", "--workers", "2"];

const HIXIE_75: &str = "GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket";
const HIXIE_76: &str = "GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00";

/// Reads the next message of a client.
type Next = fn(&mut Client) -> String;

/// One client of each dialect that has read the head of its answer.
fn one_of_each(holder: &Holder) -> Vec<(&'static str, Client, Next)> {
    let line: Next = |client| text(client.until(b"\n"));
    let chunk: Next = |client| {
        client.until(b"\r\n");
        text(client.until(b"\r\n"))
    };
    let object: Next = |client| {
        loop {
            client.until(b"\"text\":\"");
            let text = text(client.until(b"\"")).trim_end_matches('"').to_owned();
            // Another one tells of dates that were skipped.
            if client.until(b"}").starts_with(b",\"kind\":\"message\"") {
                return text;
            }
        }
    };
    let line_of_html: Next = |client| {
        loop {
            client.until(b"<div>");
            let line = client.until(b"<");
            // `<div><i>` begins what is no message.
            if line != b"<" {
                return text(line).trim_end_matches('<').to_owned();
            }
        }
    };
    let accept = |media, version| format!("GET / HTTP/{version}\nHost: a\nAccept: {media}");
    let requests: [(&str, String, Next); 12] = [
        ("RFC 6455", handshake("/", 13), Client::text),
        ("hybi-08", handshake("/", 8), Client::text),
        ("hybi-07", handshake("/", 7), Client::text),
        ("hixie-75", HIXIE_75.to_owned(), Client::hixie_text),
        ("lines", "GET / HTTP/1.0".to_owned(), line),
        ("lines in chunks", "GET / HTTP/1.1\nHost: a".to_owned(), chunk),
        ("events", "GET / HTTP/1.0\nAccept: text/event-stream".to_owned(), event),
        ("events in chunks", "GET / HTTP/1.1\nHost: a\nAccept: text/event-stream".to_owned(), event),
        ("lines of JSON", accept("application/x-ndjson", "1.0"), object),
        ("lines of JSON in chunks", accept("application/x-ndjson", "1.1"), object),
        ("HTML", accept("text/html", "1.0"), line_of_html),
        ("HTML in chunks", accept("text/html", "1.1"), line_of_html),
    ];
    let mut clients: Vec<_> = requests
        .into_iter()
        .map(|(name, request, next)| {
            let mut client = holder.request(&request);
            client.head();
            (name, client, next)
        })
        .collect();
    let mut old = holder.request(HIXIE_76);
    old.send(b"^n:ds[4U");
    old.head();
    assert_eq!(old.take(16), b"8jKS'y:G*Co,Wxa-");
    clients.push(("hixie-76", old, Client::hixie_text));
    clients
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().trim_end().to_owned()
}

/// The number of the next event, which is also its text.
fn event(client: &mut Client) -> String {
    client.until(b"id: ");
    let id = text(client.until(b"\n"));
    let number = split_id(&id).1.to_string();
    assert_eq!(text(client.until(b"\n\n")), format!("data: {number}"));
    number
}

/// The next number that a client reads.
fn number(client: &mut Client, next: Next) -> u64 {
    let text = next(client);
    text.parse().unwrap_or_else(|_| panic!("not a number: {text:?}"))
}

/// The numbers that some clients read: none comes twice or goes back, and none is left out but in a date that the server counts as skipped.
struct Numbers {
    last: Vec<u64>,
    left_out: Vec<u64>,
}

impl Numbers {
    /// Each client's first one.
    fn new(first: impl IntoIterator<Item = u64>) -> Self {
        let last: Vec<u64> = first.into_iter().collect();
        Self { left_out: vec![0; last.len()], last }
    }

    /// Likewise, of modern clients: the answer to their handshake comes before.
    fn of_texts(clients: &mut [Client]) -> Self {
        Self::new(clients.iter_mut().map(|client| {
            client.head();
            number(client, Client::text)
        }))
    }

    /// Each of these reads its next one.
    fn next_texts(&mut self, clients: &mut [Client], what: &str) {
        for (at, client) in clients.iter_mut().enumerate() {
            self.next(at, number(client, Client::text), what);
        }
    }

    /// A client has read its next one.
    fn next(&mut self, client: usize, number: u64, what: &str) {
        let (last, left_out) = (&mut self.last[client], &mut self.left_out[client]);
        assert!(number > *last, "{what}: {number} after {last}");
        *left_out += number - *last - 1;
        *last = number;
    }

    /// Ends the server; what all its processes have logged must account for all that is missing.
    fn check(&self, holder: &mut Holder) {
        // A hand-over logs what was not said yet.
        holder.end(Signal::USR2);
        let skipped = skipped_dates(&holder.log);
        for left_out in &self.left_out {
            assert!(*left_out <= skipped, "{left_out} are missing, {skipped} were skipped: {}", holder.log);
        }
    }
}

/// Lets a pause between two processes pass, and reads so many dates, which were due before it was over: the next process skips none of them,
/// however late it is.
fn pause(holder: &mut Holder, pause: u64, due: u64, numbers: &mut Numbers, mut next: impl FnMut() -> u64) {
    let skipped = skipped_dates(&holder.end(Signal::USR2).1);
    thread::sleep(Duration::from_millis(pause));
    holder.start_next();
    let left_out = numbers.left_out[0];
    for _ in 0..due {
        numbers.next(0, next(), "due in the pause");
    }
    assert!(numbers.left_out[0] <= left_out + skipped, "{skipped} were skipped before the pause");
}

#[test]
fn every_dialect_lives_on_and_gets_each_number_once() {
    let mut holder = Holder::start(WS_SERVER, &[&DATES[..], &["--leave-notices", "off"]].concat());
    let mut clients = one_of_each(&holder);
    let mut numbers = Numbers::new(clients.iter_mut().map(|(_, client, next)| number(client, *next)));
    for _ in 0..3 {
        holder.restart();
        for (at, (name, client, next)) in clients.iter_mut().enumerate() {
            for _ in 0..3 {
                numbers.next(at, number(client, *next), name);
            }
        }
    }
    // All clients have the same schedule, the newcomers too.
    let mut newcomer = holder.request("GET / HTTP/1.0");
    newcomer.head();
    let newest = number(&mut newcomer, |client| text(client.until(b"\n")));
    let last = numbers.last[0];
    assert!(newest.abs_diff(last) <= 15, "{newest} after {last}");
    assert!(holder.kept.is_empty(), "what was taken is not kept any more");
    numbers.check(&mut holder);
}

/// A log in which each time is `N ms`.
fn without_times(log: &str) -> String {
    let is_time = |word: &&str| word.parse::<f64>().is_ok_and(|time| time < 60_000.0) && word.contains('.');
    log.split(' ').map(|word| if is_time(&word) { "N" } else { word }).collect::<Vec<_>>().join(" ")
}

#[test]
fn both_logs_say_what_each_step_of_a_hand_over_took() {
    let mut holder = Holder::start(WS_SERVER, &DATES);
    let mut clients = one_of_each(&holder);
    let (_, before) = holder.end(Signal::USR2);
    let before = without_times(&before);
    let steps = "13 live connections wait for the next process: stop N ms, export N ms, records N ms, descriptors N ms, service manager N ms\n";
    assert!(before.contains(steps), "{before}");
    holder.start_next();
    for (_, client, next) in &mut clients {
        number(client, *next);
    }
    let (_, after) = holder.end(Signal::TERM);
    let after = without_times(&after);
    let writer = concat!("ws-server ", env!("CARGO_PKG_VERSION"));
    let adopting = format!("adopting 13 live connections of {writer}\n");
    let all_back = "all 13 live connections are back, N ms after their export began: between the processes N ms, manifest N ms, \
                    preparations N ms, adoption N ms\n";
    assert!(after.contains(&adopting) && after.contains(all_back), "{after}");
}

/// Milliseconds of the day in a date of RFC 3339.
fn milliseconds(date: &str) -> i64 {
    let time = date.split_once('T').unwrap().1.trim_end_matches('Z');
    let mut parts = time.split([':', '.']).map(|part| part.parse::<i64>().unwrap());
    let mut next = || parts.next().unwrap();
    ((next() * 60 + next()) * 60 + next()) * 1000 + next()
}

#[test]
fn the_schedule_of_a_connection_is_the_same_in_every_process() {
    let template = ["--template", "{seq} {date}", "--format", "rfc3339"];
    let mut holder = Holder::start(
        WS_SERVER,
        &[&["--hand-over", "on", "--interval", "100ms", "--workers", "2"], &template[..]].concat(),
    );
    let mut client = holder.request(&handshake("/", 13));
    client.head();
    let mut next = || {
        let text = client.text();
        let (number, date) = text.split_once(' ').unwrap();
        (number.parse::<i64>().unwrap(), milliseconds(date))
    };
    let (first, began) = next();
    for round in 0..3 {
        holder.restart();
        for _ in 0..5 {
            let (number, at) = next();
            // At midnight the milliseconds start from 0.
            let passed = (at - began).rem_euclid(86_400_000);
            assert_eq!(passed, (number - first) * 100, "round {round}");
        }
    }
}

#[test]
fn notices_that_wait_for_their_second_are_not_forgotten() {
    let mut holder = Holder::start(
        WS_SERVER,
        &["--hand-over", "on", "--interval", "50ms", "--notice-rate", "1", "--workers", "1"],
    );
    // These make the ids of the leavers larger than their number.
    let early: Vec<Client> = (0..10).map(|_| holder.request("GET / HTTP/1.0")).collect();
    let mut stays = holder.request("GET / HTTP/1.0");
    let mut leave: Vec<Client> = (0..6).map(|_| holder.request("GET / HTTP/1.0")).collect();
    for client in std::iter::once(&mut stays).chain(&mut leave) {
        client.head();
        // The second date comes up to a slot before the end of the interval that a client must have lived for a notice.
        for _ in 0..3 {
            client.until(b"\n");
        }
    }
    drop(leave);
    // The first notice is out, and the others wait for the next second.
    let mut left = notice(&mut stays);
    holder.restart();
    while left < 6 {
        left += notice(&mut stays);
    }
    assert_eq!(left, 6);
    drop(early);
}

/// How many clients left according to the next notice, which has either the id of one or a number.
fn notice(client: &mut Client) -> u64 {
    let received = text(client.until(b" disconnected\n"));
    let number: u64 = received.rsplit('\n').next().unwrap().split(' ').next().unwrap().parse().unwrap();
    if number > 10 { 1 } else { number }
}

#[test]
fn an_id_stays_what_it_was_and_is_never_given_twice() {
    let mut holder = Holder::start(WS_SERVER, &["--hand-over", "on", "--interval", "50ms"]);
    let id = |client: &mut Client| -> u64 {
        let head = client.head();
        let (_, rest) = head.split_once("X-Connection-Id: ").unwrap();
        rest.split_once("\r\n").unwrap().0.parse().unwrap()
    };
    let request = "GET / HTTP/1.0";
    let (mut stays, mut leaves) = (holder.request(request), holder.request(request));
    let (first, second) = (id(&mut stays), id(&mut leaves));
    leaves.until(b"\n");
    leaves.until(b"\n");
    holder.restart();
    let mut newcomer = holder.request(request);
    let third = id(&mut newcomer);
    assert!(third > first && third > second, "{third} after {first} and {second}");
    leaves.until(b"\n");
    drop(leaves);
    stays.until(format!("\n{second} disconnected\n").as_bytes());
}

#[test]
fn a_client_that_left_during_the_restart_is_announced_after_it() {
    let mut holder = Holder::start(WS_SERVER, &["--hand-over", "on", "--interval", "50ms"]);
    let mut stays = holder.request("GET / HTTP/1.0");
    let mut leaves = holder.request("GET / HTTP/1.0");
    for client in [&mut stays, &mut leaves] {
        client.head();
        // The second date comes up to a slot before the end of the interval that a client must have lived for a notice.
        for _ in 0..3 {
            client.until(b"\n");
        }
    }
    holder.end(Signal::USR2);
    drop(leaves);
    holder.start_next();
    stays.until(b" disconnected\n");
}

#[test]
fn a_client_in_the_middle_of_a_frame_is_closed_with_1012() {
    let mut holder = Holder::start(WS_SERVER, &DATES);
    let whole = frame(0x81, b"hello");
    for cut in 1..whole.len() {
        let mut client = holder.request(&handshake("/", 13));
        client.head();
        client.text();
        client.send(&whole[..cut]);
        // When this answer comes, the server has what was sent before.
        let mut other = holder.request(&handshake("/", 13));
        other.head();
        other.text();
        holder.restart();
        assert_eq!(client.close_code(), Some(1012), "cut at {cut}");
        client.send(&whole[cut..]);
        client.send(frame(0x88, &1012_u16.to_be_bytes()));
        assert_eq!(client.rest(), b"", "the closing handshake is seen through");
        other.text();
    }
}

#[test]
fn a_client_in_its_closing_handshake_is_not_told_of_a_new_stream() {
    let mut holder = Holder::start(WS_SERVER, &DATES);
    let mut clients: Vec<Client> = [handshake("/?ids=1", 13), HIXIE_76.replace("GET /", "GET /?ids=1")]
        .map(|request| holder.request(&request))
        .into();
    clients[1].send(b"^n:ds[4U");
    for client in &mut clients {
        client.head();
    }
    clients[1].take(16);
    clients[0].text();
    clients[1].hixie_text();
    // Only the beginning of a frame.
    clients[0].send([0x81]);
    clients[1].send([0x00]);
    // When this answer comes, the server has what was sent before.
    let mut other = holder.request(&handshake("/", 13));
    other.head();
    other.text();
    holder.end(Signal::USR2);
    let kept = [&DATES[..2], &["--interval", "0"]].concat();
    holder.args = kept.into_iter().map(str::to_owned).collect();
    holder.start_next();
    assert_eq!(clients[0].close_code(), Some(1012));
    clients[0].send(frame(0x88, &1012_u16.to_be_bytes()));
    clients[0].finish_sending();
    assert_eq!(clients[0].rest(), b"", "nothing behind the Close");
    clients[1].until(b"\xFF\x00");
    clients[1].finish_sending();
    assert_eq!(clients[1].rest(), b"", "nothing behind the closing frame");
}

#[test]
fn a_second_signal_does_not_disturb_the_hand_over() {
    let mut holder = Holder::start(WS_SERVER, &DATES);
    let mut clients: Vec<Client> = (0..40).map(|_| holder.request(&handshake("/", 13))).collect();
    let mut numbers = Numbers::of_texts(&mut clients);
    // `STOPPING=1` comes before the workers are told; with the other one stored, the process waits for the service manager.
    for moment in ["STOPPING=1"; 5].into_iter().chain(["FDSTORE=1"]) {
        holder.signal(Signal::USR2);
        holder.wait_for(moment);
        holder.signal(Signal::USR2);
        // Until the process has the signal, nothing is read on.
        thread::sleep(Duration::from_millis(20));
        holder.wait_for("BARRIER=1");
        let (status, log) = holder.wait();
        assert!(status.success(), "{log}");
        holder.start_next();
        numbers.next_texts(&mut clients, moment);
    }
    numbers.check(&mut holder);
}

#[test]
fn a_signal_that_comes_while_the_next_process_starts_ends_no_client() {
    let mut holder = Holder::start(WS_SERVER, &DATES);
    let mut clients: Vec<Client> = (0..40).map(|_| holder.request(&handshake("/", 13))).collect();
    let mut numbers = Numbers::of_texts(&mut clients);
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2].into_iter().cycle().take(9) {
        holder.end(Signal::USR2);
        // The first thing that it says: the clients live on in it alone.
        holder.start_next_with("FDSTOREREMOVE=1", signal);
        if signal == Signal::USR2 {
            holder.wait_for("BARRIER=1");
            let (status, log) = holder.wait();
            assert!(status.success(), "{status}: {log}");
            holder.start_next();
        } else {
            holder.wait_for("READY=1");
        }
        numbers.next_texts(&mut clients, &format!("{signal:?}"));
    }
    numbers.check(&mut holder);
    holder.start_next_with("FDSTOREREMOVE=1", Signal::TERM);
    for client in &mut clients {
        assert_eq!(client.close_code(), Some(1001));
    }
}

#[test]
fn a_client_that_was_closed_with_1012_is_announced_like_any_other_that_left() {
    let mut holder = Holder::start(WS_SERVER, &["--hand-over", "on", "--interval", "50ms"]);
    let mut stays = holder.request("GET / HTTP/1.0");
    let mut amid = holder.request(&handshake("/", 13));
    stays.head();
    amid.head();
    for _ in 0..2 {
        stays.until(b"\n");
        amid.text();
    }
    // Only the beginning of a frame.
    amid.send([0x81, 0xFE, 0x00]);
    amid.text();
    holder.restart();
    drop(amid);
    stays.until(b" disconnected\n");
}

#[test]
fn a_message_between_two_fragments_goes_on() {
    let mut holder =
        Holder::start(WS_SERVER, &["--hand-over", "on", "--on-message", "echo", "--interval", "0"]);
    let mut client = holder.request(&handshake("/", 13));
    client.head();
    client.send(frame(0x01, b"one "));
    client.send(frame(0x89, b"there?"));
    assert_eq!(client.frame(), (0x8A, b"there?".to_vec()), "the fragment was read");
    holder.restart();
    client.send(frame(0x80, b"message"));
    assert_eq!(client.text(), "one message");
}

#[test]
fn half_a_request_is_not_refused() {
    let mut holder = Holder::start(WS_SERVER, &["--hand-over", "on"]);
    let request = format!("{}\r\n\r\n", handshake("/", 13).replace('\n', "\r\n"));
    let mut clients: Vec<Client> = (0..request.len()).step_by(20).map(|_| holder.connect()).collect();
    for (client, cut) in clients.iter_mut().zip((0..request.len()).step_by(20)) {
        client.send(&request[..cut]);
    }
    let mut old = holder.request(HIXIE_76);
    old.send(b"^n:d");
    old.head();
    holder.restart();
    for (client, cut) in clients.iter_mut().zip((0..request.len()).step_by(20)) {
        client.send(&request[cut..]);
        assert!(client.head().starts_with("HTTP/1.1 101 "), "cut at {cut}");
        client.text();
    }
    old.send(b"s[4U");
    assert_eq!(old.take(16), b"8jKS'y:G*Co,Wxa-");
    old.hixie_text();
}

#[test]
fn the_next_process_closes_a_client_that_never_answers_its_ping() {
    let mut holder = Holder::start(
        WS_SERVER,
        &["--hand-over", "on", "--interval", "0", "--ping-interval", "300ms", "--pong-timeout", "1s"],
    );
    let mut client = holder.request(&handshake("/", 13));
    client.head();
    assert_eq!(client.frame().0, 0x89, "a ping");
    let pinged = Instant::now();
    holder.restart();
    assert_eq!(client.rest(), b"", "no second ping");
    let waited = pinged.elapsed();
    assert!(waited < Duration::from_secs(5), "{waited:?}: its deadline went on");
}

#[test]
fn ordered_dates_have_no_gap_either() {
    let mut holder = Holder::start(WS_SERVER, &[&DATES[..], &["--delivery", "ordered"]].concat());
    let mut client = holder.request("GET / HTTP/1.0");
    client.head();
    let line: Next = |client| text(client.until(b"\n"));
    let mut numbers = Numbers::new([number(&mut client, line)]);
    for _ in 0..2 {
        // A restart that takes several intervals.
        pause(&mut holder, 1500, 2, &mut numbers, || number(&mut client, line));
        for _ in 0..3 {
            numbers.next(0, number(&mut client, line), "ordered");
        }
    }
    numbers.check(&mut holder);
}

#[test]
fn after_a_long_pause_the_dates_that_were_due_come_all_the_same() {
    let mut holder = Holder::start(WS_SERVER, &DATES);
    let mut client = holder.request(&handshake("/", 13));
    client.head();
    let mut numbers = Numbers::new([number(&mut client, Client::text)]);
    pause(&mut holder, 2500, 3, &mut numbers, || number(&mut client, Client::text));
    for _ in 0..2 {
        numbers.next(0, number(&mut client, Client::text), "after the pause");
    }
    numbers.check(&mut holder);
}

#[test]
fn another_interval_begins_after_the_newest_number() {
    let mut holder = Holder::start(WS_SERVER, &DATES);
    let mut client = holder.request(&handshake("/", 13));
    client.head();
    let last = number(&mut client, Client::text);
    holder.args[3] = "500ms".to_owned();
    holder.restart();
    let first = number(&mut client, Client::text);
    assert!(first > last && first <= last + 10, "{first} after {last}");
    let mut numbers = Numbers::new([first]);
    for _ in 0..5 {
        numbers.next(0, number(&mut client, Client::text), "another interval");
    }
    numbers.check(&mut holder);
}

#[test]
fn a_stop_is_no_restart_and_without_the_feature_a_restart_is_a_stop() {
    for (args, signal, code) in [(&DATES[..], Signal::TERM, 1001_u16), (&[], Signal::USR2, 1012)] {
        let mut holder = Holder::start(WS_SERVER, args);
        let mut client = holder.request(&handshake("/", 13));
        client.head();
        holder.signal(signal);
        assert_eq!(client.close_code(), Some(code));
        client.send(frame(0x88, &code.to_be_bytes()));
        assert!(holder.wait().0.success());
        assert!(holder.kept.is_empty());
    }
}

#[test]
fn a_state_of_a_newer_or_an_older_version_ends_each_connection_in_its_own_way_and_says_so() {
    for format in [999, 0] {
        let mut holder = Holder::start(WS_SERVER, &DATES);
        let mut clients = one_of_each(&holder);
        let mut opening = holder.connect();
        opening.send(b"GET / HTTP/1.1\r\nHo");
        // Connections are accepted in order: once a later one has its answer, the process has this one, too.
        assert!(holder.request("GET / HTTP/1.0").head().starts_with("HTTP/1.1 200 "));
        holder.end(Signal::USR2);
        holder.change_format(format);
        holder.start_next();
        for (name, client, _) in &mut clients {
            expect_closing_bytes(name, client);
        }
        assert!(opening.head().starts_with("HTTP/1.1 503 "));
        // New connections are served.
        one_of_each(&holder);
        let log = holder.end(Signal::TERM).1;
        let reason = format!("in format {format}, which this version cannot read (it reads 1 to 2)");
        assert!(log.contains(&reason), "{log}");
    }
}

/// Each dialect's own end for a server that will be back.
fn expect_closing_bytes(name: &str, client: &mut Client) {
    if ["RFC 6455", "hybi-08", "hybi-07"].contains(&name) {
        assert_eq!(client.close_code(), Some(1012), "{name}");
        client.send(frame(0x88, &1012_u16.to_be_bytes()));
    }
    client.finish_sending();
    let rest = client.rest();
    match name {
        "hixie-76" => assert!(rest.ends_with(b"\xFF\x00"), "{name}: {rest:?}"),
        "lines in chunks" | "events in chunks" => assert!(rest.ends_with(b"\r\n0\r\n\r\n"), "{name}"),
        _ => {}
    }
}

#[test]
fn without_a_service_manager_every_connection_is_closed() {
    let server = Daemon::start(WS_SERVER, &["--hand-over", "on"]);
    let (mut client, _) = server.websocket("/");
    server.signal(Signal::USR2);
    assert_eq!(client.close_code(), Some(1012));
    client.send(frame(0x88, &1012_u16.to_be_bytes()));
    assert!(server.wait().0.success());
}

#[test]
fn the_metrics_count_the_adopted_connections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics");
    let unix = format!("unix:{}", path.display());
    let mut holder = Holder::start(WS_SERVER, &[&DATES[..], &["--metrics", &unix]].concat());
    let mut client = holder.request("GET / HTTP/1.0");
    client.head();
    holder.end(Signal::USR2);
    holder.start_next();
    client.until(b"\n");
    eventually(|| {
        let answer = ask_on(UnixStream::connect(&path).unwrap(), "GET", "/metrics");
        let has = |line| answer.contains(&format!("\ndatecast_ws_{line}\n"));
        let adopted = has("connections{dialect=\"lines\",state=\"open\"} 1") && has("adopted_total 1");
        if adopted { Ok(()) } else { Err(answer) }
    });
}
