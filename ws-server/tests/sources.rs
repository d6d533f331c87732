//! What lines come from, in bad weather: paths that change, producers that come in crowds, an input that cannot be read.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::{
        fs::OpenOptionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::Stdio,
};

use harness::{Client, Daemon, command, eventually, make_fifo};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

/// Puts something at a path.
type Put = fn(&Path);

/// Opens a FIFO to write, once the daemon has opened it to read.
fn writer(path: &Path) -> File {
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    eventually(|| {
        OpenOptions::new().write(true).custom_flags(nonblock).open(path).map_err(|error| error.to_string())
    })
}

/// A daemon that reads a FIFO or a socket in a folder of its own, and a client that gets all lines.
struct Lines {
    server: Daemon,
    client: Client,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Lines {
    fn from_fifo() -> Self {
        Self::start("fifo", &[], make_fifo)
    }

    fn from_socket(options: &[&str]) -> Self {
        Self::start("unix", options, |_| ())
    }

    fn start(kind: &str, options: &[&str], prepare: impl Fn(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        prepare(&path);
        let source = format!("{kind}:{}", path.display());
        let mut arguments = vec!["--source", &source, "--greet", "0"];
        arguments.extend(options);
        let server = Daemon::start(WS_SERVER, &arguments);
        let client = server.websocket("/").0;
        Self { server, client, path, _folder: folder }
    }

    /// Each of these lines must come next.
    fn expect(&mut self, lines: &[&str]) {
        for line in lines {
            assert_eq!(self.client.text(), *line);
        }
    }
}

#[test]
fn whatever_takes_the_place_of_a_fifo_is_not_read_and_the_next_fifo_is() {
    let mut lines = Lines::from_fifo();
    writer(&lines.path).write_all(b"1\n").unwrap();
    lines.expect(&["1"]);
    let others: [(&str, Put); 5] = [
        ("there is none", |_| ()),
        ("this is a file", |path| fs::write(path, "hello\n").unwrap()),
        ("this is a directory", |path| fs::create_dir(path).unwrap()),
        ("this is a socket", |path| drop(UnixListener::bind(path).unwrap())),
        ("this is a device", |path| std::os::unix::fs::symlink("/dev/zero", path).unwrap()),
    ];
    for (number, (complaint, put)) in others.iter().enumerate() {
        fs::remove_file(&lines.path).unwrap();
        put(&lines.path);
        lines.server.log_line(complaint);
        _ = fs::remove_dir(&lines.path).or_else(|_| fs::remove_file(&lines.path));
        make_fifo(&lines.path);
        writer(&lines.path).write_all(format!("after {number}\n").as_bytes()).unwrap();
        lines.expect(&[&format!("after {number}")]);
    }
}

#[test]
fn an_idle_fifo_that_was_made_anew_is_noticed_and_the_old_one_read_to_its_end() {
    let mut lines = Lines::from_fifo();
    let mut old = writer(&lines.path);
    old.write_all(b"old\nhalf ").unwrap();
    lines.expect(&["old"]);
    fs::remove_file(&lines.path).unwrap();
    make_fifo(&lines.path);
    let mut new = writer(&lines.path);
    new.write_all(b"new\n").unwrap();
    lines.expect(&["new"]);
    old.write_all(b"line\n").unwrap();
    lines.expect(&["half line"]);
    old.write_all(b"without an end").unwrap();
    drop(old);
    lines.expect(&["without an end"]);
    new.write_all(b"new again\n").unwrap();
    lines.expect(&["new again"]);
}

#[test]
fn a_writer_of_a_fifo_that_lost_its_name_is_read_to_its_end() {
    let mut lines = Lines::from_fifo();
    let mut writer = writer(&lines.path);
    fs::remove_file(&lines.path).unwrap();
    lines.server.log_line("there is none; `mkfifo");
    writer.write_all(b"1\nlast").unwrap();
    drop(writer);
    lines.expect(&["1", "last"]);
}

#[test]
fn a_source_that_cannot_be_opened_names_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(folder.path().join("file"), "text\n").unwrap();
    for (source, code, cure) in [
        (format!("fifo:{}", at("none")), 66, format!("`mkfifo {}` makes one", at("none"))),
        (
            format!("fifo:{}", at("file")),
            66,
            "this is a file, not a FIFO; `mkfifo PATH` makes one".to_owned(),
        ),
        (format!("fifo:{}", at("")), 66, "this is a directory".to_owned()),
        (format!("unix:{}", at("none/lines")), 69, format!("the folder {} is missing", at("none"))),
        (format!("unix:{}", at("file")), 69, "there is a file with this name".to_owned()),
    ] {
        let (status, log) =
            Daemon::spawn(command(WS_SERVER, &["--listen", "127.0.0.1:0", "--source", &source])).wait();
        assert_eq!(status.code(), Some(code), "{log}");
        assert!(log.contains(&cure) && log.contains(&source), "{log}");
    }
}

#[test]
fn a_socket_whose_name_is_gone_is_bound_again() {
    let mut lines = Lines::from_socket(&[]);
    let mut early = UnixStream::connect(&lines.path).unwrap();
    fs::remove_file(&lines.path).unwrap();
    lines.server.log_line("bound it again");
    UnixStream::connect(&lines.path).unwrap().write_all(b"late\n").unwrap();
    lines.expect(&["late"]);
    early.write_all(b"early\n").unwrap();
    lines.expect(&["early"]);
}

#[test]
fn a_socket_of_another_process_at_our_path_is_left_alone() {
    let mut lines = Lines::from_socket(&[]);
    // At no moment is the name gone: the server would bind its socket again.
    let elsewhere = lines.path.with_extension("other");
    let other = UnixListener::bind(&elsewhere).unwrap();
    fs::rename(&elsewhere, &lines.path).unwrap();
    lines.server.log_line("another program listens there");
    lines.server.signal(harness::Signal::TERM);
    assert!(lines.server.wait().0.success());
    assert!(UnixStream::connect(&lines.path).is_ok(), "the other's socket is still there");
    drop(other);
}

#[test]
fn every_line_of_two_thousand_producers_one_after_the_other_arrives() {
    let mut lines = Lines::from_socket(&["--max-producers", "2"]);
    let path = lines.path.clone();
    let producers = std::thread::spawn(move || {
        for number in 0..2000 {
            UnixStream::connect(&path).unwrap().write_all(format!("{number}\n").as_bytes()).unwrap();
        }
    });
    for number in 0..2000 {
        assert_eq!(lines.client.text(), number.to_string());
    }
    producers.join().unwrap();
}

#[test]
fn producers_beyond_the_limit_wait_and_lose_nothing() {
    let mut lines = Lines::from_socket(&["--max-producers", "1"]);
    let mut first = UnixStream::connect(&lines.path).unwrap();
    first.write_all(b"first\n").unwrap();
    lines.expect(&["first"]);
    let mut second = UnixStream::connect(&lines.path).unwrap();
    second.write_all(b"second\nwithout an end").unwrap();
    drop(second);
    lines.server.log_line("others wait");
    first.write_all(b"first again").unwrap();
    drop(first);
    lines.expect(&["first again", "second", "without an end"]);
}

#[test]
fn standard_input_that_cannot_be_read_is_exit_66() {
    let folder = tempfile::tempdir().unwrap();
    let write_only = File::create(folder.path().join("file")).unwrap();
    let path_only = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::PATH.bits().cast_signed())
        .open(folder.path())
        .unwrap();
    for input in [File::open(folder.path()).unwrap(), write_only, path_only] {
        for at_eof in ["exit", "keep"] {
            let command =
                command(WS_SERVER, &["--listen", "127.0.0.1:0", "--source", "-", "--at-eof", at_eof]);
            let (status, log) = Daemon::spawn_with(command, Stdio::from(input.try_clone().unwrap())).wait();
            assert_eq!(status.code(), Some(66), "{log}");
            assert!(log.contains("--source -: standard input cannot be read"), "{log}");
        }
    }
}

#[test]
fn standard_input_of_a_unit_is_refused_by_the_name_of_the_option() {
    let mut command = command(WS_SERVER, &["--listen", "127.0.0.1:0", "--source", "-"]);
    command.env("INVOCATION_ID", "0123456789abcdef0123456789abcdef");
    let (status, log) = Daemon::spawn_with(command, Stdio::null()).wait();
    assert_eq!(status.code(), Some(78), "{log}");
    for part in ["--source -", "fifo:PATH", "StandardInput="] {
        assert!(log.contains(part), "{log}");
    }
}

#[test]
fn an_option_that_does_nothing_with_the_source_is_warned_of() {
    let mut check = command(WS_SERVER, &["--check", "--source", "-", "--interval", "2s", "--at-eof", "keep"]);
    check.env("DATECAST_WS_MAX_PRODUCERS", "3");
    let output = check.output().unwrap();
    assert!(output.status.success());
    let log = String::from_utf8_lossy(&output.stderr);
    for warning in [
        "--interval (command line) has no effect: --source - has no dates",
        "--max-producers (environment: DATECAST_WS_MAX_PRODUCERS) has no effect: --source -",
    ] {
        assert!(log.contains(warning), "{log}");
    }
    assert!(!log.contains("--at-eof"), "{log}");
}
