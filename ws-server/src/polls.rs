//! Long polls: they wait among the subscribers, without being clients of the stream that come and leave.

use std::time::Duration;

use reactor::{Context, Flow, Stop, Turn};

use crate::{
    connection::{Connection, PollService, Polled, Stage},
    worker::WsHandler,
};

/// So many polls are answered in one turn because their time is up.
const TURN_ANSWERS: usize = 256;
/// By then a poll has had its turn.
const LATEST: Duration = Duration::from_secs(10);

impl WsHandler {
    /// Answers a poll that has come, or lets it wait.
    pub(crate) fn begin_poll(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        self.skip_unwatched(cx.now());
        // Before the answer, which makes it idle.
        cx.set_established();
        if self.has_finished {
            return self.end_poll(conn, Some(Stop::Finished), cx);
        }
        if let Some(polled) = conn.poll(self.poll_service(), cx) {
            return self.count_poll(polled);
        }
        if let Stage::Polling(poll) = &conn.stage {
            cx.set_timeout(poll.request.wait);
        }
        self.fanout.subscribers.add(cx.token(), conn.subscription.phase as usize, conn.framing);
        Flow::Continue
    }

    /// The time of a poll is up. Those that began together end together: each has its turn.
    pub(crate) fn on_poll_deadline(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        if let Stage::Polling(poll) = &mut conn.stage {
            poll.is_due = true;
            self.due_polls.push(cx.token());
            cx.set_timeout(LATEST);
        }
        Flow::Continue
    }

    /// Answers some of the polls whose time is up; true if there are more.
    pub(crate) fn end_due_polls(&mut self, turn: &mut Turn<'_, Connection>) -> bool {
        if self.due_polls.is_empty() {
            return false; // as in nearly every turn
        }
        let rest = self.due_polls.len().saturating_sub(TURN_ANSWERS);
        for token in self.due_polls.split_off(rest) {
            turn.visit(token, |conn, cx| match &conn.stage {
                Stage::Polling(poll) if poll.is_due => self.end_poll(conn, None, cx),
                // It has had a message meanwhile.
                _ => Flow::Continue,
            });
        }
        !self.due_polls.is_empty()
    }

    /// Answers a poll that waits, because its time is up or the process ends: its client asks again.
    pub(crate) fn end_poll(
        &mut self,
        conn: &mut Connection,
        stop: Option<Stop>,
        cx: &mut Context<'_>,
    ) -> Flow {
        self.fanout.subscribers.remove(cx.token());
        if stop.is_none() && self.stream.waits_in_vain(&conn.subscription) {
            conn.poll_anew(&self.env(cx));
        }
        let may_keep = matches!(stop, None | Some(Stop::HandOver));
        let polled = conn.end_poll(may_keep, self.poll_service(), cx);
        self.count_poll(polled)
    }

    /// The source has ended between two polls of a connection: its client has a moment to ask for the rest.
    pub(crate) fn await_last_poll(&self, cx: &mut Context<'_>) -> Flow {
        cx.set_timeout(self.config.connection.close_timeout);
        Flow::Continue
    }

    fn count_poll(&mut self, polled: Polled) -> Flow {
        self.metrics.polled(polled.is_script);
        self.metrics.sent(polled.messages);
        polled.flow
    }

    fn poll_service(&self) -> PollService<'_> {
        PollService {
            stream: &self.stream,
            source: &self.source,
            access: &self.config.access,
            options: &self.config.connection,
        }
    }
}
