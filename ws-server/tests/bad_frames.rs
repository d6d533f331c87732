//! A violation of the framing ends the connection with the right code (rows WS-07 to WS-12, WS-16, WS-17, WS-25, WS-31).

use harness::{Client, Daemon, frame};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

fn server() -> Daemon {
    Daemon::start(WS_SERVER, &["--interval", "0", "--on-message", "echo"])
}

/// The close code with which the server answers these bytes.
fn code(server: &Daemon, bytes: &[u8]) -> Option<u16> {
    let (mut client, _) = server.websocket("/");
    client.try_send(bytes);
    client.close_code()
}

#[test]
fn each_fault_has_its_code() {
    let server = server();
    let long = |len: u64, kind: u8| [&[0x82, 0x80 | kind][..], &len.to_be_bytes(), &[1, 2, 3, 4]].concat();
    let table: Vec<(&str, Vec<u8>, u16)> = vec![
        ("WS-07 too many fragments", [frame(0x01, b"a"), frame(0x00, b"b").repeat(64)].concat(), 1009),
        (
            "WS-07 too long in fragments",
            [frame(0x01, &[b'a'; 9000]), frame(0x00, &[b'a'; 9000])].concat(),
            1009,
        ),
        ("WS-08 a length of 2^63-1", long(u64::MAX >> 1, 127), 1009),
        ("WS-08 a length of 2^64-1", long(u64::MAX, 127), 1002),
        ("WS-09 5 bytes in 16 bits", vec![0x81, 0xFE, 0, 5, 1, 2, 3, 4], 1002),
        ("WS-09 300 bytes in 64 bits", long(300, 127), 1002),
        ("WS-10 unmasked", vec![0x81, 2, b'h', b'i'], 1002),
        ("WS-11 RSV1", frame(0xC1, b"a"), 1002),
        ("WS-11 RSV3", frame(0x91, b"a"), 1002),
        ("WS-11 opcode 3", frame(0x83, b"a"), 1002),
        ("WS-11 opcode 15", frame(0x8F, b"a"), 1002),
        ("WS-11 fragmented ping", frame(0x09, b"a"), 1002),
        ("WS-11 ping of 126 bytes", frame(0x89, &[0; 126]), 1002),
        ("WS-11 orphan continuation", frame(0x80, b"a"), 1002),
        ("WS-11 text inside a text", [frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002),
        ("WS-12 no UTF-8", frame(0x81, b"\xff"), 1007),
        ("WS-12 a surrogate", frame(0x81, b"\xed\xa0\x80"), 1007),
        ("WS-12 overlong", frame(0x81, b"\xc0\xaf"), 1007),
        ("WS-12 cut off at the end", frame(0x81, b"\xe2\x82"), 1007),
        ("WS-12 cut off over fragments", [frame(0x01, b"\xe2"), frame(0x80, b"\x82")].concat(), 1007),
        ("WS-12 fails in the fragment", frame(0x01, b"\xe2\x28"), 1007),
        ("WS-16 a Close of one byte", frame(0x88, b"a"), 1002),
        ("WS-16 a reason that is no UTF-8", frame(0x88, b"\x03\xe8\xff"), 1007),
        ("WS-31 a compressed message", frame(0xC1, b"\x00"), 1002),
        ("too long in one", frame(0x82, &vec![0; 16385]), 1009),
    ];
    for (name, bytes, expected) in table {
        assert_eq!(code(&server, &bytes), Some(expected), "{name}");
    }
}

#[test]
fn close_codes_are_answered_or_refused() {
    let server = server();
    for given in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535_u16] {
        assert_eq!(code(&server, &frame(0x88, &given.to_be_bytes())), Some(1002), "{given}");
    }
    for given in [1000, 1001, 1011, 3000, 4999_u16] {
        assert_eq!(code(&server, &frame(0x88, &given.to_be_bytes())), Some(given), "{given}");
    }
    assert_eq!(code(&server, &frame(0x88, b"")), None);
}

#[test]
fn an_unmasked_message_never_reaches_the_application() {
    let server = server();
    let (mut client, _) = server.websocket("/");
    client.send([0x81, 2, b'h', b'i']);
    assert_eq!(client.frame(), (0x88, 1002_u16.to_be_bytes().to_vec()));
    assert_eq!(client.rest(), b"");
}

#[test]
fn after_a_close_there_is_exactly_one_close_and_the_end() {
    let server = server();
    let (mut client, _) = server.websocket("/");
    let close = frame(0x88, &1000_u16.to_be_bytes());
    client.send([close.clone(), frame(0x81, b"too late"), close].concat());
    assert_eq!(client.rest(), [0x88, 2, 0x03, 0xE8]);
}

#[test]
fn floods_of_pings_and_of_messages_are_ended_with_1008() {
    let server = server();
    assert_eq!(code(&server, &frame(0x89, b"x").repeat(200)), Some(1008));
    assert_eq!(code(&server, &frame(0x8A, b"x").repeat(200)), Some(1008));
    assert_eq!(code(&server, &frame(0x81, b"x").repeat(300)), Some(1008));
}

fn hixie(server: &Daemon) -> Client {
    let mut client = server.request("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket");
    client.head();
    client
}

#[test]
fn endless_hixie_frames_are_ended() {
    let server = server();
    let mut endless_text = hixie(&server);
    endless_text.send([0x00]);
    while endless_text.try_send([b'x'; 16384]) {}
    let mut endless_length = hixie(&server);
    while endless_length.try_send([0x80; 16384]) {}
    let mut long = hixie(&server);
    assert!(long.try_send([0x80, 0xFF, 0xFF, 0x7F]));
    assert_eq!(long.rest(), b"", "announced 2 MiB");
}
