//! The first bytes of a connection: a PROXY header, a Flash policy request, or an HTTP request and its answer.

use std::{net::IpAddr, sync::Arc};

use common::{
    Parsed,
    framing::Framing,
    http::{Head, HeadError},
    policy::{Domain, Grant, Policy, PolicyRequest, PortRange, Ports},
    proxy::{decode_v2, forwarded_for, forwarded_secure, is_trusted},
};
use daemon::log::escape;
use reactor::{Context, Flow, Progress};

use crate::{
    config::{Config, PolicyAnswer, UNIX_PEER},
    connection::{Conn, Socket, State},
    handler::{WsHandler, after},
    http_stream::{self, Cors},
    opening::{Answer, answer, wish},
    prelude::{Prelude, judge},
};

const WAIT: Progress = Progress { consumed: 0, flow: Flow::Continue };

impl WsHandler {
    /// Input before the first request is complete.
    pub(crate) fn on_opening(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let all = input.len();
        let State::Opening { scan, told } = &mut conn.state else {
            return Progress { consumed: all, flow: Flow::Continue };
        };
        let config = &self.config;
        let flow = match judge(input, told.is_none() && is_trusted(&config.trusted, peer(cx))) {
            Prelude::Unknown => return WAIT,
            Prelude::Policy => return self.on_policy(conn, input, cx),
            Prelude::Proxy => return self.on_proxy_header(conn, input, cx),
            Prelude::Http => match scan.find_end(input, config.head) {
                Ok(None) => return WAIT,
                Ok(Some(len)) => return self.on_head(conn, input, len, cx),
                Err(error) => self.refuse_head(conn, error, cx),
            },
        };
        Progress { consumed: all, flow }
    }

    /// A PROXY header tells who is really there; the request is behind it.
    fn on_proxy_header(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let all = input.len();
        let (address, len) = match decode_v2(input) {
            Ok(Parsed::Partial) => return WAIT,
            Ok(Parsed::Complete { value, len }) => (value, len),
            Err(_) => {
                let flow = self.refuse_head(conn, HeadError::ControlByte, cx);
                return Progress { consumed: all, flow };
            }
        };
        if let State::Opening { told, .. } = &mut conn.state {
            *told = Some(address.map_or_else(|| peer(cx), |address| address.ip()));
        }
        if let Some(address) = address
            && !cx.set_real_peer(address.ip())
        {
            let cors = self.open_to_all();
            let flow = self.refuse(conn, 503, &[("Retry-After", "5")], cors, cx);
            return Progress { consumed: all, flow };
        }
        let rest = input.get_mut(len..).unwrap_or_default();
        let Progress { consumed, flow } = self.on_opening(conn, rest, cx);
        Progress { consumed: len.saturating_add(consumed), flow }
    }

    /// A complete head of `len` bytes, and what came behind it.
    fn on_head(&mut self, conn: &mut Conn, input: &mut [u8], len: usize, cx: &mut Context<'_>) -> Progress {
        let all = input.len();
        let (head, rest) = input.split_at_mut(len.min(all));
        let flow = match Head::parse(head, self.config.head) {
            Ok(head) => self.on_request(conn, &head, cx),
            Err(error) => self.refuse_head(conn, error, cx),
        };
        if flow == Flow::Continue && matches!(conn.state, State::WebSocket(_)) {
            // The first frames, or the third key of draft 76, may be there already.
            let Progress { consumed, flow } = self.on_frames(conn, rest, cx);
            return Progress { consumed: len.saturating_add(consumed), flow };
        }
        Progress { consumed: all, flow }
    }

    fn on_request(&mut self, conn: &mut Conn, head: &Head<'_>, cx: &mut Context<'_>) -> Flow {
        let config = &Arc::clone(&self.config);
        let cors = Cors::new(head, &config.rules);
        // Behind a PROXY header comes what the client itself wrote: its `X-Forwarded-For` counts only if the client is a
        // trusted proxy, too.
        let sender = match &conn.state {
            State::Opening { told: Some(told), .. } => *told,
            _ => peer(cx),
        };
        if !is_admitted(config, head, sender, cx) {
            return self.refuse(conn, 503, &[("Retry-After", "5")], cors, cx);
        }
        let wall = cx.wall();
        match answer(head, &config.rules) {
            Answer::Refuse(status, extra) => {
                log::debug!("{:?}: {} {}: {status}", cx.peer(), head.method, escape(head.target));
                self.refuse(conn, status, extra, cors, cx)
            }
            Answer::WebSocket(offer) => {
                let id = self.take_id();
                let secure = forwarded_secure(head, sender, &config.trusted).unwrap_or(config.secure);
                let protocol = offer.accept(secure, id, config.messages, cx.out());
                let socket = Socket::new(protocol, wish(head), cx.now());
                conn.member.id = id;
                conn.member.framing = socket.framing();
                conn.state = State::WebSocket(socket);
                Flow::Continue
            }
            Answer::Stream(framing) => self.begin_stream(conn, head, framing, cors, cx),
            Answer::Head(framing) => {
                conn.state = State::Done;
                http_stream::head_only(framing, cors, wall, cx.out());
                Flow::CloseWhenFlushed
            }
            Answer::Options => {
                conn.state = State::Done;
                http_stream::options(cors, wall, cx.out());
                Flow::CloseWhenFlushed
            }
        }
    }

    fn begin_stream(
        &mut self,
        conn: &mut Conn,
        head: &Head<'_>,
        framing: Framing,
        cors: Cors<'_>,
        cx: &mut Context<'_>,
    ) -> Flow {
        let config = &self.config;
        let (retry_ms, heartbeat) = (config.retry_ms, config.heartbeat);
        conn.member.id = self.take_id();
        conn.member.framing = framing;
        conn.state = State::Stream;
        cx.set_deadline(after(cx.now(), heartbeat));
        let wall = cx.wall();
        http_stream::begin(framing, conn.member.id, retry_ms, cors, wall, cx.out());
        self.join(conn, wish(head), cx)
    }

    /// A Flash policy request, whole or in pieces: the bytes are shown again, so it is read from its beginning.
    fn on_policy(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let flow = match PolicyRequest::default().feed(input) {
            Ok(Parsed::Partial) => return WAIT,
            Ok(Parsed::Complete { .. }) => self.send_policy(conn, cx),
            Err(_) => self.refuse_head(conn, HeadError::RequestLine, cx),
        };
        Progress { consumed: input.len(), flow }
    }

    /// A policy request that the end of the stream ends.
    pub(crate) fn policy_at_end(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Flow {
        let mut request = PolicyRequest::default();
        match request.feed(input) {
            Ok(_) if request.is_complete_at_end() => self.send_policy(conn, cx),
            _ => self.refuse_head(conn, HeadError::RequestLine, cx),
        }
    }

    fn send_policy(&self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        conn.state = State::Done;
        match &self.config.policy {
            PolicyAnswer::Off => {}
            PolicyAnswer::Grants(document) => cx.send(document),
            PolicyAnswer::ThisPort => {
                let port = |address: std::net::SocketAddr| {
                    Ports::List(vec![PortRange { first: address.port(), last: address.port() }])
                };
                let ports = cx.local().map_or(Ports::All, port);
                let grants = vec![Grant { domain: Domain::Any, ports }];
                cx.send(&Policy { site_control: None, grants }.to_bytes());
            }
        }
        Flow::CloseWhenFlushed
    }
}

/// The limit per address counts the real client, where a trusted proxy names one; else the proxy itself.
fn is_admitted(config: &Config, head: &Head<'_>, sender: IpAddr, cx: &mut Context<'_>) -> bool {
    let real = forwarded_for(head, sender, &config.trusted);
    real == UNIX_PEER || cx.set_real_peer(real)
}

/// The other end of the connection itself.
fn peer(cx: &Context<'_>) -> IpAddr {
    cx.peer().map_or(UNIX_PEER, |peer| peer.ip())
}
