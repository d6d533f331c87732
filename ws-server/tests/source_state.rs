//! What clients hear of the source beside its lines, over real sockets.

#![allow(clippy::unwrap_used, reason = "for tests")]

use harness::{Client, Daemon};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");
const ENDED: &str = r#"{"source":"ended","said":"the input has ended"}"#;

fn events(server: &Daemon) -> Client {
    let mut client = server.request("GET /?since=0 HTTP/1.0\nAccept: text/event-stream");
    client.head();
    client
}

#[test]
fn the_end_of_the_input_is_told_behind_its_last_line_by_every_worker() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-", "--at-eof", "keep", "--workers", "2"]);
    let mut frames: Vec<Client> = (0..8).map(|_| server.websocket("/?ids=1&since=0").0).collect();
    let mut early = events(&server);
    let (mut bare, _) = server.websocket("/?since=0");
    server.write("one\ntwo\nhalf");
    drop(server.stdin.take());
    for client in &mut frames {
        for text in ["one", "two", "half"] {
            assert_eq!(client.text().split_once('\t').unwrap().1, text);
        }
        assert_eq!(client.text(), format!("!\t{ENDED}"));
    }
    let told = format!("event: source\ndata: {ENDED}\n\n");
    let mut late = events(&server);
    for client in [&mut early, &mut late] {
        let text = String::from_utf8(client.until(told.as_bytes())).unwrap();
        assert!(text.ends_with(&format!("data: half\n\n{told}")), "{text}");
    }
    assert_eq!([bare.text(), bare.text(), bare.text()], ["one", "two", "half"]);
    // The connections are kept, and nothing more is said.
    for client in frames.iter_mut().chain([&mut bare]) {
        client.send(harness::frame(0x89, b"?"));
        assert_eq!(client.frame(), (0x8a, b"?".to_vec()));
    }
}
