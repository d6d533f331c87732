//! A daemon under test: the real binary as a child process.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Instant;

use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

use crate::client::Client;
use crate::lines::Lines;
use crate::wait::{PATIENCE, eventually};

/// What a service manager or a daemon's configuration would leave in our own environment.
const FOREIGN_VARIABLES: [&str; 7] = [
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
];

/// A command line whose environment configures nothing, with no standard input.
pub fn command(binary: impl AsRef<Path>, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary.as_ref());
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("DATECAST_") || FOREIGN_VARIABLES.contains(&text.as_ref()) {
            command.env_remove(name);
        }
    }
    command
}

/// A command line that listens on a free port of 127.0.0.1, and logs which one it is.
///
/// The stream has two workers unless the arguments say otherwise: the same on every machine.
pub fn on_free_port(binary: impl AsRef<Path>, arguments: &[&str]) -> Command {
    let is = |name: &str| binary.as_ref().ends_with(name);
    let (has_stream, is_quiet) = (is("ws-server") || is("datecast"), is("datecast"));
    let mut command = command(&binary, &["--listen", "127.0.0.1:0"]);
    if has_stream && !arguments.contains(&"--workers") {
        command.args(["--workers", "2"]);
    }
    if is_quiet && !arguments.contains(&"--log-level") {
        command.args(["--log-level", "info"]);
    }
    command.args(arguments);
    command
}

/// Runs this with all signals blocked; a process that it starts begins with that mask.
pub fn with_blocked_signals<T>(run: impl FnOnce() -> T) -> T {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK).expect("a mask");
    let result = run();
    before.thread_set_mask().expect("the mask from before");
    result
}

/// A running daemon. Dropping it kills the process by its id.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: Lines,
    address: Option<SocketAddr>,
    /// Its standard input; dropping it is the end of the input.
    pub stdin: Option<ChildStdin>,
}

impl Daemon {
    /// Starts this binary on a free port of 127.0.0.1, and waits until it listens.
    ///
    /// As [`on_free_port`] starts it.
    pub fn start(binary: impl AsRef<Path>, arguments: &[&str]) -> Self {
        Self::start_command(on_free_port(binary, arguments))
    }

    /// Starts this command, and waits until it listens.
    pub fn start_command(command: Command) -> Self {
        Self::spawn(command).listening()
    }

    /// Waits until it listens.
    #[must_use]
    pub fn listening(mut self) -> Self {
        while self.address.is_none() {
            let line = self.log_line("listening on ");
            // A line may name a Unix socket, too.
            self.address = line.split_once("listening on ").and_then(|(_, address)| address.parse().ok());
        }
        self
    }

    /// Starts this command and returns before it listens.
    pub fn spawn(command: Command) -> Self {
        Self::spawn_with(command, Stdio::piped())
    }

    /// As [`Self::spawn`], with this standard input.
    pub fn spawn_with(mut command: Command, input: Stdio) -> Self {
        command.stdin(input).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let log = Lines::new(child.stderr.take().expect("stderr is piped"));
        let stdin = child.stdin.take();
        Self { child, log, address: None, stdin }
    }

    /// The first TCP address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("`start` and `start_command` wait for the address")
    }

    /// `ws://ADDRESS` and this path.
    pub fn ws_url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address())
    }

    /// Where it serves its metrics, as its log says.
    pub fn metrics_address(&mut self) -> SocketAddr {
        let line = self.log_line("metrics on ");
        line.split_once("metrics on ").and_then(|(_, address)| address.parse().ok()).expect("an address")
    }

    /// Connects to [`Self::address`].
    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// A client that has sent this request, whose lines end with LF here.
    pub fn request(&self, request: &str) -> Client {
        Client::request(self.address(), request)
    }

    /// Writes to its standard input; returns when the pipe has taken all.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("its input has not ended");
        stdin.write_all(bytes.as_ref()).expect("the daemon reads its input");
    }

    /// The next line of its log that holds this text; it must come within [`PATIENCE`].
    pub fn log_line(&mut self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut before = Vec::new();
        while let Some(line) = self.log.next_before(deadline) {
            if line.contains(part) {
                return line;
            }
            before.push(line);
        }
        panic!("no {part:?} in the log; instead:\n{}", before.join("\n"));
    }

    /// The next line of its log; `None` at its end, or after [`PATIENCE`] without one.
    pub fn next_log_line(&mut self) -> Option<String> {
        self.log.next_before(Instant::now() + PATIENCE)
    }

    /// Its process id, valid until the daemon was waited for.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends the signal to it alone, by its process id.
    pub fn signal(&self, signal: Signal) {
        self::signal(&self.child, signal);
    }

    /// Sets the soft limit of its open files, at most to the hard one, which stays.
    pub fn limit_files(&self, soft: u64) {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit { current: Some(maximum.map_or(soft, |hard| soft.min(hard))), maximum };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).expect("the daemon runs");
    }

    /// False once its process has ended, which this call then reaps.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_none()
    }

    /// Ends its input and waits for its end; its status, and the rest of its log.
    pub fn wait(mut self) -> (ExitStatus, String) {
        drop(self.stdin.take());
        let rest = self.log.rest();
        let status = eventually(|| {
            self.child.try_wait().expect("its status").ok_or_else(|| "it runs without a log".to_owned())
        });
        (status, rest)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends a signal to a child that was not waited for yet.
pub fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("the process is there");
}
