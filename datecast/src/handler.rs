//! One listener for two handlers: every request comes in by ws-server's door, with its limits and its rules of access, and one
//! that is not for the stream goes on to static-server, which answers it and gives the connection back.
//!
//! ```text
//!  bytes ─▶ ws-server: PROXY header, policy request, head, limits, access ─┬─▶ stream, until one side ends it
//!              ▲                                                           ├─▶ lines that it publishes ─▶ one answer ──┐
//!              │                                                           │ not for the stream                        │
//!              ├──── the next request ◀── static-server: one answer ◀──────┘                                           │
//!              └──── the next request ◀────────────────────────────────────────────────────────────────────────────────┘
//! ```

use std::net::IpAddr;

use reactor::{CloseReason, CompactInstant, Context, Flow, Handler, Progress, Stop, Token, Turn, Wake};
use static_server::StaticHandler;
use ws_server::WsHandler;

/// One worker.
pub(crate) struct FrontHandler {
    pub(crate) stream: WsHandler,
    pub(crate) site: StaticHandler,
}

/// What both keep for one connection.
pub(crate) struct Conn {
    stream: ws_server::Connection,
    site: static_server::Conn,
}

impl Conn {
    /// True while its requests are for the site: the first one was, and none has asked for the stream.
    fn is_at_site(&self) -> bool {
        self.stream.is_opening() && self.site.has_begun()
    }
}

impl Handler for FrontHandler {
    type Conn = Conn;
    type Mail = ws_server::Mail;

    fn on_open(&mut self, cx: &mut Context<'_>) -> (Conn, Flow) {
        let (stream, flow) = self.stream.on_open(cx);
        (Conn { stream, site: static_server::Conn::default() }, flow)
    }

    fn on_data(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        if conn.is_at_site() && conn.site.is_discarding() {
            return self.site.on_data(&mut conn.site, input, cx);
        }
        if conn.is_at_site() {
            // A later head has its time from its first byte on, and so has what belongs to it behind its end, such as the third key
            // of draft 76.
            self.site.on_partial_head(&mut conn.site, cx);
        }
        let (mut progress, is_for_site) = self.stream.receive(&mut conn.stream, input, cx);
        if is_for_site {
            let rest = input.get_mut(progress.consumed..).unwrap_or_default();
            let answered = self.site.on_data(&mut conn.site, rest, cx);
            progress.consumed = progress.consumed.saturating_add(answered.consumed);
            progress.flow = answered.flow;
        } else if progress.consumed > 0 {
            self.site.on_other_head(&mut conn.site);
        }
        progress
    }

    fn on_end(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Flow {
        if conn.is_at_site() {
            return self.site.on_end(&mut conn.site, input, cx);
        }
        self.stream.on_end(&mut conn.stream, input, cx)
    }

    fn on_drain(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        if conn.is_at_site() {
            return self.site.on_drain(&mut conn.site, cx);
        }
        self.stream.on_drain(&mut conn.stream, cx)
    }

    fn on_deadline(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        if conn.is_at_site() {
            return self.site.on_deadline(&mut conn.site, cx);
        }
        self.stream.on_deadline(&mut conn.stream, cx)
    }

    fn on_stop(&mut self, conn: &mut Conn, stop: Stop, cx: &mut Context<'_>) -> Flow {
        if conn.is_at_site() {
            return self.site.on_stop(&mut conn.site, stop, cx);
        }
        self.stream.on_stop(&mut conn.stream, stop, cx)
    }

    fn on_close(&mut self, conn: Conn, token: Token, why: CloseReason, now: CompactInstant) {
        self.stream.on_close(conn.stream, token, why, now);
    }

    fn is_proxy(&self, peer: Option<IpAddr>) -> bool {
        self.stream.is_proxy(peer)
    }

    fn on_refuse(&mut self) -> &[u8] {
        self.stream.on_refuse()
    }

    fn on_mail(&mut self, mail: Self::Mail, turn: &mut Turn<'_, Conn>) {
        turn.with_part(|conn| &mut conn.stream, |turn| self.stream.on_mail(mail, turn));
    }

    fn on_scrape(&mut self, connections: &mut dyn Iterator<Item = &Conn>) {
        // One that is kept for pages speaks no dialect of the stream, and is not about to.
        let of_stream = connections.filter(|conn| !conn.is_at_site());
        self.stream.on_scrape(&mut of_stream.map(|conn| &conn.stream));
    }

    fn on_turn(&mut self, turn: &mut Turn<'_, Conn>) -> Wake {
        let site = turn.with_part(|conn| &mut conn.site, |turn| self.site.on_turn(turn));
        let stream = turn.with_part(|conn| &mut conn.stream, |turn| self.stream.on_turn(turn));
        stream.or_earlier(site)
    }
}
