//! Given numbers as clients of every kind see them: while the source fills the ring, at jumps, lost messages and new epochs, and
//! when they have more than this machine.

use super::{
    polls::{Answer, Poller},
    *,
};
use crate::source::Filling;

const GIVEN: &[&str] = &["--source", "-", "--numbers", "given", "--leave-notices", "off"];
const FIRST: Epoch = Epoch::from_millis(0xA);
const SECOND: Epoch = Epoch::from_millis(0xB);

/// One request of each kind that goes on, with a query, and whether it is told of gaps between the messages.
fn requests(query: &str) -> Vec<(Vec<u8>, bool)> {
    let stream =
        |media: &str| format!("GET /?{query} HTTP/1.1\r\nHost: a\r\nAccept: {media}\r\n\r\n").into_bytes();
    vec![
        (stream("text/plain"), false),
        (stream("text/event-stream"), true),
        (stream("application/x-ndjson"), true),
        (stream("text/html"), true),
        (modern(query), false),
        (modern(&format!("ids=1&{query}")), true),
        (modern(&format!("numbered=1&{query}")), false),
    ]
}

/// A world whose source has said that it is caught up.
fn caught_up(args: &[&str]) -> World {
    let mut world = world(1, &[GIVEN, args].concat());
    world.mail(Mail::Filling(Filling::No));
    rest(&mut world);
    world
}

/// Lets everybody do what there is to do.
fn rest(world: &mut World) {
    for _ in 0..60 {
        world.settle();
    }
}

/// Brings the messages of these numbers, whose texts are `nr:N;`.
fn bring(world: &mut World, epoch: Epoch, numbers: &[u64]) {
    for number in numbers {
        let mut batch = Batch::new(MessageId { epoch, number: *number });
        batch.push(|out| write!(out, "nr:{number};").unwrap());
        world.mail(Mail::Batch(Arc::new(batch)));
    }
    rest(world);
}

/// What a peer has got since the last call.
fn read(world: &mut World, peer: usize) -> String {
    rest(world);
    String::from_utf8_lossy(&world.read(peer, usize::MAX)).into_owned()
}

/// The numbers of the messages in what was read.
fn numbers(text: &str) -> Vec<u64> {
    let parts = text.split("nr:").skip(1);
    parts.map(|part| part.split_once(';').unwrap().0.parse().unwrap()).collect()
}

fn connect(world: &mut World, request: &[u8]) -> usize {
    let peer = world.connect();
    world.send(peer, request);
    peer
}

fn poll(world: &mut World, query: &str) -> Poller {
    let mut poller = Poller::new(world);
    poller.ask(world, query);
    rest(world);
    poller
}

fn answer(world: &mut World, poller: &mut Poller) -> Answer {
    poller.answered(world)
}

#[test]
fn newcomers_of_every_kind_wait_until_the_ring_is_filled_also_over_a_hand_over() {
    for (query, expected) in [("", 1..7), ("since=00000000000a_3", 4..7), ("since=3", 4..7)] {
        for is_handed_over in [false, true] {
            let mut world = world(1, GIVEN);
            bring(&mut world, FIRST, &[1, 2, 3]);
            let peers: Vec<_> =
                requests(query).iter().map(|request| connect(&mut world, &request.0)).collect();
            bring(&mut world, FIRST, &[4, 5]);
            if is_handed_over {
                world = world.hand_over(|old, birth| successor(old, birth, GIVEN));
            }
            bring(&mut world, FIRST, &[6]);
            for peer in &peers {
                let text = read(&mut world, *peer);
                assert!(text.starts_with("HTTP/1.1 ") && numbers(&text).is_empty(), "{text}");
            }
            let mut poller = poll(&mut world, &format!("poll=20&{query}"));
            assert!(poller.answer(&mut world).is_none());
            world.mail(Mail::Filling(Filling::Settled));
            for peer in peers {
                let text = read(&mut world, peer);
                assert_eq!(numbers(&text), expected.clone().collect::<Vec<_>>(), "{query}: {text}");
                assert!(!text.contains("missed"), "{text}");
            }
            let answer = answer(&mut world, &mut poller);
            assert_eq!(numbers(&answer.body), expected.clone().collect::<Vec<_>>());
            assert_eq!(answer.last(), "00000000000a_6");
        }
    }
}

#[test]
fn a_bounded_read_is_asked_to_come_again_while_the_ring_fills() {
    let mut world = world(1, GIVEN);
    bring(&mut world, FIRST, &[1, 2, 3]);
    for (request, _) in requests("until=2") {
        let peer = connect(&mut world, &request);
        let text = read(&mut world, peer);
        assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("\r\nRetry-After: 1\r\n"), "{text}");
        world.mail(Mail::Filling(Filling::No));
        rest(&mut world);
        let peer = connect(&mut world, &request);
        assert_eq!(numbers(&read(&mut world, peer)), [1, 2]);
        world = self::world(1, GIVEN);
        bring(&mut world, FIRST, &[1, 2, 3]);
    }
}

#[test]
fn a_jump_is_no_gap_and_lost_messages_are_one() {
    let mut world = caught_up(&[]);
    bring(&mut world, FIRST, &[0, 1, 5]);
    let peers: Vec<_> = requests("").iter().map(|request| connect(&mut world, &request.0)).collect();
    bring(&mut world, FIRST, &[90]);
    for peer in &peers {
        let text = read(&mut world, *peer);
        assert_eq!(numbers(&text), [0, 1, 5, 90]);
        assert!(!text.contains("missed"), "{text}");
    }
    let mut batch = Batch::new(MessageId { epoch: FIRST, number: 95 }).after_gap();
    batch.push(|out| out.push_str("nr:95;"));
    world.mail(Mail::Batch(Arc::new(batch)));
    let gap = r#""missed":4,"stream":"same","next":"00000000000a_95""#;
    for ((_, is_told), peer) in requests("").iter().zip(peers) {
        let text = read(&mut world, peer);
        assert_eq!(numbers(&text), [95]);
        let told = text.replace("&quot;", "\"").contains(gap);
        assert!(told || !is_told || text.contains("4 messages"), "{text}");
    }
    // One that comes now hears it at once, also where only the head has a place for it.
    let peer = connect(&mut world, b"GET /?since=90 HTTP/1.0\r\n\r\n");
    assert!(read(&mut world, peer).contains(&format!("\r\nDatecast-Gap: {{{gap}}}\r\n")));
    for (since, first) in [(5, Some(90)), (60, Some(90)), (94, Some(95)), (95, None)] {
        let peer = connect(&mut world, format!("GET /?since={since} HTTP/1.0\r\n\r\n").as_bytes());
        let text = read(&mut world, peer);
        assert_eq!(numbers(&text).first().copied(), first, "{since}");
        assert!(!text.contains("Datecast-Gap:"), "{text}");
    }
}

#[test]
fn a_new_epoch_is_told_to_each_client_before_its_first_message_or_ends_it() {
    let mut world = caught_up(&[]);
    bring(&mut world, FIRST, &[7, 8]);
    let requests = requests("");
    let peers: Vec<_> = requests.iter().map(|request| connect(&mut world, &request.0)).collect();
    let mut poller = poll(&mut world, "poll=20&since=00000000000a_8");
    bring(&mut world, SECOND, &[3, 4]);
    for ((request, is_told), peer) in requests.iter().zip(&peers) {
        let text = read(&mut world, *peer);
        let request = String::from_utf8_lossy(request);
        let expected: &[u64] = if *is_told { &[7, 8, 3, 4] } else { &[7, 8] };
        assert_eq!(numbers(&text), expected, "{request}: {text}");
        let is_html = request.contains("text/html");
        if *is_told && !is_html {
            let gap = r#""missed":null,"stream":"new","next":"00000000000b_3""#;
            let (before, behind) = text.split_once(gap).expect("a gap");
            assert!(numbers(before) == [7, 8] && numbers(behind) == [3, 4], "{text}");
        }
        let is_over = world.is_ended(*peer) || text.contains("back at once");
        assert_eq!(is_over, !is_told, "{request}: {text}");
    }
    let answer = answer(&mut world, &mut poller);
    assert_eq!(
        (answer.texts(), answer.last()),
        (vec!["gap".to_owned(), "nr:3;".to_owned(), "nr:4;".to_owned()], "00000000000b_4")
    );
}

#[test]
fn a_client_that_has_more_waits_within_the_history_and_for_a_later_epoch_also_over_a_hand_over() {
    let args = &[GIVEN, &["--history", "10"]].concat();
    let mut world = caught_up(&["--history", "10"]);
    bring(&mut world, FIRST, &[1, 2, 3]);
    let ask = |world: &mut World, since: &str| {
        requests(&format!("since={since}"))
            .iter()
            .map(|request| connect(world, &request.0))
            .collect::<Vec<_>>()
    };
    let (ahead, later) = (ask(&mut world, "00000000000a_13"), ask(&mut world, "00000000000b_2"));
    let beyond = ask(&mut world, "00000000000a_14");
    for peer in beyond {
        assert_eq!(numbers(&read(&mut world, peer)), [1, 2, 3], "all there is");
    }
    bring(&mut world, FIRST, &[4, 13]);
    let mut world = world.hand_over(|old, birth| successor(old, birth, args));
    for peer in ahead.iter().chain(&later) {
        let text = read(&mut world, *peer);
        assert!(numbers(&text).is_empty() && !text.contains("missed"), "{text}");
    }
    bring(&mut world, FIRST, &[14]);
    for peer in ahead {
        let text = read(&mut world, peer);
        assert_eq!(numbers(&text), [14], "{text}");
    }
    bring(&mut world, SECOND, &[1, 2, 3]);
    for peer in later {
        let text = read(&mut world, peer);
        assert!(numbers(&text) == [3] && !text.contains("missed"), "{text}");
    }
}

#[test]
fn a_poll_of_a_stream_without_messages_has_an_id_that_comes_before_the_first_one() {
    let mut world = caught_up(&[]);
    let mut poller = poll(&mut world, "poll=0");
    assert_eq!(answer(&mut world, &mut poller).last(), "000000000000_none");
    bring(&mut world, Epoch::default(), &[0, 1]);
    let mut poller = poll(&mut world, "poll=0&since=000000000000_none");
    let answer = answer(&mut world, &mut poller);
    assert_eq!((numbers(&answer.body), answer.last()), (vec![0, 1], "000000000000_1"));
    assert!(!answer.body.contains("missed"), "{}", answer.body);
}

#[test]
fn a_poll_that_had_nothing_is_told_of_a_gap_where_more_has_come_than_it_gets() {
    for (brought, expected, next) in [
        (&[(FIRST, &[1, 2, 3][..])][..], &[2, 3][..], "00000000000a_2"),
        (&[(FIRST, &[1]), (SECOND, &[5])], &[5], "00000000000b_5"),
    ] {
        let mut world = caught_up(&["--history", "2"]);
        for (epoch, numbers) in brought {
            bring(&mut world, *epoch, numbers);
        }
        let mut poller = poll(&mut world, "poll=0&since=000000000000_none");
        let body = answer(&mut world, &mut poller).body;
        assert_eq!(numbers(&body), expected, "{body}");
        let gap = format!(r#""missed":null,"stream":"same","next":"{next}""#);
        assert!(body.contains(&gap), "{body}");
    }
}

#[test]
fn a_poll_that_ends_while_the_ring_fills_says_what_its_client_said() {
    let mut world = world(1, GIVEN);
    bring(&mut world, FIRST, &[1, 2]);
    for (query, last) in [("", ""), ("&since=00000000000a_1", "00000000000a_1"), ("&since=1", "1")] {
        let mut poller = poll(&mut world, &format!("poll=0{query}"));
        let answer = answer(&mut world, &mut poller);
        let told = answer.head.lines().find_map(|line| line.strip_prefix("Datecast-Last-Id: "));
        assert_eq!((answer.body.as_str(), told.unwrap_or_default()), ("", last));
        let mut poller = poll(&mut world, &format!("callback=f&poll=0{query}"));
        let body = self::answer(&mut world, &mut poller).body;
        let last = if last.is_empty() { "null".to_owned() } else { format!("\"{last}\"") };
        assert_eq!(body, format!("/**/f({{\"last\":{last},\"messages\":[]}});\n"));
    }
}

#[test]
fn an_id_of_another_stream_is_not_waited_for_without_end() {
    for epoch in [Epoch::default(), FIRST] {
        id_of_a_later_epoch_waits_and_gets_all(epoch);
    }
}

fn id_of_a_later_epoch_waits_and_gets_all(epoch: Epoch) {
    let mut world = caught_up(&[]);
    bring(&mut world, epoch, &[1, 2, 3]);
    let http: Vec<_> = requests("since=00000000000b_2").into_iter().take(4).collect();
    let peers: Vec<_> = http.iter().map(|request| connect(&mut world, &request.0)).collect();
    let mut poller = poll(&mut world, "poll=25&since=00000000000b_2");
    let mut hasty = poll(&mut world, "poll=9&since=00000000000b_2");
    let mut texts = vec![String::new(); peers.len()];
    for second in 0..100 {
        rest(&mut world);
        world.advance(Duration::from_secs(1));
        for (text, peer) in texts.iter_mut().zip(&peers) {
            text.push_str(&read(&mut world, *peer));
            assert!(second > 50 || numbers(text).is_empty(), "it waits for a while: {text}");
        }
    }
    for ((_, is_told), text) in http.iter().zip(texts) {
        assert_eq!(numbers(&text), [1, 2, 3], "{text}");
        assert!(!is_told || text.contains("missed") || text.contains("stream"), "{text}");
    }
    let answer = answer(&mut world, &mut poller);
    assert_eq!(
        (answer.texts(), answer.last()),
        (["gap", "nr:1;", "nr:2;", "nr:3;"].map(str::to_owned).to_vec(), format!("{epoch}_3").as_str())
    );
    // A poll in haste keeps its place: that epoch may come before the next one.
    let hasty = self::answer(&mut world, &mut hasty);
    assert_eq!((hasty.texts(), hasty.last()), (Vec::new(), "00000000000b_2"));
}

#[test]
fn a_new_epoch_that_comes_before_the_clients_of_a_hand_over_is_told_to_them_once_and_not_to_those_that_wait_for_it()
 {
    let mut world = caught_up(&[]);
    // Adopted first, in so many turns that the batches below come before the others.
    for _ in 0..400 {
        connect(&mut world, &modern(""));
    }
    rest(&mut world);
    let newcomers: Vec<_> = requests("").iter().map(|request| connect(&mut world, &request.0)).collect();
    rest(&mut world);
    let waiting: Vec<_> =
        requests("since=00000000000b_2").iter().map(|request| connect(&mut world, &request.0)).collect();
    rest(&mut world);
    let mut world = world.hand_over(|old, birth| {
        let mailboxes = birth.mailboxes.clone();
        for number in 1..4 {
            let mut batch = Batch::new(MessageId { epoch: SECOND, number });
            batch.push(|out| write!(out, "nr:{number};").unwrap());
            mailboxes.send(0, Mail::Batch(Arc::new(batch)));
        }
        successor(old, birth, GIVEN)
    });
    for (peers, expected) in [(newcomers, &[1, 2, 3][..]), (waiting, &[3])] {
        for peer in peers {
            let text = read(&mut world, peer);
            assert!(numbers(&text) == expected && !text.contains("missed"), "{text}");
        }
    }
}

#[test]
fn a_client_that_waits_or_has_nothing_is_a_newcomer_or_of_another_stream_where_numbers_become_our_own() {
    const OWN: &[&str] = &["--source", "-", "--leave-notices", "off"];
    let fills = |mut world: World| {
        bring(&mut world, FIRST, &[1, 2, 3]);
        world
    };
    for (mut world, query, is_known) in [
        (fills(world(1, GIVEN)), "", false),
        (fills(world(1, GIVEN)), "since=3", true),
        (fills(world(1, GIVEN)), "since=00000000000a_3", true),
        // Nothing has come, so that it has nothing.
        (caught_up(&[]), "", false),
    ] {
        let requests = requests(query);
        let peers: Vec<_> = requests.iter().map(|request| connect(&mut world, &request.0)).collect();
        rest(&mut world);
        let mut own = Epoch::default();
        let mut world = world.hand_over(|old, birth| {
            let next = successor(old, birth, OWN);
            own = next.stream.epoch();
            next
        });
        bring(&mut world, own, &[1]);
        for ((request, is_told), peer) in requests.iter().zip(peers) {
            let text = read(&mut world, peer);
            let request = String::from_utf8_lossy(request);
            let expected: &[u64] = if is_known && !is_told { &[] } else { &[1] };
            assert_eq!(numbers(&text), expected, "{request}: {text}");
            let is_html = request.contains("text/html");
            assert_eq!(
                text.contains(r#""stream":"new""#),
                is_known && *is_told && !is_html,
                "{request}: {text}"
            );
        }
    }
}
