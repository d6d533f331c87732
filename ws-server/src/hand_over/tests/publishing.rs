//! What only streams have to which clients publish, or that need a token.

use common::http::{Body, BodyReader};

use super::*;
use crate::{
    connection::Reuse,
    publish::{Account, Begin, Keys, Publication, Reply, ScopedKey, Verdict},
    source::{InvalidUtf8, LineRules, Splitter},
    stream::Numbers,
};

/// [`state`] with [`keys`], and [`conns`]: as format 2 has them, to the byte.
const PINNED: &str = include_str!("../format-2-publishing.txt");

fn id(number: u64) -> MessageId {
    MessageId { epoch: EPOCH, number }
}

fn key(key: &str) -> ScopedKey {
    ScopedKey { scope: Some("anna".into()), key: key.into() }
}

fn begin(keys: &mut Keys, key: ScopedKey) -> Account {
    match keys.begin(key, 5) {
        Begin::Run(account) => account,
        Begin::Busy => panic!("it is busy"),
    }
}

fn publish(account: &mut Account, line: &str, number: u64) {
    assert_eq!(account.line(line), Ok(Verdict::Publish));
    account.published(id(number), id(number));
}

/// A request that has ended, one that was cut off, and one whose connection is on its way, as a retry of what was cut off.
fn keys() -> (Keys, Account) {
    let mut keys = Keys::new(100);
    let mut finished = begin(&mut keys, key("finished"));
    publish(&mut finished, "a", 5);
    finished.finish().unwrap();
    keys.end(finished, 5);
    for name in ["cut off", "running"] {
        let mut account = begin(&mut keys, ScopedKey { scope: None, ..key(name) });
        publish(&mut account, "one", if name == "running" { 3 } else { 4 });
        keys.end(account, 5);
    }
    let mut running = begin(&mut keys, ScopedKey { scope: None, ..key("running") });
    assert_eq!(running.line("one"), Ok(Verdict::Known));
    keys.suspend(&running);
    (keys.for_next_process(), running)
}

/// In the middle of a chunk and of a line.
fn publication(account: Account, origin: Option<&str>) -> Stage {
    let mut body = BodyReader::from(Body::Chunked);
    let piece = body.next(b"1f\r\na line\nbeg").unwrap();
    assert_eq!((piece.framing, piece.content), (4, &b"a line\nbeg"[..]));
    body.consume(10);
    let mut lines =
        Splitter::new(LineRules { max_line: 100, invalid_utf8: InvalidUtf8::Replace, numbers: Numbers::Own });
    lines.feed(b"a line\nbeg", |_| {});
    let reply = Reply {
        keep_alive: origin.is_none(),
        is_old: origin.is_some(),
        origin: origin.map(Into::into),
        sender: [192, 0, 2, 7].into(),
    };
    Stage::Publishing(Box::new(Publication::new(body, lines, account, reply)))
}

/// One request without a key and one under a key, two connections that wait for their next request, and two readers with a token.
fn conns(now: Instant) -> Vec<Connection> {
    let waits = || Stage::Opening { scan: None, proxied_for: Some(Box::new([192, 0, 2, 7].into())) };
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let socket = websocket(&format!("Sec-WebSocket-Version: 13\r\n{key}"), now);
    let mut unkeyed = Account::unkeyed();
    publish(&mut unkeyed, "a line", 2);
    let conn = |(stage, reuse, is_granted): (Stage, Reuse, bool)| {
        let subscription = subscription_at(1);
        let mut conn = Connection { stage, subscription, reuse, ..Connection::new(compact(now)) };
        conn.extras.set_grant(is_granted.then(|| Arc::new(Grant::new("anna", b"0123456789abcdef"))));
        conn
    };
    [
        (publication(unkeyed, Some("http://a.example")), Reuse::First, false),
        (publication(keys().1, None), Reuse::Head, true),
        (waits(), Reuse::Idle, false),
        (waits(), Reuse::Head, false),
        (Stage::HttpStream, Reuse::First, true),
        (Stage::WebSocket(socket), Reuse::First, true),
    ]
    .into_iter()
    .map(conn)
    .collect()
}

fn full_state(now: Instant) -> ProcessState {
    ProcessState { keys: keys().0, ..state(now) }
}

#[test]
fn what_is_written_today_is_the_pinned_example_to_the_byte() {
    let now = now();
    let conns = conns(now);
    let lines = conns.iter().map(|conn| hex(&conn.to_bytes(EPOCH, now, now).unwrap()));
    let state = hex(&full_state(now).to_bytes(moment(now)));
    let written: Vec<_> = std::iter::once(state).chain(lines).collect();
    assert_eq!(written, PINNED.lines().collect::<Vec<_>>(), "{}", written.join("\n"));
}

#[test]
fn the_pinned_example_is_read() {
    let now = now();
    let mut lines = PINNED.lines();
    let read = ProcessState::from_bytes(&bytes(lines.next().unwrap()), FORMAT, EPOCH, moment(now)).unwrap();
    assert_eq!(read.keys, keys_read(full_state(now).keys));
    assert_eq!(lines.clone().count(), conns(now).len());
    for (line, expected) in lines.zip(conns(now)) {
        let read = Connection::from_bytes(&bytes(line), process(FORMAT), now, now).unwrap();
        assert_eq!((read.extras.grant(), read.labels()), (expected.extras.grant(), expected.labels()));
        if read.is_opening() {
            assert_eq!(read.reuse, expected.reuse);
        }
        // A request that is told to come back, unless it has had its answer.
        let closing = String::from_utf8_lossy(&read.closing_bytes()).into_owned();
        match (&read.stage, read.reuse) {
            (Stage::Opening { .. }, Reuse::Idle) => assert_eq!(closing, ""),
            (Stage::Opening { .. } | Stage::Publishing(_), _) => {
                assert!(closing.starts_with("HTTP/1.1 503 ") && closing.contains("\r\nRetry-After: "));
            }
            _ => {}
        }
        assert_eq!(hex(&read.to_bytes(EPOCH, now, now).unwrap()), line);
        if let (Stage::Publishing(read), Stage::Publishing(expected)) = (read.stage, expected.stage) {
            assert_eq!((&read.account, &read.reply), (&expected.account, &expected.reply));
        }
        assert!(
            Connection::from_bytes(&bytes(line), process(1), now, now).is_none(),
            "format 1 has no such thing"
        );
    }
}

/// These as a process has them that has read them.
fn keys_read(mut keys: Keys) -> Keys {
    keys.limit(u64::MAX, 5);
    keys
}

#[test]
fn keys_are_the_same_in_the_next_process() {
    let now = now();
    for number in [0, 5] {
        let mut state = full_state(now);
        state.source_state.number = number;
        let bytes = state.to_bytes(moment(now));
        let read = ProcessState::from_bytes(&bytes, FORMAT, EPOCH, moment(now)).unwrap();
        assert_eq!(read.source_state, state.source_state);
        let mut keys = read.keys;
        keys.limit(3, 5);
        assert!(matches!(keys.begin(ScopedKey { scope: None, ..key("running") }, 5), Begin::Busy));
        let mut again = begin(&mut keys, key("finished"));
        assert_eq!(again.line("a"), Ok(Verdict::Known));
        assert_eq!(again.finish().unwrap().span, Some((id(5), id(5))));
        let mut on = begin(&mut keys, ScopedKey { scope: None, ..key("cut off") });
        assert_eq!((on.line("one"), on.line("two")), (Ok(Verdict::Known), Ok(Verdict::Publish)));
        keys.settle(5);
        let mut on = begin(&mut keys, ScopedKey { scope: None, ..key("running") });
        assert_eq!((on.line("one"), on.line("two")), (Ok(Verdict::Known), Ok(Verdict::Publish)));
    }
}

#[test]
fn a_state_without_any_of_it_has_the_bytes_of_before() {
    let now = now();
    let without = state(now).to_bytes(moment(now));
    assert!(full_state(now).to_bytes(moment(now)).starts_with(&without));
    let mut emptied = full_state(now);
    emptied.keys.limit(0, 5);
    emptied.keys.settle(5);
    assert_eq!(emptied.to_bytes(moment(now)), without);
}

#[test]
fn whatever_is_cut_off_or_damaged_is_refused_without_a_panic() {
    let now = now();
    for (number, line) in PINNED.lines().enumerate() {
        let whole = bytes(line);
        let is_read = |bytes: &[u8]| match number {
            0 => ProcessState::from_bytes(bytes, FORMAT, EPOCH, moment(now)).map(|mut state| {
                state.keys.settle(5);
                state.to_bytes(moment(now)).len()
            }),
            _ => Connection::from_bytes(bytes, process(FORMAT), now, now)
                .and_then(|conn| conn.to_bytes(EPOCH, now, now))
                .map(|bytes| bytes.len()),
        };
        assert!(is_read(&whole).is_some());
        for len in 0..whole.len() {
            // What stands behind the rest may be missing as a whole.
            assert!(is_read(&whole[..len]).is_none_or(|read| number == 0 || read <= len), "{len} bytes");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                _ = is_read(&damaged);
            }
        }
    }
}
