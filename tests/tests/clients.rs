//! ws-server and the clients that other people wrote: dates, leave notices, and lines of which none is lost.
//!
//! The programs are in `clients/`; `make test-clients` installs their libraries and runs these tests.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)] // Deadlines of the tests are read from the real clock.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use harness::foreign::{Event, ForeignClient, Program};
use harness::{Daemon, PATIENCE, Signal, binary, skipped_dates};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

const fn program(file: &'static str, version: &'static str, has_id: bool) -> Program {
    Program { file, version, has_id }
}

const WS: Program = program("ws.mjs", "13", true);
const WEBSOCKET_13: Program = program("websocket.mjs", "13", true);
const WEBSOCKET_8: Program = program("websocket.mjs", "8", true);
const DRIVER_13: Program = program("websocket-driver.mjs", "13", true);
const DRIVER_76: Program = program("websocket-driver.mjs", "76", false);
const DRIVER_75: Program = program("websocket-driver.mjs", "75", false);
const EVENTSOURCE: Program = program("eventsource.mjs", "", false);
const CURL: Program = program("lines.sh", "", false);
const WEBSOCKETS: Program = program("websockets_client.py", "13", true);
const AUTOBAHN_13: Program = program("autobahn_client.py", "13", true);
const AUTOBAHN_8: Program = program("autobahn_client.py", "8", true);
const AUTOBAHN_76: Program = program("autobahn_client.py", "76", false);

macro_rules! receives_dates_and_a_notice {
    ($($test:ident: $program:expr,)*) => {$(
        #[test]
        #[ignore = "needs libraries from npm and PyPI: `make test-clients` runs it"]
        fn $test() {
            receives_dates_and_a_notice($program);
        }
    )*};
}

receives_dates_and_a_notice! {
    npm_ws_receives_dates_and_a_leave_notice: WS,
    npm_websocket_13_receives_dates_and_a_leave_notice: WEBSOCKET_13,
    npm_websocket_8_receives_dates_and_a_leave_notice: WEBSOCKET_8,
    npm_websocket_driver_13_receives_dates_and_a_leave_notice: DRIVER_13,
    npm_websocket_driver_76_receives_dates_and_a_leave_notice: DRIVER_76,
    npm_websocket_driver_75_receives_dates_and_a_leave_notice: DRIVER_75,
    npm_eventsource_receives_dates_and_a_leave_notice: EVENTSOURCE,
    curl_receives_dates_and_a_leave_notice: CURL,
    pypi_websockets_receives_dates_and_a_leave_notice: WEBSOCKETS,
    autobahn_13_receives_dates_and_a_leave_notice: AUTOBAHN_13,
    autobahn_8_receives_dates_and_a_leave_notice: AUTOBAHN_8,
    autobahn_76_receives_dates_and_a_leave_notice: AUTOBAHN_76,
}

fn receives_dates_and_a_notice(program: Program) {
    let server = Daemon::start(binary("ws-server"), &[]);
    let client = program.start(&server.ws_url("/"), &[]);
    assert_eq!(client.opened().is_some(), program.has_id, "modern dialects, and only they, have the id");
    let (mut leaver, id) = connect(&server.ws_url("/"));
    let dates = [client.text(), client.text()];

    // ws-server announces the leaving of a client that lived a whole interval. The first date comes at once, for the
    // slot that had begun, so the second may come just short of an interval; with the third it is sure.
    for _ in 0..3 {
        text(&mut leaver);
    }
    leaver.close(None).expect("send Close");
    drop(leaver);
    notice_among_dates(&format!("{id} disconnected"), || client.text());
    expect_a_second_between(&dates, server);
}

#[test]
fn tungstenite_receives_dates_and_a_leave_notice() {
    let server = Daemon::start(binary("ws-server"), &[]);
    let (mut client, own) = connect(&server.ws_url("/"));
    let (mut leaver, id) = connect(&server.ws_url("/"));
    assert_ne!(own, id, "ids are unique");
    let dates = [text(&mut client), text(&mut client)];
    for _ in 0..3 {
        text(&mut leaver);
    }
    leaver.close(None).expect("send Close");
    drop(leaver);
    notice_among_dates(&format!("{id} disconnected"), || text(&mut client));
    expect_a_second_between(&dates, server);
}

/// The second date is of a second after the first, or of one more for each date that the server says it skipped.
fn expect_a_second_between(dates: &[String; 2], server: Daemon) {
    let [first, second] = dates.each_ref().map(|date| second_of_day(date));
    server.signal(Signal::TERM);
    let (_, log) = server.wait();
    let passed = u64::from((second + 86_400 - first) % 86_400);
    assert!((1..=1 + skipped_dates(&log)).contains(&passed), "{dates:?}: {log}");
}

/// Reads up to the notice; how many dates come before it hangs on how late this test reads them.
fn notice_among_dates(notice: &str, mut next: impl FnMut() -> String) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = next();
        if text == notice {
            return;
        }
        second_of_day(&text);
        assert!(Instant::now() < deadline, "no {notice:?}");
    }
}

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

fn connect(url: &str) -> (Socket, u64) {
    let (socket, response) = tungstenite::connect(url).expect("an opening handshake");
    let id = response.headers().get("X-Connection-Id").expect("X-Connection-Id");
    (socket, id.to_str().ok().and_then(|id| id.parse().ok()).expect("a number"))
}

fn text(socket: &mut Socket) -> String {
    loop {
        match socket.read().expect("a message") {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) => {}
            other => panic!("expected a text, got {other:?}"),
        }
    }
}

/// `Wed Sep 22 2010 17:04:22 GMT+0000 (UTC)`.
fn second_of_day(date: &str) -> u32 {
    let words: Vec<&str> = date.split(' ').collect();
    assert_eq!(words.len(), 7, "{date:?} is a date");
    assert_eq!(&words[5..], ["GMT+0000", "(UTC)"], "{date:?}");
    let parts: Vec<u32> = words[4].split(':').map(|part| part.parse().expect("a number")).collect();
    parts[0] * 3600 + parts[1] * 60 + parts[2]
}

/// How many lines every client gets.
const LINES: u32 = 100_000;

/// Fifty clients of all dialects.
const FIFTY: [(Program, u32); 9] = [
    (WS, 8),
    (WEBSOCKET_13, 5),
    (WEBSOCKET_8, 5),
    (DRIVER_13, 5),
    (DRIVER_76, 6),
    (DRIVER_75, 6),
    (EVENTSOURCE, 5),
    (CURL, 5),
    (WEBSOCKETS, 5),
];

fn lines_server() -> Daemon {
    let limits = ["--history", "100000", "--max-connections-per-ip", "0", "--leave-notices", "off"];
    // A program on a busy machine reads what its kernel holds long after all was written.
    let patience = ["--write-timeout", "2m", "--drain-timeout", "2m"];
    Daemon::start(binary("ws-server"), &[&["--source", "-"], &limits[..], &patience].concat())
}

fn write_lines(stdin: &mut impl Write) {
    let mut text = Vec::new();
    for number in 1..=LINES {
        writeln!(text, "{number}").expect("memory takes it");
    }
    stdin.write_all(&text).expect("the daemon reads its input");
}

#[test]
#[ignore = "needs libraries from npm and PyPI: `make test-clients` runs it"]
fn a_hundred_thousand_lines_reach_fifty_mixed_clients_whole_and_in_order() {
    assert_eq!(FIFTY.iter().map(|(_, count)| count).sum::<u32>(), 50);
    let mut server = lines_server();
    let clients: Vec<(ForeignClient, u32)> = FIFTY
        .iter()
        .map(|&(program, count)| (program.start(&server.ws_url("/?since=0"), &[&count.to_string()]), count))
        .collect();
    let readers: Vec<_> = clients
        .into_iter()
        .map(|(client, count)| {
            for _ in 0..count {
                let (_, event) = client.next(Duration::from_mins(1));
                assert!(matches!(event, Event::Open(_)), "{}: {event:?}", client.name);
            }
            thread::spawn(move || receive_all(&client, count))
        })
        .collect();
    write_lines(&mut server.stdin.take().expect("piped"));
    for reader in readers {
        reader.join().expect("every client of this program got every line");
    }
    assert!(server.wait().0.success(), "at the end of its input ws-server exits with 0");
}

/// Each of the connections must get 1, 2, … LINES, and then its end.
fn receive_all(client: &ForeignClient, connections: u32) {
    let mut last = vec![0_u32; connections as usize];
    let mut open = connections;
    while open > 0 {
        match client.next(Duration::from_mins(2)) {
            (index, Event::Text(text)) => {
                last[index] += 1;
                assert_eq!(text, last[index].to_string(), "{}, connection {index}", client.name);
            }
            (index, Event::Close(code)) => {
                assert_eq!(last[index], LINES, "{}, connection {index} ended early, {code:?}", client.name);
                assert!(matches!(code, None | Some(1000)), "{}: closed with {code:?}", client.name);
                open -= 1;
            }
            (index, event) => panic!("{}, connection {index}: {event:?}", client.name),
        }
    }
}

#[test]
#[ignore = "needs libraries from npm: `make test-clients` runs it"]
fn a_client_that_reconnects_with_its_last_number_misses_none() {
    let mut server = lines_server();
    // Its input stays open, or the daemon would deliver what is queued and exit.
    let mut stdin = server.stdin.take().expect("piped");
    write_lines(&mut stdin);
    for program in [WS, DRIVER_76, DRIVER_75, WEBSOCKET_8, EVENTSOURCE, CURL] {
        let stop_after = "1234";
        let client = program.start(&server.ws_url("/?since=0"), &["1", stop_after]);
        client.opened();
        for number in 1..=1234 {
            assert_eq!(client.text(), number.to_string(), "{}", client.name);
        }
        drop(client);
        let again = program.start(&server.ws_url("/?since=1234"), &[]);
        again.opened();
        for number in 1235..=LINES {
            assert_eq!(again.text(), number.to_string(), "{}, reconnected", again.name);
        }
    }
}
