//! No token is in anything that the four programs write: their logs at any level and in both formats, their answers, their
//! metrics, their errors, the files beside them.
//!
//! ```text
//!   requests: tokens × places × ways to be wrong ─▶ programs at --log-level trace ─▶ answers ─┐
//!   reloads, --check, a restart, a stop ──────────▶     │                                     ├─▶ searcher
//!                                                       └─▶ log files, whatever else is there ┘
//! ```

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod requests;
mod run;
mod searcher;

use harness::{Holder, Signal, binary};
use run::{Run, TOKENS};
use searcher::Searcher;

const FORMATS: [&str; 2] = ["text", "json"];

fn searcher() -> Searcher {
    Searcher::new(&TOKENS)
}

/// The log has ten lines a second for each of its places: more requests to one process would go unseen.
const SEEN: usize = 10;

/// Sends every request for these paths, a few to each process; both formats in turn.
fn ask_everything(program: &str, arguments: &[&str], paths: &[&str]) {
    let requests: Vec<Vec<u8>> = paths.iter().flat_map(|path| requests::all(path)).collect();
    let mut run = Run::new();
    run.write_tokens(&TOKENS);
    run.make_site();
    for (part, format) in requests.chunks(SEEN).zip(FORMATS.into_iter().cycle()) {
        let server = run.start(program, &[arguments, &["--log-format", format]].concat());
        run.ask(server.address, part);
        server.signal(Signal::TERM);
        let log = server.wait();
        let hidden =
            log.lines().find(|line| line.contains("suppressed") && !line.to_lowercase().contains("trace"));
        assert_eq!(hidden, None, "{log}");
    }
    run.expect_no_secret(&searcher());
}

/// Reloads a program with right and wrong files while it is asked, scrapes its metrics, and stops it.
fn reload_and_scrape(program: &str, arguments: &[&str], path: &str) {
    for format in FORMATS {
        let mut run = Run::new();
        run.write_tokens(&TOKENS);
        let mut server = run.start(program, &[arguments, &["--log-format", format]].concat());
        let requests = requests::all(path);
        run.ask(server.address, &requests);
        run.revoke();
        server.signal(Signal::HUP);
        server.wait_for_log("the configuration was read again");
        run.ask(server.address, &requests);
        run.ask(server.metrics, &requests::all("/metrics"));
        for wrong in run::WRONG_FILES {
            run.write_wrong(wrong);
            let before = server.log().matches("old one stays in force").count();
            server.signal(Signal::HUP);
            server.wait_until(|log| log.matches("old one stays in force").count() > before);
        }
        server.signal(Signal::TERM);
        server.wait();
        run.expect_no_secret(&searcher());
    }
}

const OPTIONS: [&str; 6] =
    ["--source", "http", "--token-file", "readers", "--publish-token-file", "publishers"];

#[test]
fn ws_server_writes_no_token() {
    ask_everything("ws-server", &OPTIONS, &["/", "/nowhere"]);
    reload_and_scrape("ws-server", &OPTIONS, "/");
}

#[test]
fn datecast_writes_no_token() {
    ask_everything("datecast", &OPTIONS, &["/stream", "/"]);
    reload_and_scrape("datecast", &OPTIONS, "/stream");
}

/// Those that have no tokens may be asked with one, behind one proxy with the others.
#[test]
fn static_server_and_policy_server_write_no_token() {
    ask_everything("static-server", &["--root", "site"], &["/folder", "/nowhere"]);
    ask_everything("policy-server", &[], &["/"]);
}

#[test]
fn checks_and_refused_starts_write_no_token() {
    let mut run = Run::new();
    for wrong in run::WRONG_FILES {
        run.write_wrong(wrong);
        for program in ["ws-server", "datecast"] {
            for more in [&["--check"][..], &["--print-config"], &["--listen", "127.0.0.1:0"]] {
                for format in FORMATS {
                    let files =
                        ["--source", "http", "--token-file", "readers", "--publish-token-file", "publishers"];
                    let always = ["--log-level", "trace", "--log-format", format];
                    run.end(program, &[&files[..], more, &always].concat());
                }
            }
        }
    }
    run.expect_no_secret(&searcher());
}

#[test]
fn a_restart_writes_no_token() {
    for format in FORMATS {
        let mut run = Run::new();
        run.write_tokens(&TOKENS);
        let (readers, publishers) = (run.path("readers"), run.path("publishers"));
        let arguments = ["--source", "http", "--token-file", &readers, "--publish-token-file", &publishers];
        let always = ["--hand-over", "on", "--log-level", "trace", "--log-format", format];
        let mut holder = Holder::start(binary("ws-server"), &[&arguments[..], &always].concat());
        // Half a head with a token, half a body, and readers of every kind go along.
        let mut open = Vec::new();
        for request in requests::all("/") {
            let mut client = holder.connect();
            client.try_send(&request[..request.len() * 2 / 3]);
            open.push((client, request));
            if open.len() > 100 {
                open.drain(..50);
            }
        }
        let (_, log) = holder.end(Signal::USR2);
        run.keep("the log before", log);
        holder.start_next();
        for (client, request) in &mut open {
            client.try_send(&request[request.len() * 2 / 3..]);
        }
        holder.signal(Signal::TERM);
        for (mut client, _) in open {
            let answer = client.rest();
            run.keep("an answer over a restart", answer);
        }
        let (_, log) = holder.wait();
        run.keep("the log after", log);
        run.keep("the notifications", holder.notifications.join("\n"));
        run.expect_no_secret(&searcher());
    }
}

/// The control: a path may be logged, so a token that stands in one must be found, in the log and in the answer's place.
#[test]
fn a_token_that_is_written_is_found() {
    let mut run = Run::new();
    run.make_site();
    let mut server = run.start("static-server", &["--root", "site"]);
    let request = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", TOKENS[0].1);
    run.ask(server.address, &[request.into_bytes()]);
    // A stop may come before it is read.
    server.wait_for_log(TOKENS[0].1);
    server.signal(Signal::TERM);
    server.wait();
    let found = run.secrets(&searcher());
    assert!(found.iter().any(|leak| leak.contains(".log")), "{found:?}");
    run.keep("an answer", format!("HTTP/1.1 301 Moved\r\nLocation: /?token={}\r\n\r\n", TOKENS[1].1));
    assert!(run.secrets(&searcher()).iter().any(|leak| leak.contains("an answer")), "{found:?}");
}
