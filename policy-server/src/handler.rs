//! One connection of the policy server: read the request, answer with the document, end. The smallest handler.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use common::{Parsed, policy::PolicyRequest};
use reactor::{CloseReason, Context, Flow, Handler, Mailboxes, Progress, Settings, Token, Turn, Wake};

use crate::{
    config::Config,
    crowd::Crowd,
    metrics::{BOGUS, Counts, SERVED, SILENT},
};

/// What the workers have together.
pub(crate) struct Shared {
    /// Locked once when a connection opens and once when it closes.
    crowd: Mutex<Crowd<(usize, Token)>>,
    mailboxes: Mailboxes<Mail>,
}

impl Shared {
    pub(crate) fn new(config: &Config, mailboxes: Mailboxes<Mail>) -> Self {
        Self { crowd: Mutex::new(Crowd::new(config.max_per_address)), mailboxes }
    }

    /// Lets another configuration be in force.
    pub(crate) fn reload(&self, config: &Config) {
        self.crowd().limit(config.max_per_address);
        self.mailboxes.send_all(|| Mail::Reload(Box::new((Serving::new(config), config.settings.clone()))));
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd<(usize, Token)>> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a worker is told.
pub(crate) enum Mail {
    /// It has this connection, whose place is needed.
    Evict(Token),
    /// What is served from now on.
    Reload(Box<(Serving, Settings)>),
}

/// What a connection gets.
pub(crate) struct Serving {
    /// The document and its NUL: one buffer for all connections.
    answer: Arc<[u8]>,
    lifetime: Duration,
}

impl Serving {
    pub(crate) fn new(config: &Config) -> Self {
        Self { answer: Arc::clone(&config.answer), lifetime: config.lifetime }
    }
}

pub(crate) struct PolicyHandler {
    worker: usize,
    pub(crate) counts: Counts,
    serving: Serving,
    shared: Arc<Shared>,
}

pub(crate) struct Conn {
    request: PolicyRequest,
    address: Option<IpAddr>,
}

impl PolicyHandler {
    pub(crate) fn new(worker: usize, serving: Serving, shared: Arc<Shared>) -> Self {
        Self { worker, counts: Counts::default(), serving, shared }
    }

    fn answer(&mut self, cx: &mut Context<'_>) -> Flow {
        self.counts.add(SERVED, 1);
        cx.set_established();
        cx.send_shared(&self.serving.answer, 0..self.serving.answer.len());
        // The end of our side first: closing with unread input would reset the connection and eat the answer.
        Flow::CloseWhenFlushed
    }
}

impl Handler for PolicyHandler {
    type Conn = Conn;
    type Mail = Mail;

    fn on_open(&mut self, cx: &mut Context<'_>) -> (Conn, Flow) {
        // The one deadline, for the whole life: no byte moves it.
        cx.set_deadline(cx.now() + self.serving.lifetime);
        let address = cx.peer().map(|peer| peer.ip());
        if let Some(address) = address {
            let oldest = self.shared.crowd().enter(address, (self.worker, cx.token()));
            if let Some((worker, token)) = oldest {
                self.shared.mailboxes.send(worker, Mail::Evict(token));
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
                self.counts.add(BOGUS, 1);
                Flow::Close
            }
        };
        Progress { consumed: input.len(), flow }
    }

    fn on_end(&mut self, conn: &mut Conn, _input: &mut [u8], cx: &mut Context<'_>) -> Flow {
        // People test with `printf '<policy-file-request/>' | nc`: the end of the stream ends the request, too.
        if conn.request.is_complete_at_end() {
            return self.answer(cx);
        }
        self.counts.add(SILENT, 1);
        Flow::Close
    }

    fn on_deadline(&mut self, _conn: &mut Conn, _cx: &mut Context<'_>) -> Flow {
        self.counts.add(SILENT, 1);
        Flow::Close
    }

    fn on_close(&mut self, conn: Conn, token: Token, _why: CloseReason, _: std::time::Instant) {
        if let Some(address) = conn.address {
            self.shared.crowd().leave(address, &(self.worker, token));
        }
    }

    fn on_turn(&mut self, _: &mut Turn<'_, Conn>) -> Wake {
        self.counts.publish();
        Wake::Idle
    }

    fn on_mail(&mut self, mail: Mail, turn: &mut Turn<'_, Conn>) {
        match mail {
            // It may have ended by itself meanwhile.
            Mail::Evict(token) => _ = turn.visit(token, |_, _| Flow::Close),
            Mail::Reload(new) => {
                let (serving, settings) = *new;
                self.serving = serving;
                turn.configure(settings);
            }
        }
    }
}

#[cfg(test)]
mod tests;
