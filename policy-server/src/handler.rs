//! One connection of the policy server: read the request, answer with the document, end. The smallest handler.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use common::{
    Parsed,
    policy::PolicyRequest,
    reactor::{CloseReason, Context, Flow, Handler, Mailboxes, Progress, Token, Turn},
};

use crate::{config::Config, crowd::Crowd};

/// What the workers have together.
pub(crate) struct Shared {
    /// The document and its NUL: one buffer for all connections.
    answer: Arc<[u8]>,
    lifetime: Duration,
    /// Locked once when a connection opens and once when it closes.
    crowd: Mutex<Crowd<(usize, Token)>>,
    mailboxes: Mailboxes<Evict>,
}

impl Shared {
    pub(crate) fn new(config: &Config, mailboxes: Mailboxes<Evict>) -> Self {
        Self {
            answer: Arc::clone(&config.answer),
            lifetime: config.lifetime,
            crowd: Mutex::new(Crowd::new(config.max_per_address)),
            mailboxes,
        }
    }
}

/// To the worker that has this connection: its place is needed.
pub(crate) struct Evict(Token);

pub(crate) struct PolicyHandler {
    worker: usize,
    shared: Arc<Shared>,
}

pub(crate) struct Conn {
    request: PolicyRequest,
    address: Option<IpAddr>,
}

impl PolicyHandler {
    pub(crate) fn new(worker: usize, shared: Arc<Shared>) -> Self {
        Self { worker, shared }
    }

    fn answer(&self, cx: &mut Context<'_>) -> Flow {
        cx.set_established();
        cx.send_shared(&self.shared.answer, 0..self.shared.answer.len());
        // The end of our side first: closing with unread input would reset the connection and eat the answer.
        Flow::CloseWhenFlushed
    }
}

impl Handler for PolicyHandler {
    type Conn = Conn;
    type Mail = Evict;

    fn on_open(&mut self, cx: &mut Context<'_>) -> (Conn, Flow) {
        // The one deadline, for the whole life: no byte moves it.
        cx.set_deadline(cx.now() + self.shared.lifetime);
        let address = cx.peer().map(|peer| peer.ip());
        if let Some(address) = address {
            let mut crowd = self.shared.crowd.lock().unwrap_or_else(PoisonError::into_inner);
            let oldest = crowd.enter(address, (self.worker, cx.token()));
            drop(crowd);
            if let Some((worker, token)) = oldest {
                self.shared.mailboxes.send(worker, Evict(token));
            }
        }
        (Conn { request: PolicyRequest::default(), address }, Flow::Continue)
    }

    fn on_data(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let flow = match conn.request.feed(input) {
            Ok(Parsed::Complete { .. }) => self.answer(cx),
            Ok(Parsed::Partial) => Flow::Continue,
            // HTTP, TLS, a scanner: nothing that we say would mean anything to it.
            Err(error) => {
                log::debug!("{:?}: {error}", cx.peer());
                Flow::Close
            }
        };
        Progress { consumed: input.len(), flow }
    }

    fn on_end(&mut self, conn: &mut Conn, _input: &mut [u8], cx: &mut Context<'_>) -> Flow {
        // People test with `printf '<policy-file-request/>' | nc`: the end of the stream ends the request, too.
        if conn.request.is_complete_at_end() { self.answer(cx) } else { Flow::Close }
    }

    fn on_deadline(&mut self, _conn: &mut Conn, _cx: &mut Context<'_>) -> Flow {
        Flow::Close
    }

    fn on_close(&mut self, conn: Conn, token: Token, _why: CloseReason) {
        if let Some(address) = conn.address {
            let mut crowd = self.shared.crowd.lock().unwrap_or_else(PoisonError::into_inner);
            crowd.leave(address, &(self.worker, token));
        }
    }

    fn on_mail(&mut self, Evict(token): Evict, turn: &mut Turn<'_, Conn>) {
        // It may have ended by itself meanwhile.
        _ = turn.visit(token, |_, _| Flow::Close);
    }
}

#[cfg(test)]
mod tests;
