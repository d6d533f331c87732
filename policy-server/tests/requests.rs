//! The requests that policy-server answers, and those that it closes: rows PO-01 to PO-06, PO-08, PO-11 and PO-12 over real sockets.
#![allow(clippy::expect_used, reason = "a test fails by a panic")]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use harness::scrape::wait_until;
use harness::{Client, Daemon, Signal, command, eventually};
use socket2::{Domain, Socket, Type};

const POLICY_SERVER: &str = env!("CARGO_BIN_EXE_policy-server");
/// The request without its end.
const REQUEST: &[u8] = b"<policy-file-request/>";

const POLICY: &str = "<?xml version=\"1.0\"?>\n\
    <!DOCTYPE cross-domain-policy SYSTEM \"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\">\n\
    <cross-domain-policy>\n  \
    <site-control permitted-cross-domain-policies=\"master-only\"/>\n  \
    <allow-access-from domain=\"*\" to-ports=\"40132\"/>\n\
    </cross-domain-policy>\n\0";

/// A short lifetime, to keep the tests of it short; the default is 5 s.
const LIFE: Duration = Duration::from_millis(700);
const SHORT: [&str; 2] = ["--lifetime", "700ms"];

#[allow(clippy::disallowed_methods, reason = "the test measures a deadline of the daemon from outside")]
fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = what();
    (value, start.elapsed())
}

fn assert_life(elapsed: Duration) {
    assert!(elapsed >= LIFE && elapsed < LIFE + Duration::from_secs(2), "closed after {elapsed:?}");
}

#[test]
fn the_default_policy_names_the_streams_port_and_ends_with_one_nul() {
    let daemon = Daemon::start(POLICY_SERVER, &[]);
    let request = [REQUEST, b"\0"].concat();
    let (got, reset) = daemon.connect().exchange(&request);
    assert_eq!((String::from_utf8_lossy(&got).as_ref(), reset), (POLICY, false));
}

#[test]
fn every_ending_at_every_split_is_answered() {
    let daemon = Daemon::start(POLICY_SERVER, &[]);
    for ending in [b"\0", b"\r", b"\n"] {
        let request = [REQUEST, ending].concat();
        for split in 0..=request.len() {
            let mut client = daemon.connect();
            client.send(&request[..split]);
            let (got, reset) = client.exchange(&request[split..]);
            assert_eq!((got.as_slice(), reset), (POLICY.as_bytes(), false), "{ending:?} split at {split}");
        }
    }
}

#[test]
fn the_request_byte_by_byte_and_ended_by_the_stream_is_answered() {
    let daemon = Daemon::start(POLICY_SERVER, &[]);
    let mut client = daemon.connect();
    for byte in REQUEST.chunks(1) {
        client.send(byte);
    }
    client.finish_sending();
    assert_eq!(client.read_to_end(), (POLICY.as_bytes().to_vec(), false));
}

#[test]
fn nothing_is_said_before_the_request_is_complete() {
    let daemon = Daemon::start(POLICY_SERVER, &SHORT);
    let mut client = daemon.connect();
    assert_eq!(client.exchange(REQUEST).0, b"", "an unended request is not answered");
}

#[test]
fn silence_is_closed_at_the_end_of_the_life() {
    let daemon = Daemon::start(POLICY_SERVER, &SHORT);
    // The life begins when the daemon accepts, which may be before we know that we are connected.
    let ((got, _), elapsed) = timed(|| daemon.connect().read_to_end());
    assert_eq!(got, b"");
    assert_life(elapsed);
}

#[test]
fn the_default_life_is_five_seconds() {
    let printed = command(POLICY_SERVER, &["--print-config"]).output().expect("runs").stdout;
    assert!(String::from_utf8_lossy(&printed).contains("lifetime = \"5s\""));
}

#[test]
fn a_dribble_does_not_prolong_the_life() {
    let daemon = Daemon::start(POLICY_SERVER, &SHORT);
    let (sent, elapsed) = timed(|| {
        let mut client = daemon.connect();
        // Between two bytes the client waits this long for an answer, which must not come.
        client.stream.set_read_timeout(Some(Duration::from_millis(100))).expect("set");
        let mut buffer = [0];
        for (sent, byte) in REQUEST.chunks(1).enumerate() {
            if !client.try_send(byte) {
                return sent;
            }
            match client.stream.read(&mut buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                _ => return sent,
            }
        }
        REQUEST.len()
    });
    assert!(sent < REQUEST.len(), "{sent} bytes in {elapsed:?}");
    assert_life(elapsed);
}

#[test]
fn a_firehose_is_closed_at_its_first_wrong_byte() {
    let daemon = Daemon::start(POLICY_SERVER, &["--lifetime", "60s"]);
    let mut client = daemon.connect();
    let (written, elapsed) = timed(|| (0..100_000).take_while(|_| client.try_send([b'<'; 4096])).count());
    assert!(written < 100_000 && elapsed < Duration::from_secs(20), "{written} blocks in {elapsed:?}");
}

#[test]
fn other_protocols_are_closed_at_once_without_a_word_or_a_log_line() {
    let daemon = Daemon::start(POLICY_SERVER, &["--lifetime", "60s"]);
    let beginnings: [&[u8]; 12] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /x HTTP/1.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"EHLO example.com\r\n",
        b"\x04\x01\x00\x50\x7f\x00\x00\x01\0",
        b"\x05\x01\x00",
        b"\x03\x00\x00\x13\x0e\xe0\0\0",
        b"<policy-file-requesT/>\0",
        b"<policy-file-request />\0",
        b"\0",
    ];
    for beginning in beginnings {
        let mut client = daemon.connect();
        let ((got, _), elapsed) = timed(|| client.exchange(beginning));
        assert_eq!(got, b"", "{beginning:?}");
        assert!(
            elapsed < Duration::from_secs(20),
            "{beginning:?} after {elapsed:?}, far from the end of the life"
        );
    }
    daemon.signal(Signal::TERM);
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(0));
    assert_eq!(log.lines().filter(|line| !line.contains("stop")).count(), 0, "{log}");
}

#[test]
fn any_other_byte_after_the_request_closes() {
    let daemon = Daemon::start(POLICY_SERVER, &[]);
    for byte in [b' ', b'x', 0x01, 0xff] {
        let (got, _) = daemon.connect().exchange([REQUEST, &[byte]].concat());
        assert_eq!(got, b"", "{byte}");
    }
}

#[test]
fn bytes_behind_the_request_do_not_cost_the_answer() {
    let daemon = Daemon::start(POLICY_SERVER, &[]);
    for _ in 0..20 {
        let mut client = daemon.connect();
        client.send([REQUEST, b"\0", &[b'x'; 80]].concat());
        let (got, reset) = client.exchange(b"and more");
        assert_eq!((got.as_slice(), reset), (POLICY.as_bytes(), false));
    }
}

#[test]
fn bytes_that_come_after_the_close_do_not_cost_the_answer() {
    let daemon = Daemon::start(POLICY_SERVER, &[]);
    for _ in 0..20 {
        let mut client = TcpStream::connect(daemon.address()).expect("connected");
        client.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        client.write_all(&[REQUEST, b"\0"].concat()).expect("sent");
        client.peek(&mut [0]).expect("the answer is there");
        // Until a reset says that nobody reads this.
        eventually(|| match client.write_all(b"and more") {
            Ok(()) => Err("it is still read".to_owned()),
            Err(_) => Ok(()),
        });
        let mut got = vec![0; POLICY.len()];
        client.read_exact(&mut got).expect("the answer is still there");
        assert_eq!(got, POLICY.as_bytes());
    }
}

#[test]
fn a_client_that_never_reads_is_gone_at_the_end_of_the_life() {
    let grants = "<allow-access-from domain=\"a.example\" to-ports=\"2000\"/>".repeat(300);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), format!("<cross-domain-policy>{grants}</cross-domain-policy>"))
        .expect("written");
    let path = file.path().to_str().expect("a name");
    let mut daemon =
        Daemon::start(POLICY_SERVER, &["--lifetime", "700ms", "--linger", "200ms", "--file", path]);

    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(1).expect("set");
    socket.connect(&daemon.address().into()).expect("connected");
    let mut stuck = TcpStream::from(socket);
    stuck.write_all(&[REQUEST, b"\0"].concat()).expect("sent");
    stuck.read_exact(&mut [0]).expect("the beginning of an answer");
    // Each round waits for the whole lifetime of one connection; the stuck one has to be gone by then.
    let ((), elapsed) = timed(|| {
        while !daemon_is_empty(&mut daemon) {
            daemon.connect().read_to_end();
        }
    });
    // Many lifetimes: the machine may be busy.
    assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
}

fn daemon_is_empty(daemon: &mut Daemon) -> bool {
    daemon.signal(Signal::USR1);
    daemon.log_line("open=").contains("open=0 ")
}

#[test]
fn the_oldest_connection_of_an_address_makes_room_and_others_notice_nothing() {
    // No connection comes to the end of its life before the test does.
    let args =
        ["--max-connections-per-ip", "4", "--workers", "2", "--lifetime", "60s", "--metrics", "127.0.0.1:0"];
    let mut daemon = Daemon::start(POLICY_SERVER, &args);
    let address = daemon.address();
    let line = daemon.log_line("metrics on ");
    let metrics = line.rsplit(' ').next().and_then(|address| address.parse().ok()).expect(&line);
    let from = |ip: [u8; 4]| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((ip, 0)).into()).expect("bound");
        socket.connect(&address.into()).expect("connected");
        Client::from(TcpStream::from(socket))
    };
    let mut other = from([127, 0, 0, 3]);
    let mut four: Vec<Client> = (0..4).map(|_| from([127, 0, 0, 2])).collect();
    // Else a worker may accept one of them after the fifth, which would then be the oldest.
    wait_until(metrics, "datecast_policy_open_connections", |open| open >= 5.0);
    let mut fifth = from([127, 0, 0, 2]);
    for client in &four {
        client.stream.set_read_timeout(Some(Duration::from_millis(50))).expect("set");
    }
    let closed = (0..100).find_map(|_| {
        four.iter_mut().position(|client| {
            !matches!(client.stream.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
        })
    });
    assert!(closed.is_some(), "one of the four had to go");
    for client in [&mut other, &mut fifth] {
        let (got, _) = client.exchange([REQUEST, b"\0"].concat());
        assert_eq!(got, POLICY.as_bytes());
    }
}
