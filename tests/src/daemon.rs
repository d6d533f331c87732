//! One of the three daemons, as the real binary.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::lines::Lines;

/// How long a daemon may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running daemon; it is killed when this is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    address: SocketAddr,
    log: Lines,
}

impl Daemon {
    /// Starts `name` on a free port of 127.0.0.1 with these arguments, and waits until it listens.
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(binary(name));
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {name}: {error}"));
        let log = Lines::new(child.stderr.take().expect("stderr is piped"));

        let deadline = Instant::now() + PATIENCE;
        let mut said = Vec::new();
        while let Some(line) = log.next_before(deadline) {
            if let Some(address) = listening_address(&line) {
                return Self { child, address, log };
            }
            said.push(line);
        }
        drop(child.kill());
        drop(child.wait());
        panic!("{name} {arguments:?} does not listen; it said:\n{}", said.join("\n"));
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `ws://ADDRESS` and this path.
    pub fn ws_url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// `http://ADDRESS` and this path.
    pub fn http_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its standard input; dropping it is the end of the input.
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("standard input is taken once")
    }

    /// The next line of its log; `None` after five seconds without one.
    pub fn log_line(&self) -> Option<String> {
        self.log.next_before(Instant::now() + Duration::from_secs(5))
    }

    /// Sends `SIGTERM`.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("run kill").success(), "the daemon is there to be told");
    }

    /// Lets it have so many open files at the most.
    pub fn limit_files(&self, soft: u64) {
        let (pid, limit) = (self.child.id().to_string(), format!("--nofile={soft}:"));
        let status = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
        assert!(status.expect("run prlimit").success(), "the daemon is there to be limited");
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("wait for the daemon") {
                return status;
            }
            thread::yield_now();
        }
        panic!("the daemon does not end");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `ADDRESS:PORT` of a line `… listening on ADDRESS:PORT`.
fn listening_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on ")?;
    rest.split_whitespace().next()?.trim_end_matches([',', '.']).parse().ok()
}

/// The binary of this name beside the test's own, built first if it is not up to date.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/test").to_path_buf();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--workspace", "--bins"]).current_dir(project());
    if folder.ends_with("release") {
        command.arg("--release");
    }
    assert!(command.status().expect("run cargo").success(), "the daemons build");
    folder
}

/// The root of the project.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the project")
}
