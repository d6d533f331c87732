//! What a client sends without saying anything is bounded by its rates, in every dialect.

use harness::{Client, Daemon, frame, handshake};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

const HIXIE_75: &str = "GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket";

fn server() -> Daemon {
    let rates =
        ["--message-rate", "1", "--message-burst", "50", "--control-rate", "1", "--control-burst", "50"];
    let times = ["--close-timeout", "1m", "--drain-timeout", "1m"];
    Daemon::start(WS_SERVER, &[&rates[..], &times, &["--interval", "0", "--max-fragments", "0"]].concat())
}

/// A client whose opening handshake is over.
fn client(server: &Daemon, request: &str) -> Client {
    let mut client = server.request(request);
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    client
}

#[test]
fn frames_that_deliver_nothing_count_as_much_as_others() {
    let server = server();
    let hybi = handshake("/", 13);
    let hybi = hybi.as_str();
    let first = frame(0x01, b"");
    let table: [(&str, &str, &[u8], Vec<u8>); 8] = [
        ("empty texts", hybi, b"", frame(0x81, b"")),
        ("empty fragments", hybi, &first, frame(0x00, b"")),
        ("pongs that nobody asked for", hybi, b"", frame(0x8A, b"")),
        ("empty texts of a draft", HIXIE_75, b"", vec![0x00, 0xFF]),
        ("empty lengths", HIXIE_75, b"", vec![0x80, 0x00]),
        ("lengths to skip", HIXIE_75, b"", vec![0x80, 0x01, b'x']),
        ("texts of another type", HIXIE_75, b"", vec![0x07, 0xFF]),
        ("the Close of the other draft", HIXIE_75, b"", vec![0xFF, 0x00]),
    ];
    for (name, request, before, nothing) in table {
        let mut patient = client(&server, request);
        patient.send(before);
        patient.send(nothing.repeat(49));
        let mut flooding = client(&server, request);
        flooding.send(before);
        flooding.try_send(nothing.repeat(1000));
        let end = flooding.rest();
        assert!(request == HIXIE_75 || end.starts_with(&[0x88]), "{name}: {end:02x?}");
        if request == hybi {
            patient.send(frame(0x89, b"?"));
            assert_eq!(patient.frame(), (0x8A, b"?".to_vec()), "{name}: within the rate");
        }
    }
}

#[test]
fn after_our_close_a_client_has_no_more_to_say_than_before() {
    let server = server();
    let mut client = client(&server, &handshake("/", 13));
    server.signal(harness::Signal::TERM);
    assert_eq!(client.close_code(), Some(1001));
    // The server waits a minute, longer than this test, for the Close of a client that keeps to its rate.
    client.try_send(frame(0x81, b"late").repeat(1000));
    client.rest();
}

#[test]
fn a_stream_over_http_reads_a_little_of_what_it_has_no_use_for() {
    let mut server =
        Daemon::start(WS_SERVER, &["--source", "-", "--at-eof", "keep", "--leave-notices", "off"]);
    let mut client = server.request("GET / HTTP/1.0");
    client.head();
    client.stream.set_nonblocking(true).expect("the socket is open");
    // The kernels' buffers fill up, because nobody empties them.
    let chunk = vec![b'x'; 1 << 16];
    let (mut sent, mut full) = (0, 0);
    while full < 50 {
        assert!(sent < 1 << 30, "the server reads on and on");
        match std::io::Write::write(&mut client.stream, &chunk) {
            Ok(bytes) => (sent, full) = (sent + bytes, 0),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                // Other clients are served meanwhile, so the server had its turn.
                server.request("GET / HTTP/1.0").head();
                full += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    client.stream.set_nonblocking(false).expect("the socket is open");
    server.write("a line\n");
    assert_eq!(client.until(b"\n"), b"a line\n");
}
