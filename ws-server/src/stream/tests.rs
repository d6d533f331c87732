//! Every way to come back to every kind of stream, in every framing: which messages come, and which gap before them.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use common::{
    framing::{Framing, encode, encode_gap},
    gap::Gap,
    id::{Epoch, MessageId, Since},
};

use super::{Batch, ClockOrigin, EncodedBytes, Next, Stream, Subscription};

const NOW: Epoch = Epoch::from_millis(2000);
const BEFORE: Epoch = Epoch::from_millis(1000);

#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
fn start() -> Instant {
    Instant::now() + Duration::from_secs(1_000_000)
}

fn id(number: u64) -> MessageId {
    MessageId { epoch: NOW, number }
}

/// A stream whose newest message is number 20, and the time.
fn stream(args: &[&str]) -> (Stream, Instant) {
    let options = crate::config::tests::config(args).unwrap().stream;
    let began = start();
    let origin = ClockOrigin { monotonic: began, wall: SystemTime::UNIX_EPOCH };
    let mut stream = Stream::new(&options, id(1), origin, &Arc::default(), began);
    let now = began + Duration::from_secs(19);
    if let Stream::Buffer(buffer) = &mut stream {
        if buffer.clock.is_some() {
            (0..20).for_each(|second| buffer.publish_date(began + Duration::from_secs(second)));
        } else {
            let mut batch = Batch::new(id(1));
            (1..=20).for_each(|number| batch.push(|out| out.push_str(&number.to_string())));
            buffer.publish(Arc::new(batch), now);
        }
    }
    (stream, now)
}

/// The bytes of the gap that was told at first, and of the messages that are there.
fn received(stream: &Stream, now: Instant, since: Option<Since>, framing: Framing) -> Vec<u8> {
    let mut subscription = Subscription::default();
    let gap = stream.subscribe(&mut subscription, since, id(21), now);
    let mut out = Vec::new();
    if let Some(gap) = gap {
        encode_gap(framing, &gap, &mut out);
    }
    loop {
        match stream.next(&mut subscription, framing, usize::MAX, now) {
            Next::Shared { bytes, range, .. } => out.extend_from_slice(&bytes[range]),
            Next::Date(slot) => stream.clock().unwrap().encode(slot, framing, &mut out),
            Next::CaughtUp => return out,
            other => panic!("{other:?} after {since:?}"),
        }
    }
}

/// What a client that says so gets of a stream of the messages from `oldest` to 20.
fn expected(oldest: u64, since: Since, framing: Framing) -> Vec<u8> {
    let (number, missed, new_stream) = match since {
        Since::Id(id) if id.epoch == BEFORE => (oldest, None, true),
        Since::Nothing(_) | Since::Unknown => (oldest, None, true),
        Since::Id(MessageId { number, .. }) | Since::Number(number) if number > 30 => (oldest, None, false),
        Since::Id(MessageId { number, .. }) | Since::Number(number) => {
            (oldest.max(number + 1), Some(oldest.saturating_sub(number + 1)), false)
        }
    };
    let mut out = Vec::new();
    if missed != Some(0) {
        encode_gap(framing, &Gap { missed, new_stream, next: Some(id(number)) }, &mut out);
    }
    for number in number..=20 {
        encode(framing, id(number), &number.to_string(), &mut out);
    }
    out
}

#[test]
fn every_way_to_come_back_is_answered_in_every_kind_of_stream_and_framing() {
    let lines = ["--source", "-", "--history", "10"];
    let dates = ["--template", "{seq}", "--delivery", "ordered", "--history", "10"];
    for (args, oldest) in [
        (&lines[..], 11),
        (&dates, 11),
        (&["--source", "-", "--delivery", "latest", "--greet", "0"], 20),
        (&["--template", "{seq}"], 20),
        (&["--template", "{seq}", "--align"], 20),
    ] {
        let (stream, now) = stream(args);
        // Before the history, at its edge, in it, the newest one, far ahead.
        for number in [0, 1, 9, 10, 11, 15, 19, 20, 31, u64::MAX] {
            let ids = [NOW, BEFORE].map(|epoch| Since::Id(MessageId { epoch, number }));
            for since in ids.into_iter().chain([Since::Number(number), Since::Unknown]) {
                for framing in Framing::ALL {
                    assert_eq!(
                        String::from_utf8_lossy(&received(&stream, now, Some(since), framing)),
                        String::from_utf8_lossy(&expected(oldest, since, framing)),
                        "{args:?}: {since:?} in {framing:?}"
                    );
                }
            }
        }
    }
}

/// A stream that keeps the last five dates, of which 21 to 27 were skipped, and 28 and 29 are there; and the time.
fn stream_with_skipped_dates() -> (Stream, Instant) {
    let args = ["--delivery", "ordered", "--interval", "1s", "--history", "5", "--greet", "5"];
    let (mut stream, now) = stream(&args);
    let now = now + Duration::from_secs(9);
    if let Stream::Buffer(buffer) = &mut stream {
        (0..2).for_each(|second| buffer.publish_date(now + Duration::from_secs(second)));
    }
    (stream, now + Duration::from_secs(1))
}

#[test]
fn a_client_that_resumes_behind_dates_that_were_skipped_is_told_of_them() {
    let (stream, now) = stream_with_skipped_dates();
    // A newcomer has missed nothing.
    for (since, missed) in [(Some(10), Some(17)), (Some(24), Some(3)), (Some(25), Some(2)), (None, None)] {
        let (mut subscription, had) = (Subscription::default(), since.map(Since::Number));
        let gap = stream.subscribe(&mut subscription, had, id(30), now).map(|gap| gap.to_string());
        let told =
            missed.map(|missed| format!(r#"{{"missed":{missed},"stream":"same","next":"0000000007d0_28"}}"#));
        assert_eq!(gap, told, "{since:?}");
        let next = stream.next(&mut subscription, Framing::Lines, usize::MAX, now);
        let Next::Shared { bytes, range, .. } = next else { panic!("{next:?}") };
        assert!(bytes[range].starts_with(b"Thu Jan 01 1970 00:00:27 "));
    }
}

#[test]
fn a_bounded_read_is_told_of_the_dates_before_its_end_that_were_skipped() {
    let (stream, now) = stream_with_skipped_dates();
    for (since, until, told) in [
        (Some(10), 28, Some((17, "\"0000000007d0_28\""))),
        (Some(24), 28, Some((3, "\"0000000007d0_28\""))),
        (Some(10), 26, Some((16, "null"))),
        (Some(24), 26, Some((2, "null"))),
        (Some(27), 28, None),
        // It has nothing that it could miss a part of.
        (None, 28, None),
    ] {
        let mut subscription = Subscription::default();
        let (had, bounds) = (since.map(Since::Number), Since::Number(until));
        let gap = stream.read(&mut subscription, (had, bounds), id(30), now).map(|gap| gap.to_string());
        let told =
            told.map(|(missed, next)| format!(r#"{{"missed":{missed},"stream":"same","next":{next}}}"#));
        assert_eq!(gap, told, "{since:?} {until}");
        let next = stream.next(&mut subscription, Framing::Lines, usize::MAX, now);
        assert_eq!(matches!(next, Next::Shared { messages: 1, .. }), until == 28, "{next:?}");
    }
}

#[test]
fn a_newcomer_hears_of_no_gap() {
    for args in [&["--source", "-", "--greet", "100"][..], &["--source", "-", "--greet", "3"], &[]] {
        let (stream, now) = stream(args);
        for framing in Framing::ALL {
            let text = received(&stream, now, None, framing);
            assert!(!String::from_utf8_lossy(&text).contains("missed"), "{args:?} in {framing:?}");
        }
    }
}

#[test]
fn a_client_of_a_worker_that_was_ahead_in_a_stream_that_has_ended_gets_nothing_again() {
    let args = ["--source", "-", "--numbers", "given", "--history", "5"];
    let (mut stream, now) = stream(&args);
    stream.set_filling(false, now);
    for since in [Since::Number(28), Since::Id(id(28))] {
        for (epoch, oldest) in [(NOW, 16), (Epoch::from_millis(3000), 29)] {
            let mut subscription = Subscription::default();
            let head = MessageId { epoch, number: 6 };
            let gap = stream.subscribe(&mut subscription, Some(since), head, now);
            assert_eq!((gap.is_none(), subscription.next), (oldest == 29, oldest), "{since:?} at {epoch}");
        }
    }
}

#[test]
fn a_client_whose_socket_was_full_is_told_of_lines_that_made_room_for_the_newest() {
    let args = ["--source", "-", "--delivery", "latest", "--max-backlog", "1"];
    let (Stream::Buffer(mut buffer), now) = stream(&args) else { panic!("lines are kept") };
    let mut subscription = Subscription::default();
    buffer.subscribe(&mut subscription, Some(Since::Number(20)), id(21), now);
    for number in 21..=23 {
        let mut batch = Batch::new(id(number));
        batch.push(|out| out.push_str("a line"));
        buffer.publish(Arc::new(batch), now);
    }
    buffer.skip_outdated(&mut subscription);
    let next = buffer.next(&mut subscription, Framing::HybiIds, usize::MAX);
    let Next::Gap(gap) = next else { panic!("{next:?}") };
    assert_eq!(gap.to_string(), r#"{"missed":2,"stream":"same","next":"0000000007d0_23"}"#);
}

/// The numbers of a stream, of which ten are missing.
fn numbers() -> impl Iterator<Item = u64> {
    (1..30).chain(40..51)
}

/// What came together with the message before it: most are a line that came alone.
const TOGETHER: [u64; 11] = [4, 5, 6, 11, 18, 19, 20, 21, 44, 45, 50];

/// The text of a message; that of number 12 is longer than a write shall be.
fn line(number: u64) -> String {
    if number == 12 { "long".repeat(20_000) } else { format!("line {number}") }
}

/// The stream of these batches.
fn came_one_by_one() -> (Stream, Instant) {
    came_one_by_one_with(&Arc::default())
}

/// The same, whose encodings count here.
fn came_one_by_one_with(encoded: &Arc<EncodedBytes>) -> (Stream, Instant) {
    let options = crate::config::tests::config(&["--source", "-", "--history", "1000"]).unwrap().stream;
    let (now, origin) = (start(), ClockOrigin { monotonic: start(), wall: SystemTime::UNIX_EPOCH });
    let mut stream = Stream::new(&options, id(1), origin, encoded, now);
    let Stream::Buffer(buffer) = &mut stream else { panic!("lines are in a ring") };
    let mut numbers = numbers().peekable();
    while let Some(first) = numbers.next() {
        let mut batch = Batch::new(id(first));
        batch.push(|out| out.push_str(&line(first)));
        while let Some(number) = numbers.next_if(|number| TOGETHER.contains(number)) {
            batch.push(|out| out.push_str(&line(number)));
        }
        buffer.publish(batch.shared(), now);
    }
    (stream, now)
}

/// What a subscriber reads with so many bytes of room at a time, in how many pieces.
fn read_with(
    stream: &Stream,
    subscription: &mut Subscription,
    framing: Framing,
    room: usize,
) -> (Vec<u8>, usize) {
    let (mut out, mut pieces) = (Vec::new(), 0);
    loop {
        match stream.next(subscription, framing, room, start()) {
            Next::Shared { bytes, range, messages } => {
                assert!(range.len() <= room || messages == 1, "{range:?} in {room} bytes");
                out.extend_from_slice(&bytes[range]);
                pieces += 1;
            }
            Next::Gap(gap) => encode_gap(framing, &gap, &mut out),
            Next::CaughtUp => return (out, pieces),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn lines_that_came_one_by_one_are_all_there_from_wherever_and_with_whatever_room_they_are_read() {
    for framing in Framing::ALL {
        for since in 1..51 {
            let (stream, now) = came_one_by_one();
            // In turn, so that each finds what those before it have had joined.
            for (room, until) in
                [(usize::MAX, None), (1, None), (100, None), (usize::MAX, Some(28)), (70, Some(28))]
            {
                let mut subscription = Subscription::default();
                let had = Some(Since::Number(since));
                let gap = match until {
                    Some(until) if since < until => {
                        stream.read(&mut subscription, (had, Since::Number(until)), id(51), now)
                    }
                    Some(_) => continue,
                    None => stream.subscribe(&mut subscription, had, id(51), now),
                };
                let mut expected = Vec::new();
                for number in
                    numbers().filter(|number| *number > since && until.is_none_or(|until| *number <= until))
                {
                    if number == 40 && since < 39 {
                        encode_gap(
                            framing,
                            &Gap { missed: Some(39 - since.max(29)), new_stream: false, next: Some(id(40)) },
                            &mut expected,
                        );
                    }
                    encode(framing, id(number), &line(number), &mut expected);
                }
                let mut told = Vec::new();
                gap.inspect(|gap| encode_gap(framing, gap, &mut told));
                let (read, _) = read_with(&stream, &mut subscription, framing, room);
                assert_eq!(
                    String::from_utf8_lossy(&[told, read].concat()),
                    String::from_utf8_lossy(&expected),
                    "{framing:?} after {since} to {until:?} with {room}"
                );
            }
        }
    }
}

#[test]
fn lines_that_came_one_by_one_are_read_in_as_few_pieces_as_gaps_and_long_ones_allow() {
    let (stream, now) = came_one_by_one();
    // Before the long one, that one, up to the gap, and behind that; from the middle of a batch, the rest of that batch comes first.
    for (since, wanted) in [(0, 4), (4, 5), (12, 2), (29, 1), (48, 1), (49, 1), (50, 0)] {
        let mut subscription = Subscription::default();
        stream.subscribe(&mut subscription, Some(Since::Number(since)), id(51), now);
        assert_eq!(
            read_with(&stream, &mut subscription, Framing::Lines, usize::MAX).1,
            wanted,
            "after {since}"
        );
    }
}

#[test]
fn no_more_is_encoded_for_one_that_takes_little_than_it_takes() {
    for (since, until, room) in [(12, Some(14), usize::MAX), (12, Some(13), usize::MAX), (12, None, 60)] {
        let encoded = Arc::default();
        let (stream, now) = came_one_by_one_with(&encoded);
        let (mut subscription, had) = (Subscription::default(), Some(Since::Number(since)));
        match until {
            Some(until) => stream.read(&mut subscription, (had, Since::Number(until)), id(51), now),
            None => stream.subscribe(&mut subscription, had, id(51), now),
        };
        let next = stream.next(&mut subscription, Framing::Lines, room, now);
        let Next::Shared { bytes, messages, .. } = next else { panic!("{next:?}") };
        assert!(messages <= 2 && bytes.len() <= 2 * "line 13\n".len(), "{messages} in {} bytes", bytes.len());
        // What an encoding takes beside its bytes is less than 300.
        assert!(encoded.get() < bytes.len() + 300, "{} bytes are encoded", encoded.get());
    }
}
