//! A daemon without privileges asks for no more right than it needs, and looks at nothing with an effect.
#![allow(clippy::unwrap_used)] // a test may fail anywhere

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{TryRecvError, channel};
use std::time::Duration;

use harness::http::request;
use harness::{Daemon, make_fifo, unprivileged};
use rustix::fs::{Mode, OFlags};

const STATIC_SERVER: &str = env!("CARGO_BIN_EXE_static-server");

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// `www` with an index, `d/index.html` and `d/file`.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("www/d")).unwrap();
    for name in ["index.html", "d/index.html", "d/file"] {
        fs::write(dir.path().join("www").join(name), name).unwrap();
    }
    dir
}

/// The command line of the daemon over `www`.
fn command(dir: &Path, arguments: &[&str]) -> Command {
    let root = dir.join("www");
    harness::command(STATIC_SERVER, &[&["--root", root.to_str().unwrap()], arguments].concat())
}

/// The daemon over `www`, with no more rights than the files give to their owner.
fn serve(dir: &Path) -> Daemon {
    let command = command(dir, &["--listen", "127.0.0.1:0", "--cache-size", "0"]);
    unprivileged(|| Daemon::start_command(command))
}

#[test]
fn a_directory_that_can_only_be_searched_is_served_as_any_other() {
    let dir = tree();
    set_mode(&dir.path().join("www/d"), 0o311);
    set_mode(&dir.path().join("www"), 0o311);
    let server = serve(dir.path());
    assert_eq!(server.get("/").text(), "index.html");
    let without_slash = server.get("/d");
    assert_eq!((without_slash.status, without_slash.header("location")), (301, Some("/d/")));
    assert_eq!(server.get("/d/").text(), "d/index.html");
    assert_eq!(server.get("/d/file").text(), "d/file");
    assert_eq!(server.get("/d/none").status, 404);
    // So that the folder can be removed.
    set_mode(&dir.path().join("www"), 0o755);
    set_mode(&dir.path().join("www/d"), 0o755);
}

#[test]
fn what_must_not_be_read_is_forbidden_whatever_its_size_and_method() {
    let dir = tree();
    let www = dir.path().join("www");
    fs::write(www.join("small"), "secret").unwrap();
    fs::write(www.join("large"), vec![b'x'; 100_000]).unwrap();
    for name in ["small", "large", "d"] {
        set_mode(&www.join(name), 0);
    }
    let server = serve(dir.path());
    for (method, target, status) in [
        ("GET", "/small", "403"),
        ("HEAD", "/small", "403"),
        ("GET", "/large", "403"),
        ("HEAD", "/large", "403"),
        ("GET", "/d/", "403"),
        ("GET", "/d/file", "403"),
        ("GET", "/d/none", "403"),
        ("GET", "/d", "301"),
        ("GET", "/small/x", "404"),
    ] {
        let answer = server.exchange(request(method, target, "Connection: close\r\n"));
        assert_eq!(harness::http::status(&answer), status, "{method} {target}");
    }
    // The right comes back without a change of the file.
    set_mode(&www.join("small"), 0o644);
    assert_eq!(server.get("/small").text(), "secret");
    set_mode(&www.join("d"), 0o755);
}

#[test]
fn a_root_that_must_not_be_searched_is_refused_at_the_start() {
    let dir = tree();
    set_mode(&dir.path().join("www"), 0o600);
    let output = unprivileged(|| command(dir.path(), &["--check"]).output().unwrap());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(66), "{said}");
    assert!(said.contains("no permission"), "{said}");
    set_mode(&dir.path().join("www"), 0o755);
}

#[test]
fn a_sibling_that_cannot_be_had_never_fails_its_file() {
    let dir = tree();
    let www = dir.path().join("www");
    for (number, make) in [
        |gz: &Path| {
            fs::write(gz, "GZ").unwrap();
            set_mode(gz, 0);
        },
        |gz: &Path| fs::create_dir(gz).unwrap(),
        |gz: &Path| symlink("nothing", gz).unwrap(),
        |gz: &Path| symlink(gz.file_name().unwrap(), gz).unwrap(),
        |gz: &Path| symlink("/etc/passwd", gz).unwrap(),
        |gz: &Path| make_fifo(gz),
    ]
    .into_iter()
    .enumerate()
    {
        for (file, len) in [(format!("small{number}"), 5), (format!("large{number}"), 100_000)] {
            let mut bytes = file.clone().into_bytes();
            bytes.resize(len, b'.');
            fs::write(www.join(&file), bytes).unwrap();
            make(&www.join(format!("{file}.gz")));
        }
    }
    let server = serve(dir.path());
    for number in 0..6 {
        for file in ["small", "large"] {
            let answer = server.get_with(format!("/{file}{number}"), "Accept-Encoding: gzip\r\n");
            assert_eq!((answer.status, answer.header("content-encoding")), (200, None), "{file}{number}");
            assert!(answer.text().starts_with(file), "{file}{number}");
        }
    }
}

/// Frees whoever waits to write into these FIFOs, also when the test fails.
struct Readers<'p>(&'p [PathBuf]);

impl Drop for Readers<'_> {
    fn drop(&mut self) {
        for path in self.0 {
            drop(rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()));
        }
    }
}

#[test]
fn a_look_at_a_fifo_frees_nobody_who_waits_to_write() {
    let dir = tree();
    let www = dir.path().join("www");
    let fifos = ["fifo", "file.gz", "d/fifo"].map(|name| www.join(name));
    for fifo in &fifos {
        make_fifo(fifo);
    }
    fs::write(www.join("file"), "file").unwrap();
    let server = serve(dir.path());
    let (freed, freed_writers) = channel();
    std::thread::scope(|scope| {
        let _readers = Readers(&fifos);
        for fifo in &fifos {
            let freed = freed.clone();
            scope.spawn(move || {
                let opened = fs::OpenOptions::new().write(true).open(fifo);
                freed.send(opened.is_ok()).unwrap();
            });
        }
        for _ in 0..200 {
            for (target, status) in [("/fifo", 404), ("/fifo/", 404), ("/d/fifo", 404), ("/file", 200)] {
                assert_eq!(server.get_with(target, "Accept-Encoding: gzip\r\n").status, status, "{target}");
            }
        }
        assert_eq!(freed_writers.try_recv(), Err(TryRecvError::Empty), "a writer was freed");
        // Each of them was waiting: a reader frees it.
        let readers = fifos.each_ref().map(|fifo| fs::File::open(fifo).unwrap());
        for _ in &readers {
            assert_eq!(freed_writers.recv_timeout(Duration::from_secs(10)), Ok(true));
        }
    });
}
