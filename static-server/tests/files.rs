//! How static-server answers requests for files: rows ST-13 to ST-16, 25, 26, 29 and 30 of the attack table, and what the cache may not do.
#![allow(clippy::unwrap_used)] // a test may fail anywhere
#![allow(clippy::disallowed_methods)] // and has a clock

mod site;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use harness::http::request;
use harness::{Daemon, Signal, Stop, StopAtEnd};
use site::{site, write_old};

const STATIC_SERVER: &str = env!("CARGO_BIN_EXE_static-server");

/// Replaces a file as a deployment does: by renaming a new one over it.
fn replace(dir: &Path, name: &str, bytes: &[u8]) {
    fs::write(dir.join(".new"), bytes).unwrap();
    fs::rename(dir.join(".new"), dir.join(name)).unwrap();
}

#[test]
fn every_answer_says_its_type_and_forbids_sniffing() {
    let (_dir, server) =
        site(&[("a.html", b"<p>"), ("a.css", b""), ("a.qqq", b"<script>"), ("plain", b"<script>")], &[]);
    for (target, expected) in [
        ("/a.html", "text/html; charset=utf-8"),
        ("/a.css", "text/css; charset=utf-8"),
        ("/a.qqq", "application/octet-stream"),
        ("/plain", "application/octet-stream"),
        ("/none", "text/plain; charset=utf-8"),
    ] {
        let answer = server.get(target);
        assert_eq!(answer.header("content-type"), Some(expected), "{target}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
        assert_eq!(answer.header("content-security-policy"), None, "{target}");
        assert_eq!(answer.header("server"), Some("datecast"));
    }
}

#[test]
fn one_range_is_a_part_and_many_are_the_whole() {
    let large: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    let (_dir, server) = site(&[("small", b"0123456789"), ("large", &large)], &[]);
    for (range, status, body, content_range) in [
        ("bytes=0-0", 206, "0", Some("bytes 0-0/10")),
        ("bytes=-3", 206, "789", Some("bytes 7-9/10")),
        ("bytes=4-", 206, "456789", Some("bytes 4-9/10")),
        ("bytes=2-18446744073709551615", 206, "23456789", Some("bytes 2-9/10")),
        ("bytes=-99999999999999999999", 206, "0123456789", Some("bytes 0-9/10")),
        ("bytes=10-", 416, "416 Range Not Satisfiable\n", Some("bytes */10")),
        ("bytes=-0", 416, "416 Range Not Satisfiable\n", Some("bytes */10")),
        ("bytes=18446744073709551616-", 416, "416 Range Not Satisfiable\n", Some("bytes */10")),
        ("bytes=3-2", 200, "0123456789", None),
        ("bytes=0-0,2-2", 200, "0123456789", None),
        ("bytes=--1", 200, "0123456789", None),
        ("lines=0-0", 200, "0123456789", None),
    ] {
        let answer = server.get_with("/small", &format!("Range: {range}\r\n"));
        assert_eq!((answer.status, answer.text().as_str()), (status, body), "{range}");
        assert_eq!(answer.header("content-range"), content_range, "{range}");
    }
    for (range, part) in
        [("0-99999", 0..100_000), ("65536-65536", 65_536..65_537), ("-65537", 234_463..300_000)]
    {
        let answer = server.get_with("/large", &format!("Range: bytes={range}\r\n"));
        assert_eq!(answer.status, 206);
        assert!(answer.body == large[part], "{range}");
    }
    let bomb: Vec<String> = (0..1300).map(|at| format!("{at}-")).collect();
    let answer = server.get_with("/large", &format!("Range: bytes={}\r\n", bomb.join(",")));
    assert_eq!((answer.status, answer.body.len()), (200, 300_000));
}

#[test]
fn preconditions_decide_before_ranges() {
    let (_dir, server) = site(&[("file", b"0123456789")], &[]);
    let first = server.get("/file");
    let (tag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    for (fields, expected) in [
        (format!("If-None-Match: {tag}\r\nRange: bytes=0-0\r\n"), 304),
        (format!("If-None-Match: W/{tag}\r\n"), 304),
        (format!("If-Modified-Since: {date}\r\n"), 304),
        (format!("If-Modified-Since: {date}\r\nIf-None-Match: \"x\"\r\n"), 200),
        ("If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT\r\n".to_owned(), 200),
        ("If-Modified-Since: Sat, 29 Oct 99999999999994 19:43:31 GMT\r\n".to_owned(), 200),
        (format!("If-Modified-Since: {}\r\n", "(".repeat(4000)), 200),
        ("If-Unmodified-Since: Sat, 29 Oct 1994 19:43:31 GMT\r\n".to_owned(), 412),
        ("If-Match: \"x\"\r\n".to_owned(), 412),
        (format!("If-Match: {tag}\r\n"), 200),
        (format!("If-Range: {tag}\r\nRange: bytes=0-0\r\n"), 206),
        ("If-Range: \"x\"\r\nRange: bytes=0-0\r\n".to_owned(), 200),
        (format!("If-Range: W/{tag}\r\nRange: bytes=0-0\r\n"), 200),
        (format!("If-Range: {}\r\nRange: bytes=0-0\r\n", "9".repeat(4000)), 200),
    ] {
        assert_eq!(server.get_with("/file", &fields).status, expected, "{fields}");
    }
}

#[test]
fn a_client_gets_the_coding_that_it_takes_and_caches_are_told() {
    let (dir, server) =
        site(&[("a.js.br", b"BR"), ("a.js.gz", b"GZ"), ("b.js", b"plain"), ("only.js.gz", b"GZ")], &[]);
    write_old(&dir.path().join("a.js.zst"), b"ZST", 5);
    write_old(&dir.path().join("a.js"), b"plain", 0);
    let mut tags = Vec::new();
    for (accept, coding, body) in [
        ("gzip, br, zstd", Some("br"), "BR"),
        ("gzip", Some("gzip"), "GZ"),
        ("zstd;q=1, gzip;q=0.5", Some("zstd"), "ZST"),
        ("br;q=0, gzip;q=0", None, "plain"),
        ("deflate", None, "plain"),
        ("identity;q=1, *;q=0", None, "plain"),
    ] {
        let answer = server.get_with("/a.js", &format!("Accept-Encoding: {accept}\r\n"));
        assert_eq!((answer.header("content-encoding"), answer.text().as_str()), (coding, body), "{accept}");
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"), "{accept}");
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
        tags.push(answer.header("etag").unwrap().to_owned());
    }
    assert_eq!(server.get("/a.js").text(), "plain");
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4, "one tag for each coding");
    let unchanged =
        server.get_with("/a.js", &format!("If-None-Match: {}\r\nAccept-Encoding: br\r\n", tags.join(", ")));
    assert_eq!((unchanged.status, unchanged.header("vary")), (304, Some("Accept-Encoding")));
    // Without siblings nothing varies. A sibling without its file, or older than its file, does not count.
    assert_eq!(server.get_with("/b.js", "Accept-Encoding: br\r\n").header("vary"), None);
    assert_eq!(server.get_with("/only.js", "Accept-Encoding: gzip\r\n").status, 404);
    write_old(&dir.path().join("a.js"), b"plain", 6);
    until(|| server.get_with("/a.js", "Accept-Encoding: br\r\n").text() == "plain");
}

#[test]
fn a_file_that_is_asked_for_again_and_again_is_answered_by_each_request_alone() {
    let files: [(&str, &[u8]); 3] =
        [("a.txt", b"0123456789"), ("b.txt", b"as it is"), ("b.txt.gz", b"packed")];
    let (dir, server) = site(&files, &["--keep-alive-requests", "0"]);
    fs::create_dir(dir.path().join("dir")).unwrap();
    write_old(&dir.path().join("dir/index.html"), b"index", 0);
    let mut client = server.connect();
    let mut ask = |method: &str, target: &str, fields: &str| {
        client.send(request(method, target, fields));
        let answer = if method == "HEAD" { client.response_head() } else { client.response() };
        (answer.status, answer.text(), answer.header("etag").map(str::to_owned))
    };
    let tag = ask("GET", "/a.txt", "").2.unwrap();
    for _ in 0..5 {
        assert_eq!(ask("GET", "/a.txt", ""), (200, "0123456789".to_owned(), Some(tag.clone())));
        assert_eq!(ask("GET", "/b.txt", "").1, "as it is");
        assert_eq!(ask("GET", "/b.txt", "Accept-Encoding: gzip\r\n").1, "packed");
        assert_eq!(ask("GET", "/dir/", "").1, "index");
        assert_eq!(ask("GET", "/dir", "").0, 301);
        // From the second time in a row on it is ready.
        for _ in 0..3 {
            assert_eq!(ask("GET", "/a.txt?b", "").1, "0123456789");
        }
        assert_eq!(ask("HEAD", "/a.txt", ""), (200, String::new(), Some(tag.clone())));
        assert_eq!(ask("OPTIONS", "/a.txt", "").0, 204);
        assert_eq!(ask("GET", "/a.txt", "Range: bytes=2-4\r\n").1, "234");
        assert_eq!(ask("GET", "/a.txt", &format!("If-None-Match: {tag}\r\n")).0, 304);
        assert_eq!(ask("GET", "/a.txt", "If-Match: \"b\"\r\n").0, 412);
    }
    write_old(&dir.path().join("a.txt"), b"changed", 7);
    until(|| ask("GET", "/a.txt", "").1 == "changed");
    fs::remove_file(dir.path().join("a.txt")).unwrap();
    until(|| ask("GET", "/a.txt", "").0 == 404);
}

#[test]
fn files_whose_targets_share_a_place_in_memory_are_not_mixed_up() {
    let names = ["a-long-name-with-a-middle.txt", "a-long-name-with-a-muddle.txt"];
    let (_dir, server) = site(&[(names[0], b"one"), (names[1], b"two")], &["--keep-alive-requests", "0"]);
    let mut client = server.connect();
    for (name, text) in [(names[0], "one"), (names[1], "two"), (names[0], "one")] {
        for _ in 0..6 {
            client.send(request("GET", format!("/{name}"), ""));
            assert_eq!(client.response().text(), text);
        }
    }
}

/// Waits until the condition holds; fails after five seconds.
fn until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(5), "the change was not seen");
    }
}

#[test]
fn a_file_that_changes_is_served_new_within_a_second() {
    let (dir, server) = site(&[("index.html", b"one")], &[]);
    assert_eq!(server.get("/").text(), "one");
    // In place, with the same length, and in quick succession: only the bytes differ.
    for text in ["two", "six", "ten"] {
        fs::write(dir.path().join("index.html"), text).unwrap();
        until(|| server.get("/").text() == text);
    }
    replace(dir.path(), "index.html", b"replaced");
    until(|| server.get("/").text() == "replaced");
    fs::remove_file(dir.path().join("index.html")).unwrap();
    until(|| server.get("/").status == 404);
    fs::write(dir.path().join("index.html"), "back").unwrap();
    until(|| server.get("/").text() == "back");
}

#[test]
fn a_body_and_its_tag_are_of_one_version_while_files_are_replaced() {
    // Versions of different lengths on both sides of the border between memory and disk.
    let versions: Vec<Vec<u8>> = (1..=4_u8).map(|it| vec![b'0' + it; usize::from(it) * 30_000]).collect();
    let (dir, server) =
        site(&[("file", &versions[0])], &["--cache-size", "0", "--keep-alive-requests", "1000000"]);
    let stop = Stop::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.is_asked() {
                for (second, version) in (0..).zip(&versions) {
                    write_old(&dir.path().join(".new"), version, second);
                    fs::rename(dir.path().join(".new"), dir.path().join("file")).unwrap();
                }
            }
        });
        let _stop = StopAtEnd(&stop);
        let mut client = server.connect();
        for _ in 0..1000 {
            client.send(request("GET", "/file", ""));
            let answer = client.response();
            if answer.status == 503 {
                continue;
            }
            assert_eq!(answer.status, 200);
            assert!(versions.contains(&answer.body), "{} bytes of one version", answer.body.len());
            let tag = answer.header("etag").unwrap();
            client.send(request("GET", "/file", &format!("If-Match: {tag}\r\n")));
            let again = client.response();
            assert!(again.status != 200 || again.body == answer.body, "one tag, two bodies");
        }
    });
}

#[test]
fn without_a_free_descriptor_a_file_is_busy_and_not_missing() {
    let (_dir, server) = site(&[("index.html", b"<p>"), ("file", b"file")], &[]);
    let mut client = server.connect();
    client.send(request("GET", "/", ""));
    assert_eq!(client.response().status, 200);
    server.limit_files(3);
    let begin = Instant::now();
    for _ in 0..100 {
        client.send(request("GET", "/file", ""));
        let busy = client.response();
        assert_eq!((busy.status, busy.header("retry-after")), (503, Some("1")));
    }
    server.limit_files(1000);
    client.send(request("GET", "/file", ""));
    assert_eq!(client.response().text(), "file");
    drop(client);
    server.signal(Signal::TERM);
    let (_, log) = server.wait();
    let lines = log.lines().filter(|line| line.contains("answered with 503 meanwhile")).count() as u64;
    assert!((1..=begin.elapsed().as_secs() + 1).contains(&lines), "{log}");
    assert!(log.contains("were suppressed"), "{log}");
}

#[test]
fn large_files_arrive_whole() {
    let large: Vec<u8> = (0..5_000_000_u32).map(|at| (at % 253) as u8).collect();
    let (_dir, server) =
        site(&[("large", &large), ("edge", &large[..65_536]), ("over", &large[..65_537])], &[]);
    let mut client = server.connect();
    client.send(["/large", "/edge", "/over", "/large"].map(|target| request("GET", target, "")).concat());
    for len in [5_000_000, 65_536, 65_537, 5_000_000] {
        assert!(client.response().body == large[..len]);
    }
}

#[test]
fn the_built_in_page_may_reach_its_ws_server() {
    let server = Daemon::start(STATIC_SERVER, &["--ws-url", "wss://dates.example:444/live"]);
    let page = server.get("/");
    assert!(page.text().contains("content=\"wss://dates.example:444/live\""));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("connect-src 'self' wss://dates.example:444 https://dates.example:444;"),
        "{policy}"
    );
    // Behind a proxy that serves both under one name, a path is enough.
    for path in ["/stream", "stream"] {
        let same_origin = Daemon::start(STATIC_SERVER, &["--ws-url", path]).get("/");
        assert!(same_origin.text().contains(&format!("content=\"{path}\"")));
        let policy = same_origin.header("content-security-policy").unwrap();
        assert!(policy.contains("connect-src 'self' ws: wss:;"), "{policy}");
    }
    assert_eq!(server.get("/app.js").header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(server.get("/../etc/passwd").status, 400);
    assert_eq!(server.get("/etc/passwd").status, 404);
}
