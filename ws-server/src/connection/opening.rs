//! The first bytes of a connection: a PROXY header, a Flash policy request, or an HTTP request and its answer.

use std::net::IpAddr;

use common::{
    Parsed,
    framing::Framing,
    http::{Head, HeadError},
    policy::{Domain, Grant, Policy, PolicyRequest, PortRange, Ports},
    proxy::{decode_v2, forwarded_for, forwarded_secure, is_trusted},
};
use daemon::log::escape;
use reactor::{Context, Flow, Progress};

use super::{
    first_bytes::{FirstBytes, sniff},
    request::{Answer, StreamParams, answer},
    response::{self, Cors},
    services::{Received, Services},
    settings::{PolicyAnswer, UNIX_PEER},
    state::{Connection, Socket, Stage},
};

/// More bytes are needed.
const WAIT: Progress = Progress { consumed: 0, flow: Flow::Continue };
/// The fields of a 503.
pub(crate) const RETRY_LATER: &[(&str, &str)] = &[("Retry-After", "5")];

impl Connection {
    /// Takes input before the first request is complete.
    pub(crate) fn on_opening(
        &mut self,
        input: &mut [u8],
        services: &mut Services<'_>,
        cx: &mut Context<'_>,
    ) -> Received {
        let all = input.len();
        let Stage::Opening { scan, proxied_for } = &mut self.stage else {
            return Progress { consumed: all, flow: Flow::Continue }.into();
        };
        let proxy_allowed = proxied_for.is_none() && is_trusted(&services.rules.trusted, peer(cx));
        let flow = match sniff(input, proxy_allowed) {
            FirstBytes::Unknown => return WAIT.into(),
            FirstBytes::Policy => return self.on_policy(input, services, cx).into(),
            FirstBytes::Proxy => return self.on_proxy_header(input, services, cx),
            FirstBytes::Http => match scan.find_end(input, services.options.head_limits()) {
                Ok(None) => return WAIT.into(),
                Ok(Some(len)) => return self.on_head(input, len, services, cx),
                Err(error) => self.refuse_bytes(error, services, cx),
            },
        };
        Progress { consumed: all, flow }.into()
    }

    /// The client has half-closed before its first request was complete.
    pub(crate) fn on_opening_end(
        &mut self,
        input: &[u8],
        services: &mut Services<'_>,
        cx: &mut Context<'_>,
    ) -> Flow {
        if input.is_empty() {
            return Flow::Close;
        }
        let mut request = PolicyRequest::default();
        let is_policy = sniff(input, false) == FirstBytes::Policy
            && request.feed(input).is_ok()
            && request.is_complete_at_end();
        if is_policy {
            self.send_policy(services, cx)
        } else {
            self.refuse_bytes(HeadError::RequestLine, services, cx)
        }
    }

    /// A PROXY header names the client; its request follows.
    fn on_proxy_header(
        &mut self,
        input: &mut [u8],
        services: &mut Services<'_>,
        cx: &mut Context<'_>,
    ) -> Received {
        let all = input.len();
        let (address, len) = match decode_v2(input) {
            Ok(Parsed::Partial) => return WAIT.into(),
            Ok(Parsed::Complete { value, len }) => (value, len),
            Err(_) => {
                let flow = self.refuse_bytes(HeadError::ControlByte, services, cx);
                return Progress { consumed: all, flow }.into();
            }
        };
        if let Stage::Opening { proxied_for, .. } = &mut self.stage {
            *proxied_for = Some(address.map_or_else(|| peer(cx), |address| address.ip()));
        }
        if let Some(address) = address
            && !cx.set_real_peer(address.ip())
        {
            let cors = Cors::without_request(services.rules);
            let flow = self.refuse(503, RETRY_LATER, cors, services, cx);
            return Progress { consumed: all, flow }.into();
        }
        let mut received = self.on_opening(input.get_mut(len..).unwrap_or_default(), services, cx);
        received.progress.consumed = received.progress.consumed.saturating_add(len);
        received
    }

    /// A complete head of `len` bytes, and what arrived behind it.
    fn on_head(
        &mut self,
        input: &mut [u8],
        len: usize,
        services: &mut Services<'_>,
        cx: &mut Context<'_>,
    ) -> Received {
        let all = input.len();
        let (head, rest) = input.split_at_mut(len.min(all));
        let params = match Head::parse(head, services.options.head_limits()) {
            Ok(head) => self.on_request(&head, services, cx),
            Err(error) => Err(self.refuse_bytes(error, services, cx)),
        };
        let params = match params {
            Err(flow) => return Progress { consumed: all, flow }.into(),
            Ok(params) => params,
        };
        if matches!(self.stage, Stage::WebSocket(_)) {
            // The first frames, or the third key of draft 76, may be there already.
            let mut received = self.on_frames(rest, services, cx);
            received.progress.consumed = received.progress.consumed.saturating_add(len);
            return received;
        }
        let progress = Progress { consumed: all, flow: Flow::Continue };
        Received { progress, subscribe: Some(params) }
    }

    /// Answers the request. `Err` holds the flow of a connection that does not get the stream.
    fn on_request(
        &mut self,
        head: &Head<'_>,
        services: &mut Services<'_>,
        cx: &mut Context<'_>,
    ) -> Result<StreamParams, Flow> {
        let rules = services.rules;
        let cors = Cors::new(head, rules);
        // Behind a PROXY header comes what the client itself wrote: its `X-Forwarded-For` counts only if the client is a
        // trusted proxy, too.
        let sender = match &self.stage {
            Stage::Opening { proxied_for: Some(client), .. } => *client,
            _ => peer(cx),
        };
        // The limit per address counts the client that a trusted proxy names, else the proxy itself.
        let client = forwarded_for(head, sender, &rules.trusted);
        if client != UNIX_PEER && !cx.set_real_peer(client) {
            return Err(self.refuse(503, RETRY_LATER, cors, services, cx));
        }
        let params = StreamParams::of(head);
        let wall = cx.wall();
        match answer(head, rules) {
            Answer::Refuse(status, fields) => {
                log::debug!("{:?}: {} {}: {status}", cx.peer(), head.method, escape(head.target));
                Err(self.refuse(status, fields, cors, services, cx))
            }
            Answer::WebSocket(offer) => {
                self.id = services.ids.take();
                let secure = forwarded_secure(head, sender, &rules.trusted).unwrap_or(rules.access.secure);
                let protocol = offer.accept(secure, self.id, services.options.message_limits(), cx.out());
                let socket = Socket::new(protocol, params, cx.now());
                self.framing = socket.framing();
                self.stage = Stage::WebSocket(socket);
                Ok(params)
            }
            Answer::HttpStream(framing) => {
                self.begin_http_stream(framing, cors, services, cx);
                Ok(params)
            }
            Answer::Head(framing) => {
                self.stage = Stage::Done;
                response::head_only(framing, cors, wall, cx.out());
                Err(Flow::CloseWhenFlushed)
            }
            Answer::Options => {
                self.stage = Stage::Done;
                response::options(cors, wall, cx.out());
                Err(Flow::CloseWhenFlushed)
            }
        }
    }

    fn begin_http_stream(
        &mut self,
        framing: Framing,
        cors: Cors<'_>,
        services: &mut Services<'_>,
        cx: &mut Context<'_>,
    ) {
        self.id = services.ids.take();
        self.framing = framing;
        self.stage = Stage::HttpStream;
        cx.set_deadline(cx.now() + services.options.heartbeat);
        let wall = cx.wall();
        response::begin(framing, self.id, services.options.retry_ms(), cors, wall, cx.out());
    }

    /// Answers with a status, and ends.
    pub(crate) fn refuse(
        &mut self,
        status: u16,
        fields: &[(&str, &str)],
        cors: Cors<'_>,
        services: &mut Services<'_>,
        cx: &mut Context<'_>,
    ) -> Flow {
        services.metrics.refused(status);
        self.stage = Stage::Done;
        let wall = cx.wall();
        response::refuse(status, fields, cors, wall, cx.out());
        Flow::CloseWhenFlushed
    }

    /// Refuses bytes that are not a request.
    fn refuse_bytes(&mut self, error: HeadError, services: &mut Services<'_>, cx: &mut Context<'_>) -> Flow {
        log::debug!("{:?}: {error}; answering {}", cx.peer(), error.status());
        let cors = Cors::without_request(services.rules);
        self.refuse(error.status(), &[], cors, services, cx)
    }

    /// A Flash policy request, whole or in part. The reactor shows the same bytes again with more behind them, so it is
    /// read from its beginning each time.
    fn on_policy(&mut self, input: &[u8], services: &mut Services<'_>, cx: &mut Context<'_>) -> Progress {
        let flow = match PolicyRequest::default().feed(input) {
            Ok(Parsed::Partial) => return WAIT,
            Ok(Parsed::Complete { .. }) => self.send_policy(services, cx),
            Err(_) => self.refuse_bytes(HeadError::RequestLine, services, cx),
        };
        Progress { consumed: input.len(), flow }
    }

    fn send_policy(&mut self, services: &Services<'_>, cx: &mut Context<'_>) -> Flow {
        self.stage = Stage::Done;
        match &services.rules.policy {
            PolicyAnswer::Off => {}
            PolicyAnswer::Document(document) => cx.send(document),
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

/// The address of the other end; a client behind a proxy has another one.
fn peer(cx: &Context<'_>) -> IpAddr {
    cx.peer().map_or(UNIX_PEER, |peer| peer.ip())
}
