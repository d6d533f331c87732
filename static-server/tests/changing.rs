//! Files that shrink, grow or are replaced while they are sent: rows ST-25 and ST-26 of the attack table.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may fail anywhere

mod site;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::thread;

use harness::http::{Response, request};
use harness::{Client, Stop, StopAtEnd};
use site::{site, write_old};

/// More than the buffers of both sockets hold: while the client does not read, the server cannot have sent all of it.
const LARGE: usize = 16 << 20;

/// What happens to a file of `LARGE` bytes while it is sent.
type Change = fn(&Path);

fn open(path: &Path) -> File {
    File::options().append(true).open(path).unwrap()
}

/// Sends two requests, changes the file once the first head is there, and reads on; returns the first head, all that came
/// behind it, and whether the end was a reset.
fn changed_while_sent(change: Change, fields: &str) -> (Response, Vec<u8>, bool) {
    let (dir, server) = site(&[("file", &vec![b'1'; LARGE])], &[]);
    let mut client = server.connect();
    client.send([request("GET", "/file", fields), request("GET", "/next", "Connection: close\r\n")].concat());
    let head = client.response_head();
    change(&dir.path().join("file"));
    let (rest, was_reset) = client.read_to_end();
    (head, rest, was_reset)
}

#[test]
fn a_file_that_becomes_shorter_while_it_is_sent_ends_in_a_reset_with_nothing_behind_it() {
    for (change, fields) in [
        ((|path| open(path).set_len(0).unwrap()) as Change, ""),
        (|path| open(path).set_len(1).unwrap(), ""),
        (|path| open(path).set_len(LARGE as u64 / 2).unwrap(), ""),
        (|path| open(path).set_len(LARGE as u64 - 1).unwrap(), ""),
        (|path| open(path).set_len(LARGE as u64 - 2).unwrap(), "Range: bytes=5-\r\n"),
        // Emptied and written anew, as `cp` does it.
        (|path| fs::write(path, b"2222").unwrap(), ""),
    ] {
        let (head, rest, was_reset) = changed_while_sent(change, fields);
        let length: usize = head.header("content-length").unwrap().parse().unwrap();
        assert!(was_reset && rest.len() < length, "{} of {length} bytes, reset: {was_reset}", rest.len());
        assert!(
            rest.iter().all(|byte| b"12".contains(byte)),
            "neither padding nor the next answer is in the body"
        );
    }
}

#[test]
fn a_file_that_grows_or_is_replaced_or_removed_while_it_is_sent_is_sent_as_it_was() {
    for change in [
        (|path| open(path).write_all(&b"2".repeat(100_000)).unwrap()) as Change,
        |path| open(path).set_len(2 * LARGE as u64).unwrap(),
        |path| {
            write_old(&path.with_file_name("new"), b"2222", 9);
            fs::rename(path.with_file_name("new"), path).unwrap();
        },
        |path| fs::remove_file(path).unwrap(),
        |path| fs::rename(path, path.with_file_name("away")).unwrap(),
    ] {
        let (head, rest, was_reset) = changed_while_sent(change, "");
        assert_eq!((head.status, head.header("content-length")), (200, Some(LARGE.to_string().as_str())));
        let (body, next) = rest.split_at(LARGE);
        assert!(body.iter().all(|byte| *byte == b'1'));
        assert!(next.starts_with(b"HTTP/1.1 404 ") && !was_reset, "the connection is in step");
    }
}

/// The version of this number: so many bytes of that number.
fn version(number: u8, size: usize) -> Vec<u8> {
    vec![number; size + usize::from(number)]
}

/// Replaces the file by the next version again and again; some then grow by zeros, others become half as long.
fn change(path: &Path, size: usize, stop: &Stop) {
    let mut second = 0;
    while !stop.is_asked() {
        for number in 1..=200 {
            second += 1;
            write_old(&path.with_file_name(".new"), &version(number, size), second);
            fs::rename(path.with_file_name(".new"), path).unwrap();
            match number % 3 {
                1 => (0..20).for_each(|_| open(path).write_all(&[0; 100]).unwrap()),
                2 => open(path).set_len(size as u64 / 2).unwrap(),
                _ => {}
            }
        }
    }
}

/// Checks that all of these bytes are of one version: the number, then zeros if it grew. `whole` is false for what was cut.
fn check(body: &[u8], size: usize, whole: bool) {
    let number = body.first().copied().unwrap_or(1);
    let len = body.iter().take_while(|byte| **byte == number).count();
    let full = version(number, size).len();
    let is_known = match number % 3 {
        1 => len == full || !whole,
        2 => (len == full || len == size / 2 || !whole) && body.len() == len,
        _ => len == full && body.len() == len && whole,
    };
    let grown = body[len..].iter().all(|byte| *byte == 0) && body.len() <= full + 2000;
    assert!(
        number != 0 && is_known && grown,
        "{len} of {} bytes, version {number}, whole: {whole}",
        body.len()
    );
}

/// Asks once; `None` if a reset cut the body short.
fn ask(client: &mut Client, size: usize) -> Option<Response> {
    client.send(request("GET", "/file", ""));
    let mut answer = client.response_head();
    let length = answer.header("content-length").unwrap().parse().unwrap();
    if answer.status == 503 {
        client.take(length);
        return Some(answer);
    }
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = client.take_unless_reset(length);
    check(body.as_ref().unwrap_or_else(|cut| cut), size, body.is_ok());
    answer.body = body.ok()?;
    Some(answer)
}

#[test]
fn a_body_is_of_one_version_and_a_tag_of_one_body_whatever_happens_to_the_file() {
    for (size, asked) in [(1000, 2000), (100_000, 1000), (4 << 20, 60)] {
        let (dir, server) =
            site(&[("file", &version(3, size))], &["--cache-size", "0", "--keep-alive-requests", "1000000"]);
        let stop = Stop::default();
        let [mut whole, mut cut, mut busy] = [0; 3];
        thread::scope(|scope| {
            let path = dir.path().join("file");
            let stopped = &stop;
            scope.spawn(move || change(&path, size, stopped));
            let _stop = StopAtEnd(&stop);
            let (mut client, mut by_tag) = (server.connect(), HashMap::new());
            for _ in 0..asked {
                match ask(&mut client, size) {
                    Some(answer) if answer.status == 200 => {
                        whole += 1;
                        let described = (answer.body[0], answer.body.len());
                        let Some(tag) = answer.header("etag") else { continue };
                        let before = by_tag.insert(tag.to_owned(), described);
                        assert!(before.is_none_or(|before| before == described), "{tag}: two bodies");
                    }
                    Some(_) => busy += 1,
                    None => {
                        cut += 1;
                        client = server.connect();
                    }
                }
            }
        });
        println!("{size} bytes: {whole} whole, {cut} cut, {busy} busy");
        assert!(whole > 0);
    }
}
