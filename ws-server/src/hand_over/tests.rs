//! A process reads back what another one wrote, also what earlier versions wrote, and nothing else.

mod publishing;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use common::{
    framing::Framing,
    handshake::{Detected, detect},
    http::{Head, HeadLimits},
    id::{Epoch, MessageId, Since},
    source_state::{SourcePhase, SourceState},
    token::Grant,
    websocket::MessageLimits,
};
use daemon::{clock::Moment, hand_over::DaemonState};
use reactor::CompactInstant;

use super::{
    process::{FORMAT, read},
    state::{GivenState, ProcessState},
};
use crate::{
    broadcast::{Departures, NoticeState},
    connection::{
        Connection, Notice, Payload, Predecessor, Prefix, RateLimiter, Stage, StreamParams, Upgraded,
    },
    publish::Keys,
    source::Filling,
    stream::{Batch, ClockOrigin, RingBegin, ScheduleState, SourceChange, Subscription},
};

/// What version 0.1.0 wrote in format 1, as hexadecimal digits: [`state`] and the first nine of [`conns`], in their order. Its
/// bytes never change.
const FORMAT_1: &str = include_str!("format-1.txt");
/// The same in format 2, with all of [`conns`].
const FORMAT_2: &str = include_str!("format-2.txt");
/// The epoch of [`state`], which format 1 does not have.
const EPOCH: Epoch = Epoch::from_millis(0x0193_2f5a_0c2e);

#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
fn now() -> Instant {
    Instant::now() + Duration::from_secs(1_000_000)
}

fn state(now: Instant) -> ProcessState {
    let batch = |first: u64, texts: &[&str]| {
        let mut batch = Batch::new(MessageId { epoch: EPOCH, number: first });
        for text in texts {
            batch.push(|out| out.push_str(text));
        }
        Arc::new(batch)
    };
    ProcessState {
        format: FORMAT,
        epoch: EPOCH,
        next_id: 77,
        next_line: 6,
        schedule: Some(ScheduleState {
            origin: ClockOrigin {
                monotonic: now.checked_sub(Duration::from_millis(12_345)).unwrap(),
                wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_285_175_062),
            },
            interval: Duration::from_secs(1),
            align: false,
            slots: 100,
            first: 3,
            next: 1234,
        }),
        notices: NoticeState {
            next: 12,
            notices: vec![
                Notice { from: 0, payload: Payload::Text("4 disconnected".to_owned()) },
                Notice { from: 3, payload: Payload::Binary(vec![0, 255]) },
            ],
            departures: Departures { ids: vec![5, 9], more: 3 },
            sent_at: vec![now.checked_sub(Duration::from_millis(999)).unwrap(), now],
        },
        ring: vec![batch(1, &["one", ""]), batch(3, &["drei", "quatre", "π"])],
        source: "unix:/run/ws-server/lines".to_owned(),
        partials: vec![Some(Vec::new()), Some(b"half a li".to_vec()), None],
        source_state: SourceChange::default(),
        keys: Keys::default(),
        given: None,
    }
}

/// As the worker that started `now` keeps it.
fn compact(now: Instant) -> CompactInstant {
    CompactInstant::new(now, now)
}

/// A WebSocket that was opened by this request.
fn websocket(request: &str, now: Instant) -> Box<Upgraded> {
    let bytes =
        format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{request}\r\n");
    let head = Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap();
    let Ok(Detected::WebSocket(offer)) = detect(&head) else { panic!("no WebSocket: {request}") };
    let protocol = offer.accept(false, Some(7), &[], MessageLimits::default(), &mut Vec::new());
    let params =
        StreamParams { since: Some(Since::Number(41)), prefix: Prefix::Number, ..StreamParams::default() };
    Upgraded::new(protocol, params, compact(now))
}

/// One that resumes with this, and wants ids.
fn with_ids(since: Since, request: &str, now: Instant) -> Stage {
    let mut socket = websocket(request, now);
    socket.params = StreamParams { since: Some(since), prefix: Prefix::Id, ..StreamParams::default() };
    Stage::WebSocket(socket)
}

fn subscription() -> Subscription {
    let mut subscription = subscription_at(1001);
    (subscription.phase, subscription.owed) = (42, 1);
    subscription
}

/// Of a connection that gets this number next.
fn subscription_at(next: u64) -> Subscription {
    let mut subscription = Subscription::default();
    subscription.go_on_at(MessageId { epoch: EPOCH, number: next });
    subscription
}

/// One connection of each kind; format 1 has the first nine.
fn conns(now: Instant) -> Vec<Connection> {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut asked = websocket(&format!("Sec-WebSocket-Version: 13\r\n{key}"), now);
    asked.awaiting_pong = true;
    asked.pong = Some(b"there?".as_slice().into());
    asked.message = b"the first half".to_vec();
    asked.message_rate = RateLimiter::with_debt(Duration::from_millis(1500), compact(now));
    let keys = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
    let stages = [
        (Stage::Opening { scan: None, proxied_for: Some(Box::new([192, 0, 2, 7].into())) }, Framing::Lines),
        (Stage::WebSocket(asked), Framing::HybiNumbered),
        (Stage::WebSocket(websocket(&format!("Sec-WebSocket-Version: 8\r\n{key}"), now)), Framing::Hybi),
        (Stage::WebSocket(websocket(&format!("Sec-WebSocket-Version: 7\r\n{key}"), now)), Framing::Hybi),
        (Stage::WebSocket(websocket(keys, now)), Framing::Hixie),
        (Stage::WebSocket(websocket("", now)), Framing::HixieNumbered),
        (Stage::HttpStream, Framing::EventStream),
        (Stage::HttpStream, Framing::EventStreamChunked),
        (Stage::HttpStream, Framing::LinesChunked),
        (
            with_ids(
                Since::Id(MessageId { epoch: EPOCH, number: 40 }),
                &format!("Sec-WebSocket-Version: 13\r\n{key}"),
                now,
            ),
            Framing::HybiIds,
        ),
        (with_ids(Since::Unknown, keys, now), Framing::HixieIds),
        (Stage::HttpStream, Framing::EventStreamBare),
        (Stage::HttpStream, Framing::EventStreamBareChunked),
    ];
    let conn = |(id, (stage, framing))| Connection {
        stage,
        id,
        subscribed_at: CompactInstant::new(now.checked_sub(Duration::from_mins(1)).unwrap(), now),
        framing,
        subscription: subscription(),
        last_notice: 11,
        ..Connection::new(compact(now))
    };
    (1..).zip(stages).map(conn).collect()
}

fn process(format: u32) -> Predecessor {
    Predecessor { format, epoch: EPOCH }
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
    let lines = conns.iter().map(|conn| hex(&conn.to_bytes(EPOCH, now, now).unwrap()));
    std::iter::once(hex(&state(now).to_bytes(moment(now)))).chain(lines).collect()
}

#[test]
fn what_is_written_today_is_format_2_to_the_byte() {
    // If this fails because the layout has to change: a new FORMAT with a file of its own, and a reader for all.
    assert_eq!(written(now()), FORMAT_2.lines().collect::<Vec<_>>());
}

fn bytes(line: &str) -> Vec<u8> {
    (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap()).collect()
}

/// What a file holds: its format, the state's line, and those of the connections.
fn files() -> impl Iterator<Item = (u32, &'static str, Vec<&'static str>)> {
    [(1, FORMAT_1), (2, FORMAT_2)].into_iter().map(|(format, text)| {
        let mut lines = text.lines();
        (format, lines.next().unwrap(), lines.collect())
    })
}

#[test]
fn the_state_of_each_format_is_read() {
    let now = now();
    let fresh = Epoch::from_millis(7);
    for (format, line, _) in files() {
        let read = ProcessState::from_bytes(&bytes(line), format, fresh, moment(now)).unwrap();
        let mut expected = state(now);
        if format == 1 {
            let departures = expected.notices.departures;
            expected.notices = NoticeState { departures, ..NoticeState::default() };
            expected.epoch = fresh;
        }
        assert_eq!((read.format, read.next_id, read.next_line), (format, 77, 6));
        assert_eq!(
            (read.epoch, read.schedule, read.notices, read.source, read.partials),
            (expected.epoch, expected.schedule, expected.notices, expected.source, expected.partials)
        );
        let texts = |ring: &[Arc<Batch>]| -> Vec<(u64, Vec<String>)> {
            ring.iter().map(|batch| (batch.first(), batch.texts().map(str::to_owned).collect())).collect()
        };
        assert_eq!(texts(&read.ring), texts(&expected.ring));
        let id = |number| MessageId { epoch: expected.epoch, number };
        let event = format!("id: {}\ndata: one\n\nid: {}\ndata: \n\n", id(1), id(2));
        assert_eq!(&*read.ring[0].encoded(Framing::EventStream, &Arc::default()).bytes, event.as_bytes());
    }
}

#[test]
fn every_connection_of_each_format_is_read() {
    let now = now();
    for (format, _, lines) in files() {
        let mut expected = conns(now);
        if format == 1 {
            expected.truncate(9);
        }
        assert_eq!(lines.len(), expected.len());
        for (line, mut expected) in lines.into_iter().zip(expected) {
            let read = Connection::from_bytes(&bytes(line), process(format), now, now).unwrap();
            if format == 1 {
                // A browser that got bare numbers goes on with them.
                expected.framing = expected.framing.bare();
                expected.last_notice = 0;
                if let Stage::WebSocket(socket) = &mut expected.stage {
                    socket.message_rate = RateLimiter::new(compact(now));
                }
            }
            assert_eq!(format!("{read:?}"), format!("{expected:?}"));
        }
    }
}

#[test]
fn what_only_some_have_stands_behind_the_rest_and_is_read_back() {
    let now = now();
    for mut conn in conns(now) {
        let (without, (_, life)) = (conn.to_bytes(EPOCH, now, now).unwrap(), conn.labels());
        if let Stage::WebSocket(socket) = &mut conn.stage {
            socket.params.until = Some(Since::Id(MessageId { epoch: EPOCH, number: 1001 }));
        }
        conn.subscription.set_end(Some(1002));
        conn.heard = 5;
        conn.extras.set_grant(Some(Arc::new(Grant::new("anna", b"0123456789abcdef"))));
        let bytes = conn.to_bytes(EPOCH, now, now).unwrap();
        assert!(bytes.starts_with(&without) && bytes.len() > without.len());
        let read = Connection::from_bytes(&bytes, process(FORMAT), now, now).unwrap();
        assert_eq!((read.subscription.end(), read.heard), (Some(1002), 5));
        assert_eq!(read.extras.grant(), conn.extras.grant());
        assert_eq!(read.to_bytes(EPOCH, now, now).unwrap(), bytes);
        for len in without.len() + 1..bytes.len() {
            let read = Connection::from_bytes(&bytes[..len], process(FORMAT), now, now);
            assert!(read.is_none_or(|read| read.extras.grant().is_none()), "{len} bytes");
        }
        if life == "open" {
            assert_eq!(conn.labels().1, "reading");
        }
        if matches!(conn.stage, Stage::HttpStream) {
            assert_eq!(conn.closing_bytes(), b"", "no last chunk");
        }
        conn.heard = 0;
        conn.extras.set_grant(None);
        for bytes in [bytes, conn.to_bytes(EPOCH, now, now).unwrap()] {
            assert!(
                Connection::from_bytes(&bytes, process(1), now, now).is_none(),
                "format 1 has no such thing"
            );
        }
    }
    let mut state = state(now);
    let without = state.to_bytes(moment(now));
    let said = SourceState::new(SourcePhase::Ended, "the input has ended");
    state.source_state = SourceChange { number: 5, state: said };
    let bytes = state.to_bytes(moment(now));
    assert!(bytes.starts_with(&without));
    let read = ProcessState::from_bytes(&bytes, FORMAT, EPOCH, moment(now)).unwrap();
    assert_eq!(read.source_state, state.source_state);
    for len in without.len() + 1..bytes.len() {
        assert!(ProcessState::from_bytes(&bytes[..len], FORMAT, EPOCH, moment(now)).is_none());
    }
}

#[test]
fn the_schedule_goes_on_at_another_moment() {
    let now = now();
    let bytes = state(now).to_bytes(moment(now));
    let later = now + Duration::from_secs(5);
    let at = Moment { instant: later, since_boot: Duration::from_secs(100_005) };
    assert_eq!(
        ProcessState::from_bytes(&bytes, FORMAT, EPOCH, at).unwrap().schedule,
        state(now).schedule,
        "the same instants"
    );
    let before = Moment { instant: now, since_boot: Duration::from_secs(99_999) };
    assert!(ProcessState::from_bytes(&bytes, FORMAT, EPOCH, before).is_none(), "of another boot");
}

#[test]
fn the_next_process_goes_on_after_the_worker_that_was_ahead() {
    let ahead = state(now()).schedule.unwrap();
    let late = ScheduleState { next: ahead.next - 2, ..ahead };
    assert_eq!(ScheduleState::ahead(Some(ahead), Some(late)), Some(ahead));
    assert_eq!(ScheduleState::ahead(Some(late), Some(ahead)), Some(ahead));
    assert_eq!(
        (
            ScheduleState::ahead(None, Some(late)),
            ScheduleState::ahead(Some(late), None),
            ScheduleState::ahead(None, None)
        ),
        (Some(late), Some(late), None)
    );
}

#[test]
fn a_stream_that_cannot_be_read_is_none() {
    let state = DaemonState { format: FORMAT, writer: String::new(), bytes: vec![0; 7] };
    assert!(read(&state, EPOCH).is_none());
}

#[test]
fn of_those_that_are_lost_on_the_way_the_ones_with_the_stream_are_subscribers() {
    let now = now();
    let back = conns(now).into_iter().map(|conn| {
        let bytes = conn.to_bytes(EPOCH, now, now).unwrap();
        Connection::from_bytes(&bytes, process(FORMAT), now, now).unwrap()
    });
    let subscribers: Vec<u64> = back.filter(Connection::is_subscriber).map(|conn| conn.id).collect();
    // The first one had no stream yet, and the fifth one had not sent its third key.
    assert_eq!(subscribers[..5], [2, 3, 4, 6, 7]);
}

#[test]
fn whatever_is_cut_off_or_longer_is_refused_without_a_panic() {
    let now = now();
    for (format, line, lines) in files() {
        let whole = bytes(line);
        refuse_damaged(&whole, |bytes| ProcessState::from_bytes(bytes, format, EPOCH, moment(now)).is_some());
        for line in lines {
            refuse_damaged(&bytes(line), |bytes| {
                Connection::from_bytes(bytes, process(format), now, now).is_some()
            });
        }
    }
}

fn refuse_damaged(whole: &[u8], is_read: impl Fn(&[u8]) -> bool) {
    assert!(is_read(whole));
    for len in 0..whole.len() {
        assert!(!is_read(&whole[..len]), "{len} bytes");
    }
    assert!(!is_read(&[whole, &[0]].concat()));
    for at in 0..whole.len() {
        for value in [0, 1, 0x7F, 0xFF] {
            let mut damaged = whole.to_vec();
            damaged[at] = value;
            // Neither a panic, nor an allocation by a length in the data.
            let _read = is_read(&damaged);
        }
    }
}

#[test]
fn what_there_is_to_know_of_given_numbers_comes_back_and_only_where_they_are_given() {
    let (now, since_boot) = (now(), Duration::from_secs(1_000_000));
    let moment = Moment { instant: now, since_boot };
    let own = state(now);
    let whole = |state: &ProcessState| state.to_bytes(moment);
    let back = |bytes: &[u8]| ProcessState::from_bytes(bytes, FORMAT, EPOCH, moment);
    assert_eq!(back(&whole(&own)).unwrap().given, None);
    for filling in [Filling::No, Filling::Yes, Filling::Settled] {
        let begin = RingBegin { next: MessageId { epoch: EPOCH, number: 3 }, has_dropped: true };
        let given = Some(GivenState { filling, begin, gaps: vec![false, true, false] });
        let bytes = whole(&ProcessState { given: given.clone(), ..state(now) });
        assert_eq!(back(&bytes).unwrap().given, given);
        assert!(bytes.starts_with(&whole(&own)), "an earlier version has read so far");
        for length in whole(&own).len() + 1..bytes.len() {
            let part = back(&bytes[..length]);
            assert!(part.is_none_or(|part| part.given.is_none()), "{length} bytes");
        }
    }
}
