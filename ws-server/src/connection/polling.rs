//! A long poll, from its head to its answer; then the connection is kept for the next one.
//!
//! ```text
//!  head ─▶ there is something after `since` ─────────────────────────────▶ answer ─▶ the next head, or the end
//!    └───▶ waits: a subscriber, until a message comes, or its time is up ────▲
//! ```

use std::{net::IpAddr, time::Duration};

use common::{
    framing::{Framing, encode_gap},
    http::{Body, Head},
    id::Since,
    token::presented,
};
use reactor::{Context, Flow};

use super::{
    env::Env,
    permission::{WRONG_READER, WRONG_TOKEN},
    poll::{Poll, PollBody},
    poll_request::PollRequest,
    request::StreamParams,
    response::Cors,
    settings::{Access, ConnectionOptions},
    state::{Connection, Reuse, Stage},
};
use crate::{
    publish::Reply,
    stream::{Date, Next, SourceNews, Stream, Subscription},
};

/// Most bytes of an answer, whatever `--max-queue` says; the next poll gets the rest.
const MOST: usize = 256 * 1024;

/// A poll that has waited so long for the stream that its id names waits no longer for that.
const PATIENCE: Duration = Duration::from_secs(10);

const FOR_SOME: &str = "403 Forbidden: any page could load what ?callback= gives, and this server is for the pages that it knows: ask for ?poll= by XMLHttpRequest or fetch\n";
const BY_COOKIE: &str = "403 Forbidden: with ?callback= no cookie counts, only ?token=TOKEN behind the URL: any page could load it\n";

/// What a worker has for its polls.
#[derive(Clone, Copy)]
pub(crate) struct PollService<'w> {
    pub(crate) stream: &'w Stream,
    pub(crate) source: &'w SourceNews,
    pub(crate) access: &'w Access,
    pub(crate) options: &'w ConnectionOptions,
}

/// An answer that is queued, and what becomes of its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polled {
    /// Messages of the stream in the answer.
    pub(crate) messages: u64,
    /// It is a script (JSONP).
    pub(crate) is_script: bool,
    pub(crate) flow: Flow,
}

impl Connection {
    /// A poll that is admitted; `sender` is the peer, or the client that its PROXY header has named. It takes its place in the stream.
    pub(super) fn begin_poll(
        &mut self,
        head: &Head<'_>,
        (request, params): (PollRequest, StreamParams),
        sender: IpAddr,
        cors: Cors<'_>,
        env: &mut Env<'_, '_>,
    ) -> Flow {
        if request.callback.is_some()
            && let Some(why) = refuses_script(head, env.access)
        {
            return self.refuse_with(403, why, &[], cors, env);
        }
        // A newcomer hears the state of the source at once. One that names what it has may have heard it, on whatever connection:
        // it gets it with the answer.
        if params.since.is_none() && params.until.is_none() {
            self.heard = 0;
        } else if self.reuse == Reuse::First {
            self.heard = env.source.number();
        }
        self.framing = Framing::Ndjson;
        self.subscription = Subscription::default();
        let gap = self.begin(params, env);
        self.subscription.join_first_phase();
        let reply = Reply {
            // Nobody reads a body here, and it is not the next request.
            keep_alive: head.keep_alive() && head.body() == Body::None,
            is_old: head.minor_version == 0,
            origin: cors.origin().map(Into::into),
            sender,
        };
        self.stage = Stage::Polling(Box::new(Poll { request, reply, gap, is_due: false }));
        Flow::Continue
    }

    /// Answers a poll if there is something to say; else it goes on waiting (`None`), for which the caller has given it a deadline.
    pub(crate) fn poll(&mut self, service: PollService<'_>, cx: &mut Context<'_>) -> Option<Polled> {
        let Stage::Polling(poll) = &self.stage else { return None };
        let is_in_haste = poll.request.is_head || poll.request.wait.is_zero();
        let most = service.options.max_queue.clamp(1, MOST);
        let body = self.collect(most, service, cx);
        let has_news = !self.is_bounded() && self.heard != service.source.number();
        let is_due = is_in_haste
            || has_news && !self.subscription.waits_for_place()
            || !body.is_empty()
            || self.subscription.is_complete();
        is_due.then(|| self.answer_poll(body, true, service, cx))
    }

    /// What its client has is of a stream that does not come: it gets all that is there of this one. One that did not want to wait
    /// goes on asking.
    pub(crate) fn poll_anew(&mut self, env: &Env<'_, '_>) {
        if matches!(&self.stage, Stage::Polling(poll) if poll.request.wait >= PATIENCE) {
            let gap = self.find_place(Some(Since::Unknown), env);
            if let Stage::Polling(poll) = &mut self.stage {
                poll.gap = gap;
            }
        }
    }

    /// Answers a waiting poll with a date that is due to all of its phase.
    pub(crate) fn poll_date(
        &mut self,
        date: &mut Date,
        service: PollService<'_>,
        cx: &mut Context<'_>,
    ) -> Option<Polled> {
        let mut body = PollBody::default();
        loop {
            match date.next(&mut self.subscription, Framing::Ndjson, true) {
                Next::Gap(gap) => body.own(|out| encode_gap(Framing::Ndjson, &gap, out)),
                Next::Shared { bytes, range, messages } => {
                    body.share(bytes, range);
                    body.messages = messages;
                    break;
                }
                _ => break,
            }
        }
        (!body.is_empty()).then(|| self.answer_poll(body, true, service, cx))
    }

    /// Answers a poll with what there is, and be it nothing. The connection ends with it unless it `may_keep` it.
    pub(crate) fn end_poll(
        &mut self,
        may_keep: bool,
        service: PollService<'_>,
        cx: &mut Context<'_>,
    ) -> Polled {
        // No poll follows that would get the rest of the stream.
        let is_script = matches!(&self.stage, Stage::Polling(poll) if poll.request.callback.is_some());
        let most = match may_keep {
            true => service.options.max_queue.clamp(1, MOST),
            // What is shared costs nothing; a script is made of it.
            false if is_script => MOST,
            false => usize::MAX,
        };
        let body = self.collect(most, service, cx);
        self.answer_poll(body, may_keep, service, cx)
    }

    /// The client has half-closed: no request follows.
    pub(crate) fn on_poll_end(&mut self) -> Flow {
        if let Stage::Polling(poll) = &mut self.stage {
            poll.reply.keep_alive = false;
        }
        Flow::Continue
    }

    /// The token that has let it in is no longer valid.
    pub(crate) fn revoke_poll(&mut self, env: &mut Env<'_, '_>) -> Flow {
        let Stage::Polling(poll) = &self.stage else { return Flow::Continue };
        let origin = poll.reply.origin.clone();
        let cors = Cors::without_request(&env.access.admission).for_origin(origin.as_deref());
        self.refuse_with(401, WRONG_READER, &[("WWW-Authenticate", WRONG_TOKEN)], cors, env)
    }

    /// What the stream has for this poll, up to the message that reaches this many bytes.
    fn collect(&mut self, most: usize, service: PollService<'_>, cx: &Context<'_>) -> PollBody {
        let PollService { stream, .. } = service;
        let mut body = PollBody::default();
        let Stage::Polling(poll) = &mut self.stage else { return body };
        if let Some(gap) = poll.gap.take() {
            body.own(|out| encode_gap(Framing::Ndjson, &gap, out));
        }
        loop {
            let room = most.saturating_sub(body.len());
            match stream.next(&mut self.subscription, Framing::Ndjson, room, cx.now()) {
                Next::Shared { bytes, range, messages } => {
                    body.share(bytes, range);
                    body.messages = body.messages.saturating_add(messages);
                }
                Next::Date(slot) => {
                    if let Some(clock) = stream.clock() {
                        body.own(|out| clock.encode(slot, Framing::Ndjson, out));
                    }
                    body.messages = body.messages.saturating_add(1);
                }
                Next::Gap(gap) => body.own(|out| encode_gap(Framing::Ndjson, &gap, out)),
                // What has fallen out of the ring is a gap before the answer to the next poll.
                Next::Full | Next::CaughtUp | Next::Behind | Next::Over => return body,
            }
        }
    }

    fn answer_poll(
        &mut self,
        mut body: PollBody,
        may_keep: bool,
        service: PollService<'_>,
        cx: &mut Context<'_>,
    ) -> Polled {
        let PollService { source, access, .. } = service;
        let messages = body.messages;
        // With each answer: a proxy may give a connection to many clients.
        if source.number() > 0 && !self.is_bounded() {
            let line = source.encoded(Framing::Ndjson);
            body.share(line, 0..line.len());
        }
        self.heard = source.number();
        let last = self.subscription.had();
        self.subscription = Subscription::default();
        let Stage::Polling(poll) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Polled { messages: 0, is_script: false, flow: Flow::Close };
        };
        let cors = Cors::without_request(&access.admission).for_origin(poll.reply.origin.as_deref());
        let keeps = poll.reply.keep_alive && may_keep;
        poll.answer(body, last, keeps, cors, cx);
        // A request that has come meanwhile was left where it was.
        cx.resume_input();
        let flow = self.await_next(keeps, poll.reply.sender, cx);
        Polled { messages, is_script: poll.request.callback.is_some(), flow }
    }
}

/// Why a script may not have the answer: any page can load it, whatever its origin, and a browser sends its cookies along.
fn refuses_script(head: &Head<'_>, access: &Access) -> Option<&'static str> {
    if !access.admission.is_open() {
        return Some(FOR_SOME);
    }
    let is_by_cookie = access.readers.is_some() && presented(head, false).is_none();
    is_by_cookie.then_some(BY_COOKIE)
}
