//! Long polls over real sockets: for the clock, for lines, as scripts, and what of them a browser sees.

#![allow(clippy::unwrap_used, reason = "for tests")]

use harness::{Client, Daemon, http::Response};

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
    let (_, body) = ask(&mut client, &format!("callback=page.got&since={epoch}_0"));
    assert!(
        body.starts_with(&format!(
            "/**/page.got({{\"last\":\"{epoch}_3\",\"messages\":[{{\"id\":\"{epoch}_1\","
        )),
        "{body}"
    );
}
