//! The program itself, between a nats-server and a server.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command},
};

use tempfile::TempDir;

use crate::{
    nats::{Nats, signal},
    server::Server,
    wait::eventually,
};

/// A `datecast-nats follow` that ends with the test.
pub(crate) struct Bridge {
    folder: TempDir,
    child: Child,
}

impl Bridge {
    /// Starts it with these further options.
    pub(crate) fn start(nats: &Nats, server: &Server, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_datecast-nats"))
            .args(["follow", "--stream", "LINES", "--server", &nats.url()])
            .args(["--to", &format!("unix:{}", server.path.display())])
            .args(["--metrics", &format!("unix:{}", folder.path().join("m").display())])
            .args(options)
            .stderr(log)
            .spawn()
            .unwrap();
        Self { folder, child }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub(crate) fn await_log(&self, part: &str) {
        eventually(&format!("the log has: {part}"), || self.log().contains(part));
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("m")
    }

    /// The body of an answer of its metrics endpoint; nothing while it does not listen.
    pub(crate) fn get(&self, path: &str) -> String {
        let Ok(mut stream) = UnixStream::connect(self.socket()) else { return String::new() };
        let mut answer = String::new();
        _ = write!(stream, "GET {path} HTTP/1.0\r\n\r\n");
        _ = stream.read_to_string(&mut answer);
        answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned())
    }

    pub(crate) fn metric(&self, name: &str) -> u64 {
        let metrics = self.get("/metrics");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("datecast_nats_{name} ")));
        line.and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    pub(crate) fn await_health(&self, part: &str) {
        eventually(&format!("/healthz says {part}"), || self.get("/healthz").contains(part));
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for its end, and returns the exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let mut status = None;
        eventually("it ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.and_then(|status| status.code())
    }

    /// Resident memory in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}
