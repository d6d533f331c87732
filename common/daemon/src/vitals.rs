//! For a program with an event loop of its own instead of the reactor's workers: its metrics endpoint, and its signs of life.

use std::{ops::RangeInclusive, sync::Arc};

use sd_notify::NotifyState;
use socket2::Socket;

use crate::{
    clock::wall,
    exit::{DaemonError, Exit},
    health::Health,
    inherit::inherit,
    listen,
    metrics::{self, Collector, DaemonMetrics, Snapshot},
    notify,
    run::Endpoint,
    unix_socket::SocketFile,
};

/// No process hands anything over to such a program.
const NO_FORMATS: RangeInclusive<u32> = 0..=0;

/// What the operator sees of a running program: `/metrics`, `/healthz`, `systemctl status`, and the watchdog's signs of life.
pub struct Vitals {
    health: Arc<Health>,
    daemon: Arc<dyn DaemonMetrics>,
    published: String,
    has_watchdog: bool,
    file: Option<SocketFile>,
}

impl Vitals {
    /// Serves the metrics, if the endpoint has an address or there is an inherited socket for them, and tells the service manager
    /// that the program has started. `name` begins log lines.
    ///
    /// # Errors
    /// The address cannot be bound, an inherited socket is none for the metrics, or the system refuses a thread.
    pub fn start(
        name: &str,
        endpoint: &Endpoint,
        daemon: Arc<dyn DaemonMetrics>,
    ) -> Result<Self, DaemonError> {
        let health = Arc::new(Health::new("the event loop hangs"));
        let address = endpoint.metrics.as_slice();
        let sockets = match inherited_for_metrics()? {
            inherited if !inherited.is_empty() => inherited,
            _ if address.is_empty() => Vec::new(),
            _ => listen::bind("metrics", &listen::resolve_all("metrics", address)?, 1)?,
        };
        for socket in &sockets {
            log::info!("{name}: metrics on {}", listen::bound_address(socket));
        }
        let file = address.iter().find_map(listen::socket_file);
        if !sockets.is_empty() {
            let collector = Collector {
                prefix: endpoint.prefix,
                daemon: Arc::clone(&daemon),
                health: Arc::clone(&health),
                started: wall(),
                workers: None,
            };
            metrics::start(sockets, collector)
                .map_err(|error| DaemonError::system("starting the metrics endpoint", &error))?;
        }
        let has_watchdog = sd_notify::watchdog_enabled().is_some_and(|within| !within.is_zero());
        notify::ready();
        Ok(Self { health, daemon, published: String::new(), has_watchdog, file })
    }

    /// To be called about once a second by the event loop: one that does not is reported as hanging after four seconds, and the
    /// watchdog restarts it.
    pub fn beat(&mut self) {
        self.health.update(self.daemon.health());
        let status = self.daemon.status(&Snapshot::default());
        if status != self.published {
            notify::status(&status);
            self.published = status;
        }
        if self.has_watchdog {
            notify::send(&[NotifyState::Watchdog]);
        }
    }
}

/// The inherited sockets that are named `metrics`. Such a program serves nothing else.
fn inherited_for_metrics() -> Result<Vec<Socket>, DaemonError> {
    let inherited = inherit(&NO_FORMATS)?;
    match inherited.listeners.first() {
        Some(socket) => {
            let address = listen::bound_address(socket);
            let what = format!(
                "inherited {address}: this program listens for nothing but its metrics; name the socket"
            );
            Err(DaemonError::new(
                Exit::Config,
                format!("{what} `metrics` (FileDescriptorName= of the socket unit)"),
            ))
        }
        None => Ok(inherited.metrics),
    }
}

impl Drop for Vitals {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            file.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        os::unix::net::UnixStream,
        path::Path,
    };

    use super::*;
    use crate::{metrics::Exposition, value::ListenAddress};

    struct Sick;

    impl DaemonMetrics for Sick {
        fn status(&self, _: &Snapshot) -> String {
            String::new()
        }

        fn health(&self) -> Result<(), String> {
            Err("not connected".to_owned())
        }

        fn collect(&self, out: &mut Exposition) {
            out.single("lines_total", crate::metrics::Kind::Counter, "Lines.", 7);
        }
    }

    fn get(path: &Path, what: &str) -> String {
        let mut stream = UnixStream::connect(path).expect("connected");
        write!(stream, "GET {what} HTTP/1.0\r\n\r\n").expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        answer
    }

    #[test]
    fn a_program_without_workers_serves_its_own_metrics_and_health_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        let endpoint = Endpoint { prefix: "datecast_try_", metrics: Some(ListenAddress::Unix(path.clone())) };
        let mut vitals = Vitals::start("try", &endpoint, Arc::new(Sick)).expect("started");
        assert!(get(&path, "/healthz").ends_with("\r\n\r\nstarting\n"));
        vitals.beat();
        let health = get(&path, "/healthz");
        assert!(
            health.starts_with("HTTP/1.1 503 ") && health.ends_with("\r\n\r\nnot connected\n"),
            "{health}"
        );
        let metrics = get(&path, "/metrics");
        assert!(metrics.contains("\ndatecast_try_lines_total 7\n"), "{metrics}");
        assert!(metrics.contains("\ndatecast_try_healthy 0\n"), "{metrics}");
        assert!(!metrics.contains("_workers") && !metrics.contains("_connections"), "{metrics}");
        drop(vitals);
        assert!(!path.exists());
    }
}
