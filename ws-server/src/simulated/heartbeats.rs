//! Signs of life for clients that ask for them: when they come, in each framing and across processes.

use super::*;

/// A request, what its heartbeat of three seconds is on the wire, and whether it is one of a WebSocket.
fn each_framing() -> Vec<(Vec<u8>, &'static str, bool)> {
    let http = |fields: &str| format!("GET /?heartbeat=3 HTTP/1.0\r\n{fields}\r\n").into_bytes();
    let hixie = |query: &str| {
        format!("GET /?heartbeat=3{query} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n")
            .into_bytes()
    };
    vec![
        (http(""), "\n", false),
        (http("Accept: text/event-stream\r\n"), "event: heartbeat\ndata: 3\n\n", false),
        (
            http("Accept: application/x-ndjson\r\n"),
            "{\"id\":null,\"text\":\"\",\"kind\":\"heartbeat\"}\n",
            false,
        ),
        (http("Accept: text/html\r\n"), "<!-- -->", false),
        (modern("heartbeat=3"), "\u{81}\0", true),
        (modern("heartbeat=3&ids=1"), "\u{81}\u{11}!\t{\"heartbeat\":3}", true),
        (hixie(""), "\0\u{ff}", true),
        (hixie("&ids=1"), "\0!\t{\"heartbeat\":3}\u{ff}", true),
    ]
}

fn read(world: &mut World, peer: usize) -> String {
    world.read(peer, usize::MAX).into_iter().map(char::from).collect()
}

/// Opens a stream of lines; returns its peer, with the head read.
fn opened(world: &mut World, request: &[u8]) -> usize {
    let peer = world.connect();
    world.send(peer, request);
    world.settle();
    assert!(read(world, peer).starts_with("HTTP/1.1 "));
    peer
}

const TENTH: Duration = Duration::from_millis(100);

#[test]
fn a_silent_stream_shows_its_life_after_as_many_seconds_as_asked_and_no_sooner() {
    let args = ["--source", "-", "--heartbeat", "1h", "--ping-interval", "1h", "--leave-notices", "off"];
    for seed in 0..SEEDS {
        for (request, expected, _) in each_framing() {
            let mut world = world(seed, &args);
            let peer = opened(&mut world, &request);
            let mut came = Vec::new();
            for tenth in 1..=200_u64 {
                world.advance(TENTH);
                world = perhaps_restart(world, &args);
                world.settle();
                let text = read(&mut world, peer);
                assert!(text.is_empty() || text == expected, "seed {seed}: {text:?} for {expected:?}");
                if !text.is_empty() {
                    came.push(tenth);
                }
            }
            // Deadlines stand in coarse buckets, and a process writes down whole milliseconds.
            assert!(came.len() >= 4, "seed {seed}: {came:?} for {expected:?}");
            assert!(came[0] >= 29, "seed {seed}: {came:?}");
            assert!(
                came.windows(2).all(|pair| (29..=45).contains(&(pair[1] - pair[0]))),
                "seed {seed}: {came:?}"
            );
        }
    }
}

#[test]
fn whoever_gets_messages_often_enough_gets_no_heartbeat() {
    let args = ["--source", "-", "--heartbeat", "1h", "--ping-interval", "1h"];
    for (request, expected, _) in each_framing() {
        let mut world = world(1, &args);
        let peer = opened(&mut world, &request);
        for number in 1..20 {
            for _ in 0..20 {
                world.advance(TENTH);
                world.settle();
            }
            world.mail(batch(number..number + 1));
            world.settle();
            let text = read(&mut world, peer);
            // The end of a line is the heartbeat of lines.
            let is_one = if expected == "\n" { text.starts_with('\n') } else { text.contains(expected) };
            assert!(!is_one && text.contains(&number.to_string()), "{text:?}");
        }
    }
}

#[test]
fn pings_go_on_beside_heartbeats_and_a_client_that_answers_none_is_let_go() {
    let args = ["--source", "-", "--ping-interval", "10s", "--pong-timeout", "5s"];
    for (request, expected, is_websocket) in each_framing() {
        let mut world = world(1, &args);
        let peer = opened(&mut world, &request);
        let mut all = String::new();
        for _ in 0..400 {
            world.advance(TENTH);
            world.settle();
            all += &read(&mut world, peer);
        }
        let beats = all.matches(expected).count();
        if is_websocket && expected.starts_with('\u{81}') {
            assert_eq!(all.matches("\u{89}\0").count(), 1, "{all:?}");
            assert!((3..=5).contains(&beats) && world.is_ended(peer), "{all:?}");
        } else {
            assert!(beats >= 10 && !world.is_ended(peer), "{all:?}");
        }
    }
}

#[test]
fn nothing_is_sent_to_a_client_that_has_not_asked() {
    let args = ["--source", "-", "--heartbeat", "1h", "--ping-interval", "1h"];
    for (request, ..) in each_framing() {
        let request = String::from_utf8(request).unwrap().replace("heartbeat=3", "x=3");
        let mut world = world(1, &args);
        let peer = opened(&mut world, request.as_bytes());
        for _ in 0..60 {
            world.advance(Duration::from_secs(1));
            world.settle();
        }
        assert_eq!(read(&mut world, peer), "", "{request}");
    }
}
