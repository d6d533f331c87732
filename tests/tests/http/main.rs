//! More than a hundred requests as raw bytes, the answers that the RFCs accept, and where they say so: against
//! static-server, and as a control of the table itself against nginx.

// A program that does not start ends the test.
#![allow(clippy::expect_used, clippy::disallowed_methods)]

mod connection;
mod fields;
mod nginx;
mod paths;
mod representation;
mod request_line;
mod row;

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use harness::{Daemon, binary, http};
use row::Row;
use tempfile::TempDir;

fn table() -> Vec<Row> {
    [request_line::ROWS, fields::ROWS, paths::ROWS, representation::ROWS, connection::ROWS].concat()
}

/// The files that both servers serve.
fn site() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    let put = |path: &str, content: &[u8]| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("create the folder");
        fs::write(&path, content).expect("write the file");
        // Old enough that no other version can have its date: it has both validators.
        let file = fs::File::options().write(true).open(path).expect("open the file");
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        file.set_modified(long_ago).expect("set its time");
    };
    put("site/index.html", b"<!doctype html><title>Home</title>\n");
    put("site/hello.txt", b"Hello, stream!\n");
    put("site/sub/index.html", b"<!doctype html><title>Sub</title>\n");
    put("site/with space.txt", b"space\n");
    put("site/12:30.txt", b"half past twelve\n");
    put("site/a\\b", b"a backslash\n");
    put("site/empty.txt", b"");
    put("site/.git/config", b"hidden\n");
    put("site/large.bin", &vec![b'x'; 1 << 20]);
    put("outside.txt", b"OUTSIDE\n");
    std::os::unix::fs::symlink("../outside.txt", folder.path().join("site/escape.txt")).expect("a symlink");
    folder
}

#[test]
fn the_table_holds_at_least_a_hundred_different_requests() {
    let mut requests: Vec<Vec<u8>> = table().iter().map(Row::template).collect();
    requests.sort();
    requests.dedup();
    assert!(requests.len() >= 100, "{} requests", requests.len());
    assert_eq!(requests.len(), table().len(), "no request stands twice in the table");
}

#[test]
fn static_server_answers_every_row_of_the_table() {
    let folder = site();
    let root = folder.path().join("site");
    let root = root.to_str().expect("a UTF-8 path");
    let server = Daemon::start(binary("static-server"), &["--root", root, "--max-connections-per-ip", "0"]);
    let failures = failures(server.address(), |row| row.accept);
    assert!(failures.is_empty(), "{} rows:\n{}", failures.len(), failures.join("\n"));
}

#[test]
#[ignore = "needs nginx: `make test-http` runs it"]
fn nginx_answers_every_row_as_the_table_says() {
    let folder = site();
    let server = nginx::Nginx::start(folder.path());
    let failures = failures(server.address(), |row| row.nginx.unwrap_or(row.accept));
    assert!(failures.is_empty(), "{} rows:\n{}", failures.len(), failures.join("\n"));
}

fn failures(server: SocketAddr, accept: impl Fn(&Row) -> &'static [&'static str]) -> Vec<String> {
    let known = http::exchange(server, b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let known = http::responses(&known.expect("an answer"), &["GET"]).expect("a whole response");
    let known = known.first().expect("one response");
    let (tag, date) =
        (known.header("etag").expect("ETag"), known.header("last-modified").expect("Last-Modified"));

    let mut failures = Vec::new();
    for row in table() {
        let got = row.answer(server, tag, date);
        if !accept(&row).contains(&got.as_str()) {
            failures.push(format!(
                "{} ({}): {got}, expected one of {:?}",
                row.name,
                row.section,
                accept(&row)
            ));
        }
    }
    failures
}
