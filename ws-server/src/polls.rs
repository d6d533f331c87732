//! Long polls: they wait among the subscribers, without being clients of the stream that come and leave.

use reactor::{Context, Flow, Stop};

use crate::{
    connection::{Connection, PollService, Polled, Stage},
    worker::WsHandler,
};

impl WsHandler {
    /// Answers a poll that has come, or lets it wait.
    pub(crate) fn begin_poll(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        self.skip_unwatched(cx.now());
        // Before the answer, which makes it idle.
        cx.set_established();
        if let Some(polled) = conn.poll(self.poll_service(), cx) {
            return self.count_poll(polled);
        }
        if let Stage::Polling(poll) = &conn.stage {
            cx.set_deadline(cx.now() + poll.request.wait);
        }
        self.fanout.subscribers.add(cx.token(), conn.subscription.phase, conn.framing);
        Flow::Continue
    }

    /// Answers a poll that waits, because its time is up or the process ends: its client asks again.
    pub(crate) fn end_poll(
        &mut self,
        conn: &mut Connection,
        stop: Option<Stop>,
        cx: &mut Context<'_>,
    ) -> Flow {
        self.fanout.subscribers.remove(cx.token());
        let may_keep = matches!(stop, None | Some(Stop::HandOver));
        let polled = conn.end_poll(may_keep, self.poll_service(), cx);
        self.count_poll(polled)
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
