//! The endpoint over HTTP: `/metrics` and `/healthz`, one answer a connection. It runs on an event loop of its own, so that
//! it answers also while the daemon's loops do not.

use std::{sync::Arc, time::Duration};

use super::Source;
use crate::{
    http::{Head, HeadError, HeadLimits, HeadScan, Response, error_response},
    reactor::{Context, Flow, Handler, Progress, Settings},
};

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
