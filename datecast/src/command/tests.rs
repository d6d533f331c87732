//! Real commands, without a daemon around them: what comes out of the pipe, and what is told.

#![allow(clippy::disallowed_methods, reason = "deadlines of the tests run on the real clock")]

use std::{
    ffi::OsString,
    fs,
    io::{self, BufRead as _, BufReader, PipeReader, Read},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process,
    sync::mpsc,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Pid, Signal, kill_process, test_kill_process},
};

use harness::takes_less_than;

use common::source_state::{SourcePhase, SourceState};

use super::{Command, CommandOptions, group, keeper::StartFailure, prepare};

/// How long a test waits for what should come at once.
const PATIENCE: Duration = Duration::from_secs(20);

fn options(command: &[&str]) -> CommandOptions {
    CommandOptions { command: command.iter().map(OsString::from).collect(), ..CommandOptions::default() }
}

/// What comes out of the pipe; the next bytes must come within [`PATIENCE`].
#[derive(Debug)]
struct Lines(PipeReader);

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let patience = PATIENCE.try_into().expect("a time");
        let ready = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&patience))?;
        assert!(ready > 0, "nothing more comes");
        self.0.read(buffer)
    }
}

fn start(options: &CommandOptions) -> Result<(Command, Lines, mpsc::Receiver<SourceState>), StartFailure> {
    let (prepared, lines) = prepare(options).unwrap().expect("a command");
    let (tell, told) = mpsc::channel();
    let command = prepared.start(Box::new(move |state| drop(tell.send(state))))?;
    Ok((command, Lines(lines), told))
}

/// Everything of a command that ends by itself: its output, what is told at its end, and the exit code.
fn run(options: &CommandOptions) -> (Vec<u8>, String, Option<u8>) {
    let (command, mut lines, told) = start(options).unwrap();
    let mut output = Vec::new();
    lines.read_to_end(&mut output).unwrap();
    let state = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(state.phase(), SourcePhase::Ended);
    (output, state.said().to_owned(), command.end())
}

fn shell(script: &str) -> CommandOptions {
    options(&["sh", "-c", script])
}

fn is_running(pid: Pid) -> bool {
    // A zombie that nobody has waited for yet has ended.
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    test_kill_process(pid).is_ok() && !stat.contains(") Z ")
}

fn has_ended(pid: Pid) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while is_running(pid) {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

fn pid(line: &str) -> Pid {
    Pid::from_raw(line.trim().parse().unwrap()).unwrap()
}

#[test]
fn an_end_is_told_and_is_the_exit_code() {
    for (script, said, code) in [
        ("echo x", "sh ended: exit code 0", 0),
        ("echo x; exit 3", "sh ended: exit code 3", 3),
        ("echo x; kill -9 $$", "sh was killed by signal 9 (SIGKILL)", 137),
        ("echo x; kill -TERM $$", "sh was killed by signal 15 (SIGTERM)", 143),
    ] {
        for no_pty in [false, true] {
            let options = CommandOptions { no_pty, ..shell(script) };
            assert_eq!(run(&options), (b"x\n".to_vec(), said.to_owned(), Some(code)), "{script} {no_pty}");
        }
    }
}

#[test]
fn what_a_command_leaves_behind_is_waited_for_while_it_runs_and_after_it() {
    let is_waited_for = |pid| {
        let deadline = Instant::now() + PATIENCE;
        while test_kill_process(pid).is_ok() {
            assert!(Instant::now() < deadline, "{pid:?} is still in the table of processes");
            std::thread::yield_now();
        }
    };
    // In the group of the command, and out of it; the last one ends when the file is there, after the command.
    let folder = tempfile::tempdir().unwrap();
    let later = "echo $$; : > later; exec >&- 2>&-; while [ ! -e go ]; do sleep 0.02; done";
    let script = format!(
        "cd '{}'; (sh -c 'echo $$' &); (setsid sh -c 'echo $$' &); sleep 0.1; while [ ! -e one ]; do sleep 0.02; done; \
         setsid sh -c '{later}' & while [ ! -e later ]; do sleep 0.02; done",
        folder.path().display()
    );
    let (command, lines, told) = start(&shell(&script)).unwrap();
    let mut lines = BufReader::new(lines).lines();
    let mut next = || pid(&lines.next().unwrap().unwrap());
    is_waited_for(next());
    is_waited_for(next());
    fs::write(folder.path().join("one"), "").unwrap();
    let later = next();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap().phase(), SourcePhase::Ended);
    assert!(is_running(later), "it has a session of its own");
    fs::write(folder.path().join("go"), "").unwrap();
    is_waited_for(later);
    assert_eq!(command.end(), Some(0));
}

#[test]
fn bytes_arrive_as_they_are() {
    for no_pty in [false, true] {
        let script = r"printf 'a\r\n\tb\n\000\001\004\377\033[31mred\n\nhalf'";
        let (output, ..) = run(&CommandOptions { no_pty, ..shell(script) });
        let expected = b"a\r\n\tb\n\x00\x01\x04\xff\x1b[31mred\n\nhalf\n";
        assert_eq!(output.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{no_pty}");
    }
}

#[test]
fn a_flood_arrives_whole_however_slowly_it_is_read() {
    let expected: String = (1..=200_000).flat_map(|number| [number.to_string(), "\n".to_owned()]).collect();
    for no_pty in [false, true] {
        let options = CommandOptions { no_pty, ..options(&["seq", "200000"]) };
        let (command, mut lines, told) = start(&options).unwrap();
        assert!(told.recv_timeout(Duration::from_millis(300)).is_err(), "the command waits for its reader");
        let mut output = String::new();
        lines.read_to_string(&mut output).unwrap();
        assert!(output == expected, "{no_pty}");
        assert_eq!(command.end(), Some(0));
    }
}

#[test]
fn a_terminal_is_what_the_command_sees_and_a_pipe_without() {
    let script = "test -t 1 && test -t 2 && echo terminal; stty size <&2 2>&1; echo $TERM; echo $PAGER";
    let (output, ..) = run(&shell(script));
    let output = String::from_utf8(output).unwrap();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "terminal");
    let columns: u16 = lines[1].split(' ').next_back().unwrap().parse().unwrap();
    assert!(columns >= 160, "{output}");
    assert!(!["", "dumb"].contains(&lines[2]), "{output}");
    assert_eq!(lines[3], "cat", "nobody is there to press a key");
    let (output, ..) = run(&CommandOptions { no_pty: true, ..shell("test -t 1 || echo pipe") });
    assert_eq!(output, b"pipe\n");
}

#[test]
fn the_command_has_its_own_group_and_none_of_our_descriptors() {
    let fds = "ls -1 /proc/self/fd";
    let control = {
        // A run of another test waits for every child that is no leader's.
        let _leaders = group::leaders();
        process::Command::new("sh").args(["-c", fds]).output().unwrap().stdout
    };
    let (output, ..) = run(&shell(&format!("{fds}; echo $$; ps -o pgid= -p $$")));
    let output = String::from_utf8(output).unwrap();
    let rest =
        output.strip_prefix(str::from_utf8(&control).unwrap()).expect("the descriptors that we inherited");
    let words: Vec<&str> = rest.split_whitespace().collect();
    assert_eq!(words[0], words[1], "it leads its group");
}

#[test]
fn an_order_ends_the_whole_group_and_its_last_lines_come() {
    let script =
        "sleep 1000 & echo $!; trap 'echo last; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let (command, lines, told) = start(&shell(script)).unwrap();
    let mut lines = BufReader::new(lines).lines().map(Result::unwrap);
    let child = pid(&lines.next().unwrap());
    assert_eq!(lines.next().unwrap(), "ready");
    assert!(is_running(child));
    command.ender()();
    // The shell may say before that its child was terminated.
    assert_eq!(lines.last().unwrap(), "last");
    assert_eq!(command.end(), None, "it was ended by us");
    assert!(told.recv().is_err(), "nothing is told at our end");
    assert!(has_ended(child));
}

#[test]
fn a_command_that_nobody_reads_any_more_is_ended() {
    let (_command, lines, _told) = start(&shell("echo $$; exec yes")).unwrap();
    let mut lines = BufReader::new(lines);
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    drop(lines);
    assert!(has_ended(pid(&first)));
}

#[test]
fn a_group_that_does_not_listen_is_killed() {
    let script =
        "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo $!; while :; do sleep 1; done";
    // It would wait for five seconds for what TERM does.
    takes_less_than(Duration::from_secs(4), || {
        let (command, lines, _told) = start(&shell(script)).unwrap();
        let mut lines = BufReader::new(lines).lines().map(Result::unwrap);
        let child = pid(&lines.next().unwrap());
        let started = Instant::now();
        command.ender()();
        // The second order kills.
        command.ender()();
        assert_eq!(command.end(), None);
        let took = started.elapsed();
        assert!(has_ended(child));
        took
    });
}

#[test]
fn what_the_command_leaves_behind_ends_with_it_after_a_moment() {
    for (script, late) in [
        // Holds the output open.
        ("sleep 1000 & echo $!", None),
        // Does not.
        ("sleep 1000 >/dev/null 2>&1 & echo $!", None),
        // Writes a little later.
        ("sleep 1000 & echo $!; (sleep 0.2; echo late) &", Some("late")),
        // Writes for ever.
        ("yes >&2 & echo $!; sleep 0.1", Some("y")),
    ] {
        takes_less_than(Duration::from_secs(4), || {
            let started = Instant::now();
            let (output, said, code) = run(&shell(script));
            let output = String::from_utf8(output).unwrap();
            let number = output.lines().find(|line| line.parse::<i32>().is_ok()).unwrap();
            assert!(has_ended(pid(number)), "{script}");
            assert_eq!((said.as_str(), code), ("sh ended: exit code 0", Some(0)));
            let took = started.elapsed();
            assert!(late.is_none_or(|late| output.lines().any(|line| line == late)), "{script}");
            took
        });
    }
}

#[test]
fn one_that_has_left_the_group_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let script = "setsid sh -c 'echo $$; : > ready; exec sleep 1000' & until [ -e ready ]; do sleep 0.02; done; echo end";
    let (output, _, code) = run(&shell(&format!("cd {}; {script}", folder.path().display())));
    let output = String::from_utf8(output).unwrap();
    let mut lines = output.lines();
    let daemon = pid(lines.next().unwrap());
    assert_eq!((lines.next(), code), (Some("end"), Some(0)));
    assert!(is_running(daemon), "it asked to live on");
    kill_process(daemon, Signal::KILL).unwrap();
}

#[test]
fn a_program_may_close_its_output_and_go_on() {
    let started = Instant::now();
    let (output, said, _) = run(&shell("echo x; exec >/dev/null 2>&1 </dev/null; sleep 1.5; exit 4"));
    assert_eq!((output.as_slice(), said.as_str()), (&b"x\n"[..], "sh ended: exit code 4"));
    assert!(started.elapsed() >= Duration::from_millis(1500));
}

#[test]
fn a_command_is_started_again_after_a_pause() {
    // The pause is of two seconds.
    takes_less_than(Duration::from_millis(1900), order_in_the_second_pause);
}

/// How long an order takes in the pause after the second run.
fn order_in_the_second_pause() -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("cd {}; echo run >> runs; printf half; exit 5", folder.path().display());
    let started = Instant::now();
    let (command, lines, told) = start(&CommandOptions { respawn: true, ..shell(&script) }).unwrap();
    let mut lines = BufReader::new(lines).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "half");
    let waiting = |seconds| {
        let said = format!("sh ended: exit code 5; it is started again in {seconds} s");
        SourceState::new(SourcePhase::Waiting, &said)
    };
    let running = SourceState::default();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), waiting(1));
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), running);
    assert_eq!(lines.next().unwrap(), "half", "a line of its own");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), waiting(2));
    assert!(started.elapsed() >= Duration::from_secs(1));
    let ordered = Instant::now();
    command.ender()();
    assert_eq!(lines.next(), None, "an order ends the pause");
    assert_eq!(command.end(), None);
    let took = ordered.elapsed();
    assert_eq!(fs::read_to_string(folder.path().join("runs")).unwrap(), "run\nrun\n");
    took
}

#[test]
fn a_command_that_has_gone_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    write_script(&script, "#!/bin/sh\nrm \"$0\"\n");
    let options = CommandOptions { respawn: true, ..options(&[script.to_str().unwrap()]) };
    let (command, _lines, told) = start(&options).unwrap();
    let mut said = Vec::new();
    while said.len() < 3 {
        said.push(told.recv_timeout(PATIENCE).unwrap().said().to_owned());
    }
    assert_eq!(
        said,
        [
            "script ended: exit code 0; it is started again in 1 s",
            "",
            "script could not be started: there is no such file; it is started again in 2 s"
        ]
    );
    command.end();
}

#[test]
fn a_command_that_cannot_be_started_says_so_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    fs::write(&plain, "echo x\n").unwrap();
    let bare = folder.path().join("bare");
    write_script(&bare, "echo x\n");
    for (command, code, words) in [
        ("no-such-command", 127, "no-such-command could not be started: no folder of PATH has it"),
        (folder.path().to_str().unwrap(), 126, "directory"),
        (plain.to_str().unwrap(), 126, "chmod +x"),
        (bare.to_str().unwrap(), 126, "#!/bin/sh"),
        ("vmstat 1", 127, "-- sh -c 'vmstat 1'"),
    ] {
        for respawn in [false, true] {
            let failure = start(&CommandOptions { respawn, ..options(&[command]) }).unwrap_err();
            assert!(failure.code == code && failure.message.contains(words), "{command}: {failure:?}");
        }
    }
}

#[test]
fn without_a_command_there_is_nothing_to_start() {
    assert!(prepare(&options(&[])).unwrap().is_none());
}

#[test]
fn a_stopped_command_is_told_of_and_can_be_ended() {
    // TERM reaches a stopped process, too: nothing waits for five seconds.
    takes_less_than(Duration::from_secs(3), end_of_a_stopped_command);
}

fn end_of_a_stopped_command() -> Duration {
    let (command, lines, told) = start(&shell("echo $$; sleep 1000")).unwrap();
    let leader = pid(&BufReader::new(lines).lines().next().unwrap().unwrap());
    kill_process(leader, Signal::STOP).unwrap();
    let stopped = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        (stopped.phase(), stopped.said()),
        (SourcePhase::Running, "sh is stopped by signal 19 (SIGSTOP)")
    );
    kill_process(leader, Signal::CONT).unwrap();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), SourceState::default());
    kill_process(leader, Signal::STOP).unwrap();
    assert!(told.recv_timeout(PATIENCE).unwrap().said().contains("stopped"));
    let started = Instant::now();
    command.end();
    let took = started.elapsed();
    assert!(has_ended(leader));
    took
}

/// Writes an executable file in another process: one that this process has open for writing could not be run.
fn write_script(path: &Path, text: &str) {
    let script = "printf %s \"$1\" > \"$0\" && chmod +x \"$0\"";
    // Its end may have been taken by another test: whoever runs a command waits for every child of this process.
    let _ = process::Command::new("sh").args(["-c", script]).arg(path).arg(text).status();
    assert_eq!(fs::read_to_string(path).unwrap(), text);
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o100, 0o100);
}
