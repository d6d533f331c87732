//! The process is stopped for longer than every timeout, and goes on: no client that has sent in time pays for it.

use harness::{Client, Daemon, Signal, frame, handshake};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");
const CLIENTS: usize = 20;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

#[test]
fn heads_and_pongs_that_came_meanwhile_are_in_time() {
    let timeouts = ["--head-timeout", "5s", "--ping-interval", "500ms", "--pong-timeout", "5s"];
    let server = Daemon::start(WS_SERVER, &[&timeouts[..], &["--source", "-"]].concat());
    let mut open: Vec<Client> = (0..CLIENTS).map(|_| server.websocket("/").0).collect();
    for client in &mut open {
        assert_eq!(client.frame().0, PING);
    }
    let request = format!("{}\n\n", handshake("/", 13)).replace('\n', "\r\n");
    let (begin, rest) = request.split_at(request.len() / 2);
    let mut heads: Vec<Client> = (0..CLIENTS).map(|_| server.connect()).collect();
    for client in &mut heads {
        client.send(begin);
    }
    server.signal(Signal::STOP);
    for client in &mut open {
        client.send(frame(PONG, b""));
    }
    for client in &mut heads {
        client.send(rest);
    }
    // Another server lets the same time pass, and some more.
    let elsewhere = Daemon::start(WS_SERVER, &["--head-timeout", "6s"]);
    assert_eq!(elsewhere.connect().rest(), b"");
    server.signal(Signal::CONT);
    for client in &mut heads {
        assert_eq!(client.status(), 101);
    }
    for client in &mut open {
        assert_eq!(client.frame().0, PING, "the next one: the connection goes on");
    }
}
