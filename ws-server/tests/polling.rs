//! Long polls over real sockets: for the clock, for lines, as scripts, and what of them a browser sees.

#![allow(clippy::unwrap_used, clippy::float_cmp, reason = "for tests; a count is a whole number")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use harness::{
    Client, Daemon, Holder, Signal, eventually,
    http::Response,
    scrape::{self, value, wait_until},
};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

/// One answer on a connection that is kept: its head and its body.
fn answer(client: &mut Client) -> (Response, String) {
    let response = client.response();
    let body = response.text();
    (response, body)
}

/// Epoch and number of the newest message that an answer names.
fn last(response: &Response) -> (String, u64) {
    let id = response.header("Datecast-Last-Id").unwrap();
    let (epoch, number) = id.split_once('_').unwrap();
    (epoch.to_owned(), number.parse().unwrap())
}

/// A request on a connection that is kept, and its answer.
fn ask(client: &mut Client, query: &str) -> (Response, String) {
    client.send(format!("GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n"));
    answer(client)
}

fn message(epoch: &str, number: u64, text: &str) -> String {
    format!("{{\"id\":\"{epoch}_{number}\",\"text\":\"{text}\",\"kind\":\"message\"}}\n")
}

#[test]
fn one_connection_polls_the_clock_date_by_date() {
    let server = Daemon::start(WS_SERVER, &["--template", "{seq}", "--interval", "50ms"]);
    let mut client = server.connect();
    let (head, body) = ask(&mut client, "poll=20");
    let (epoch, mut number) = last(&head);
    assert_eq!(body, message(&epoch, number, &number.to_string()));
    for _ in 0..20 {
        let (head, body) = ask(&mut client, &format!("poll=20&since={epoch}_{number}"));
        // On a slow machine the clock may have gone on further; no date comes twice.
        let (_, next) = last(&head);
        assert!(next > number && body.ends_with(&message(&epoch, next, &next.to_string())), "{body}");
        number = next;
    }
}

#[test]
fn a_poll_waits_for_a_line_and_gets_all_that_are_behind_the_one_it_names() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-", "--greet", "0"]);
    let mut client = server.connect();
    let (head, body) = ask(&mut client, "poll=0");
    assert_eq!(body, "");
    let (epoch, newest) = last(&head);
    assert_eq!(newest, 0);
    client.send(format!("GET /?poll=60&since={epoch}_0 HTTP/1.1\r\nHost: a\r\n\r\n"));
    server.write("a\n");
    let (head, body) = answer(&mut client);
    assert_eq!(last(&head), (epoch.clone(), 1));
    assert_eq!(body, message(&epoch, 1, "a"));
    server.write("b</script>\nc\n");
    let (_, body) = ask(&mut client, &format!("poll=60&since={epoch}_1"));
    assert!(body.starts_with(&message(&epoch, 2, "b\\u003c/script>")), "{body}");
    // The server may have read `c` later than `b`.
    ask(&mut client, &format!("poll=60&since={epoch}_2"));
    let (_, body) = ask(&mut client, &format!("callback=page.got&since={epoch}_0"));
    assert!(
        body.starts_with(&format!(
            "/**/page.got({{\"last\":\"{epoch}_3\",\"messages\":[{{\"id\":\"{epoch}_1\","
        )),
        "{body}"
    );
}

/// A token file with these tokens.
fn tokens(folder: &Path, tokens: &[&str]) -> String {
    let path = folder.join("tokens");
    let lines: Vec<String> = tokens.iter().map(|token| format!("name-{} {token}\n", &token[..4])).collect();
    fs::write(&path, lines.concat()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

const ALICE: &str = "8b1a9953c4611296a827abf8c47804d7";
const BOB: &str = "0a1a9953c4611296a827abf8c47804d7";

#[test]
fn a_script_is_refused_where_any_page_could_read_what_is_for_some() {
    let refused = |server: &Daemon, target: &str, fields: &str, why: &str| {
        let answer = server.get_with(target, fields);
        assert!(answer.status == 403 && answer.text().contains(why), "{target}: {answer:?}");
    };
    let listed = Daemon::start(WS_SERVER, &["--allow-origin", "https://a.example"]);
    refused(&listed, "/?callback=f", "", "?poll=");
    refused(&listed, "/?callback=f&poll=5", "Origin: https://a.example\r\n", "?poll=");
    let page = listed.get_with("/?poll=5", "Origin: https://a.example\r\n");
    assert_eq!((page.status, page.header("Access-Control-Allow-Origin")), (200, Some("https://a.example")));
    assert_eq!(page.header("Access-Control-Expose-Headers"), Some("Datecast-Last-Id, Preference-Applied"));
    let folder = tempfile::tempdir().unwrap();
    let file = tokens(folder.path(), &[ALICE]);
    let server = Daemon::start(WS_SERVER, &["--token-file", &file]);
    let cookie = format!("Cookie: datecast_token={ALICE}\r\n");
    refused(&server, "/?callback=f", &cookie, "?token=");
    for (target, fields, status) in [
        (format!("/?callback=f&token={ALICE}"), "", 200),
        (format!("/?callback=f&token={BOB}"), cookie.as_str(), 401),
        ("/?callback=f".to_owned(), "", 401),
        ("/?poll=5".to_owned(), "", 401),
        ("/?poll=5".to_owned(), cookie.as_str(), 200),
        (format!("/?poll=5&token={ALICE}"), "", 200),
    ] {
        assert_eq!(server.get_with(&target, fields).status, status, "{target} {fields}");
    }
    assert_eq!(server.get("/?callback=a(b&poll=1&token=".to_owned() + ALICE).status, 400);
}

#[test]
fn a_poll_that_waits_hears_that_its_token_was_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let file = tokens(folder.path(), &[ALICE, BOB]);
    let args = ["--source", "-", "--token-file", &file, "--allow-origin", "https://a.example"];
    let mut server = Daemon::start(WS_SERVER, &args);
    let ask = |token: &str| {
        let mut client = server.connect();
        let head = format!("Host: a\r\nOrigin: https://a.example\r\nAuthorization: Bearer {token}\r\n");
        client.send(format!("GET /?poll=60 HTTP/1.1\r\n{head}\r\n"));
        client
    };
    let (mut alice, mut bob) = (ask(ALICE), ask(BOB));
    // Both wait, as everything that came before this has been read.
    let mut reader = server.request(&format!("GET /?token={BOB} HTTP/1.0"));
    reader.head();
    tokens(folder.path(), &[BOB]);
    server.signal(Signal::HUP);
    server.log_line("the configuration was read again");
    let (answer, body) = answer(&mut alice);
    assert!(answer.status == 401 && body.contains("token"), "{answer:?}");
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("https://a.example"));
    assert!(answer.header("WWW-Authenticate").unwrap().contains("invalid_token"));
    assert!(alice.rest().is_empty());
    server.write("a\n");
    assert!(self::answer(&mut bob).1.contains("\"text\":\"a\""));
}

#[test]
fn a_restart_answers_those_that_wait_and_keeps_every_connection() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = folder.path().join("metrics");
    let unix = format!("unix:{}", metrics.display());
    let args =
        ["--hand-over", "on", "--source", "http", "--workers", "2", "--greet", "0", "--metrics", &unix];
    let mut holder = Holder::start(WS_SERVER, &args);
    let publish = |holder: &Holder, line: &str| {
        let mut client = holder
            .request(&format!("POST / HTTP/1.1\nHost: localhost\nContent-Length: {}\n\n{line}", line.len()));
        assert_eq!(client.response().status, 200);
    };
    publish(&holder, "one");
    let mut clients: Vec<Client> = (0..20).map(|_| holder.connect()).collect();
    let (mut epoch, mut newest) = (String::new(), 0);
    for client in &mut clients {
        // The worker of one may have the line later than that of another.
        (epoch, newest) = last(&ask(client, "poll=60&since=0").0);
    }
    for client in &mut clients {
        client.send(format!("GET /?poll=60&since={epoch}_{newest} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    eventually(|| {
        let answer = scrape::ask_on(scrape::connect_unix(&metrics), "GET", "/metrics");
        let all_wait = answer.contains("\ndatecast_ws_connections{dialect=\"poll\",state=\"open\"} 20\n");
        if all_wait { Ok(()) } else { Err(answer) }
    });
    holder.restart();
    for client in &mut clients {
        let (head, body) = answer(client);
        assert_eq!((head.status, body.as_str(), last(&head)), (200, "", (epoch.clone(), newest)));
        assert_eq!(head.header("Connection"), None);
        client.send(format!("GET /?poll=60&since={epoch}_{newest} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    publish(&holder, "two");
    for client in &mut clients {
        assert_eq!(answer(client).1, message(&epoch, newest + 1, "two"));
    }
}

#[test]
fn any_worker_answers_for_any_id() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-", "--workers", "2", "--history", "1000"]);
    let mut had = "0".to_owned();
    let mut texts = String::new();
    for number in 1..=200 {
        server.write(format!("line {number}\n"));
        // Each time by another connection, and so by any worker.
        while !texts.contains(&format!("\"line {number}\"")) {
            let response = server.get(format!("/?poll=60&since={had}"));
            had = response.header("Datecast-Last-Id").unwrap().to_owned();
            texts.push_str(&response.text());
        }
    }
    assert_eq!(texts.lines().count(), 200, "each line once, and no gap: {texts}");
}

#[test]
fn a_poll_that_waits_is_not_evicted_and_one_between_two_requests_makes_room() {
    let limits = ["--max-connections", "4", "--max-heads", "4", "--workers", "1"];
    let mut server =
        Daemon::start(WS_SERVER, &[&["--source", "-", "--metrics", "127.0.0.1:0"], &limits[..]].concat());
    let metrics = server.metrics_address();
    let mut waiting: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send("GET /?poll=60 HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    // Before its request is read, each of them has nothing to be spared for.
    let waits = "datecast_ws_connections{dialect=\"poll\",state=\"open\"}";
    wait_until(metrics, waits, |now| now == 3.0);
    let mut idle = server.connect();
    ask(&mut idle, "poll=0");
    for _ in 0..5 {
        let mut newcomer = server.connect();
        ask(&mut newcomer, "poll=0");
    }
    assert!(idle.rest().is_empty());
    server.write("a\n");
    for client in &mut waiting {
        assert!(answer(client).1.contains("\"text\":\"a\""));
    }
}

#[test]
fn the_metrics_tell_polls_from_clients_that_stay() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-", "--metrics", "127.0.0.1:0"]);
    let metrics = server.metrics_address();
    let count = |dialect: &str, state: &str| {
        format!("datecast_ws_connections{{dialect=\"{dialect}\",state=\"{state}\"}}")
    };
    let mut poll = server.connect();
    poll.send("GET /?poll=60 HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut script = server.request("GET /?callback=f&poll=60 HTTP/1.0");
    wait_until(metrics, &count("poll", "open"), |now| now == 1.0);
    wait_until(metrics, &count("jsonp", "open"), |now| now == 1.0);
    server.write("a\n");
    answer(&mut poll);
    assert!(script.rest_as_text().contains("/**/f("));
    wait_until(metrics, &count("poll", "opening"), |now| now == 1.0);
    wait_until(metrics, "datecast_ws_polls_total{dialect=\"poll\"}", |now| now == 1.0);
    wait_until(metrics, "datecast_ws_polls_total{dialect=\"jsonp\"}", |now| now == 1.0);
    let text = scrape::metrics(metrics);
    for reason in ["peer", "server", "error"] {
        assert_eq!(
            value(&text, &format!("datecast_ws_closed_total{{reason=\"{reason}\"}}")),
            0.0,
            "{reason}"
        );
    }
}

#[test]
fn a_client_that_polls_gets_the_last_line_before_the_end_too() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-", "--workers", "1", "--close-timeout", "60s"]);
    let mut client = server.connect();
    server.write("a\n");
    let (head, _) = ask(&mut client, "poll=60&since=0");
    let (epoch, number) = last(&head);
    server.write("b\n");
    drop(server.stdin.take());
    // Whether the end has come before this or not.
    let (_, body) = ask(&mut client, &format!("poll=60&since={epoch}_{number}"));
    assert!(body.contains(&message(&epoch, 2, "b")), "{body}");
    drop(client);
    assert!(server.wait().0.success());
}
