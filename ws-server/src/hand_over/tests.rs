//! What is written is read back, what earlier versions wrote is read for ever, and nothing else is.

use std::time::{Duration, Instant, SystemTime};

use common::{
    framing::Framing,
    handshake::{Detected, detect},
    http::{Head, HeadLimits, HeadScan},
    websocket::MessageLimits,
};
use reactor::ExportedConnection;

use super::{connection, state::Moment, *};
use crate::{
    batch::Batch,
    clock::Origin,
    connection::{Member, Socket, State as Speaks},
    notices::Left,
    opening::Wish,
    ring::Position,
};

/// What version 0.1.0 wrote in format 1, as hexadecimal digits: [`state`] and [`conns`], in their order. Lines are never
/// changed, only added, each format with its own.
const FORMAT_1: &str = include_str!("format-1.txt");

#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
fn now() -> Instant {
    Instant::now() + Duration::from_secs(1_000_000)
}

fn state(now: Instant) -> State {
    let batch = |first: u64, texts: &[&str]| {
        let mut batch = Batch::new(first);
        for text in texts {
            batch.push(|out| out.push_str(text));
        }
        Arc::new(batch)
    };
    State {
        next_id: 77,
        next_line: 6,
        beat: Some(Beat {
            origin: Origin {
                monotonic: now.checked_sub(Duration::from_millis(12_345)).unwrap(),
                wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_285_175_062),
            },
            interval: Duration::from_secs(1),
            align: false,
            slots: 100,
            first: 3,
            next: 1234,
        }),
        left: Left { ids: vec![5, 9], more: 3 },
        ring: vec![batch(1, &["one", ""]), batch(3, &["drei", "quatre", "π"])],
        source: "unix:/run/ws-server/lines".to_owned(),
        partials: vec![Some(Vec::new()), Some(b"half a li".to_vec()), None],
    }
}

/// A WebSocket that was opened by this request.
fn websocket(request: &str, now: Instant) -> Box<Socket> {
    let bytes =
        format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{request}\r\n");
    let head = Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap();
    let Ok(Detected::WebSocket(offer)) = detect(&head) else { panic!("no WebSocket: {request}") };
    let protocol = offer.accept(false, 7, MessageLimits::default(), &mut Vec::new());
    Socket::new(protocol, Wish { since: Some(41), numbered: true }, now)
}

/// One connection of each kind.
fn conns(now: Instant) -> Vec<Conn> {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut asked = websocket(&format!("Sec-WebSocket-Version: 13\r\n{key}"), now);
    asked.awaiting_pong = true;
    asked.pong = Some(b"there?".as_slice().into());
    asked.message = b"the first half".to_vec();
    let keys = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
    let speaks = [
        (Speaks::Opening { scan: HeadScan::default(), told: Some([192, 0, 2, 7].into()) }, Framing::Lines),
        (Speaks::WebSocket(asked), Framing::HybiNumbered),
        (Speaks::WebSocket(websocket(&format!("Sec-WebSocket-Version: 8\r\n{key}"), now)), Framing::Hybi),
        (Speaks::WebSocket(websocket(&format!("Sec-WebSocket-Version: 7\r\n{key}"), now)), Framing::Hybi),
        (Speaks::WebSocket(websocket(keys, now)), Framing::Hixie),
        (Speaks::WebSocket(websocket("", now)), Framing::HixieNumbered),
        (Speaks::Stream, Framing::EventStream),
        (Speaks::Stream, Framing::EventStreamChunked),
        (Speaks::Stream, Framing::LinesChunked),
    ];
    let conn = |(id, (state, framing))| Conn {
        state,
        member: Member {
            id,
            since: now.checked_sub(Duration::from_mins(1)).unwrap(),
            framing,
            phase: 42,
            date: 1000,
            pending: true,
            has: 0,
            position: Position::default(),
            announcement: 0,
            finishing: false,
        },
        ending: None,
    };
    (1..).zip(speaks).map(conn).collect()
}

fn moment(now: Instant) -> Moment {
    Moment { instant: now, since_boot: Duration::from_secs(100_000) }
}

fn digit(half: u8) -> char {
    char::from_digit(half.into(), 16).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
}

/// Everything as it is written today, a line each.
fn written(now: Instant) -> Vec<String> {
    let conns = conns(now);
    let lines = conns.iter().map(|conn| hex(&connection::to_bytes(conn, 999, now).unwrap()));
    std::iter::once(hex(&state(now).to_bytes(moment(now)))).chain(lines).collect()
}

#[test]
fn what_is_written_today_is_format_1_to_the_byte() {
    // If this fails because the layout has to change: a new FORMAT with a file of its own, and a reader for both.
    assert_eq!(written(now()), FORMAT_1.lines().collect::<Vec<_>>());
}

fn bytes(line: &str) -> Vec<u8> {
    (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn the_state_of_format_1_is_read() {
    let now = now();
    let read = State::from_bytes(&bytes(FORMAT_1.lines().next().unwrap()), moment(now)).unwrap();
    let expected = state(now);
    assert_eq!((read.next_id, read.next_line, read.beat), (77, 6, expected.beat));
    assert_eq!((read.left, read.source, read.partials), (expected.left, expected.source, expected.partials));
    let texts = |ring: &[Arc<Batch>]| -> Vec<(u64, Vec<String>)> {
        ring.iter().map(|batch| (batch.first(), batch.texts().map(str::to_owned).collect())).collect()
    };
    assert_eq!(texts(&read.ring), texts(&expected.ring));
}

#[test]
fn every_connection_of_format_1_is_read() {
    let now = now();
    assert_eq!(FORMAT_1.lines().skip(1).count(), conns(now).len());
    for (line, expected) in FORMAT_1.lines().skip(1).zip(conns(now)) {
        let read = connection::from_bytes(&bytes(line), now).unwrap();
        // `has` is what the stream knows, not what the connection had.
        assert_eq!(read.member.has, 999);
        let read = Conn { member: Member { has: 0, ..read.member }, ..read };
        let budgets_aside = |conn: &Conn| match &conn.state {
            Speaks::WebSocket(socket) => {
                format!(
                    "{:?}",
                    (&socket.protocol, socket.awaiting_pong, &socket.pong, &socket.message, socket.wish)
                )
            }
            state => format!("{state:?}"),
        };
        assert_eq!(budgets_aside(&read), budgets_aside(&expected));
        assert_eq!(format!("{:?}", read.member), format!("{:?}", expected.member));
    }
}

#[test]
fn the_beat_goes_on_at_another_moment() {
    let now = now();
    let bytes = state(now).to_bytes(moment(now));
    let later = now + Duration::from_secs(5);
    let at = Moment { instant: later, since_boot: Duration::from_secs(100_005) };
    assert_eq!(State::from_bytes(&bytes, at).unwrap().beat, state(now).beat, "the same instants");
    let before = Moment { instant: now, since_boot: Duration::from_secs(99_999) };
    assert!(State::from_bytes(&bytes, before).is_none(), "of another boot");
}

#[test]
fn what_one_worker_has_not_sent_yet_is_not_taken_for_sent() {
    let ahead = state(now()).beat.unwrap();
    let late = Beat { next: ahead.next - 2, ..ahead };
    assert_eq!(behind(Some(ahead), Some(late)), Some(late));
    assert_eq!(behind(Some(late), Some(ahead)), Some(late));
    assert_eq!(
        (behind(None, Some(late)), behind(Some(late), None), behind(None, None)),
        (Some(late), Some(late), None)
    );
}

#[test]
fn connections_of_a_stream_that_cannot_be_read_get_their_farewell() {
    let (socket, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    let connection = ExportedConnection {
        descriptor: socket.into(),
        queued: Vec::new(),
        unconsumed: Vec::new(),
        deadline: Duration::ZERO,
        counted: None,
        exported: Exported { state: vec![1, 2, 3], closing_bytes: b"bye".to_vec() },
    };
    let stream = DaemonState { format: FORMAT, writer: String::new(), state: vec![0; 7] };
    let mut legacy = HandedOver { stream, others: Vec::new(), connections: vec![connection] };
    let (past, producers) = past(Some(&mut legacy), &crate::config::tests::config(&[]).unwrap());
    assert!(past.is_none() && producers.is_empty());
    assert_eq!(
        legacy.connections[0].exported,
        Exported { state: Vec::new(), closing_bytes: b"bye".to_vec() }
    );
}

#[test]
fn whatever_is_cut_off_or_longer_is_refused_without_a_panic() {
    let now = now();
    for (number, line) in FORMAT_1.lines().enumerate() {
        let whole = bytes(line);
        let is_read = |bytes: &[u8]| match number {
            0 => State::from_bytes(bytes, moment(now)).is_some(),
            _ => connection::from_bytes(bytes, now).is_some(),
        };
        assert!(is_read(&whole));
        for len in 0..whole.len() {
            assert!(!is_read(&whole[..len]), "line {number}, {len} bytes");
        }
        assert!(!is_read(&[&whole[..], &[0]].concat()));
        for at in 0..whole.len() {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                // Whatever it is taken for: no panic, and no allocation by a length that stands in it.
                let _read = is_read(&damaged);
            }
        }
    }
}
