//! A stop is polite: everybody gets the end that its dialect has.

mod support;

use rustix::process::Signal;
use support::Server;

#[test]
fn each_signal_has_its_close_code_and_exit_0() {
    for (signal, code) in [(Signal::TERM, 1001), (Signal::INT, 1001), (Signal::USR2, 1012)] {
        let server = Server::start(&["--linger", "100ms"]);
        let (mut client, _) = server.websocket("/");
        let mut old = server.request("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket");
        old.head();
        let mut lines = server.request("GET / HTTP/1.1\nHost: a");
        lines.head();
        server.signal(signal);
        assert_eq!(client.close_code(), Some(code));
        client.send(support::frame(0x88, &code.to_be_bytes()));
        assert_eq!(client.rest(), b"");
        assert!(lines.rest().ends_with(b"0\r\n\r\n"));
        old.rest();
        assert!(server.wait().0.success());
    }
}

// WS-15
#[test]
fn who_never_answers_the_close_is_let_go() {
    let server = Server::start(&["--close-timeout", "200ms", "--drain-timeout", "1h", "--linger", "100ms"]);
    let (mut client, _) = server.websocket("/");
    server.signal(Signal::TERM);
    assert_eq!(client.close_code(), Some(1001));
    assert_eq!(client.rest(), b"");
    assert!(server.wait().0.success());
}
