//! A connection that has had an answer, and is kept for its next request: an [`Opening`](Stage::Opening) again.

use std::{net::IpAddr, time::Duration};

use reactor::{Context, Flow};

use super::{
    env::Env,
    state::{Connection, Reuse, Stage},
};

/// How long a connection may wait for its next request, as long as proxies keep theirs.
const KEPT: Duration = Duration::from_mins(1);

impl Connection {
    /// The answer is queued: waits for the next request, which `sender` has to send, or ends.
    pub(super) fn await_next(&mut self, keeps: bool, sender: IpAddr, cx: &mut Context<'_>) -> Flow {
        if !keeps {
            self.stage = Stage::Done;
            return Flow::CloseWhenFlushed;
        }
        self.stage = Stage::Opening { scan: None, proxied_for: Some(Box::new(sender)) };
        self.reuse = Reuse::Idle;
        cx.set_idle();
        cx.set_timeout(KEPT);
        Flow::Continue
    }

    /// The first bytes of the next request are there: it has the time of a head from now on.
    pub(super) fn on_partial_head(&mut self, env: &mut Env<'_, '_>) {
        if self.reuse == Reuse::Idle {
            self.reuse = Reuse::Head;
            env.cx.set_timeout(env.options.head_timeout);
        }
    }

    /// True if the connection waits for its next request and its client still takes the last answer, which the write timeout limits.
    pub(crate) fn waits_for_client(&self, cx: &mut Context<'_>) -> bool {
        let waits = self.reuse == Reuse::Idle && cx.queued() > 0;
        if waits {
            cx.set_timeout(KEPT);
        }
        waits
    }

    /// The client has taken the last answer.
    pub(crate) fn on_answer_taken(&self, cx: &mut Context<'_>) {
        if self.is_opening() && self.reuse == Reuse::Idle {
            cx.set_idle();
        }
    }
}
