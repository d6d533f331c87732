//! The first bytes of a connection: a PROXY header, a Flash policy request, or an HTTP request and its answer.

use std::{fmt, net::IpAddr};

use common::{
    Parsed,
    admission::{Deed, Refusal},
    framing::Framing,
    http::{Head, HeadError, HeadLimits, HeadScan, ScannedHead, remove_body, status_body},
    policy::{Grant, Policy, PolicyRequest, PortRange, Ports},
    proxy::{decode_v2, forwarded_for, forwarded_secure, is_trusted},
};
use log::Level;
use reactor::{Context, Flow, Progress};

use super::{
    document::Document,
    env::{Env, Next, Received},
    first_bytes::{FirstBytes, sniff},
    permission::{ConnectionGrant, Denied},
    pulse::Pulse,
    request::{Answer, StreamParams, answer, methods, not_allowed},
    response::{self, Cors, HttpOpening},
    settings::{PolicyAnswer, UNIX_PEER},
    state::{Connection, Reuse, Stage, Upgraded},
};

/// More bytes are needed.
const WAIT: Progress = Progress { consumed: 0, flow: Flow::Continue };
/// A bounded read does not wait, and what it would get now is not what there is.
const FILLING: &str =
    "503 Service Unavailable: the source has not brought all messages yet: ask again in a moment\n";
const RETRY_SOON: &[(&str, &str)] = &[("Retry-After", "1")];
const RETRY_LATER: &[(&str, &str)] = &[("Retry-After", "5")];

impl Connection {
    /// Takes input before the first request is complete.
    pub(crate) fn on_opening(&mut self, input: &mut [u8], env: &mut Env<'_, '_>) -> Received {
        let all = input.len();
        let Stage::Opening { scan, proxied_for } = &mut self.stage else {
            return Progress { consumed: all, flow: Flow::Continue }.into();
        };
        let proxy_allowed = proxied_for.is_none() && is_trusted(&env.access.trusted, peer(env.cx));
        let flow = match sniff(input, proxy_allowed) {
            FirstBytes::Unknown => return self.wait_for_head(all, env),
            FirstBytes::Policy => return self.on_policy(input, env).into(),
            FirstBytes::Proxy => return self.on_proxy_header(input, env),
            FirstBytes::Http => match find_head(scan, input, env.options.head_limits()) {
                Ok(None) => return self.wait_for_head(all, env),
                Ok(Some((head, rest))) => return self.on_head(head, rest, env),
                Err(error) => self.refuse_bytes(error, env),
            },
        };
        Progress { consumed: all, flow }.into()
    }

    /// More of the head is needed; so many bytes of it have come.
    fn wait_for_head(&mut self, bytes: usize, env: &mut Env<'_, '_>) -> Received {
        if bytes > 0 {
            self.on_partial_head(env);
        }
        WAIT.into()
    }

    /// The client has half-closed before its first request was complete.
    pub(crate) fn on_opening_end(&mut self, input: &[u8], env: &mut Env<'_, '_>) -> Flow {
        if input.is_empty() {
            // It may still be taking the answer to its last request.
            return if self.reuse == Reuse::First { Flow::Close } else { Flow::CloseWhenFlushed };
        }
        let mut request = PolicyRequest::default();
        let is_policy = sniff(input, false) == FirstBytes::Policy
            && request.feed(input).is_ok()
            && request.is_complete_at_end();
        if is_policy { self.send_policy(env) } else { self.refuse_bytes(HeadError::RequestLine, env) }
    }

    /// A PROXY header names the client; its request follows.
    fn on_proxy_header(&mut self, input: &mut [u8], env: &mut Env<'_, '_>) -> Received {
        let all = input.len();
        let (address, len) = match decode_v2(input) {
            Ok(Parsed::Partial) => return WAIT.into(),
            Ok(Parsed::Complete { value, len }) => (value, len),
            Err(_) => {
                let flow = self.refuse_bytes(HeadError::ControlByte, env);
                return Progress { consumed: all, flow }.into();
            }
        };
        if let Stage::Opening { proxied_for, .. } = &mut self.stage {
            *proxied_for = Some(Box::new(address.map_or_else(|| peer(env.cx), |address| address.ip())));
        }
        if let Some(address) = address
            && !env.cx.set_real_peer(Some(address.ip()))
        {
            return Progress { consumed: all, flow: self.refuse_early(503, env) }.into();
        }
        let mut received = self.on_opening(input.get_mut(len..).unwrap_or_default(), env);
        received.progress.consumed = received.progress.consumed.saturating_add(len);
        received
    }

    /// A complete head, and what arrived behind it.
    fn on_head(&mut self, scanned: ScannedHead<'_>, rest: &mut [u8], env: &mut Env<'_, '_>) -> Received {
        let len = scanned.end();
        let all = len.saturating_add(rest.len());
        let mut head = Head::unread();
        let flow = match head.read(scanned, env.options.head_limits()) {
            Ok(()) if head.method == "HEAD" => {
                let begin = env.cx.out().len();
                let flow = self.on_request(&head, env);
                remove_body(env.cx.out(), begin);
                flow
            }
            Ok(()) => self.on_request(&head, env),
            Err(error) => self.refuse_bytes(error, env),
        };
        let next = match &mut self.stage {
            Stage::WebSocket(_) | Stage::Resting(_) => {
                // The first frames, or the third key of draft 76, may be there already.
                let mut received = self.on_frames(rest, env);
                received.progress.consumed = received.progress.consumed.saturating_add(len);
                return received;
            }
            Stage::Opening { scan, proxied_for } => {
                *scan = None;
                // A PROXY header stands at the beginning of a connection and nowhere else: behind a request comes what a client wrote.
                proxied_for.get_or_insert_with(|| Box::new(peer(env.cx)));
                return Received { progress: WAIT, next: Next::PassOn };
            }
            Stage::Publishing(_) => {
                let mut received = self.on_body(rest, env);
                received.progress.consumed = received.progress.consumed.saturating_add(len);
                return received;
            }
            Stage::Polling(_) => {
                // The next request may be there already: it has its turn behind the answer.
                return Received { progress: Progress { consumed: len, flow }, next: Next::Poll };
            }
            Stage::HttpStream => Next::Subscribe,
            Stage::Done => Next::Nothing,
        };
        Received { progress: Progress { consumed: all, flow }, next }
    }

    /// Answers the request; the stage stays the same for one that is not for the stream.
    fn on_request(&mut self, head: &Head<'_>, env: &mut Env<'_, '_>) -> Flow {
        let access = env.access;
        let cors = Cors::new(head, &access.admission);
        // Behind a PROXY header comes what the client itself wrote: its `X-Forwarded-For` counts only if the client is a
        // trusted proxy, too.
        let sender = match &self.stage {
            Stage::Opening { proxied_for: Some(client), .. } => **client,
            _ => peer(env.cx),
        };
        // The limit per address counts the client that a trusted proxy names, else the proxy itself.
        let client = forwarded_for(head, sender, &access.trusted);
        if !env.cx.set_real_peer((client != UNIX_PEER).then_some(client)) {
            return self.refuse(503, RETRY_LATER, cors, env);
        }
        // Before all that depends on the target: no other answer tells a foreign page anything.
        if let Err(refusal) = access.admission.admit(head, || Some(env.cx.local()?.ip())) {
            // The person who started a private server reads its log, and may have a proxy in front that makes pages look foreign.
            let level = if access.admission.is_private() { Level::Warn } else { Level::Debug };
            env.log_refusal(level, head, Refusal::STATUS, refusal);
            let cors = Cors::without_request(&access.admission);
            return self.refuse_with(Refusal::STATUS, &format!("{refusal}\n"), &[], cors, env);
        }
        if !(env.is_for_stream)(head) {
            return Flow::Continue;
        }
        self.respond(head, sender, cors, env)
    }

    /// Answers a request for the stream that is admitted; `sender` is the peer, or the client that its PROXY header has named.
    fn respond(&mut self, head: &Head<'_>, sender: IpAddr, cors: Cors<'_>, env: &mut Env<'_, '_>) -> Flow {
        let (access, wall) = (env.access, env.cx.wall());
        if !access.serves(head) {
            env.log_refusal(Level::Debug, head, 404, 404);
            return self.refuse(404, &[], cors, env);
        }
        match permitted(head, env) {
            Ok(grant) => self.extras.set_grant(grant),
            Err(denied) => return self.deny(head, &denied, cors, env),
        }
        match (answer(head, access), StreamParams::of(head)) {
            (Answer::Refuse(status, fields), _) => {
                env.log_refusal(Level::Debug, head, status, status);
                let body = if status == 405 { not_allowed(head, access) } else { status_body(status) };
                self.refuse_with(status, &body, fields, cors, env)
            }
            (Answer::Options, _) => {
                self.stage = Stage::Done;
                response::options(methods(access), cors, wall, env.cx.out());
                Flow::CloseWhenFlushed
            }
            (Answer::Publish, _) => self.begin_publishing(head, sender, cors, env),
            (Answer::BadPoll(error), _) => self.refuse_value(&error, cors, env),
            (_, Err(error)) => self.refuse_value(&error, cors, env),
            (Answer::Poll(_) | Answer::WebSocket(_) | Answer::HttpStream(_), Ok(params))
                if params.until.is_some() && env.stream.is_filling() =>
            {
                self.refuse_with(503, FILLING, RETRY_SOON, cors, env)
            }
            (Answer::Poll(request), Ok(params)) => {
                self.begin_poll(head, (request, params), sender, cors, env)
            }
            (Answer::WebSocket(offer), Ok(params)) => {
                let id = self.take_id(params, env);
                let secure = forwarded_secure(head, sender, &access.trusted).unwrap_or(access.secure);
                let limits = env.options.message_limits();
                let protocol = offer.accept(secure, id, &access.protocol, limits, env.cx.out());
                let socket = Upgraded::new(protocol, params, env.cx.compact_now());
                self.framing = socket.framing();
                self.extras.set_pulse(Pulse::new(params.heartbeat, env.cx.now()));
                self.stage = Stage::WebSocket(socket);
                Flow::Continue
            }
            (Answer::HttpStream(framing), Ok(params)) => self.begin_http(head, params, framing, cors, env),
            (Answer::Head(framing), Ok(_)) => {
                self.stage = Stage::Done;
                response::head_only(framing, cors, wall, env.cx.out());
                Flow::CloseWhenFlushed
            }
        }
    }

    /// Refuses a request without a right token.
    fn deny(&mut self, head: &Head<'_>, denied: &Denied, cors: Cors<'_>, env: &mut Env<'_, '_>) -> Flow {
        env.log_refusal(Level::Debug, head, denied.status, denied.status);
        let challenge = denied.challenge.map(|value| ("WWW-Authenticate", value));
        self.refuse_with(denied.status, &denied.body, challenge.as_slice(), cors, env)
    }

    /// Begins a stream over HTTP. An `EventSource` that comes back to a bounded read it has had is told to stop instead.
    fn begin_http(
        &mut self,
        head: &Head<'_>,
        params: StreamParams,
        framing: Framing,
        cors: Cors<'_>,
        env: &mut Env<'_, '_>,
    ) -> Flow {
        let (id, wall) = (self.take_id(params, env), env.cx.wall());
        self.framing = framing;
        self.stage = Stage::HttpStream;
        self.extras.set_pulse(Pulse::new(params.heartbeat, env.cx.now()));
        self.extras.set_timeout(env.options.heartbeat, env.cx);
        let gap = self.begin(params, env);
        if comes_back(head, framing) && gap.is_none() && self.subscription.is_complete() {
            self.stage = Stage::Done;
            response::no_content(cors, wall, env.cx.out());
            return Flow::CloseWhenFlushed;
        }
        if framing.media_type() == "text/html" {
            self.extras.set_document(Document::new(head));
        }
        let opening = HttpOpening { framing, id, retry_ms: env.options.retry_ms(), gap };
        response::begin(&opening, cors, wall, env.cx.out());
        self.tell(gap, env.cx);
        Flow::Continue
    }

    /// Gives a client its id. A bounded read is no client.
    fn take_id(&mut self, params: StreamParams, env: &mut Env<'_, '_>) -> Option<u64> {
        let id = params.until.is_none().then(|| env.ids.take());
        self.id = id.unwrap_or_default();
        id
    }

    /// Ends a connection whose request is not complete, with this status; without a word if it has not even begun: browsers
    /// connect before they have a request, and would take the status for the answer to their next one.
    pub(crate) fn give_up(&mut self, status: u16, env: &mut Env<'_, '_>) -> Flow {
        if env.cx.unconsumed() == 0 {
            return Flow::CloseWhenFlushed;
        }
        self.refuse_early(status, env)
    }

    /// Refuses a connection whose request is not there: 408 at its deadline, 503 where there is no place for it.
    pub(crate) fn refuse_early(&mut self, status: u16, env: &mut Env<'_, '_>) -> Flow {
        let fields = if status == 503 { RETRY_LATER } else { &[] };
        self.refuse(status, fields, Cors::without_request(&env.access.admission), env)
    }

    /// Refuses a request with a parameter that cannot be read.
    fn refuse_value(&mut self, error: &dyn fmt::Display, cors: Cors<'_>, env: &mut Env<'_, '_>) -> Flow {
        log::debug!(reason = 400; "{}: {error}; answering 400", env.peer_name());
        self.refuse_with(400, &format!("{error}\n"), &[], cors, env)
    }

    /// Answers with a status, and ends.
    fn refuse(
        &mut self,
        status: u16,
        fields: &[(&str, &str)],
        cors: Cors<'_>,
        env: &mut Env<'_, '_>,
    ) -> Flow {
        self.refuse_with(status, &status_body(status), fields, cors, env)
    }

    pub(super) fn refuse_with(
        &mut self,
        status: u16,
        body: &str,
        fields: &[(&str, &str)],
        cors: Cors<'_>,
        env: &mut Env<'_, '_>,
    ) -> Flow {
        env.metrics.refused(status);
        self.stage = Stage::Done;
        let wall = env.cx.wall();
        response::refuse(status, body, fields, cors, wall, env.cx.out());
        Flow::CloseWhenFlushed
    }

    /// Refuses bytes that are not a request.
    fn refuse_bytes(&mut self, error: HeadError, env: &mut Env<'_, '_>) -> Flow {
        log::debug!(reason = error.status(); "{}: {error}; answering {}", env.peer_name(), error.status());
        self.refuse_early(error.status(), env)
    }

    /// A Flash policy request, whole or in part. The reactor shows the same bytes again with more behind them, so it is
    /// read from its beginning each time.
    fn on_policy(&mut self, input: &[u8], env: &mut Env<'_, '_>) -> Progress {
        let flow = match PolicyRequest::default().feed(input) {
            Ok(Parsed::Partial) => return WAIT,
            Ok(Parsed::Complete { .. }) => self.send_policy(env),
            Err(_) => self.refuse_bytes(HeadError::RequestLine, env),
        };
        Progress { consumed: input.len(), flow }
    }

    fn send_policy(&mut self, env: &mut Env<'_, '_>) -> Flow {
        self.stage = Stage::Done;
        match &env.access.policy_answer {
            PolicyAnswer::Off => {}
            PolicyAnswer::Document(document) => env.cx.send(document),
            PolicyAnswer::ThisPort(domains) => {
                let port = |address: std::net::SocketAddr| {
                    Ports::List(vec![PortRange { first: address.port(), last: address.port() }])
                };
                let ports = env.cx.local().map_or(Ports::All, port);
                let grant = |domain| Grant { domain, ports: ports.clone() };
                let grants = domains.iter().cloned().map(grant).collect();
                env.cx.send(&Policy { site_control: None, grants }.to_bytes());
            }
        }
        Flow::CloseWhenFlushed
    }
}

/// Whose token lets this request do what it asks for.
fn permitted(head: &Head<'_>, env: &Env<'_, '_>) -> Result<ConnectionGrant, Denied> {
    match head.method {
        _ if env.access.takes_lines && Deed::of(head) == Deed::Publish => {
            env.access.publisher(head, || Some(env.cx.local()?.ip()))
        }
        "GET" | "HEAD" => env.access.reader(head),
        // A preflight has no token, and a method that the stream does not have needs none to be refused.
        _ => Ok(None),
    }
}

/// Goes on with the search for the end of a head; `scan` is how far it is, for one of which only a part has come.
fn find_head<'h>(
    scan: &mut Option<Box<HeadScan>>,
    input: &'h mut [u8],
    limits: HeadLimits,
) -> Result<Option<(ScannedHead<'h>, &'h mut [u8])>, HeadError> {
    let mut search = scan.take().map(|scan| *scan).unwrap_or_default();
    let found = search.find_in(input, limits)?;
    if found.is_none() {
        *scan = Some(Box::new(search));
    }
    Ok(found)
}

/// True for an `EventSource` whose bounded read has ended: it connects again, and would do so for ever. HTML Standard §9.2.1: "a
/// client can be told to stop reconnecting using the HTTP 204 No Content response code".
fn comes_back(head: &Head<'_>, framing: Framing) -> bool {
    framing.is_event_stream() && head.get("Last-Event-ID").is_some_and(|id| !id.is_empty())
}

/// The address of the other end; a client behind a proxy has another one.
fn peer(cx: &Context<'_>) -> IpAddr {
    cx.peer().map_or(UNIX_PEER, |peer| peer.ip())
}
