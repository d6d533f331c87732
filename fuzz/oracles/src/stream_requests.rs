//! Requests for the stream: `since`, `until`, `heartbeat`, `poll`, `callback`, and the keys of those that publish.

use common::http::{Head, HeadLimits};
use common::id::Since;
use ws_server::fuzzing::{poll, publish_request, stream_params};

use crate::input::Choices;

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let method = choices.one_of(&["GET", "HEAD", "POST"]);
    let version = choices.one_of(&["0", "1"]);
    let rest = choices.rest();
    let (query, fields) = rest.split_at(rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()));
    let start = format!("{method} /?").into_bytes();
    let host = format!(" HTTP/1.{version}\r\nHost: a\r\n").into_bytes();
    let bytes = [&start, query, &host, fields.get(1..).unwrap_or_default(), b"\r\n\r\n"].concat();
    let Ok(head) = Head::parse(&bytes, HeadLimits::default()) else { return };
    match stream_params(&head) {
        Ok((since, until, heartbeat)) => {
            // Only what an EventSource sends may be unreadable.
            let is_lenient = head.get("Last-Event-ID").is_some() || head.query_param("lastEventId").is_some();
            assert!(since != Some(Since::Unknown) || is_lenient);
            assert!(until != Some(Since::Unknown));
            assert!(heartbeat.is_none_or(|seconds| (1..=3600).contains(&seconds)));
        }
        Err(said) => check_said(&said),
    }
    match poll(&head) {
        Ok(Some((wait, callback))) => {
            assert!(wait.as_secs() <= 60);
            let is_name = |name: &String| {
                let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
                (1..=128).contains(&name.len()) && name.bytes().all(is_part)
            };
            assert!(callback.as_ref().is_none_or(is_name), "{callback:?}");
        }
        Ok(None) => assert!(head.query_param("poll").is_none() && head.query_param("callback").is_none()),
        Err(said) => check_said(&said),
    }
    match publish_request(&head) {
        Ok(Some(key)) => {
            assert!((1..=255).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            check_key(&key);
        }
        Ok(None) => assert!(head.get("Idempotency-Key").is_none()),
        Err((status, said)) => {
            assert!(matches!(status, 400 | 411 | 415 | 417));
            check_said(&said);
        }
    }
}

/// What a client reads: one line of printable ASCII and "…", of a bounded length.
fn check_said(said: &str) {
    let is_shown = |letter: char| matches!(letter, ' '..='~' | '…');
    assert!(said.len() <= 800 && said.chars().all(is_shown), "{said:?}");
}

/// The key, written as RFC 8941 §4.1.6 has it.
fn check_key(key: &str) {
    let quoted = key.replace('\\', "\\\\").replace('"', "\\\"");
    let request =
        format!("POST / HTTP/1.0\r\nContent-Length: 1\r\nIdempotency-Key: \"{quoted}\";a=b\r\n\r\n");
    let head = Head::parse(request.as_bytes(), HeadLimits::default()).expect("a request");
    assert_eq!(publish_request(&head), Ok(Some(key.to_owned())));
}
