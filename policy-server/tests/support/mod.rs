//! Runs the real policy-server and talks to it over real sockets.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    process::{Child, ChildStderr, Command, Stdio},
    time::{Duration, Instant},
};

/// The request without its end.
pub const REQUEST: &[u8] = b"<policy-file-request/>";
/// How long a test waits for what should come at once.
pub const SOON: Duration = Duration::from_secs(10);

/// A running daemon; it is killed with its value.
pub struct Daemon {
    child: Child,
    log: BufReader<ChildStderr>,
    /// Where it listens.
    pub address: SocketAddr,
}

/// The daemon's command line, nothing of our own environment's configuration in it.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_policy-server"));
    command.args(args);
    clean(&mut command);
    command
}

fn clean(command: &mut Command) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DATECAST_") {
            command.env_remove(name);
        }
    }
    for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "INVOCATION_ID", "JOURNAL_STREAM"] {
        command.env_remove(name);
    }
}

/// As [`command`], with this descriptor as number 3 and `LISTEN_FDS`, as systemd hands it over.
pub fn command_with_socket(socket: OwnedFd, count: &str, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    // Safe Rust cannot place a descriptor at 3; the shell moves it there from standard input.
    command.args(["-c", "exec 3<&0 0</dev/null; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_policy-server")]);
    command.args(args);
    clean(&mut command);
    command.stdin(socket).env("LISTEN_FDS", count).env("LISTEN_FDNAMES", "policy");
    command
}

impl Daemon {
    /// Starts it on a free port of 127.0.0.1.
    pub fn start(args: &[&str]) -> Self {
        Self::spawn(command(&[&["--listen", "127.0.0.1:0"], args].concat()))
    }

    /// Starts it and waits until it listens.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the daemon starts");
        let log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut daemon = Self { child, log, address: ([0, 0, 0, 0], 0).into() };
        let line = daemon.log_line("Flash policy server listening on ");
        let address = line.trim_end().rsplit(' ').next().expect("the last word");
        daemon.address = address.parse().expect("an address");
        daemon
    }

    /// A new connection; reads end after [`SOON`].
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connected");
        stream.set_read_timeout(Some(SOON)).expect("set");
        stream.set_nodelay(true).expect("set");
        stream
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// The next line of its log that holds this text.
    pub fn log_line(&mut self, part: &str) -> String {
        let mut told = String::new();
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).expect("text") > 0, "no `{part}` in the log: {told}");
            if line.contains(part) {
                return line;
            }
            told.push_str(&line);
        }
    }

    /// Stops it with `TERM`; the answer is its exit code and the rest of its log.
    pub fn stop(mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).expect("text");
        (self.child.wait().expect("ended").code(), rest)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Sends bytes, and reads until the end; a reset counts as the end and is told.
pub fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> (Vec<u8>, bool) {
    // The daemon may have closed at an earlier byte.
    _ = stream.write_all(bytes);
    read_all(stream)
}

/// Reads until the end; true if it was a reset.
pub fn read_all(stream: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut got = Vec::new();
    match stream.read_to_end(&mut got) {
        Ok(_) => (got, false),
        Err(error) => {
            assert!(error.kind() == std::io::ErrorKind::ConnectionReset, "not closed in time: {error}");
            (got, true)
        }
    }
}

/// How long this took.
#[allow(clippy::disallowed_methods, reason = "the test measures a deadline of the daemon from outside")]
pub fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = what();
    (value, start.elapsed())
}
