//! Validators tell the versions of a file apart, and a precompressed sibling is of the file's own version.
#![allow(clippy::unwrap_used)] // a test may fail anywhere
#![allow(clippy::disallowed_methods)] // and has a clock

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use harness::http::{Response, request};
use harness::{Daemon, PATIENCE, Stop, StopAtEnd};

const STATIC_SERVER: &str = env!("CARGO_BIN_EXE_static-server");

/// A size in memory, and one that is sent piece by piece.
const SIZES: [usize; 2] = [1000, 100_000];

/// A moment of 2001, so many milliseconds on.
fn long_ago(milliseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000) + Duration::from_millis(milliseconds)
}

/// Writes a file in its place, last modified at this moment.
fn write(path: &Path, bytes: &[u8], modified: SystemTime) {
    fs::write(path, bytes).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

fn serve(dir: &Path, arguments: &[&str]) -> Daemon {
    Daemon::start(STATIC_SERVER, &[&["--root", dir.to_str().unwrap()], arguments].concat())
}

/// Asks again until the answer is as wanted; it must be within [`PATIENCE`].
fn eventually(ask: impl Fn() -> Response, is_wanted: impl Fn(&Response) -> bool) -> Response {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if is_wanted(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", answer.fields);
    }
}

/// The conditions that a client can make of what it got.
fn conditions(answer: &Response) -> Vec<String> {
    let mut conditions = Vec::new();
    if let Some(tag) = answer.header("etag") {
        conditions.push(format!("If-None-Match: {tag}\r\n"));
        conditions.push(format!("If-Range: {tag}\r\nRange: bytes=500-\r\n"));
        conditions.push(format!("If-Match: {tag}\r\nRange: bytes=500-\r\n"));
    }
    if let Some(date) = answer.header("last-modified") {
        conditions.push(format!("If-Modified-Since: {date}\r\n"));
        conditions.push(format!("If-Range: {date}\r\nRange: bytes=500-\r\n"));
    }
    conditions
}

/// Asks for what is written in the present second, and again where the answer came when another write could no longer fall into it, so that
/// the server may take it for settled.
fn within_its_second(ask: impl Fn(SystemTime) -> Response) -> (SystemTime, Response) {
    let begun = Instant::now();
    loop {
        let seconds = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let answer = ask(second);
        if SystemTime::now() < second + Duration::from_secs(2) {
            return (second, answer);
        }
        assert!(begun.elapsed() < PATIENCE, "no answer within a second");
    }
}

#[test]
fn a_file_that_is_written_twice_in_a_second_is_never_joined_of_two_halves_nor_called_unchanged() {
    for size in SIZES {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let server = serve(dir.path(), &[]);
        let (second, first) = within_its_second(|second| {
            write(&path, &vec![b'1'; size], second + Duration::from_millis(100));
            server.get("/file")
        });
        assert_eq!((first.status, first.body.len()), (200, size));
        let conditions = conditions(&first);
        write(&path, &vec![b'2'; size], second + Duration::from_millis(200));
        eventually(|| server.get("/file"), |answer| answer.header("last-modified").is_some());
        for condition in &conditions {
            let answer = server.get_with("/file", condition);
            let is_whole = answer.status == 200 && answer.body == vec![b'2'; size];
            assert!(is_whole || answer.status == 412, "{size}: {condition}: {}", answer.status);
        }
    }
}

#[test]
fn a_version_that_has_settled_has_both_validators_and_they_are_strong() {
    let dir = tempfile::tempdir().unwrap();
    for size in SIZES {
        write(&dir.path().join(size.to_string()), &vec![b'x'; size], long_ago(0));
    }
    let server = serve(dir.path(), &[]);
    for size in SIZES {
        let target = format!("/{size}");
        let answer = server.get(&target);
        assert!(answer.header("etag").unwrap().starts_with('"'));
        assert_eq!(answer.header("last-modified"), Some("Sun, 09 Sep 2001 01:46:40 GMT"));
        let tag = answer.header("etag").unwrap().to_owned();
        for validator in [
            tag.as_str(),
            "Sun, 09 Sep 2001 01:46:40 GMT",
            "Sunday, 09-Sep-01 01:46:40 GMT",
            "Sun Sep  9 01:46:40 2001",
        ] {
            let part = server.get_with(&target, &format!("If-Range: {validator}\r\nRange: bytes=500-\r\n"));
            assert_eq!((part.status, part.body.len()), (206, size - 500), "{validator}");
        }
        for validator in ["Sunday, 09-Sep-01 01:46:40 GMT", "Sun Sep  9 01:46:40 2001"] {
            let fields = format!("If-Modified-Since: {validator}\r\n");
            assert_eq!(server.get_with(&target, &fields).status, 304, "{validator}");
        }
    }
}

#[test]
fn copies_on_two_machines_have_one_tag() {
    let machines = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    // A program that copies may keep less than whole nanoseconds of the time.
    for (machine, milliseconds) in machines.iter().zip([0, 987]) {
        for size in SIZES {
            let path = machine.path().join(size.to_string());
            write(&path, &vec![b'x'; size], long_ago(milliseconds));
            write(&path.with_added_extension("gz"), &vec![b'z'; size], long_ago(milliseconds));
        }
    }
    let servers = machines.each_ref().map(|machine| serve(machine.path(), &[]));
    for size in SIZES {
        let target = format!("/{size}");
        let [tags, coded] = ["", "Accept-Encoding: gzip\r\n"].map(|fields| {
            servers
                .each_ref()
                .map(|server| server.get_with(&target, fields).header("etag").unwrap().to_owned())
        });
        assert_eq!(tags[0], tags[1], "{size}");
        assert_eq!(coded[0], coded[1], "{size}");
        assert_ne!(tags[0], coded[0], "{size}");
    }
}

#[test]
fn a_file_that_grows_is_sent_at_the_length_that_it_had() {
    let dir = tempfile::tempdir().unwrap();
    for (name, size) in ["small.log", "large.log"].into_iter().zip(SIZES) {
        fs::write(dir.path().join(name), vec![b'x'; size]).unwrap();
    }
    let server = serve(dir.path(), &["--keep-alive-requests", "0"]);
    let stop = Stop::default();
    std::thread::scope(|scope| {
        for name in ["small.log", "large.log"] {
            let mut log = fs::File::options().append(true).open(dir.path().join(name)).unwrap();
            let stop = &stop;
            scope.spawn(move || {
                // A byte at a time, as quickly as it goes, and in all no more than a few megabytes.
                for _ in 0..2_000_000 {
                    if stop.is_asked() {
                        break;
                    }
                    log.write_all(b"x").unwrap();
                }
            });
        }
        let _stop = StopAtEnd(&stop);
        let mut client = server.connect();
        for number in 0..100 {
            client.send(request("GET", ["/small.log", "/large.log"][number % 2], ""));
            let answer = client.response();
            assert_eq!(answer.status, 200, "answer {number}");
            assert!(answer.body.iter().all(|&byte| byte == b'x'), "answer {number}");
        }
    });
}

#[test]
fn a_sibling_counts_if_it_is_of_the_same_second_and_complete() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let now = SystemTime::now();
    for (name, sibling, modified, is_offered) in [
        // First, for it does not stay young.
        ("young", "GZ", now, false),
        ("ahead", "GZ", now + Duration::from_secs(5), false),
        // `pigz -k` and `brotli -k` set the file's own time, in whole seconds.
        ("same", "GZ", long_ago(0), true),
        ("newer", "GZ", long_ago(5000), true),
        ("older", "GZ", long_ago(0) - Duration::from_secs(1), false),
        ("empty", "", long_ago(5000), false),
    ] {
        for size in SIZES {
            let name = format!("{name}-{size}");
            write(&file(&name), &vec![b'x'; size], long_ago(900));
            write(&file(&format!("{name}.gz")), sibling.repeat(size).as_bytes(), modified);
        }
        let server = serve(dir.path(), &[]);
        for size in SIZES {
            let answer = server.get_with(format!("/{name}-{size}"), "Accept-Encoding: gzip\r\n");
            let coding = is_offered.then_some("gzip");
            assert_eq!((answer.status, answer.header("content-encoding")), (200, coding), "{name} {size}");
            assert!(is_offered || answer.body.len() == size);
        }
    }
    // Some seconds later the young one is complete, without any change.
    let server = serve(dir.path(), &[]);
    let ask = || server.get_with("/young-1000", "Accept-Encoding: gzip\r\n");
    let answer = eventually(ask, |answer| answer.header("content-encoding") == Some("gzip"));
    assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
}
