//! Publishing by clients that fail: bodies that are cut off, that crawl, that lie, and chunks that are none. Whole lines
//! come through, each once, and nothing else does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "for tests")]

use harness::http::request;
use harness::publish::{LAST_CHUNK, PUBLISHING, all_lines, chunk, post, published, put_head, reader};
use harness::{Client, Daemon};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

fn server(options: &[&str]) -> Daemon {
    Daemon::start(WS_SERVER, &[&PUBLISHING, options].concat())
}

/// What the server has of a body once it is cut off: the whole lines.
fn whole_lines(body: &str) -> Vec<String> {
    let end = body.rfind('\n').map_or(0, |at| at + 1);
    body[..end].lines().map(str::to_owned).collect()
}

/// A body, how it is framed, and how much of it the first N bytes of the framing hold.
struct Framed {
    head: Vec<u8>,
    bytes: Vec<u8>,
    held: Vec<usize>,
}

impl Framed {
    fn by_length(body: &str) -> Self {
        let head = request("POST", "/", &format!("Content-Length: {}\r\n", body.len()));
        Self { head, bytes: body.into(), held: (0..=body.len()).collect() }
    }

    /// In chunks of these sizes and one more for the rest, with an extension and a trailer.
    fn in_chunks(body: &str, sizes: &[usize]) -> Self {
        let (mut framed, mut rest) = (Self { head: put_head(""), bytes: Vec::new(), held: vec![0] }, body);
        for size in sizes.iter().copied().chain([usize::MAX]) {
            let (data, after) = rest.split_at(size.min(rest.len()));
            rest = after;
            framed.push(format!("{:x};name=\"v\"\r\n", data.len()).as_bytes(), 0);
            framed.push(data.as_bytes(), 1);
            framed.push(b"\r\n", 0);
        }
        framed.push(b"0\r\nX-Trailer: yes\r\n\r\n", 0);
        framed
    }

    fn push(&mut self, bytes: &[u8], holds: usize) {
        for byte in bytes {
            self.bytes.push(*byte);
            self.held.push(self.held.last().unwrap() + holds);
        }
    }
}

#[test]
fn a_body_that_is_cut_off_anywhere_publishes_its_whole_lines_only() {
    let server = server(&[]);
    let mut reader = reader(&server);
    let mut expected = Vec::new();
    for framing in 0..2 {
        let body_at =
            |cut: usize| format!("{framing}/{cut} one\n{framing}/{cut} zw\u{f6}lf\r\n{framing}/{cut} last");
        let framed = |cut: usize| match framing {
            0 => Framed::by_length(&body_at(cut)),
            _ => Framed::in_chunks(&body_at(cut), &[3, 9, 11]),
        };
        let mut cut = 0;
        while cut < framed(cut).bytes.len() {
            let (body, framed) = (body_at(cut), framed(cut));
            let mut client = server.connect();
            client.send([&framed.head, &framed.bytes[..cut]].concat());
            client.finish_sending();
            let answer = String::from_utf8_lossy(&client.rest()).into_owned();
            assert!(!answer.contains(" 200 OK"), "framing {framing}, cut at {cut}: {answer}");
            let held = String::from_utf8_lossy(&body.as_bytes()[..framed.held[cut]]).into_owned();
            expected.extend(whole_lines(&held));
            cut += 1;
        }
        let (body, framed) = (body_at(cut), framed(cut));
        let mut client = server.connect();
        client.send([framed.head, framed.bytes].concat());
        assert_eq!(published(&client.response()), 3, "framing {framing}");
        expected.extend(body.lines().map(str::to_owned));
    }
    assert_eq!(all_lines(&server, &mut reader), expected);
}

#[test]
fn a_reset_in_a_body_publishes_whole_lines_only_too() {
    let server = server(&[]);
    let mut reader = reader(&server);
    for number in 0..200 {
        let mut client = server.connect();
        client.send(put_head(""));
        client.send(chunk(format!("{number} first\n{number} second\n{number} third")));
        rustix::net::sockopt::set_socket_linger(&client.stream, Some(std::time::Duration::ZERO)).unwrap();
    }
    let mut next = [0; 200];
    for line in all_lines(&server, &mut reader) {
        let (number, line) = line.split_once(' ').unwrap();
        let next = &mut next[number.parse::<usize>().unwrap()];
        assert_eq!(line, ["first", "second"][*next], "of {number}");
        *next += 1;
    }
}

#[test]
fn many_bodies_that_crawl_hold_up_nobody() {
    let server = server(&[]);
    let mut reader = reader(&server);
    let (mut socket, _) = server.websocket("/");
    let mut slow: Vec<Client> = (0..150).map(|_| server.connect()).collect();
    for client in &mut slow {
        client.send(put_head(""));
        client.send(b"8\r\nsl");
    }
    let mut quick = server.connect();
    for number in 0..200 {
        quick.publish(&format!("quick {number}\n"));
        assert_eq!(reader.until(b"\n"), format!("quick {number}\n").as_bytes());
        assert_eq!(socket.text(), format!("quick {number}"));
        // Every slow body gets on by one byte between some quick ones.
        if number % 50 == 0 {
            let byte = [b"owly\r\n"[number / 50]];
            for client in &mut slow {
                client.send(byte);
            }
        }
    }
    for byte in b"\n!\r\n0\r\n\r\n" {
        for client in &mut slow {
            client.send([*byte]);
        }
    }
    for client in &mut slow {
        assert_eq!(published(&client.response()), 2);
    }
    let lines = all_lines(&server, &mut reader);
    assert_eq!(lines.iter().filter(|line| *line == "slowly").count(), 150);
    assert_eq!(lines.iter().filter(|line| *line == "!").count(), 150);
    assert_eq!(lines.len(), 300);
}

#[test]
fn pipelined_publications_are_answered_in_order_whatever_their_framing() {
    let server = server(&[]);
    let mut reader = reader(&server);
    let mut bytes = Vec::new();
    for number in 0..100 {
        let body = format!("{number} one\n{number} two");
        if number % 3 == 0 {
            bytes.extend(post("", &body));
        } else {
            bytes.extend([put_head(""), chunk(&body[..3]), chunk(&body[3..]), LAST_CHUNK.to_vec()].concat());
        }
    }
    let expected: Vec<String> =
        (0..100).flat_map(|number| [format!("{number} one"), format!("{number} two")]).collect();
    // At once, then cut at every place of the first requests.
    let mut client = server.connect();
    client.send(&bytes);
    for _ in 0..100 {
        assert_eq!(published(&client.response()), 2);
    }
    assert_eq!(all_lines(&server, &mut reader), expected);
    let mut client = server.connect();
    for byte in &bytes {
        client.send([*byte]);
    }
    for _ in 0..100 {
        assert_eq!(published(&client.response()), 2);
    }
    assert_eq!(all_lines(&server, &mut reader), expected);
}

/// What comes instead of a chunk, behind a good one.
fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let long = |len: usize| vec![b'x'; len];
    vec![
        ("no digit", b"zz\r\nbad\n\r\n".to_vec()),
        ("no size", b"\r\nbad\n\r\n".to_vec()),
        ("a sign", b"+4\r\nbad\n\r\n".to_vec()),
        ("a minus", b"-4\r\nbad\n\r\n".to_vec()),
        ("a prefix", b"0x4\r\nbad\n\r\n".to_vec()),
        ("blanks before", b" 4\r\nbad\n\r\n".to_vec()),
        ("an underscore", b"0_4\r\nbad\n\r\n".to_vec()),
        ("64 bits and more", b"10000000000000004\r\nbad\n\r\n".to_vec()),
        ("digits without an end", [b"0".repeat(100_000), b"4\r\nbad\n\r\n".to_vec()].concat()),
        ("more data than it says", b"2\r\nbad\n\r\n".to_vec()),
        ("LF for CR LF behind the size", b"4\nbad\n\r\n0\n\n".to_vec()),
        ("LF in an extension", b"4;a\nb\r\nbad\n\r\n".to_vec()),
        ("CR in an extension", b"4;a\rb\r\nbad\n\r\n".to_vec()),
        ("an endless extension", [b"4;a=".to_vec(), long(1 << 20)].concat()),
        ("an endless trailer", [b"0\r\nX: ".to_vec(), long(1 << 20)].concat()),
        ("endless trailers", [b"0\r\n".to_vec(), b"X: y\r\n".repeat(200_000)].concat()),
        ("another request", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbad\n".to_vec()),
    ]
}

#[test]
fn what_is_no_chunk_ends_the_connection_and_publishes_nothing_more() {
    let server = server(&[]);
    let mut reader = reader(&server);
    for (name, bytes) in garbage() {
        let mut client = server.connect();
        client.send(put_head(""));
        client.send(chunk("good\nha"));
        let (answer, _) = client.exchange(bytes);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        // A reset may overtake the answer where more was sent than is read.
        let refused = ["HTTP/1.1 400 ", "HTTP/1.1 413 ", "HTTP/1.1 431 "]
            .iter()
            .any(|status| answer.starts_with(status));
        assert!(refused || answer.is_empty(), "{name}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), usize::from(refused), "{name}: {answer}");
        assert_eq!(all_lines(&server, &mut reader), ["good"], "{name}");
    }
}

#[test]
fn a_framing_that_is_none_is_refused_before_its_body() {
    let server = server(&[]);
    let mut reader = reader(&server);
    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding:\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: -4\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length: 4 4\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Content-Encoding: gzip\r\nContent-Length: 4\r\n",
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 4\r\n",
        "Expect: 200-ok\r\nContent-Length: 4\r\n",
    ] {
        let mut client = server.connect();
        client.try_send([request("POST", "/", fields), b"bad\n".to_vec()].concat());
        let answer = String::from_utf8_lossy(&client.rest()).into_owned();
        assert!(
            answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 501 "),
            "{fields:?}: {answer}"
        );
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{fields:?}: {answer}");
    }
    assert_eq!(all_lines(&server, &mut reader), [""; 0]);
}

#[test]
fn a_length_that_lies_costs_its_own_connection_only() {
    let server = server(&[]);
    let mut reader = reader(&server);
    // Too small: what is left over is no request.
    let mut client = server.connect();
    client.send([request("POST", "/", "Content-Length: 4\r\n"), b"oneTWO\n\r\n\r\n".to_vec()].concat());
    let answer = String::from_utf8_lossy(&client.rest()).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("HTTP/1.1 400 "), "{answer}");
    // Too large: the whole lines count, and the line that was begun does not.
    let mut client = server.connect();
    client.send([request("POST", "/", "Content-Length: 40\r\n"), b"two\nthr".to_vec()].concat());
    assert_eq!(reader.until(b"two\n"), b"oneT\ntwo\n");
    client.finish_sending();
    let answer = String::from_utf8_lossy(&client.rest()).into_owned();
    assert!(!answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(all_lines(&server, &mut reader), [""; 0]);
}
