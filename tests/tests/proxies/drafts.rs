//! The proxies that carry the drafts of 2010, with requests and checks like those of a browser of that time.

use crate::front::{Front, Kind};
use crate::tls::Tls;

/// draft-hixie-thewebsocketprotocol-76 §5.2 has this example; `8jKS'y:G*Co,Wxa-` answers it.
const KEYS: &str = "\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00";
const KEY3: &[u8] = b"^n:ds[4U";
const DIGEST: &[u8] = b"8jKS'y:G*Co,Wxa-";

fn request(more: &str) -> Vec<u8> {
    let head = "GET /stream HTTP/1.1\nUpgrade: WebSocket\nConnection: Upgrade\nHost: localhost\nOrigin: https://localhost";
    format!("{head}{more}\n\n").replace('\n', "\r\n").into_bytes()
}

/// Draft 75: the client compares the first three lines of the answer byte for byte (§4.1).
pub(crate) fn draft_75(port: u16) -> Result<(), String> {
    let mut client = Tls::connect(port, "127.0.0.1");
    client.send(&request(""));
    let head = client.head();
    let fixed = "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nWebSocket-Origin: ";
    if !head.starts_with(fixed) {
        return Err(head);
    }
    assert!(head.contains("\r\nWebSocket-Location: wss://localhost/stream\r\n"), "{head}");
    client.until(b"(UTC)\xFF");
    Ok(())
}

/// Draft 76: the third key comes behind the head, in the same piece, as browsers sent it.
pub(crate) fn draft_76(port: u16) -> Result<(), String> {
    let mut client = Tls::connect(port, "127.0.0.1");
    client.send(&[&request(KEYS), KEY3].concat());
    let head = client.head();
    if !head.starts_with("HTTP/1.1 101 ") {
        return Err(head);
    }
    // A client compares the names of fields in lower case (§4.1, step 32).
    let lines: Vec<String> = head.lines().map(str::to_ascii_lowercase).collect();
    assert!(lines.iter().any(|line| line == "sec-websocket-location: wss://localhost/stream"), "{head}");
    client.try_until(DIGEST, std::time::Duration::from_secs(5)).map_err(|why| format!("{head}{why}"))?;
    client.until(b"(UTC)\xFF");
    Ok(())
}

#[test]
#[ignore = "needs HAProxy: `tests/run proxies` runs it"]
fn haproxy_carries_both_drafts_where_it_passes_everything_on_as_it_is() {
    let front = Front::start(Kind::Haproxy, &["--secure"]);
    draft_75(front.raw_port).expect("draft 75");
    draft_76(front.raw_port).expect("draft 76");
    // Its HTTP side wants the key of RFC 6455.
    assert!(draft_75(front.port).is_err_and(|head| head.starts_with("HTTP/1.1 400 ")));
    assert!(draft_76(front.port).is_err_and(|head| head.starts_with("HTTP/1.1 400 ")));
}

#[test]
#[ignore = "needs nginx: `tests/run proxies` runs it"]
fn nginx_carries_draft_76_and_reorders_the_answer_of_draft_75() {
    let front = Front::start(Kind::Nginx, &[]);
    draft_76(front.port).expect("draft 76");
    assert!(draft_75(front.port).is_err_and(|head| head.starts_with("HTTP/1.1 101 ")));
}

#[test]
#[ignore = "needs Caddy: `tests/run proxies` runs it"]
fn caddy_loses_the_third_key_of_draft_76_and_reorders_the_answer_of_draft_75() {
    let front = Front::start(Kind::Caddy, &[]);
    assert!(draft_76(front.port).is_err_and(|why| why.contains("nothing more")));
    assert!(draft_75(front.port).is_err_and(|head| head.starts_with("HTTP/1.1 101 ")));
}
