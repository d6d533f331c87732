//! A client that comes back says what it has: it gets everything behind that, or hears what it does not get.

#![allow(clippy::unwrap_used, reason = "for tests")]

use harness::{Client, Daemon, Signal, after_retry, split_id, without_epochs};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

const LINES: &[&str] = &["--source", "-"];

/// A server that has read the lines 1 to `newest`; none of its clients has gone before it.
fn server(args: &[&str], newest: u64) -> Daemon {
    let mut server = Daemon::start(WS_SERVER, args);
    let mut client = server.websocket("/?since=0").0;
    for number in 1..=newest {
        server.write(format!("{number}\n"));
        assert_eq!(client.text(), number.to_string());
    }
    server
}

/// The newest id of this server.
fn newest(server: &Daemon, newest: u64) -> String {
    let mut client = server.websocket(&format!("/?ids=1&since={}", newest - 1)).0;
    let text = client.text();
    let (id, line) = text.split_once('\t').unwrap();
    assert_eq!((split_id(id).1, line), (newest, newest.to_string().as_str()));
    id.to_owned()
}

/// A browser's event stream with this `Last-Event-ID`.
fn events(server: &Daemon, last_event_id: &str) -> Client {
    let request = format!("GET / HTTP/1.0\nAccept: text/event-stream\nLast-Event-ID: {last_event_id}");
    let mut client = server.request(&request);
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    client
}

fn read(client: &mut Client, end: &str) -> String {
    String::from_utf8(client.until(end.as_bytes())).unwrap()
}

#[test]
fn a_client_of_a_life_that_crashed_gets_all_of_the_new_one_and_is_told() {
    let old = server(LINES, 15);
    let id = newest(&old, 15);
    old.signal(Signal::KILL);
    old.wait();
    let new = server(LINES, 30);
    let latest = newest(&new, 30);
    let (epoch, _) = split_id(&latest);
    assert!(split_id(&id).0 < epoch, "a later stream compares greater");
    let gap = format!(r#"{{"missed":null,"stream":"new","next":"{epoch}_1"}}"#);

    let text = read(&mut events(&new, &id), "data: 30\n\n");
    let expected = format!("event: gap\ndata: {gap}\n\nid: {epoch}_1\ndata: 1\n\n");
    assert!(after_retry(&text).starts_with(&expected), "{text}");
    assert!(text.ends_with(&format!("id: {latest}\ndata: 30\n\n")), "{text}");

    let mut frames = new.websocket(&format!("/?ids=1&since={id}")).0;
    assert_eq!(frames.text(), format!("!\t{gap}"));
    (1..=30).for_each(|number| assert_eq!(frames.text(), format!("{epoch}_{number}\t{number}")));

    for target in [format!("/?since={id}"), format!("/?lastEventId={id}")] {
        let mut lines = new.request(&format!("GET {target} HTTP/1.0\nOrigin: http://b"));
        let head = lines.head();
        assert!(head.contains(&format!("\r\nDatecast-Gap: {gap}\r\n")), "{head}");
        assert!(head.contains("\r\nAccess-Control-Expose-Headers: X-Connection-Id, Datecast-Gap\r\n"));
        assert!(read(&mut lines, "\n30\n").starts_with("1\n2\n3\n"));
    }

    // A number alone belongs to the present stream.
    let mut numbered = new.websocket("/?numbered=1&since=15").0;
    assert_eq!(numbered.text(), "16\t16");
}

#[test]
fn whoever_has_the_newest_message_is_told_nothing_in_any_framing() {
    let mut server = server(LINES, 5);
    let id = newest(&server, 5);
    let mut clients = [events(&server, &id), events(&server, "5")];
    let mut frames = server.websocket(&format!("/?ids=1&since={id}")).0;
    let mut lines = server.request(&format!("GET /?since={id} HTTP/1.0"));
    assert!(!lines.head().contains("Datecast-Gap:"));
    server.write("6\n");
    for client in &mut clients {
        assert_eq!(without_epochs(after_retry(&read(client, "data: 6\n\n"))), "id: 6\ndata: 6\n\n");
    }
    assert_eq!(frames.text(), format!("{}_6\t6", split_id(&id).0));
    assert_eq!(read(&mut lines, "\n"), "6\n");
}

#[test]
fn a_number_that_has_left_the_history_is_told_how_many_are_missing() {
    let server = server(&["--source", "-", "--history", "10"], 30);
    let latest = newest(&server, 30);
    let (epoch, _) = split_id(&latest);
    for (since, missed) in [("15".to_owned(), 5), (format!("{epoch}_19"), 1), ("0".to_owned(), 20)] {
        let mut client = server.websocket(&format!("/?ids=1&since={since}")).0;
        let gap = format!("!\t{{\"missed\":{missed},\"stream\":\"same\",\"next\":\"{epoch}_21\"}}");
        assert_eq!(client.text(), gap);
        assert_eq!(client.text(), format!("{epoch}_21\t21"));
    }
    let mut whole = server.websocket(&format!("/?ids=1&since={epoch}_20")).0;
    assert_eq!(whole.text(), format!("{epoch}_21\t21"));
}

#[test]
fn a_last_event_id_that_cannot_be_read_never_ends_an_event_source() {
    let server = server(LINES, 3);
    let epoch = split_id(&newest(&server, 3)).0.to_owned();
    let gap = format!(r#"{{"missed":null,"stream":"new","next":"{epoch}_1"}}"#);
    for id in ["abc", "-1", "18446744073709551616", "0_0", "\u{e9}", "01932F5A0C2E_1"] {
        let text = read(&mut events(&server, id), "data: 3\n\n");
        assert!(after_retry(&text).starts_with(&format!("event: gap\ndata: {gap}\n\n")), "{id}: {text}");
    }
    // So is what was never given, in this stream.
    let text = read(&mut events(&server, "4"), "data: 3\n\n");
    assert!(text.contains("event: gap\ndata: {\"missed\":null,\"stream\":\"same\","), "{text}");
}

#[test]
fn a_since_that_cannot_be_read_is_refused_with_its_name_its_value_and_the_cure() {
    let server = Daemon::start(WS_SERVER, LINES);
    for request in [
        "GET /?since=abc HTTP/1.1\nHost: a\nOrigin: http://b",
        "GET /?since=abc HTTP/1.1\nHost: a\nOrigin: http://b\nConnection: Upgrade\nUpgrade: websocket\n\
         Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "GET /?since=abc HTTP/1.1\nHost: a\nOrigin: http://b\nConnection: Upgrade\nUpgrade: WebSocket",
    ] {
        let answer = String::from_utf8(server.request(request).rest()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(head.contains("Access-Control-Allow-Origin: *"), "{answer}");
        assert!(body.starts_with("since=abc: ") && body.contains("its number"), "{answer}");
    }
}

#[test]
fn the_drafts_carry_ids_and_gaps_too() {
    let server = server(&["--source", "-", "--history", "2"], 5);
    let epoch = split_id(&newest(&server, 5)).0.to_owned();
    let request = "GET /?ids=1&since=0 HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket";
    let mut old = server.request(request);
    old.head();
    let gap = format!("!\t{{\"missed\":3,\"stream\":\"same\",\"next\":\"{epoch}_4\"}}");
    assert_eq!(old.hixie_text(), gap);
    assert_eq!(old.hixie_text(), format!("{epoch}_4\t4"));
}

#[test]
fn what_a_client_says_never_looks_like_a_message() {
    for on_message in ["echo", "broadcast"] {
        let args = ["--source", "-", "--on-message", on_message];
        let server = Daemon::start(WS_SERVER, &args);
        let mut reader = server.websocket("/?ids=1&numbered=1").0;
        let mut writer = server.websocket("/?ids=1").0;
        let forged = "01932f5a0c2e_7\thello";
        writer.send(harness::frame(0x81, forged.as_bytes()));
        let client = if on_message == "echo" { &mut writer } else { &mut reader };
        assert_eq!(client.text(), format!("\t{forged}"));
    }
}

/// How many messages the gap names as missed, and the id of the first message that comes.
fn after_gap(client: &mut Client) -> (u64, String) {
    let mut text = client.text();
    let mut missed = 0;
    if let Some(gap) = text.strip_prefix("!\t{\"missed\":") {
        missed = gap.split_once(',').unwrap().0.parse().unwrap();
        text = client.text();
    }
    (missed, text.split_once('\t').unwrap().0.to_owned())
}

#[test]
fn a_client_of_the_clock_is_told_of_the_dates_between_and_gets_none_twice() {
    let server =
        Daemon::start(WS_SERVER, &["--interval", "100ms", "--template", "{seq}", "--leave-notices", "off"]);
    let mut first = server.websocket("/?ids=1").0;
    let texts: Vec<String> = (0..6).map(|_| first.text()).collect();
    let ids: Vec<_> = texts.iter().map(|text| text.split_once('\t').unwrap().0).collect();
    let (epoch, number) = split_id(ids[0]);
    let mut late = server.websocket(&format!("/?ids=1&since={}", ids[0])).0;
    let gap = late.text();
    let next = late.text();
    let (next, _) = next.split_once('\t').unwrap();
    let missed = split_id(next).1 - number - 1;
    assert!(missed >= 3);
    assert_eq!(gap, format!("!\t{{\"missed\":{missed},\"stream\":\"same\",\"next\":\"{next}\"}}"));
    for _ in 0..20 {
        // Whatever the phase in which it comes back.
        let (_, newest) = after_gap(&mut first);
        let newest = newest.as_str();
        let mut back = server.websocket(&format!("/?ids=1&since={newest}")).0;
        let (missed, id) = after_gap(&mut back);
        assert_eq!(id, format!("{epoch}_{}", split_id(newest).1 + missed + 1));
    }
    // So is one of a stream of before.
    let mut other = server.websocket("/?ids=1&since=000000000001_5").0;
    assert!(other.text().starts_with("!\t{\"missed\":null,\"stream\":\"new\",\"next\":\""));
    assert_eq!(split_id(other.text().split_once('\t').unwrap().0).0, epoch);
}
