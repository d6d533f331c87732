//! A server under attack.

use std::{
    env,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ChildStdin,
    thread,
    time::{Duration, Instant},
};

use harness::{Daemon, Signal};

/// What is attacked, and with which settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) service: Service,
    pub(crate) interval: Duration,
    /// Bytes that each message has beside its number.
    pub(crate) padding: usize,
    /// Ours alone has these.
    pub(crate) options: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Lines, of which a client misses none.
    Lines,
    /// Dates, as in the tutorial. One that is late by half an interval is skipped.
    Dates,
}

/// The deadlines of ours are shorter than its defaults, so that a round sees the end of each.
const DEADLINES: [&str; 8] =
    ["--head-timeout", "3s", "--write-timeout", "3s", "--close-timeout", "2s", "--linger", "1s"];

/// A running server. Dropping it kills the process by its id.
#[derive(Debug)]
pub(crate) struct Victim {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
    daemon: Daemon,
}

impl Victim {
    pub(crate) fn ours(settings: &Settings) -> Self {
        let interval = format!("{}ms", settings.interval.as_millis());
        let padding = ".".repeat(settings.padding);
        let template = format!("{{seq}} {{date}}{padding}");
        let clock = ["--interval", &interval, "--template", &template];
        let lines = ["--source", "-", "--greet", "1", "--leave-notices", "on", "--template", "{seq} {line}"];
        let source = if settings.service == Service::Lines { &lines[..] } else { &clock };
        let mut daemon = Daemon::start(binary("ws-server"), &[source, &DEADLINES, settings.options].concat());
        if let Some(input) = daemon.stdin.take().filter(|_| settings.service == Service::Lines) {
            feed(input, format!("GMT{padding}\n"), settings.interval);
        }
        Self { name: "ws-server", address: daemon.address(), pid: daemon.pid(), daemon }
    }

    /// Ends it; what is wrong with its end and its log.
    pub(crate) fn stop(self) -> Vec<String> {
        self.daemon.signal(Signal::TERM);
        let (status, log) = self.daemon.wait();
        let mut wrong = Vec::new();
        if !status.success() {
            wrong.push(format!("it ended with {status}"));
        }
        wrong.extend(log.lines().find(|line| line.contains("panic")).map(str::to_owned));
        wrong
    }
}

/// A thread that writes this line each interval, until nobody reads it.
fn feed(mut input: ChildStdin, line: String, interval: Duration) {
    thread::spawn(move || {
        let mut due = Instant::now();
        while input.write_all(line.as_bytes()).is_ok() {
            due += interval;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    });
}

/// In the folder `BINARIES`, or built by cargo.
fn binary(name: &str) -> PathBuf {
    env::var_os("BINARIES").map_or_else(|| harness::binary(name), |folder| Path::new(&folder).join(name))
}
