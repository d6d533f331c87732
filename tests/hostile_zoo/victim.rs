//! A server under attack, ours or a peer.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use harness::{Daemon, Signal, scrape};

use crate::{
    feeder,
    peers::{self, Peer},
    site::Site,
    usage,
};

/// What is attacked, and with which settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) service: Service,
    /// Between two messages of a stream.
    pub(crate) interval: Duration,
    /// Bytes that each message has beside its number.
    pub(crate) padding: usize,
    /// Ours alone has these.
    pub(crate) options: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// A stream of lines, of which a client misses none.
    Lines,
    /// A stream of dates, as in the tutorial. One that is late by half an interval is skipped.
    Dates,
    /// A stream of lines that are published by HTTP.
    Published,
    /// A stream of lines; its metrics endpoint is attacked.
    Metrics,
    Files,
    Policy,
}

impl Service {
    /// What a canary asks for, where it is no stream.
    pub(crate) fn question(self) -> Option<&'static str> {
        match self {
            Self::Files => Some("page"),
            Self::Policy => Some("policy"),
            _ => None,
        }
    }

    fn binary(self) -> &'static str {
        match self {
            Self::Files => "static-server",
            Self::Policy => "policy-server",
            _ => "ws-server",
        }
    }
}

/// The deadlines of ours are shorter than its defaults, so that a round sees the end of each.
const STREAM_DEADLINES: [&str; 8] =
    ["--head-timeout", "3s", "--write-timeout", "3s", "--close-timeout", "2s", "--linger", "1s"];
const FILES_DEADLINES: [&str; 8] =
    ["--head-timeout", "3s", "--write-timeout", "3s", "--keep-alive", "3s", "--linger", "1s"];
const POLICY_DEADLINES: [&str; 2] = ["--lifetime", "3s"];

/// A running server. Dropping it kills its processes by their ids.
#[derive(Debug)]
pub(crate) struct Victim {
    pub(crate) name: &'static str,
    /// Where its clients go, and where the attack goes.
    pub(crate) address: SocketAddr,
    pub(crate) attacked: SocketAddr,
    metrics: Option<SocketAddr>,
    pub(crate) pid: u32,
    running: Running,
    /// Removed with it.
    _site: Site,
}

/// What ours counts of its dates.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dates {
    /// Those that it did not send because they were late by half an interval.
    pub(crate) skipped: u64,
    /// Of the last seconds, when it sent them.
    pub(crate) worst: Duration,
}

#[derive(Debug)]
enum Running {
    Ours(Daemon),
    Peer(Child),
}

impl Victim {
    pub(crate) fn ours(settings: &Settings) -> Self {
        let site = Site::new();
        let interval = format!("{}ms", settings.interval.as_millis());
        let padding = ".".repeat(settings.padding);
        let template = format!("{{seq}} {{date}}{padding}");
        let lines = ["--greet", "1", "--leave-notices", "on", "--template", "{seq} {line}"];
        let own = match settings.service {
            Service::Dates => {
                vec!["--interval", &interval, "--template", &template, "--metrics", "127.0.0.1:0"]
            }
            Service::Lines => [&["--source", "-"][..], &lines].concat(),
            Service::Metrics => [&["--source", "-", "--metrics", "127.0.0.1:0"][..], &lines].concat(),
            Service::Published => [&["--source", "http"][..], &lines].concat(),
            Service::Files => vec!["--root", site.path()],
            Service::Policy => Vec::new(),
        };
        let deadlines = match settings.service {
            Service::Files => &FILES_DEADLINES[..],
            Service::Policy => &POLICY_DEADLINES,
            _ => &STREAM_DEADLINES,
        };
        let name = settings.service.binary();
        let mut daemon = Daemon::start(binary(name), &merged(&[&own, deadlines, settings.options]));
        let address = daemon.address();
        let line = format!("GMT{padding}");
        match (settings.service, daemon.stdin.take()) {
            (Service::Lines | Service::Metrics, Some(input)) => feeder::write(input, line, settings.interval),
            (Service::Published, _) => feeder::post(address, "/", line, settings.interval),
            _ => {}
        }
        let has_metrics = matches!(settings.service, Service::Metrics | Service::Dates);
        let metrics = has_metrics.then(|| daemon.metrics_address());
        let attacked = metrics.filter(|_| settings.service == Service::Metrics).unwrap_or(address);
        let pid = daemon.pid();
        Self { name, address, attacked, metrics, pid, running: Running::Ours(daemon), _site: site }
    }

    /// `None` if the peer has no such service, or is not there.
    pub(crate) fn peer(peer: Peer, settings: &Settings) -> Option<Self> {
        let site = Site::new();
        let (child, address) = peers::start(peer, settings, &site)?;
        let pid = child.id();
        Some(Self {
            name: peer.name(),
            address,
            attacked: address,
            metrics: None,
            pid,
            running: Running::Peer(child),
            _site: site,
        })
    }

    /// What it says itself of its dates; `None` where it has none, or no metrics.
    pub(crate) fn dates(&self) -> Option<Dates> {
        let metrics = self.metrics.filter(|metrics| *metrics != self.attacked)?;
        let metrics = scrape::metrics(metrics);
        let value = |name: &str| scrape::value(&metrics, &format!("datecast_ws_{name}"));
        Some(Dates {
            skipped: value("dates_skipped_total") as u64,
            worst: Duration::from_secs_f64(value("worst_lateness_seconds")),
        })
    }

    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.running, Running::Ours(_))
    }

    /// Ends it; what is wrong with the end and the log of ours.
    pub(crate) fn stop(self) -> Vec<String> {
        let mut wrong = Vec::new();
        match self.running {
            Running::Ours(daemon) => {
                daemon.signal(Signal::TERM);
                let (status, log) = daemon.wait();
                if !status.success() {
                    wrong.push(format!("it ended with {status}"));
                }
                wrong.extend(log.lines().find(|line| line.contains("panic")).map(str::to_owned));
            }
            Running::Peer(mut child) => {
                let family = usage::family(child.id());
                harness::signal(&child, Signal::TERM);
                let deadline = std::time::Instant::now() + Duration::from_secs(5);
                while child.try_wait().is_ok_and(|status| status.is_none()) {
                    if std::time::Instant::now() > deadline {
                        drop(child.kill());
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
                peers::end(&family);
            }
        }
        wrong
    }
}

/// Options with their values, of which the later ones count.
fn merged<'a>(lists: &[&[&'a str]]) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for pair in lists.iter().flat_map(|list| list.chunks(2)) {
        match all.chunks_mut(2).find(|other| other[0] == pair[0]) {
            Some(other) => other.copy_from_slice(pair),
            None => all.extend_from_slice(pair),
        }
    }
    all
}

/// In the folder `BINARIES`, or built by cargo.
pub(crate) fn binary(name: &str) -> PathBuf {
    env::var_os("BINARIES").map_or_else(|| harness::binary(name), |folder| Path::new(&folder).join(name))
}
