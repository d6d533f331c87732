//! A link that turns in and out of the root while it is opened: row ST-06 of the attack table.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may fail anywhere

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;

use harness::http::request;
use harness::{Client, Daemon, Stop, StopAtEnd};
use rustix::fs::{CWD, RenameFlags, renameat_with};

const STATIC_SERVER: &str = env!("CARGO_BIN_EXE_static-server");

const SECRET: &str = "outside of the root";
const GETS: usize = 100_000;
const FLIPS: usize = 1_000_000;
/// Requests that a client sends at once.
const BURST: usize = 20;

/// `www` is served. Of each pair of links one leads out of it.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let www = dir.path().join("www");
    for name in ["www/dir", "beside"] {
        fs::create_dir_all(dir.path().join(name)).unwrap();
    }
    for (name, text) in [("www/dir/file", "inside"), ("beside/file", SECRET), ("secret", SECRET)] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    for (name, target) in [
        ("flip", "dir"),
        ("flop", "../beside"),
        ("file-flip", "dir/file"),
        ("file-flop", "../secret"),
        // openat2(2): behind a `..` it may say EAGAIN while somebody renames something.
        ("round", "dir/../dir/file"),
    ] {
        symlink(target, www.join(name)).unwrap();
    }
    dir
}

/// Turns the links until it is asked to stop, and at least [`FLIPS`] times; returns how often.
fn flip(www: &Path, stop: &Stop) -> usize {
    let pairs =
        [("flip", "flop"), ("file-flip", "file-flop")].map(|(one, other)| (www.join(one), www.join(other)));
    let mut flips = 0;
    while flips < FLIPS || !stop.is_asked() {
        for (one, other) in &pairs {
            // renameat2(2): "Atomically exchange oldpath and newpath", so that neither is ever missing.
            renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
            flips += 1;
        }
    }
    flips
}

/// Asks for what lies behind the links; returns how many answers were 200, 404 and 503.
fn ask(mut client: Client) -> [usize; 3] {
    let mut seen = [0; 3];
    let targets = ["/flip/file", "/file-flip", "/flop/file", "/file-flop", "/round"];
    for number in 0..GETS / 2 / BURST {
        let burst = (0..BURST).flat_map(|at| request("GET", targets[(number + at) % 5], ""));
        client.send(burst.collect::<Vec<u8>>());
        for _ in 0..BURST {
            let answer = client.response();
            assert!(!answer.text().contains(SECRET), "{answer:?}");
            let kind = [200, 404, 503].iter().position(|status| *status == answer.status);
            seen[kind.unwrap_or_else(|| panic!("{answer:?}"))] += 1;
            assert!(answer.status != 200 || answer.text() == "inside", "{answer:?}");
        }
    }
    seen
}

#[test]
fn a_link_that_turns_a_million_times_never_shows_the_outside_to_a_hundred_thousand_requests() {
    let dir = tree();
    let www = dir.path().join("www");
    let arguments =
        ["--root", www.to_str().unwrap(), "--cache-size", "0", "--keep-alive-requests", "1000000"];
    let server = Daemon::start(STATIC_SERVER, &arguments);
    let (address, stop) = (server.address(), Stop::default());
    thread::scope(|scope| {
        let flips = scope.spawn(|| flip(&www, &stop));
        let seen = {
            let _stop = StopAtEnd(&stop);
            let clients = [(); 2].map(|()| scope.spawn(move || ask(Client::connect(address))));
            clients.map(|client| client.join().unwrap())
        };
        let flips = flips.join().unwrap();
        println!("{flips} flips; 200, 404 and 503: {seen:?}");
        for [inside, outside, _] in seen {
            assert!(inside > 0 && outside > 0, "both targets were met: {seen:?}");
        }
    });
}
