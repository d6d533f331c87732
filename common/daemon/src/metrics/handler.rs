//! The endpoint over HTTP: `/metrics` and `/healthz`, one answer a connection. It runs on an event loop of its own, so that
//! it answers also while the daemon's loops do not.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::Source;
use common::http::{Head, HeadError, HeadLimits, HeadScan, Response, error_response};
use reactor::{Context, Flow, Handler, Progress, Settings};

/// Whoever takes longer for a request, or for its answer, is let go.
const DEADLINE: Duration = Duration::from_secs(5);

/// The limits of the endpoint: a few programs ask it, each now and then.
pub(super) fn settings() -> Settings {
    Settings {
        // The daemon keeps 64 descriptors free for everything that is no connection of its own.
        max_connections: 16,
        // One limit is enough: whoever holds a request back makes room for the next one.
        max_heads: 0,
        write_timeout: DEADLINE,
        linger: Duration::from_secs(1),
        ..Settings::default()
    }
}

pub(super) struct MetricsHandler {
    pub(super) source: Arc<Source>,
}

impl MetricsHandler {
    fn answer(&self, head: &Head<'_>, cx: &mut Context<'_>) {
        let wall = cx.wall();
        if !is_local(head.host()) {
            return error_response(403, wall, &[], cx.out());
        }
        let (status, media, body) = match (head.method, head.path()) {
            ("GET" | "HEAD", b"/metrics") => {
                (200, "text/plain; version=0.0.4; charset=utf-8", self.source.metrics())
            }
            ("GET" | "HEAD", b"/healthz") => match self.source.health() {
                Ok(()) => (200, "text/plain; charset=utf-8", "ok\n".to_owned()),
                Err(why) => (503, "text/plain; charset=utf-8", format!("{why}\n")),
            },
            ("GET" | "HEAD", _) => return error_response(404, wall, &[], cx.out()),
            _ => return error_response(405, wall, &[("Allow", "GET, HEAD")], cx.out()),
        };
        Response::new(status, cx.out())
            .header("Server", "datecast")
            .header("Content-Type", media)
            .header("Content-Length", body.len().to_string())
            .header("Cache-Control", "no-store")
            .header("X-Content-Type-Options", "nosniff")
            .header("Connection", "close")
            .finish();
        if head.method == "GET" {
            cx.send(body.as_bytes());
        }
    }

    fn refuse(error: HeadError, cx: &mut Context<'_>) -> Flow {
        let wall = cx.wall();
        error_response(error.status(), wall, &[], cx.out());
        Flow::CloseWhenFlushed
    }
}

/// True for a request to this machine by an address or its own name. A page of a host that was made to point here (DNS
/// rebinding) says that host's name.
fn is_local(host: Option<&[u8]>) -> bool {
    let Some(host) = host else { return true };
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = without_port.trim_start_matches('[').trim_end_matches(']');
    address.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

impl Handler for MetricsHandler {
    type Conn = HeadScan;
    type Mail = ();

    fn on_open(&mut self, cx: &mut Context<'_>) -> (HeadScan, Flow) {
        cx.set_deadline(cx.now() + DEADLINE);
        (HeadScan::default(), Flow::Continue)
    }

    fn on_data(&mut self, scan: &mut HeadScan, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let all = input.len();
        let limits = HeadLimits::default();
        let flow = match scan.find_end(input, limits) {
            Ok(None) => return Progress { consumed: 0, flow: Flow::Continue },
            Ok(Some(len)) => match Head::parse(input.get(..len).unwrap_or_default(), limits) {
                Ok(head) => {
                    cx.set_established();
                    self.answer(&head, cx);
                    Flow::CloseWhenFlushed
                }
                Err(error) => Self::refuse(error, cx),
            },
            Err(error) => Self::refuse(error, cx),
        };
        Progress { consumed: all, flow }
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
    fn only_who_asks_for_this_machine_is_answered() {
        for host in ["127.0.0.1:8432", "127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:8432", "[::1]"] {
            assert!(is_local(Some(host.as_bytes())), "{host}");
        }
        for host in ["evil.example", "evil.example:8432", "localhost.evil.example", "", "\u{e9}:1"] {
            assert!(!is_local(Some(host.as_bytes())), "{host}");
        }
        assert!(is_local(None), "HTTP/1.0");
    }
}
