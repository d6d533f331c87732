//! A proxy with the configuration of `docs/proxies/`, and both daemons behind it.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Daemon, Signal, binary, project, signal};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
    Caddy,
}

/// How the proxy reaches ws-server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Tcp,
    Unix,
}

/// A running proxy and its two daemons. Dropping it ends all three processes.
pub(crate) struct Front {
    kind: Kind,
    proxy: Child,
    /// Where `https://example.com/` of the configuration is.
    pub(crate) port: u16,
    /// Where `http://example.com/` is; nothing listens there with Caddy.
    pub(crate) plain_port: u16,
    /// Where HAProxy passes all bytes on unchanged; nothing listens there with the others.
    pub(crate) raw_port: u16,
    _daemons: [Daemon; 2],
    folder: TempDir,
}

/// A text of a configuration, and what replaces it.
pub(crate) type Edit<'t> = (&'t str, &'t str);

impl Front {
    /// The configuration as it stands in the documentation, and a ws-server that trusts the proxy.
    pub(crate) fn start(kind: Kind, flags: &[&str]) -> Self {
        Self::start_with(kind, Way::Tcp, &[&["--trusted-proxy", "127.0.0.1"], flags].concat(), &[])
    }

    pub(crate) fn start_with(kind: Kind, way: Way, flags: &[&str], edits: &[Edit<'_>]) -> Self {
        Self::start_before(binary("ws-server"), kind, way, flags, edits)
    }

    /// The same with the command in place of ws-server; the configuration is changed by these edits.
    pub(crate) fn start_private(kind: Kind, flags: &[&str], edits: &[Edit<'_>]) -> Self {
        let flags = [&["--log-level", "info", "--source", "clock"], flags].concat();
        Self::start_before(binary("datecast"), kind, Way::Tcp, &flags, edits)
    }

    fn start_before(stream: PathBuf, kind: Kind, way: Way, flags: &[&str], edits: &[Edit<'_>]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = format!("unix:{}", folder.path().join("ws.sock").display());
        let ws = Daemon::start(stream, &[&["--interval", "200ms", "--listen", &socket], flags].concat());
        let site =
            Daemon::start(binary("static-server"), &["--ws-url", "/stream", "--max-connections-per-ip", "0"]);
        let upstreams = [ws.address().to_string(), site.address().to_string()];
        // Another program may take a port between the search for a free one and its use.
        for _ in 0..5 {
            let ports = free_ports();
            let text = kind.configuration(&upstreams, way, ports, folder.path(), edits);
            if let Some(proxy) = kind.launch(&text, folder.path(), ports[0]) {
                let [port, plain_port, raw_port] = ports;
                return Self { kind, proxy, port, plain_port, raw_port, _daemons: [ws, site], folder };
            }
        }
        panic!("{kind:?} does not listen; its log:\n{}", log_of(folder.path()));
    }

    /// Makes the proxy read its configuration again, and waits until the new one serves.
    pub(crate) fn reload(&self) {
        let folder = self.folder.path();
        if self.kind == Kind::Caddy {
            // Caddy ignores a configuration without a change.
            let file = folder.join(Kind::Caddy.file());
            let text =
                fs::read_to_string(&file).expect("read it").replace("handle {", "header X-New yes\nhandle {");
            fs::write(&file, text).expect("write it");
            let admin = format!("unix/{}", folder.join("admin.sock").display());
            let mut command = Command::new("caddy");
            command.args(["reload", "--adapter", "caddyfile", "--address", &admin, "--config"]).arg(file);
            assert!(command.output().expect("run caddy").status.success(), "caddy reloads");
            return;
        }
        let before = self.workers();
        // HAProxy's master process loses a signal that comes before it has finished its own start.
        for _ in 0..5 {
            signal(&self.proxy, if self.kind == Kind::Nginx { Signal::HUP } else { Signal::USR2 });
            let deadline = Instant::now() + Duration::from_secs(2);
            while Instant::now() < deadline {
                if self.workers().iter().any(|worker| !before.contains(worker)) {
                    return;
                }
                thread::yield_now();
            }
        }
        panic!("no new worker:\n{}", log_of(folder));
    }

    /// The children of its master process.
    fn workers(&self) -> Vec<String> {
        let id = self.proxy.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        children.split_whitespace().map(str::to_owned).collect()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // TERM, not KILL: the master process takes its workers with it.
        if matches!(self.proxy.try_wait(), Ok(None)) {
            signal(&self.proxy, Signal::TERM);
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline && matches!(self.proxy.try_wait(), Ok(None)) {
            thread::yield_now();
        }
        drop(self.proxy.kill());
        drop(self.proxy.wait());
    }
}

impl Kind {
    fn file(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.conf",
            Self::Haproxy => "haproxy.cfg",
            Self::Caddy => "Caddyfile",
        }
    }

    /// The documented file with the addresses, names and certificates of this test.
    fn configuration(
        self,
        [stream, page]: &[String; 2],
        way: Way,
        [port, plain_port, raw_port]: [u16; 3],
        folder: &Path,
        edits: &[Edit<'_>],
    ) -> String {
        let mut text = fs::read_to_string(project().join("docs/proxies").join(self.file())).expect("read it");
        for (there, instead) in edits {
            replace(&mut text, there, instead);
        }
        let here = folder.display();
        let [certificate, key, both] = certificates();
        let own = |text: String, edits: &[(&str, String)]| {
            edits.iter().fold(text, |mut text, (there, instead)| {
                replace(&mut text, there, instead);
                text
            })
        };
        // Each file has the way by a Unix socket in a comment.
        let (tcp, unix) = match self {
            Self::Nginx => ("server 127.0.0.1:40132;", "# server unix:/run/datecast/ws.sock;"),
            Self::Haproxy => ("server ws 127.0.0.1:40132\n", "# server ws unix@/run/datecast/ws.sock\n"),
            Self::Caddy => {
                ("reverse_proxy 127.0.0.1:40132\n", "# reverse_proxy unix//run/datecast/ws.sock\n")
            }
        };
        if way == Way::Unix {
            let socket = unix.trim_start_matches("# ").replace("/run/datecast", &here.to_string());
            text = own(text, &[(tcp, "\n".into()), (unix, socket)]);
        } else {
            text = own(text, &[(tcp, tcp.replace("127.0.0.1:40132", stream))]);
        }
        match self {
            Self::Nginx => own(
                text,
                &[
                    ("server 127.0.0.1:8080;", format!("server {page};")),
                    ("listen 80;", format!("listen 127.0.0.1:{plain_port};")),
                    ("listen [::]:80;", String::new()),
                    ("listen 443 ssl http2;", format!("listen 127.0.0.1:{port} ssl http2;")),
                    ("listen [::]:443 ssl http2;", String::new()),
                    ("/etc/ssl/certs/example.com.pem", certificate),
                    ("/etc/ssl/private/example.com.key", key),
                ],
            ),
            Self::Haproxy => own(
                text,
                &[
                    ("server page 127.0.0.1:8080", format!("server page {page}")),
                    ("127.0.0.1:40132 send-proxy-v2", format!("{stream} send-proxy-v2")),
                    // Each connection takes two descriptors; the limit of open files may be too low for so many.
                    ("maxconn 20000", "maxconn 200".into()),
                    // The user of the tests may not become another user, or the folder is closed to that one.
                    ("    user haproxy\n    group haproxy\n", String::new()),
                    (":::80 v4v6", format!("127.0.0.1:{plain_port}")),
                    (":::443 v4v6", format!("127.0.0.1:{port}")),
                    (":::40133 v4v6", format!("127.0.0.1:{raw_port}")),
                    ("/etc/haproxy/example.com.pem", both),
                ],
            ),
            Self::Caddy => own(
                text,
                &[
                    ("reverse_proxy 127.0.0.1:8080", format!("reverse_proxy {page}")),
                    (
                        "\nexample.com {",
                        format!(
                            "\n{{\nadmin unix/{here}/admin.sock\nauto_https disable_redirects\n}}\n\
                             https://localhost:{port} {{\nbind 127.0.0.1\ntls {certificate} {key}"
                        ),
                    ),
                ],
            ),
        }
    }

    /// Starts the proxy; `None` if it ends instead of listening on this port.
    fn launch(self, configuration: &str, folder: &Path, port: u16) -> Option<Child> {
        let file = folder.join(self.file());
        fs::write(&file, configuration).expect("write the configuration");
        let mut command = match self {
            Self::Nginx => nginx(folder, &file),
            Self::Haproxy => {
                let mut command = Command::new("haproxy");
                command.arg("-W").arg("-f").arg(&file);
                command
            }
            Self::Caddy => {
                let mut command = Command::new("caddy");
                command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
                command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
                command
            }
        };
        let log = fs::File::create(folder.join("proxy.log")).expect("make the log");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("share the log")).stderr(log);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {self:?}: {error}"));
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if child.try_wait().expect("the status of the proxy").is_some() {
                return None;
            }
            assert!(Instant::now() < deadline, "{self:?} does not listen:\n{}", log_of(folder));
            thread::yield_now();
        }
        Some(child)
    }
}

/// Debian's `nginx.conf` includes the documented file; this is what stands around it.
fn nginx(folder: &Path, file: &Path) -> Command {
    let here = folder.display();
    let around = format!(
        "user root; daemon off; pid {here}/nginx.pid; error_log stderr;
         events {{ worker_connections 256; }}
         http {{ access_log off; client_body_temp_path {here}; proxy_temp_path {here};
           fastcgi_temp_path {here}; uwsgi_temp_path {here}; scgi_temp_path {here};
           include {}; }}",
        file.display()
    );
    let main = folder.join("main.conf");
    fs::write(&main, around).expect("write the configuration");
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(main);
    command
}

/// Replaces it wherever it stands; a configuration without it is no longer the one that this test knows.
fn replace(text: &mut String, there: &str, instead: &str) {
    assert!(text.contains(there), "{there:?} does not stand in\n{text}");
    *text = text.replace(there, instead);
}

fn log_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("proxy.log")).unwrap_or_default()
}

/// Ports that are free now, and that no test of this process got before: a proxy that cannot bind its port tries again for a while, and
/// another one that answers there would be taken for it.
fn free_ports() -> [u16; 3] {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut sockets = Vec::new();
    [(); 3].map(|()| {
        loop {
            let socket = TcpListener::bind("127.0.0.1:0").expect("bind");
            let port = socket.local_addr().expect("an address").port();
            // Kept until all are found, so that the next one is another.
            sockets.push(socket);
            if given.insert(port) {
                return port;
            }
        }
    })
}

/// A certificate for `localhost`, its key, and both in one file; openssl makes them once.
pub(crate) fn certificates() -> [String; 3] {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = project().join("target/tmp/proxies");
        fs::create_dir_all(&folder).expect("make a folder");
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]);
        command.args(["-keyout", "key.pem", "-out", "cert.pem"]).current_dir(&folder);
        assert!(command.output().expect("run openssl").status.success(), "openssl makes a certificate");
        let read = |name| fs::read_to_string(folder.join(name)).expect("openssl has written it");
        fs::write(folder.join("both.pem"), read("cert.pem") + &read("key.pem")).expect("write both");
        folder
    });
    ["cert.pem", "key.pem", "both.pem"].map(|name| folder.join(name).display().to_string())
}
