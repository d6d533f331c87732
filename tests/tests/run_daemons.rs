//! `tests/run-daemons` (`make run`) in a terminal: whatever ends it, each daemon gets one signal, and clients
//! get their Close.
//!
//! ```text
//!  test ── stdin ──▶ script (a pseudo-terminal) ──▶ make ──▶ run-daemons ──▶ three daemons, a session each
//!    └── the file `log` ◀────────────────────────────────── all that they print
//! ```

#![allow(clippy::expect_used)]

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use harness::{Client, Signal, binary, command, eventually, handshake, project};
use rustix::process::{Pid, kill_process};
use tempfile::TempDir;

/// What a daemon logs at a signal that ends it; a second signal makes it log that again.
const ASKED_TO_STOP: &str = "stopping; a second signal";
const CTRL_C: u8 = 3;

/// `make run` of the debug binaries, in a terminal of its own.
struct Terminal {
    script: Child,
    folder: TempDir,
    stream: SocketAddr,
}

impl Terminal {
    /// Starts all, and waits until they are ready.
    fn start() -> Self {
        loop {
            let terminal = Self::spawn();
            let log = eventually(|| {
                let log = terminal.log();
                if log.contains("Ctrl-C stops") || log.contains("is taken") { Ok(log) } else { Err(log) }
            });
            if log.contains("Ctrl-C stops") {
                return terminal;
            }
        }
    }

    fn spawn() -> Self {
        // Below the ports that the kernel gives to others.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = std::process::id() * 31 + NEXT.fetch_add(1, Ordering::Relaxed);
        let ports =
            [0, 1, 2].map(|place| u16::try_from(20_000 + number % 3_000 * 3 + place).expect("a port"));
        let folder = tempfile::tempdir().expect("a folder");
        let binaries = binary("ws-server").parent().expect("a folder").to_path_buf();
        let mut command = command("script", &["--quiet", "--return", "--command"]);
        // The log is no terminal, so that it is read after the terminal's end, too.
        command
            .arg("echo $$ >\"$FOLDER/pid\"; exec tests/run-daemons >\"$FOLDER/log\" 2>&1")
            .arg("/dev/null")
            .current_dir(project())
            .env("SHELL", "/bin/sh")
            .env("FOLDER", folder.path())
            .env("BINARIES", binaries)
            .env("PAGE_PORT", ports[0].to_string())
            .env("STREAM_PORT", ports[1].to_string())
            .env("POLICY_PORT", ports[2].to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let script = command.spawn().expect("start script, which util-linux brings");
        Self { script, folder, stream: (Ipv4Addr::LOCALHOST, ports[1]).into() }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The process id of run-daemons.
    fn pid(&self) -> Pid {
        let text = fs::read_to_string(self.folder.path().join("pid")).expect("it has started");
        text.trim().parse().ok().and_then(Pid::from_raw).expect("a number")
    }

    /// The process of the daemon with this name: a child of run-daemons.
    fn daemon(&self, name: &str) -> Pid {
        let parent = format!("PPid:\t{}\n", self.pid().as_raw_nonzero());
        let of_ours = |pid: &String| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.starts_with(&format!("Name:\t{name}\n")) && status.contains(&parent)
        };
        let mut names = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.file_name());
        let pid = names.find_map(|pid| pid.into_string().ok().filter(of_ours)).expect("it runs");
        pid.parse().ok().and_then(Pid::from_raw).expect("a number")
    }

    fn press(&mut self, key: u8) {
        self.script.stdin.as_mut().expect("piped").write_all(&[key]).expect("a terminal that reads");
    }

    /// A client of the stream that is open.
    fn client(&self) -> Client {
        let mut client = Client::request(self.stream, &handshake("/", 13));
        assert!(client.head().starts_with("HTTP/1.1 101 "));
        client
    }

    /// The log, once run-daemons is gone; it goes after the last of its daemons.
    fn ended(&self) -> String {
        let pid = self.pid();
        eventually(|| match rustix::process::test_kill_process(pid) {
            Err(rustix::io::Errno::SRCH) => Ok(self.log()),
            _ => Err(self.log()),
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A closed terminal ends what runs in it.
        drop(self.script.kill());
        drop(self.script.wait());
    }
}

#[test]
fn each_daemon_gets_one_signal_whatever_ends_the_terminal_s_program() {
    type End = fn(&mut Terminal);
    let ends: [(&str, End); 4] = [
        ("Ctrl-C", |terminal| terminal.press(CTRL_C)),
        ("a TERM", |terminal| kill_process(terminal.pid(), Signal::TERM).expect("it runs")),
        // make passes on what its process group got.
        ("two TERMs", |terminal| {
            kill_process(terminal.pid(), Signal::TERM).expect("it runs");
            kill_process(terminal.pid(), Signal::TERM).expect("it runs");
        }),
        ("the terminal closes", |terminal| drop(terminal.script.kill())),
    ];
    for (what, end) in ends {
        let mut terminal = Terminal::start();
        let mut client = terminal.client();
        end(&mut terminal);
        assert_eq!(client.close_code(), Some(1001), "{what}");
        drop(client);
        let log = terminal.ended();
        assert_eq!(log.matches(ASKED_TO_STOP).count(), 3, "{what}:\n{log}");
        assert_eq!(log.matches(": stopped").count(), 3, "{what}:\n{log}");
    }
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let mut terminal = Terminal::start();
    // It never answers the Close.
    let mut client = terminal.client();
    terminal.press(CTRL_C);
    assert_eq!(client.close_code(), Some(1001));
    terminal.press(CTRL_C);
    let log = terminal.ended();
    assert!(log.matches(ASKED_TO_STOP).count() > 3, "{log}");
}

#[test]
fn one_that_dies_is_named_and_takes_the_others_with_it() {
    let mut terminal = Terminal::start();
    let mut client = terminal.client();
    kill_process(terminal.daemon("static-server"), Signal::KILL).expect("it runs");
    assert_eq!(client.close_code(), Some(1001));
    drop(client);
    let log = terminal.ended();
    assert!(log.contains("static-server ended with status 137; stopping the others"), "{log}");
    assert_eq!(log.matches(ASKED_TO_STOP).count(), 2, "{log}");
    let status =
        eventually(|| terminal.script.try_wait().expect("its status").ok_or("script runs".to_owned()));
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_taken_port_is_named_with_the_way_to_another() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = Command::new(project().join("tests/run-daemons"))
        .env("BINARIES", binary("ws-server").parent().expect("a folder"))
        .env("POLICY_PORT", &port)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains(&format!("port {port} is taken")) && text.contains("make run POLICY_PORT=PORT"),
        "{text}"
    );
}
