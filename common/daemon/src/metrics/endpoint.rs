//! The metrics endpoint: HTTP, one response per connection. It has an event loop of its own, so it answers even when the
//! daemon's workers hang.

use std::{io, net::IpAddr, thread, time::Duration};

use socket2::Socket;

use super::collector::Collector;
use crate::{listen::to_listener, resolve::is_localhost};
use common::http::{Head, HeadLimits, HeadScan, Response, error_response, format_date, remove_body};
use reactor::{Context, Flow, Handler, Progress, Reactor, Settings};

/// How long a client may take to send its request, and to read the response.
const DEADLINE: Duration = Duration::from_secs(5);

/// Serves the collector's metrics on these sockets, in a thread that ends with the process.
///
/// # Errors
/// The system refuses the poll or the thread.
pub(crate) fn start(sockets: Vec<Socket>, collector: Collector) -> io::Result<()> {
    let listeners = sockets.into_iter().map(to_listener).collect();
    let reactor = Reactor::new(vec![listeners], settings())?;
    let run = move || {
        if let Err(error) = reactor.run(vec![MetricsHandler(collector)]) {
            log::error!("the metrics endpoint has ended: {error}");
        }
    };
    thread::Builder::new().name("metrics".to_owned()).spawn(run).map(drop)
}

/// Small limits: only a few programs scrape, each every few seconds.
fn settings() -> Settings {
    Settings {
        // The daemon keeps 64 descriptors free for everything that is not one of its clients' connections.
        max_connections: 16,
        // One limit is enough: a client that never finishes its request is evicted for the next one.
        max_heads: 0,
        write_timeout: DEADLINE,
        probe_after: DEADLINE,
        probe_timeout: DEADLINE,
        linger: Duration::from_secs(1),
        // A daemon that is out of descriptors still says so.
        keeps_spares: true,
        ..Settings::default()
    }
}

struct MetricsHandler(Collector);

impl MetricsHandler {
    fn answer(&self, head: &Head<'_>, cx: &mut Context<'_>) {
        let wall = cx.wall();
        if !is_local(head.host()) {
            return error_response(403, wall, &[], cx.out());
        }
        let (status, media, body) = match (head.method, head.path()) {
            ("GET" | "HEAD", b"/metrics") => {
                (200, "text/plain; version=0.0.4; charset=utf-8", self.0.scrape())
            }
            ("GET" | "HEAD", b"/healthz") => match self.0.health.current() {
                Ok(()) => (200, "text/plain; charset=utf-8", "ok\n".to_owned()),
                Err(why) => (503, "text/plain; charset=utf-8", format!("{why}\n")),
            },
            ("GET" | "HEAD", _) => return error_response(404, wall, &[], cx.out()),
            _ => return error_response(405, wall, &[("Allow", "GET, HEAD")], cx.out()),
        };
        Response::new(status, cx.out())
            .header("Server", "datecast")
            .header("Date", format_date(wall))
            .header("Content-Type", media)
            .header("Content-Length", body.len().to_string())
            .header("Cache-Control", "no-store")
            .header("X-Content-Type-Options", "nosniff")
            .header("Connection", "close")
            .finish();
        cx.send(body.as_bytes());
    }
}

/// True if the Host field names an IP address or `localhost`. After DNS rebinding, a foreign page's requests reach us under
/// that page's host name.
fn is_local(host: Option<&[u8]>) -> bool {
    let Some(host) = host else { return true };
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    // RFC 9112 §3.2: a client whose URI has no host "MUST send a Host header field with an empty field value".
    if without_port.is_empty() {
        return true;
    }
    let address = without_port.trim_start_matches('[').trim_end_matches(']');
    let name = address.strip_suffix('.').unwrap_or(address);
    is_localhost(name) || address.parse::<IpAddr>().is_ok()
}

impl Handler for MetricsHandler {
    type Conn = HeadScan;
    type Mail = ();

    fn on_open(&mut self, cx: &mut Context<'_>) -> (HeadScan, Flow) {
        cx.set_timeout(DEADLINE);
        (HeadScan::default(), Flow::Continue)
    }

    fn on_data(&mut self, scan: &mut HeadScan, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let limits = HeadLimits::default();
        let head = match scan.find(input, limits) {
            Ok(None) => return Progress { consumed: 0, flow: Flow::Continue },
            Ok(Some(scanned)) => Head::of_scanned(scanned, limits),
            Err(error) => Err(error),
        };
        match head {
            Ok(head) => {
                cx.set_established();
                let begin = cx.out().len();
                self.answer(&head, cx);
                if head.method == "HEAD" {
                    remove_body(cx.out(), begin);
                }
            }
            Err(error) => error_response(error.status(), cx.wall(), &[], cx.out()),
        }
        Progress { consumed: input.len(), flow: Flow::CloseWhenFlushed }
    }

    fn on_refuse(&mut self) -> &'static [u8] {
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    }

    fn on_deadline(&mut self, _: &mut HeadScan, _: &mut Context<'_>) -> Flow {
        Flow::Close
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_or_localhost_is_a_local_host() {
        for host in [
            "127.0.0.1:8432",
            "127.0.0.1",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8432",
            "[::1]",
            "",
            "localhost.:1",
        ] {
            assert!(is_local(Some(host.as_bytes())), "{host}");
        }
        for host in ["evil.example", "evil.example:8432", "localhost.evil.example", ".", "\u{e9}:1"] {
            assert!(!is_local(Some(host.as_bytes())), "{host}");
        }
        assert!(is_local(None), "HTTP/1.0");
    }
}
