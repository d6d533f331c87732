//! `datecast feed --to unix:PATH -- CMD…` in front of a real ws-server that is restarted, killed, late or slow: what its clients get.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::{
    fs,
    io::Read as _,
    os::{
        fd::OwnedFd,
        unix::{
            fs::PermissionsExt as _,
            net::{UnixDatagram, UnixListener, UnixStream},
        },
    },
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use harness::{Client, Daemon, Holder, PATIENCE, Signal, binary, command, eventually, takes_less_than};
use rustix::process::{Pid, test_kill_process};

const DATECAST: &str = env!("CARGO_BIN_EXE_datecast");

/// A folder with the path of a socket in it.
struct Place {
    folder: tempfile::TempDir,
    path: PathBuf,
    source: String,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let source = format!("unix:{}", path.display());
        Self { folder, path, source }
    }

    /// A feeder that runs this script of the shell in the folder.
    fn feeder(&self, options: &[&str], script: &str) -> Daemon {
        let script = format!("cd '{}'; {script}", self.folder.path().display());
        let words = [&["feed", "--to", &self.source], options, &["--", "sh", "-c", &script]].concat();
        Daemon::spawn(command(DATECAST, &words))
    }

    /// A feeder of its standard input.
    fn feeder_of_input(&self) -> Daemon {
        Daemon::spawn(command(DATECAST, &["feed", "--to", &self.source]))
    }

    fn feeder_with(&self, input: Stdio) -> Daemon {
        Daemon::spawn_with(command(DATECAST, &["feed", "--to", &self.source]), input)
    }

    /// Options of a server that goes on in the next process.
    fn hand_over(&self) -> [&str; 8] {
        ["--hand-over", "on", "--source", &self.source, "--history", "1000000", "--max-backlog", "64MiB"]
    }

    fn server(&self) -> Daemon {
        Daemon::start(
            binary("ws-server"),
            &["--source", &self.source, "--history", "1000000", "--max-backlog", "64MiB"],
        )
    }

    /// The scripts below wait for this file.
    fn go(&self) {
        fs::write(self.folder.path().join("go"), "").unwrap();
    }
}

const WAIT: &str = "while [ ! -e go ]; do sleep 0.02; done";
/// A number every few milliseconds.
const SLOW_NUMBERS: &str =
    "echo pid $$; i=0; while :; do i=$((i+1)); echo number $i of the flood; sleep 0.005; done";

fn client(server: &Daemon) -> Client {
    let mut client = server.request("GET /?since=0 HTTP/1.0");
    client.until(b"\r\n\r\n");
    client
}

fn line(client: &mut Client) -> String {
    String::from_utf8(client.until(b"\n")).expect("text").trim_end().to_owned()
}

/// The next connection of a feeder; it and its bytes must come within [`PATIENCE`].
fn accept(listener: &UnixListener) -> UnixStream {
    listener.set_nonblocking(true).unwrap();
    let (stream, _) = eventually(|| listener.accept().map_err(|error| error.to_string()));
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A line, and nothing behind it.
fn read_line(server: &mut UnixStream) -> String {
    let (mut line, mut byte) = (String::new(), [0]);
    loop {
        server.read_exact(&mut byte).unwrap();
        if byte == *b"\n" {
            return line;
        }
        line.push(char::from(byte[0]));
    }
}

/// The number in a line of the scripts above; every other line was glued or cut.
fn number(line: &str) -> u64 {
    let number = line.strip_prefix("number ").and_then(|rest| rest.strip_suffix(" of the flood"));
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no whole line: {line:?}"))
}

fn pid(line: &str) -> Pid {
    let number = line.strip_prefix("pid ").unwrap_or_else(|| panic!("no pid: {line:?}"));
    Pid::from_raw(number.parse().unwrap()).unwrap()
}

fn is_running(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    test_kill_process(pid).is_ok() && !stat.contains(") Z ")
}

/// How often each thread of a process has gone to sleep; `None` while one of them is not asleep.
fn sleeps_of(process: Pid) -> Option<Vec<u64>> {
    let threads = fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero())).unwrap();
    let sleep = |thread: std::io::Result<fs::DirEntry>| {
        let status = fs::read_to_string(thread.ok()?.path().join("status")).ok()?;
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        field("State:")?.starts_with('S').then(|| field("voluntary_ctxt_switches:")?.parse().ok())?
    };
    threads.map(sleep).collect()
}

fn has_ended(pid: Pid) {
    eventually(|| if is_running(pid) { Err(format!("{pid:?} runs")) } else { Ok(()) });
}

#[test]
fn a_pipeline_that_buffers_arrives_line_by_line_and_without_a_terminal_at_its_end() {
    for options in [&[][..], &["--no-pty"]] {
        let place = Place::new();
        let server = place.server();
        let feeder = place.feeder(options, &format!("(echo one; {WAIT}; echo two) | grep ."));
        let mut client = client(&server);
        if options.is_empty() {
            assert_eq!(line(&mut client), "one");
            place.go();
        } else {
            // The control: this is how long `grep` keeps a line to itself.
            client.stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
            let early = client.stream.read(&mut [0; 8]);
            assert!(early.is_err(), "{early:?}");
            client = Client::from(client.stream);
            place.go();
            assert_eq!(line(&mut client), "one");
        }
        assert_eq!(line(&mut client), "two");
        let (status, log) = feeder.wait();
        assert_eq!(status.code(), Some(0));
        assert!(log.contains("sh ended: exit code 0") && log.contains("fed 2 lines"), "{log}");
    }
}

#[test]
fn over_restarts_with_a_hand_over_the_connection_and_the_command_stay_and_every_line_comes_once() {
    for is_inherited in [true, false] {
        let place = Place::new();
        let sockets = if is_inherited {
            vec![("lines", OwnedFd::from(UnixListener::bind(&place.path).unwrap()))]
        } else {
            Vec::new()
        };
        let mut holder = Holder::start_with(binary("ws-server"), &place.hand_over(), sockets);
        let feeder = place.feeder(&[], SLOW_NUMBERS);
        let mut client = holder.request("GET /?since=0 HTTP/1.0");
        client.until(b"\r\n\r\n");
        let command = pid(&line(&mut client));
        for next in 1..=160 {
            assert_eq!(number(&line(&mut client)), next);
            if next % 40 == 0 {
                holder.restart();
            }
        }
        assert!(is_running(command));
        feeder.signal(Signal::TERM);
        let (status, log) = feeder.wait();
        assert_eq!((status.code(), log.matches("connected to").count()), (Some(0), 1), "{log}");
        assert!(!log.contains("closed the connection"), "{log}");
        has_ended(command);
    }
}

#[test]
fn a_flood_arrives_whole_over_restarts_and_without_one() {
    for restarts in [0, 3] {
        let place = Place::new();
        let mut holder = Holder::start(binary("ws-server"), &place.hand_over());
        let count = 300_000;
        let feeder = place.feeder(&[], &format!("exec seq {count}"));
        for _ in 0..restarts {
            holder.restart();
        }
        let mut client = holder.request("GET /?since=0 HTTP/1.0");
        client.until(b"\r\n\r\n");
        let expected: String = (1..=count).flat_map(|number| [number.to_string(), "\n".to_owned()]).collect();
        assert!(client.take(expected.len()) == expected.as_bytes());
        let (status, log) = feeder.wait();
        assert_eq!(status.code(), Some(0));
        assert!(log.contains(&format!("fed {count} lines")), "{log}");
    }
}

#[test]
fn a_server_that_was_killed_and_came_back_gets_whole_lines_of_the_same_command() {
    let place = Place::new();
    let mut feeder = place.feeder(&[], SLOW_NUMBERS);
    let (mut last, mut command) = (0, None);
    for round in 0..5 {
        let server = place.server();
        feeder.log_line("connected to");
        let mut client = client(&server);
        if round == 0 {
            command = Some(pid(&line(&mut client)));
        }
        let first = number(&line(&mut client));
        assert!(first > last, "{first} comes after {last}");
        for next in first + 1..first + 50 {
            assert_eq!(number(&line(&mut client)), next, "nothing is missing while the server lives");
        }
        server.signal(Signal::KILL);
        let rest = String::from_utf8(client.rest()).unwrap();
        let whole = rest.rsplit_once('\n').map_or("", |(whole, _)| whole);
        last = whole.lines().last().map_or(first + 49, number);
        drop(server);
        feeder.log_line("the server has closed the connection");
    }
    let command = command.unwrap();
    assert!(is_running(command), "the same process");
    feeder.signal(Signal::TERM);
    assert_eq!(feeder.wait().0.code(), Some(0));
    has_ended(command);
}

#[test]
fn wherever_a_flood_is_cut_the_next_connection_begins_with_a_whole_line() {
    let place = Place::new();
    let listener = UnixListener::bind(&place.path).unwrap();
    let mut feeder = place.feeder(&["--no-pty"], "exec seq -f 'number %.0f of the flood' 100000000");
    let mut last = 0;
    for size in [1, 50, 4096, 70_001, 1_000_000] {
        let mut text = vec![0; size];
        let mut server = accept(&listener);
        server.read_exact(&mut text).unwrap();
        let held = || rustix::io::ioctl_fionread(&server).unwrap();
        eventually(|| if held() > 0 { Ok(()) } else { Err("all of the flood is read".to_owned()) });
        drop(server);
        let text = String::from_utf8(text).unwrap();
        let mut lines: Vec<&str> = text.split('\n').collect();
        let cut = lines.pop().unwrap();
        for (at, line) in lines.iter().enumerate() {
            let number = number(line);
            assert!(if at == 0 { number > last } else { number == last + 1 }, "{number} comes after {last}");
            last = number;
        }
        let whole = format!("number {} of the flood", last + 1);
        assert!(whole.starts_with(cut), "{cut:?} begins no line after {last}");
        feeder.log_line("the lines that it had not read yet are lost");
    }
}

#[test]
fn a_line_that_was_cut_is_written_again_whole_and_nothing_else() {
    let place = Place::new();
    let listener = UnixListener::bind(&place.path).unwrap();
    let mut feeder = place.feeder_of_input();
    for (before, after, again) in
        [("one\ntw", "o\n", "two\n"), ("thr", "ee\nfour\n", "three\nfour\n"), ("five\n", "six\n", "six\n")]
    {
        let mut server = accept(&listener);
        feeder.write(before);
        server.read_exact(&mut vec![0; before.len()]).unwrap();
        drop(server);
        assert!(!feeder.log_line("the server has closed the connection").contains("lost"), "it had read all");
        let mut server = accept(&listener);
        feeder.write(after);
        let mut text = vec![0; again.len()];
        server.read_exact(&mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), again);
        drop(server);
        feeder.log_line("the server has closed the connection");
    }
}

#[test]
fn a_feeder_that_is_earlier_than_its_server_loses_nothing_and_says_once_what_it_waits_for() {
    let place = Place::new();
    let mut feeder = place.feeder(&[], "echo pid $$; seq -f 'number %.0f of the flood' 100000; echo end");
    let said = feeder.log_line("nobody listens there yet");
    assert!(said.contains(&place.source) && said.contains("the command waits meanwhile"), "{said}");
    std::thread::sleep(Duration::from_secs(1));
    let server = place.server();
    assert!(feeder.next_log_line().unwrap().contains("connected to"), "it was said once");
    let mut client = client(&server);
    let command = pid(&line(&mut client));
    for next in 1..=1000 {
        assert_eq!(number(&line(&mut client)), next);
    }
    feeder.log_line("sh ended: exit code 0");
    assert_eq!(feeder.wait().0.code(), Some(0));
    has_ended(command);
}

#[test]
fn a_command_waits_while_there_is_no_server() {
    let place = Place::new();
    let script = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo a line of some length, number $i; echo $i > count; done";
    let feeder = place.feeder(&[], script);
    let written = || fs::read_to_string(place.folder.path().join("count")).unwrap_or_default();
    // A pty, a pipe and a read hold some hundred KiB.
    let stands = eventually(|| {
        let before = written();
        std::thread::sleep(Duration::from_millis(500));
        if !before.is_empty() && before == written() { Ok(before) } else { Err(before) }
    });
    assert!(stands.trim().parse::<u64>().unwrap() < 20_000, "{stands}");
    let started = Instant::now();
    feeder.signal(Signal::TERM);
    let (status, log) = feeder.wait();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("that the server had not taken: lost"), "{log}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn a_command_that_crashes_is_started_again_with_backoff_and_its_end_is_in_the_log() {
    let place = Place::new();
    let server = place.server();
    let started = Instant::now();
    let mut feeder = place.feeder(&["--respawn"], "echo run >> runs; printf half; exit 5");
    let mut client = client(&server);
    assert_eq!(line(&mut client), "half");
    feeder.log_line("sh ended: exit code 5; it is started again in 1 s");
    assert_eq!(line(&mut client), "half", "a line of its own");
    feeder.log_line("sh ended: exit code 5; it is started again in 2 s");
    assert_eq!(line(&mut client), "half");
    feeder.log_line("sh ended: exit code 5; it is started again in 4 s");
    assert!(started.elapsed() >= Duration::from_secs(3));
    feeder.signal(Signal::TERM);
    let (status, log) = feeder.wait();
    assert!(status.code() == Some(0) && !log.contains("connected"), "one connection for all runs: {log}");
}

#[test]
fn the_exit_code_is_that_of_the_command_once_its_last_line_is_written() {
    for (script, said, code) in
        [("exit 3", "sh ended: exit code 3", 3), ("kill -9 $$", "sh was killed by signal 9 (SIGKILL)", 137)]
    {
        let place = Place::new();
        let server = place.server();
        let feeder = place.feeder(&[], &format!("printf last; {script}"));
        assert_eq!(line(&mut client(&server)), "last");
        let (status, log) = feeder.wait();
        assert!(status.code() == Some(code) && log.contains(said), "{log}");
    }
}

#[test]
fn a_stop_ends_the_whole_group_and_its_last_lines_are_written() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP] {
        let place = Place::new();
        let server = place.server();
        let script = "sleep 1000 & echo pid $!; trap 'seq 1000; echo last; exit 7' TERM; echo pid $$; while :; do sleep 0.02; done";
        let feeder = place.feeder(&[], script);
        let mut client = client(&server);
        let (child, leader) = (pid(&line(&mut client)), pid(&line(&mut client)));
        feeder.signal(signal);
        let (status, log) = feeder.wait();
        assert_eq!(status.code(), Some(0), "a stop is no failure of the command: {log}");
        client.until(b"999\n1000\nlast\n");
        has_ended(child);
        has_ended(leader);
    }
}

#[test]
fn a_second_signal_kills_a_command_that_does_not_listen() {
    // It would wait for five seconds for what TERM does.
    takes_less_than(Duration::from_secs(4), || {
        let place = Place::new();
        let server = place.server();
        let mut feeder = place.feeder(&[], "trap '' TERM; echo pid $$; while :; do sleep 0.1; done");
        let command = pid(&line(&mut client(&server)));
        let started = Instant::now();
        feeder.signal(Signal::TERM);
        feeder.log_line("stopping");
        feeder.signal(Signal::TERM);
        feeder.wait();
        let took = started.elapsed();
        has_ended(command);
        took
    });
}

#[test]
fn a_server_that_reads_nothing_holds_up_a_stop_for_some_seconds_alone() {
    let place = Place::new();
    let listener = UnixListener::bind(&place.path).unwrap();
    let mut feeder = place.feeder(&["--no-pty"], "echo pid $$; exec yes");
    feeder.log_line("connected to");
    let mut server = accept(&listener);
    let command = pid(&read_line(&mut server));
    let process = Pid::from_raw(feeder.pid().cast_signed()).unwrap();
    // The command sleeps as its pipe is full, and all of the feeder sleeps nevertheless: it waits for the server.
    eventually(|| {
        let before = sleeps_of(process);
        let is_held_up = before.is_some() && sleeps_of(command).is_some();
        if is_held_up && before == sleeps_of(process) { Ok(()) } else { Err("lines go on".to_owned()) }
    });
    let started = Instant::now();
    feeder.signal(Signal::TERM);
    let (status, log) = feeder.wait();
    assert!(status.success() && log.contains("lost"), "{log}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    drop(server);
}

#[test]
fn standard_input_is_fed_to_its_end_and_a_last_line_gets_its_end() {
    let place = Place::new();
    let server = place.server();
    let mut feeder = place.feeder_of_input();
    let mut client = client(&server);
    feeder.write("one\n");
    assert_eq!(line(&mut client), "one");
    feeder.write("two");
    let (status, log) = feeder.wait();
    assert!(status.success() && log.contains("fed 2 lines"), "{log}");
    assert_eq!(line(&mut client), "two");
    let file = place.folder.path().join("file");
    fs::write(&file, "three\nfour\n").unwrap();
    let feeder = place.feeder_with(Stdio::from(fs::File::open(&file).unwrap()));
    assert_eq!(feeder.wait().0.code(), Some(0));
    assert_eq!(line(&mut client), "three");
    assert_eq!(line(&mut client), "four");
}

#[test]
fn an_empty_input_needs_no_server_and_no_input_is_refused() {
    let place = Place::new();
    assert_eq!(place.feeder_of_input().wait().0.code(), Some(0));
    let (status, log) = place.feeder_with(Stdio::null()).wait();
    assert!(status.code() == Some(64) && log.contains("no command stands behind `--`"), "{log}");
    let (status, log) = place.feeder_with(Stdio::from(fs::File::open(place.folder.path()).unwrap())).wait();
    assert!(status.code() == Some(66) && log.contains("standard input cannot be read"), "{log}");
}

#[test]
fn a_socket_that_this_user_may_not_write_to_is_said_and_tried_on() {
    let place = Place::new();
    let listener = UnixListener::bind(&place.path).unwrap();
    let mode = |mode| fs::set_permissions(&place.path, fs::Permissions::from_mode(mode)).unwrap();
    mode(0);
    let mut feeder = harness::unprivileged(|| place.feeder(&[], "echo line; exec sleep 1000"));
    let said = feeder.log_line("this user may not write to the socket");
    assert!(said.contains(&place.source) && said.contains("SupplementaryGroups="), "{said}");
    mode(0o600);
    feeder.log_line("connected to");
    let mut server = accept(&listener);
    server.read_exact(&mut [0; 5]).unwrap();
}

#[test]
fn a_service_manager_hears_that_it_is_ready_and_what_it_does() {
    let place = Place::new();
    let notify = UnixDatagram::bind(place.folder.path().join("notify")).unwrap();
    notify.set_read_timeout(Some(PATIENCE)).unwrap();
    let expect = |begin: &str, part: &str| {
        loop {
            let mut text = [0; 4096];
            let read = notify.recv(&mut text).unwrap_or_else(|error| panic!("no {begin}: {error}"));
            let text = str::from_utf8(&text[..read]).unwrap();
            if text.lines().any(|line| line.starts_with(begin) && line.contains(part)) {
                return;
            }
        }
    };
    let words = ["feed", "--to", &place.source, "--respawn", "--", "sh", "-c", "echo $NOTIFY_SOCKET; exit 5"];
    let mut started = command(DATECAST, &words);
    started.env("NOTIFY_SOCKET", place.folder.path().join("notify"));
    let feeder = Daemon::spawn(started);
    expect("READY=1", "");
    expect(
        "STATUS=waiting for unix:",
        ": nobody listens there yet, 0 lines; sh ended: exit code 5; it is started again in 2 s",
    );
    let server = place.server();
    assert_eq!(line(&mut client(&server)), "", "what is for us alone does not reach the command");
    // In how many seconds: it depends on how soon the server was there.
    expect("STATUS=feeding since ", "; it is started again in ");
    feeder.signal(Signal::TERM);
    expect("STOPPING=1", "");
    assert!(feeder.wait().0.success());
}
