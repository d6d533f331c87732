//! `datecast -- CMD…`, as a person starts it: what the clients get, how it ends, and that nothing is left of the command.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use harness::{
    Client, Daemon, Signal, command, eventually, on_free_port, takes_less_than, with_blocked_signals,
};
use rustix::process::{Pid, test_kill_process};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

const DATECAST: &str = env!("CARGO_BIN_EXE_datecast");

/// A datecast that has started this command on a free port.
fn datecast(options: &[&str], words: &[&str]) -> Daemon {
    Daemon::start(DATECAST, &[options, &["--"], words].concat())
}

/// The same for a script of the shell, in this folder.
fn shell(options: &[&str], script: &str, folder: &Path) -> Daemon {
    datecast(options, &["sh", "-c", &format!("cd '{}'; {script}", folder.display())])
}

/// Runs datecast to its end, which must come before anything is served.
fn refused(words: &[&str]) -> Output {
    command(DATECAST, &[&["--listen", "127.0.0.1:0"], words].concat()).output().expect("it runs")
}

/// A client of the event stream, behind the head of the answer.
fn events(daemon: &Daemon) -> Client {
    let mut client = daemon.request("GET /stream HTTP/1.1\nHost: localhost\nAccept: text/event-stream");
    client.until(b"\r\n\r\n");
    client
}

/// A client of plain lines, behind the head of the answer.
fn lines(daemon: &Daemon) -> Client {
    let mut client = daemon.request("GET /stream HTTP/1.0\nHost: localhost");
    client.until(b"\r\n\r\n");
    client
}

fn line(client: &mut Client) -> String {
    String::from_utf8(client.until(b"\n")).expect("text").trim_end().to_owned()
}

fn pid(text: &str) -> Pid {
    Pid::from_raw(text.trim().parse().expect("a number")).expect("a process")
}

fn has_ended(pid: Pid) {
    eventually(|| {
        // A zombie that its parent has not waited for yet has ended.
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        if test_kill_process(pid).is_ok() && !stat.contains(") Z ") {
            Err(format!("it runs: {stat}"))
        } else {
            Ok(())
        }
    });
}

/// The script below waits for this file, which the test makes.
fn go(folder: &Path) {
    fs::write(folder.join("go"), "").unwrap();
}

const WAIT: &str = "while [ ! -e go ]; do sleep 0.02; done";

#[test]
fn the_page_names_the_command_and_keeps_its_arguments_to_itself() {
    for (words, title) in
        [(&["/bin/sleep", "1234.5"][..], "sleep …"), (&["cat"], "cat"), (&["sh", "-c", "read x"], "sh …")]
    {
        let page = datecast(&[], words).get("/").text();
        assert!(page.contains(&format!("name=\"datecast-title\" content=\"{title}\"")), "{words:?}");
        assert!(!page.contains("1234.5"));
    }
}

#[test]
fn a_pipeline_that_buffers_arrives_line_by_line_and_without_a_terminal_at_its_end() {
    let script = format!("(echo one; {WAIT}; echo two) | grep .");
    for on_terminal in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let options: &[&str] = if on_terminal { &[] } else { &["--no-pty"] };
        let daemon = shell(options, &script, folder.path());
        let mut client = lines(&daemon);
        if on_terminal {
            assert_eq!(line(&mut client), "one");
        } else {
            // The control: this is how long `grep` keeps a line to itself.
            client.stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
            let early = std::io::Read::read(&mut client.stream, &mut [0; 8]);
            assert!(early.is_err(), "{early:?}");
            client = Client::from(client.stream);
        }
        go(folder.path());
        if !on_terminal {
            assert_eq!(line(&mut client), "one");
        }
        assert_eq!(line(&mut client), "two");
    }
}

#[test]
fn its_end_is_told_and_the_exit_code_is_that_of_the_command() {
    for (script, said, code) in [
        ("exit 3", "sh ended: exit code 3", 3),
        ("kill -9 $$", "sh was killed by signal 9 (SIGKILL)", 137),
        ("exit 0", "sh ended: exit code 0", 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("{WAIT}; printf last; {script}");
        let daemon = shell(&[], &script, folder.path());
        let mut client = events(&daemon);
        go(folder.path());
        client.until(b"data: last\n\n");
        let event = format!("event: source\ndata: {{\"source\":\"ended\",\"said\":\"{said}\"}}\n\n");
        client.until(event.as_bytes());
        // It serves on: a newcomer gets the lines and how it ended.
        events(&daemon).until(event.as_bytes());
        daemon.signal(Signal::INT);
        assert_eq!(daemon.wait().0.code(), Some(code), "{script}");

        fs::remove_file(folder.path().join("go")).unwrap();
        let at_once = shell(&["--at-eof", "exit"], &script, folder.path());
        let mut client = events(&at_once);
        go(folder.path());
        client.until(b"data: last\n\n");
        client.until(event.as_bytes());
        assert_eq!(at_once.wait().0.code(), Some(code), "{script} --at-eof exit");
    }
}

#[test]
fn a_stop_ends_the_command_in_order_and_its_last_lines_reach_the_clients() {
    let folder = tempfile::tempdir().unwrap();
    let script = "sleep 1000 & echo $!; trap 'seq 1000; echo last; exit 7' TERM; echo $$; while :; do sleep 0.02; done";
    let daemon = shell(&[], script, folder.path());
    let mut client = lines(&daemon);
    let (child, leader) = (pid(&line(&mut client)), pid(&line(&mut client)));
    daemon.signal(Signal::INT);
    let rest = client.rest_as_text();
    assert!(rest.contains("\n999\n1000\nlast\n"), "{rest:?}");
    assert_eq!(daemon.wait().0.code(), Some(0), "a stop is no failure of the command");
    has_ended(child);
    has_ended(leader);
}

#[test]
fn a_client_that_does_not_read_delays_a_stop_by_the_drain_timeout_alone() {
    let daemon = datecast(&["--drain-timeout", "500ms", "--write-timeout", "1h"], &["yes"]);
    let mut client = events(&daemon);
    client.until(b"data: y\n\n");
    let since = Instant::now();
    daemon.signal(Signal::INT);
    assert_eq!(daemon.wait().0.code(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
}

#[test]
fn a_quit_from_the_keyboard_leaves_no_command_behind() {
    let daemon = datecast(&[], &["sh", "-c", "echo $$; while :; do sleep 0.02; done"]);
    let leader = pid(&line(&mut lines(&daemon)));
    daemon.signal(Signal::QUIT);
    assert_eq!(daemon.wait().0.code(), Some(0));
    has_ended(leader);
}

#[test]
fn a_stop_before_we_listen_ends_the_command_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    // The command itself stops us, as early as it can.
    let script = format!("echo $$ > '{}'; kill -INT $PPID; exec sleep 1000", file.display());
    let options = ["--listen", "127.0.0.1:0", "--", "sh", "-c", &script];
    for _ in 0..5 {
        assert_eq!(Daemon::spawn(command(DATECAST, &options)).wait().0.code(), Some(0));
        has_ended(pid(&fs::read_to_string(&file).unwrap()));
    }
}

#[test]
fn a_second_signal_kills_a_command_that_does_not_listen() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' TERM INT; echo $$; while :; do sleep 0.1; done";
    // It would wait for five seconds for what TERM does.
    takes_less_than(Duration::from_secs(4), || {
        let mut daemon = shell(&[], script, folder.path());
        let leader = pid(&line(&mut lines(&daemon)));
        let started = Instant::now();
        daemon.signal(Signal::INT);
        daemon.log_line("stopping");
        daemon.signal(Signal::INT);
        daemon.wait();
        let took = started.elapsed();
        has_ended(leader);
        took
    });
}

#[test]
fn nothing_is_left_of_a_command_when_we_are_killed_but_what_never_writes() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = shell(&[], "echo $$; while echo x; do sleep 0.02; done", folder.path());
    let leader = pid(&line(&mut lines(&daemon)));
    daemon.signal(Signal::KILL);
    has_ended(leader);
}

#[test]
fn a_command_that_ends_is_started_again_and_both_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("echo run; [ -e second ] || {{ {WAIT}; > second; exit 5; }}; exec cat");
    let daemon = shell(&["--respawn"], &script, folder.path());
    let mut client = events(&daemon);
    client.until(b"data: run\n\n");
    go(folder.path());
    client.until(
        b"{\"source\":\"waiting\",\"said\":\"sh ended: exit code 5; it is started again in 1 s\"}\n\n",
    );
    // Its first line may come before the news that it runs.
    let expected = ["data: run\n\n", "event: source\ndata: {\"source\":\"running\",\"said\":\"\"}\n\n"];
    let mut text = String::new();
    while !expected.iter().all(|event| text.contains(event)) {
        text.push_str(str::from_utf8(&client.until(b"\n\n")).unwrap());
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().0.code(), Some(0));
}

#[test]
fn a_flood_reaches_a_slow_client_whole() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("{WAIT}; seq 200000");
    let options = ["--max-backlog", "64MiB", "--at-eof", "exit"];
    let daemon = shell(&options, &script, folder.path());
    let mut client = lines(&daemon);
    go(folder.path());
    let mut text = String::new();
    while text.len() < 50_000 {
        text.push_str(&line(&mut client));
        text.push('\n');
        std::thread::sleep(Duration::from_micros(50));
    }
    text.push_str(&client.rest_as_text());
    let expected: String = (1..=200_000).flat_map(|number| [number.to_string(), "\n".to_owned()]).collect();
    assert!(text == expected, "{} of {} bytes", text.len(), expected.len());
    assert_eq!(daemon.wait().0.code(), Some(0));
}

#[test]
fn our_input_is_that_of_the_command_unless_nobody_feeds_it() {
    let mut daemon = datecast(&[], &["cat"]);
    daemon.write("typed\n");
    assert_eq!(line(&mut lines(&daemon)), "typed");
    drop(daemon.stdin.take());
    daemon.log_line("cat ended: exit code 0");

    let command = on_free_port(DATECAST, &["--", "sh", "-c", "test -t 0 && echo terminal"]);
    let daemon = Daemon::spawn_with(command, Stdio::null()).listening();
    assert_eq!(line(&mut lines(&daemon)), "terminal");
}

#[test]
fn what_cannot_be_started_ends_us_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    fs::write(&plain, "echo x\n").unwrap();
    for (words, code, message) in [
        (
            &["--", "no-such-command"][..],
            127,
            "no-such-command could not be started: no folder of PATH has it",
        ),
        (&["--respawn", "--", "./no-such"], 127, "no-such could not be started: there is no such file"),
        (&["--", "vmstat 1"], 127, "-- sh -c 'vmstat 1'"),
        (&["--", "/"], 126, "/ could not be started: it is a directory"),
        (
            &["--no-pty", "--", plain.to_str().unwrap()],
            126,
            "plain could not be started: no permission to run it; chmod +x",
        ),
        (&["--"], 64, "say -- vmstat 1"),
        (&["--", ""], 64, "say -- vmstat 1"),
        (&["--source", "clock", "--", "true"], 78, "--source clock: the command is the source"),
    ] {
        let Output { status, stdout, stderr } = refused(words);
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(code), "{words:?}: {stderr}");
        assert!(stderr.contains(message), "{words:?}: {stderr}");
        assert_eq!(stdout, b"", "{words:?}: no URL");
    }
}

#[test]
fn a_command_with_the_name_of_a_daemon_is_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let script = "printf '#!/bin/sh\\necho mine' > \"$0/ws-server\" && chmod +x \"$0/ws-server\"";
    assert!(Command::new("sh").args(["-c", script]).arg(folder.path()).status().unwrap().success());
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut command = on_free_port(DATECAST, &["--", "ws-server"]);
    command.env("PATH", path);
    let daemon = Daemon::start_command(command);
    assert_eq!(line(&mut lines(&daemon)), "mine");
}

#[test]
fn the_command_has_the_limit_of_open_files_that_we_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("cd '{}'; {WAIT}; ulimit -Sn", folder.path().display());
    let mut limited = command("sh", &["-c", "ulimit -Sn 500; exec \"$@\"", "sh", DATECAST]);
    limited.args(["--listen", "127.0.0.1:0", "--log-level", "info", "--", "sh", "-c", &script]);
    let daemon = Daemon::start_command(limited);
    let mut client = lines(&daemon);
    go(folder.path());
    assert_eq!(line(&mut client), "500");
}

#[test]
fn the_command_hears_nothing_of_our_service_manager() {
    let script = "env | grep -E '^(LISTEN_|NOTIFY_|WATCHDOG_)'; echo end; exec cat";
    let mut command = on_free_port(DATECAST, &["--", "sh", "-c", script]);
    for name in
        ["LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"]
    {
        command.env(name, "1");
    }
    let daemon = Daemon::start_command(command);
    assert_eq!(line(&mut lines(&daemon)), "end");
}

#[test]
fn our_parent_cannot_hide_the_end_of_the_command_from_us() {
    // It blocks all signals, and nothing but one tells of the end of a command that has closed its output before.
    let script = "exec > /dev/null 2>&1 < /dev/null; sleep 0.1; exit 4";
    let command = on_free_port(DATECAST, &["--", "sh", "-c", script]);
    let daemon = with_blocked_signals(|| Daemon::spawn(command));
    let mut daemon = daemon.listening();
    daemon.log_line("sh ended: exit code 4");
}

#[test]
fn a_program_that_draws_on_the_screen_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(r"{WAIT}; printf '\033[H\033[2Jtop'; exec cat");
    let mut daemon = shell(&[], &script, folder.path());
    go(folder.path());
    let said = "sh draws on a whole screen, and a page shows lines";
    events(&daemon).until(format!("{{\"source\":\"running\",\"said\":\"{said}\"}}\n\n").as_bytes());
    assert!(daemon.log_line(said).contains("top -b"));
}

#[test]
fn our_terminal_takes_us_and_the_command_along() {
    let (window, daemon) = in_a_window("--default-signal=HUP", &["sh", "-c", "echo $$; exec sleep 1000"]);
    let mut daemon = daemon.listening();
    let leader = pid(&line(&mut lines(&daemon)));
    daemon.signal(Signal::HUP);
    daemon.log_line("the configuration was read again");
    drop(window);
    daemon.log_line("stopping");
    assert_eq!(daemon.wait().0.code(), Some(0));
    has_ended(leader);
}

#[test]
fn under_nohup_we_outlive_our_terminal() {
    let (window, daemon) = in_a_window("--ignore-signal=HUP", &["cat"]);
    let mut daemon = daemon.listening();
    drop(window);
    // Behind the one that the kernel sends to the session.
    daemon.signal(Signal::HUP);
    daemon.log_line("the configuration was read again");
    assert_eq!(daemon.get("/").status, 200);
}

#[test]
fn a_command_that_asks_on_our_terminal_is_told_of() {
    let (_window, mut daemon) = in_a_window("--default-signal=HUP", &["sh", "-c", "read answer < /dev/tty"]);
    let line = daemon.log_line("pipe it");
    assert!(line.contains("sh is stopped by signal 21 (SIGTTIN): it wants to ask"), "{line}");
    daemon.signal(Signal::INT);
    assert_eq!(daemon.wait().0.code(), Some(0));
}

/// A datecast that leads a session on a terminal of its own, and the window of that terminal. `hangup` is the option of `env` for
/// `SIGHUP`: the tests themselves may run under `nohup`.
fn in_a_window(hangup: &str, words: &[&str]) -> (OwnedFd, Daemon) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let window = openpt(flags).unwrap();
    grantpt(&window).unwrap();
    unlockpt(&window).unwrap();
    let terminal = ioctl_tiocgptpeer(&window, flags).unwrap();
    let options =
        [hangup, "setsid", "--ctty", DATECAST, "--listen", "127.0.0.1:0", "--log-level", "info", "--"];
    let daemon = Daemon::spawn_with(command("env", &[&options, words].concat()), terminal.into());
    (window, daemon)
}
