//! `datecast-nats follow` between a real nats-server and an imitation of a ws-server, which checks that no number comes twice or goes
//! back. `NATS_SERVER` is the path of the nats-server; without it these tests are not run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by a panic, and has a clock of its own"
)]

mod bridge;
mod nats;
mod server;
mod wait;

use std::{process::Command, thread};

use bridge::Bridge;
use nats::{Nats, SILENCE};
use server::Server;
use tempfile::TempDir;
use wait::eventually;

const EPOCH: u64 = 0x0193_2f5a_0c2e;

/// A stream of this many messages, and a server that has this already.
fn start(messages: u64, last: Option<u64>) -> (TempDir, Nats, Server) {
    let (folder, nats) = (tempfile::tempdir().unwrap(), Nats::start());
    nats.create(Some(EPOCH), "");
    nats.publish(1..=messages);
    let server = Server::start(folder.path(), if last.is_some() { EPOCH } else { 0 }, last);
    (folder, nats, server)
}

fn line(number: u64) -> String {
    format!("{EPOCH:012x}_{number}\t{number}")
}

fn lines(numbers: std::ops::RangeInclusive<u64>) -> Vec<String> {
    numbers.map(line).collect()
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_server_that_has_nothing_gets_the_newest_and_then_all_that_comes() {
    let (_folder, nats, server) = start(100, None);
    let bridge = Bridge::start(&nats, &server, &["--history", "10"]);
    server.await_line("!caught-up");
    nats.publish(101..=103);
    server.await_messages(13);
    let wanted = [lines(91..=100), vec!["!caught-up".to_owned()], lines(101..=103)].concat();
    assert_eq!(server.lines(), wanted);
    bridge.await_health("ok\n");
    eventually("it is at the newest number", || {
        (bridge.metric("newest_number"), bridge.metric("behind")) == (103, 0)
    });
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_server_that_has_a_number_gets_the_next_one_and_one_that_has_all_is_told_so_at_once() {
    for (last, count) in [(50, 50), (100, 0)] {
        let (_folder, nats, server) = start(100, Some(last));
        let _bridge = Bridge::start(&nats, &server, &["--history", "10"]);
        server.await_line("!caught-up");
        server.await_messages(count);
        assert_eq!(server.lines(), [lines(last + 1..=100), vec!["!caught-up".to_owned()]].concat());
    }
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn messages_that_are_gone_are_a_gap_and_those_that_somebody_deleted_are_none() {
    let (_folder, nats, server) = start(100, Some(50));
    nats.client().request("$JS.API.STREAM.PURGE.LINES", "{\"seq\":81}");
    for number in [85, 100] {
        nats.client().request("$JS.API.STREAM.MSG.DELETE.LINES", &format!("{{\"seq\":{number}}}"));
    }
    let bridge = Bridge::start(&nats, &server, &[]);
    server.await_line("!caught-up");
    let gap = vec!["!gap".to_owned()];
    let wanted = [gap, lines(81..=84), lines(86..=99), vec!["!caught-up".to_owned()]].concat();
    assert_eq!(server.lines(), wanted);
    eventually("it has counted the gap", || bridge.metric("gaps_total") == 1);
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn whatever_a_message_holds_it_is_one_line() {
    let (_folder, nats, server) = start(0, None);
    let mut client = nats.client();
    client.publish("lines", "", b"a\nb\r\nc");
    client.publish("lines.deep.er", "", b"\xff\xfe\0");
    client.publish("lines", "Nats-Msg-Id: 1\r\nX: y\r\n", b"!gap");
    client.publish("lines", "", b"");
    client.publish("lines", "", b"\tt\n");
    let bridge = Bridge::start(&nats, &server, &[]);
    server.await_messages(5);
    let texts = ["a b  c", "\\xff\\xfe\\x00", "!gap", "", "\tt "];
    let wanted: Vec<String> =
        texts.iter().zip(1..).map(|(text, number)| format!("{EPOCH:012x}_{number}\t{text}")).collect();
    let messages: Vec<String> = server.lines().into_iter().filter(|line| line.contains('_')).collect();
    assert_eq!(messages, wanted);
    eventually("it has counted", || bridge.metric("changed_lines_total") == 2);
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_server_that_reads_nothing_costs_no_memory_and_gets_all_in_the_end() {
    let (_folder, nats, server) = start(0, None);
    server.read(false);
    let bridge = Bridge::start(&nats, &server, &[]);
    let mut client = nats.client();
    let payload = vec![b'x'; 1_000_000];
    for _ in 0..200 {
        client.publish("lines", "", &payload);
    }
    bridge.await_health("ws-server reads nothing");
    server.read(true);
    server.await_messages(200);
    assert!(bridge.memory() < 48 * 1024, "{} KiB", bridge.memory());
    bridge.await_health("ok\n");
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_nats_server_that_is_killed_or_silent_for_a_while_costs_nothing() {
    let (_folder, mut nats, server) = start(1000, None);
    let bridge = Bridge::start(&nats, &server, &[]);
    server.await_messages(1000);
    nats.kill();
    bridge.await_log("connection to the nats-server is lost");
    nats.restart();
    nats.publish(1001..=2000);
    server.await_messages(2000);
    nats.signal("STOP");
    thread::sleep(SILENCE);
    nats.signal("CONT");
    nats.publish(2001..=3000);
    server.await_messages(3000);
    assert_eq!(server.count(), 3000);
    bridge.await_health("ok\n");
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_new_stream_of_the_same_name_is_known_by_its_epoch() {
    let (_folder, nats, server) = start(100, None);
    let bridge = Bridge::start(&nats, &server, &[]);
    server.await_messages(100);
    nats.client().request("$JS.API.STREAM.DELETE.LINES", "");
    bridge.await_health("there is no stream LINES");
    nats.create(Some(EPOCH + 1), "");
    nats.publish(1..=5);
    server.await_messages(105);
    assert_eq!(server.lines().last().unwrap(), &format!("{:012x}_5\t5", EPOCH + 1));
    bridge.await_health("ok\n");
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn without_an_epoch_a_new_stream_ends_it_with_65_and_the_way_out() {
    let (folder, nats) = (tempfile::tempdir().unwrap(), Nats::start());
    nats.create(None, "");
    nats.publish(1..=100);
    let server = Server::start(folder.path(), 0, None);
    let mut bridge = Bridge::start(&nats, &server, &[]);
    server.await_messages(100);
    assert_eq!(server.lines()[0], "1\t1");
    nats.client().request("$JS.API.STREAM.DELETE.LINES", "");
    nats.create(None, "");
    // More than before: the numbers alone would not tell.
    nats.publish(1..=200);
    assert_eq!(bridge.end(), Some(65));
    assert!(bridge.log().contains("was made anew") && bridge.log().contains("restart ws-server"));
    assert_eq!(server.count(), 100);
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn numbers_that_went_back_end_it_with_65() {
    for (epoch, last, words) in
        [(EPOCH, 101, "its numbers went back"), (EPOCH + 1, 5, "it is an older stream")]
    {
        let (folder, nats) = (tempfile::tempdir().unwrap(), Nats::start());
        nats.create(Some(EPOCH), "");
        nats.publish(1..=100);
        let server = Server::start(folder.path(), epoch, Some(last));
        let mut bridge = Bridge::start(&nats, &server, &[]);
        assert_eq!(bridge.end(), Some(65));
        assert!(bridge.log().contains(words), "{}", bridge.log());
        assert_eq!(server.count(), 0);
    }
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_consumer_that_is_deleted_under_it_is_made_again() {
    let (_folder, nats, server) = start(100, None);
    let bridge = Bridge::start(&nats, &server, &[]);
    server.await_messages(100);
    let mut client = nats.client();
    for consumer in client.consumers() {
        client.request(&format!("$JS.API.CONSUMER.DELETE.LINES.{consumer}"), "");
    }
    nats.publish(101..=200);
    server.await_messages(200);
    eventually("it has counted its consumers", || bridge.metric("consumers_total") > 1);
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_server_that_comes_and_goes_in_the_middle_of_lines_gets_each_once() {
    let (_folder, nats, server) = start(0, None);
    let bridge = Bridge::start(&nats, &server, &["--history", "1000000"]);
    thread::scope(|scope| {
        scope.spawn(|| nats.publish(1..=100_000));
        for cut in 1..=10 {
            eventually("it goes on", || server.last().is_some_and(|last| last >= cut * 8000));
            server.hang_up();
        }
    });
    server.await_messages(100_000);
    assert!(server.connections() > 10);
    let messages: Vec<String> = server.lines().into_iter().filter(|line| line.contains('\t')).collect();
    assert!(messages == lines(1..=100_000), "each once and in order");
    assert_eq!(bridge.metric("gaps_total"), 0);
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_stream_that_overtakes_a_bridge_is_a_gap() {
    let (folder, nats) = (tempfile::tempdir().unwrap(), Nats::start());
    nats.create(Some(EPOCH), ",\"max_msgs\":50");
    nats.publish(1..=100);
    let server = Server::start(folder.path(), EPOCH, Some(20));
    let bridge = Bridge::start(&nats, &server, &[]);
    server.await_messages(50);
    assert_eq!(server.lines()[..2], ["!gap".to_owned(), line(51)]);
    // While it runs: it is stopped, and its server reads nothing meanwhile.
    bridge.signal("STOP");
    nats.publish(101..=10_000);
    bridge.signal("CONT");
    eventually("the newest", || server.last() == Some(10_000));
    let mut gaps = 0;
    for pair in server.lines().windows(2).filter(|pair| pair[1].contains('\t')) {
        let number = |line: &str| line[13..].split('\t').next().unwrap().parse::<u64>().unwrap();
        match pair[0].as_str() {
            "!gap" => gaps += 1,
            "!caught-up" => {}
            line => assert_eq!(number(&pair[1]), number(line) + 1, "told, or no gap"),
        }
    }
    assert!(gaps >= 2, "{gaps}");
    eventually("it has counted them", || bridge.metric("gaps_total") == gaps);
    assert!(server.count() < 5000);
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_missing_stream_is_waited_for_and_said_so() {
    let (folder, nats) = (tempfile::tempdir().unwrap(), Nats::start());
    let server = Server::start(folder.path(), 0, None);
    let bridge = Bridge::start(&nats, &server, &[]);
    bridge.await_health("there is no stream LINES; `datecast-nats create --stream LINES`");
    nats.create(Some(EPOCH), "");
    server.await_line("!caught-up");
    nats.publish(1..=3);
    server.await_messages(3);
    bridge.await_health("ok\n");
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_stop_writes_the_line_that_it_is_at_to_its_end() {
    let (_folder, nats, server) = start(100_000, None);
    let mut bridge = Bridge::start(&nats, &server, &["--history", "100000"]);
    eventually("lines come", || server.last().is_some_and(|last| last >= 1000));
    bridge.signal("USR1");
    bridge.await_log("following at");
    bridge.signal("TERM");
    assert_eq!(bridge.end(), Some(0));
    assert_eq!(server.await_end(), 0, "bytes of half a line");
    assert!(bridge.log().contains("datecast-nats: stopped"), "{}", bridge.log());
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_check_says_what_is_missing_and_touches_nothing() {
    let check = |args: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_datecast-nats")).arg("follow").args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(check(&["--check", "--stream", "LINES", "--to", "unix:/nowhere/lines"]).0, Some(0));
    let (code, words) = check(&["--check", "--stream", "LINES"]);
    assert!(code == Some(64) && words.contains("--to is missing"), "{words}");
    let (code, words) = check(&["--check", "--to", "unix:/x", "--stream", "a.b"]);
    assert!(code == Some(64) && words.contains("--stream"), "{words}");
}

#[test]
#[ignore = "needs NATS_SERVER"]
fn a_mirror_whose_origin_was_made_anew_is_not_followed_until_it_is_made_anew_too() {
    let (folder, nats) = (tempfile::tempdir().unwrap(), Nats::start());
    let ask = |what: &str, config: &str| nats.client().request(&format!("$JS.API.STREAM.{what}"), config);
    let origin = |epoch| {
        let config = format!(
            r#"{{"name":"ORIGIN","subjects":["lines"],"metadata":{{"datecast-epoch":"{epoch:012x}"}}}}"#
        );
        ask("CREATE.ORIGIN", &config);
    };
    let mirror = |epoch| {
        let config = format!(
            r#"{{"name":"LINES","mirror":{{"name":"ORIGIN"}},"metadata":{{"datecast-epoch":"{epoch:012x}"}}}}"#
        );
        ask("CREATE.LINES", &config);
    };
    origin(EPOCH);
    mirror(EPOCH);
    nats.publish(1..=3);
    let server = Server::start(folder.path(), 0, None);
    let bridge = Bridge::start(&nats, &server, &[]);
    server.await_messages(3);

    ask("DELETE.ORIGIN", "");
    origin(EPOCH + 1);
    bridge.await_log("it was made anew; delete the mirror");
    bridge.await_health("it was made anew; delete the mirror");
    // More than before: the mirror goes on with the fourth.
    nats.publish(1..=5);
    eventually("the mirror has lines of two streams", || ask("INFO.LINES", "").contains(r#""last_seq":5"#));
    assert_eq!(server.count(), 3);

    ask("DELETE.LINES", "");
    mirror(EPOCH + 1);
    server.await_messages(8);
    for (line, number) in server.lines().iter().filter(|line| !line.starts_with('!')).skip(3).zip(1..) {
        assert_eq!(*line, format!("{:012x}_{number}\t{number}", EPOCH + 1));
    }
    bridge.await_health("ok");
}
