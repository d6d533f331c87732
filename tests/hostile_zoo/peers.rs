//! Servers that other people wrote, for the same attacks.
//!
//! They have the settings that they come with, but for the address, the number of connections and what they serve.

use std::{
    env, fs, io,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    feeder,
    site::Site,
    victim::{Service, Settings},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// npm `ws` as in the tutorial: a timer for each client, and a notice to all when one leaves.
    Ws,
    /// A process for each client.
    Websocketd,
    /// nginx with a module for streams.
    Nchan,
    /// Files; and the policy, by its module `stream`, which answers before it was asked.
    Nginx,
}

impl Peer {
    pub(crate) const ALL: [Self; 4] = [Self::Ws, Self::Websocketd, Self::Nchan, Self::Nginx];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ws => "npm ws",
            Self::Websocketd => "websocketd",
            Self::Nchan => "nchan",
            Self::Nginx => "nginx",
        }
    }

    /// It starts a process for each client: a tenth of the attackers shows enough.
    pub(crate) fn is_heavy(self) -> bool {
        self == Self::Websocketd
    }

    fn serves(self, service: Service) -> bool {
        match self {
            Self::Ws => matches!(service, Service::Lines | Service::Dates),
            Self::Websocketd => service == Service::Lines,
            Self::Nchan => matches!(service, Service::Lines | Service::Published),
            Self::Nginx => matches!(service, Service::Files | Service::Policy),
        }
    }
}

/// Starts it, and waits until it listens.
pub(crate) fn start(peer: Peer, settings: &Settings, site: &Site) -> Option<(Child, SocketAddr)> {
    if !peer.serves(settings.service) {
        return None;
    }
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let line = format!("GMT{}", ".".repeat(settings.padding));
    let mut command = match peer {
        Peer::Ws => ws(address, settings)?,
        Peer::Websocketd => websocketd(address, settings)?,
        Peer::Nchan => nginx(&nchan(address)?, site)?,
        Peer::Nginx if settings.service == Service::Policy => nginx(&policy(address)?, site)?,
        Peer::Nginx => nginx(&files(address, site), site)?,
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().ok()?;
    let deadline = Instant::now() + harness::PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "{} listens", peer.name());
        std::thread::sleep(Duration::from_millis(10));
    }
    if peer == Peer::Nchan {
        feeder::post_numbered(address, "/publish", line, settings.interval);
    }
    Some((child, address))
}

/// Kills what is left of a peer's processes.
pub(crate) fn end(family: &[u32]) {
    for &pid in family {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Below those that the system gives to outgoing connections.
fn free_port() -> Option<u16> {
    let begin = 20_000 + (std::process::id() % 1000) as u16 * 10;
    (begin..32_000).find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
}

/// Where `tests/hostile_zoo/fetch` has unpacked Debian's packages.
fn home() -> PathBuf {
    harness::project().join("tests/.venv/zoo")
}

fn ws(address: SocketAddr, settings: &Settings) -> Option<Command> {
    let folder = harness::project().join("tests/clients");
    fs::metadata(folder.join("node_modules/ws")).ok()?;
    let mut command = Command::new("node");
    command
        .arg(folder.join("tutorial-server.mjs"))
        .arg(address.port().to_string())
        .arg(settings.interval.as_millis().to_string())
        .arg(settings.padding.to_string());
    Some(command)
}

fn websocketd(address: SocketAddr, settings: &Settings) -> Option<Command> {
    let program = home().join("usr/bin/websocketd");
    fs::metadata(&program).ok()?;
    let mut command = Command::new(program);
    command
        .args(["--address=127.0.0.1", "--loglevel=fatal"])
        .arg(format!("--port={}", address.port()))
        .arg(env::current_exe().ok()?)
        .arg("lines")
        .arg(settings.interval.as_millis().to_string())
        .arg(settings.padding.to_string());
    Some(command)
}

fn nginx(configuration: &str, site: &Site) -> Option<Command> {
    let file = site.file("nginx.conf");
    fs::write(&file, configuration).ok()?;
    let program =
        ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|path| Path::new(path).exists())?;
    let mut command = Command::new(program);
    command.arg("-p").arg(site.path()).arg("-c").arg(file.as_ref()).args(["-e", "error.log"]);
    Some(command)
}

/// What all of nginx has.
fn around(module: &str, workers: usize, inner: &str) -> String {
    format!(
        "{module}\ndaemon off; worker_processes {workers}; pid nginx.pid; error_log error.log crit;\n\
         events {{ worker_connections 19000; }}\n{inner}\n"
    )
}

fn module(name: &str) -> io::Result<String> {
    let inside = home().join("usr/lib/nginx/modules").join(name);
    let installed = Path::new("/usr/lib/nginx/modules").join(name);
    let found = [inside, installed].into_iter().find(|path| path.exists());
    found.map(|path| format!("load_module {};", path.display())).ok_or(io::ErrorKind::NotFound.into())
}

fn nchan(address: SocketAddr) -> Option<String> {
    let inner = format!(
        "http {{ access_log off; server {{ listen {address} backlog=4096;\n\
         location = / {{ nchan_subscriber websocket; nchan_channel_id zoo; nchan_subscriber_first_message -1; }}\n\
         location = /publish {{ nchan_publisher; nchan_channel_id zoo; }} }} }}"
    );
    // With two, not each client had the first messages.
    Some(around(&module("ngx_nchan_module.so").ok()?, 1, &inner))
}

fn policy(address: SocketAddr) -> Option<String> {
    let policy = "<?xml version=\"1.0\"?><cross-domain-policy><allow-access-from domain=\"*\" to-ports=\"40132\"/>\
                  </cross-domain-policy>";
    let inner = format!("stream {{ server {{ listen {address} backlog=4096; return '{policy}'; }} }}");
    Some(around(&module("ngx_stream_module.so").ok()?, 2, &inner))
}

fn files(address: SocketAddr, site: &Site) -> String {
    let inner = format!(
        "http {{ access_log off; server {{ listen {address} backlog=4096; root {}; sendfile on; }} }}",
        site.path()
    );
    around("user root;", 2, &inner)
}
