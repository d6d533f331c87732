//! A request that publishes, from its head to its answer; then the connection waits for the next one.
//!
//! ```text
//!  head ─▶ refused before the body is asked for
//!    │
//!    └──▶ 100, if it waits for that ─▶ body: whole lines are published as they come ─▶ answer ─▶ the next head, or the end
//! ```

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use common::{framing::Framing, http::Head};
use log::Level;
use reactor::{Context, Flow, Progress};

use super::{
    env::{Env, Received},
    response::{self, Cors},
    settings::ConnectionOptions,
    state::{Connection, Stage},
};
use crate::publish::{
    Account, Begin, End, Inlet, Place, Publication, Receipt, Reply, ScopedKey, Taken, Wanted,
};

/// How often a body of unknown length is looked at; its client may be silent for months.
const LOOK: Duration = Duration::from_mins(1);

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const RETRY_SOON: &[(&str, &str)] = &[("Retry-After", "1")];

impl Connection {
    /// A request to publish that is admitted; `sender` is the peer, or the client that its PROXY header has named. Whatever is wrong with it is said before its body is asked for.
    pub(super) fn begin_publishing(
        &mut self,
        head: &Head<'_>,
        sender: IpAddr,
        cors: Cors<'_>,
        env: &mut Env<'_, '_>,
    ) -> Flow {
        let Some(lines) = env.inlet.as_deref().map(Inlet::splitter) else {
            return self.refuse_with(405, "", &[], cors, env);
        };
        let wanted = match Wanted::of(head) {
            Ok(wanted) => wanted,
            Err(refusal) => {
                env.log_refusal(Level::Debug, head, refusal.status(), refusal);
                let body = format!("{refusal}\n");
                return self.refuse_with(refusal.status(), &body, refusal.fields(), cors, env);
            }
        };
        let Wanted { key, body, awaits_continue, keep_alive, is_old } = wanted;
        let scope = self.extras.grant().map(|grant| grant.name.clone());
        let account = match key.map(|key| env.keys.begin(ScopedKey { scope, key })) {
            None => Account::unkeyed(),
            Some(Begin::Run(account)) => account,
            Some(Begin::Busy) => {
                let body =
                    "a request under this Idempotency-Key is still running: try again when it has ended\n";
                return self.refuse_with(409, body, RETRY_SOON, cors, env);
            }
        };
        let reply = Reply { keep_alive, is_old, origin: cors.origin().map(Into::into), sender };
        let publication = Publication::new(body, lines, account, reply);
        if awaits_continue && !publication.is_complete() {
            env.cx.send(CONTINUE);
        }
        env.cx.set_established();
        env.cx.set_deadline(publication.next_deadline(env.options, env.cx.now()));
        self.stage = Stage::Publishing(Box::new(publication));
        Flow::Continue
    }

    /// Takes input of a body: at most a batch of lines, and none while it is not the turn of this connection.
    pub(crate) fn on_body(&mut self, input: &[u8], env: &mut Env<'_, '_>) -> Received {
        let wait = Progress { consumed: 0, flow: Flow::Continue };
        let (Stage::Publishing(publication), Some(inlet)) = (&mut self.stage, env.inlet.as_deref_mut())
        else {
            return wait.into();
        };
        // A body without a byte is complete at once, and needs no room.
        let is_empty = publication.is_complete();
        if input.is_empty() && !is_empty {
            return wait.into();
        }
        let is_exempt = is_empty || publication.is_stopping;
        if !is_exempt && !inlet.admits(&mut publication.place, env.cx.token()) {
            env.cx.pause_input();
            return wait.into();
        }
        let Taken { consumed, posted, end } = publication.take(input, inlet.publisher());
        if let Some(posted) = &posted {
            inlet.posted(posted);
            env.metrics.published(posted);
        }
        let is_all = consumed == input.len();
        let is_stopping = publication.is_stopping;
        // A connection that waits for room reads nothing that it would have to keep.
        if end.is_none() && is_all && !is_stopping && !inlet.is_free() {
            inlet.wait(&mut publication.place, env.cx.token());
            env.cx.pause_input();
        }
        let deadline = publication.next_deadline(env.options, env.cx.now());
        env.cx.set_deadline(deadline);
        let flow = match end {
            Some(end) => self.end_publishing(end, env),
            None if is_stopping && is_all => self.cut_publishing(503, env),
            None => Flow::Continue,
        };
        Progress { consumed, flow }.into()
    }

    /// The client has half-closed before the end of its body: what came of its last line is no line.
    pub(crate) fn on_body_end(&mut self, env: &mut Env<'_, '_>) -> Flow {
        self.cut_publishing(400, env)
    }

    /// The deadline of a body has passed. One whose client has said how long it is, and so has it ready, is late.
    pub(crate) fn on_body_deadline(&mut self, env: &mut Env<'_, '_>) -> Flow {
        let Stage::Publishing(publication) = &self.stage else { return Flow::Close };
        if publication.has_length() && publication.place != Place::Waiting {
            return self.cut_publishing(408, env);
        }
        let deadline = publication.next_deadline(env.options, env.cx.now());
        env.cx.set_deadline(deadline);
        Flow::Continue
    }

    /// The process ends: the client hears what is out, and what it has sent already is.
    pub(crate) fn stop_publishing(&mut self, env: &mut Env<'_, '_>) -> Flow {
        let Stage::Publishing(publication) = &mut self.stage else { return Flow::Close };
        publication.is_stopping = true;
        env.cx.resume_input();
        if env.cx.unconsumed() == 0 { self.cut_publishing(503, env) } else { Flow::Continue }
    }

    /// The worker has room for this connection, whose time begins anew: while it waited, nothing of its body was read.
    pub(crate) fn grant_turn(
        &mut self,
        place: Place,
        options: &ConnectionOptions,
        cx: &mut Context<'_>,
    ) -> Flow {
        if let Stage::Publishing(publication) = &mut self.stage {
            publication.place = place;
            let deadline = publication.next_deadline(options, cx.now());
            cx.set_deadline(deadline);
            cx.resume_input();
        }
        Flow::Continue
    }

    /// Answers a request whose body has ended.
    fn end_publishing(&mut self, end: End, env: &mut Env<'_, '_>) -> Flow {
        let Stage::Publishing(publication) = &self.stage else { return Flow::Close };
        match end {
            End::Complete(receipt) => {
                let keeps = publication.reply.keep_alive && !publication.is_stopping;
                self.answer_publishing(receipt.status(), Some(receipt), keeps, env)
            }
            End::OtherBody => self.answer_publishing(422, None, false, env),
            End::Broken(error) => {
                log::debug!(reason = error.status(); "{}: {error}; answering {}", env.peer_name(), error.status());
                self.cut_publishing(error.status(), env)
            }
        }
    }

    /// Answers a request whose body does not come to its end, with what is out of it.
    pub(crate) fn cut_publishing(&mut self, status: u16, env: &mut Env<'_, '_>) -> Flow {
        let Stage::Publishing(publication) = &self.stage else { return Flow::Close };
        let so_far = publication.so_far();
        self.answer_publishing(status, Some(so_far), false, env)
    }

    /// Writes the answer, gives back the account, and waits for the next request or ends. Without a receipt the lines are not those
    /// of an earlier try.
    fn answer_publishing(
        &mut self,
        status: u16,
        receipt: Option<Receipt>,
        keeps: bool,
        env: &mut Env<'_, '_>,
    ) -> Flow {
        let Stage::Publishing(publication) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Flow::Close;
        };
        let Publication { reply, account, .. } = *publication;
        // Before the answer: its client may send the same key at once.
        env.keys.end(account);
        env.metrics.publication_ended(status);
        let cors = Cors::without_request(&env.access.admission).for_origin(reply.origin.as_deref());
        let wall = env.cx.wall();
        response::receipt(status, receipt.as_ref(), (keeps, reply.is_old), cors, wall, env.cx.out());
        self.framing = Framing::Lines;
        self.await_next(keeps, reply.sender, env.cx)
    }
}

impl Publication {
    /// When the next byte has to be there.
    fn next_deadline(&self, options: &ConnectionOptions, now: Instant) -> Instant {
        now + if self.has_length() { options.write_timeout } else { LOOK }
    }
}
