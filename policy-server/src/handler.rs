//! One connection of the policy server: read the request, answer with the document, end. The smallest full handler.

use std::sync::Arc;

use common::{Parsed, policy::PolicyRequest};
use reactor::{Context, Flow, Handler, Progress, Turn, Wake};

use crate::{
    config::Config,
    metrics::{BOGUS, Counts, SERVED, SILENT},
};

pub(crate) struct PolicyHandler {
    pub(crate) counts: Counts,
    /// What all workers serve; mail replaces it.
    config: Arc<Config>,
}

impl PolicyHandler {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self { counts: Counts::default(), config }
    }

    fn answer(&mut self, cx: &mut Context<'_>) {
        self.counts.add(SERVED, 1);
        cx.set_established();
        cx.send_shared(&self.config.answer, 0..self.config.answer.len());
    }
}

impl Handler for PolicyHandler {
    type Conn = PolicyRequest;
    /// The configuration in force from now on.
    type Mail = Arc<Config>;

    fn on_open(&mut self, cx: &mut Context<'_>) -> (PolicyRequest, Flow) {
        // The one deadline, for the whole life: no byte moves it.
        cx.set_timeout(self.config.options.lifetime);
        (PolicyRequest::default(), Flow::Continue)
    }

    fn on_data(&mut self, request: &mut PolicyRequest, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let mut consumed = input.len();
        let flow = match request.feed(input) {
            Ok(Parsed::Complete { len, .. }) => {
                self.answer(cx);
                consumed = len;
                // Flash sends nothing behind its NUL. An LF may be on its way behind a person's CR: the end of our side first,
                // for closing with unread input would reset the connection and eat the answer.
                if input.get(..len).is_some_and(|request| request.ends_with(b"\0")) {
                    Flow::Finish
                } else {
                    Flow::CloseWhenFlushed
                }
            }
            Ok(Parsed::Partial) => Flow::Continue,
            // HTTP, TLS, a scanner: nothing that we say would mean anything to it.
            Err(error) => {
                log::debug!(reason = "bogus"; "{:?}: {error}", cx.peer());
                self.counts.add(BOGUS, 1);
                Flow::Close
            }
        };
        Progress { consumed, flow }
    }

    fn on_end(&mut self, request: &mut PolicyRequest, _: &mut [u8], cx: &mut Context<'_>) -> Flow {
        // People test with `printf '<policy-file-request/>' | nc`: the end of the stream ends the request, too.
        if request.is_complete_at_end() {
            self.answer(cx);
            return Flow::CloseWhenFlushed;
        }
        self.counts.add(SILENT, 1);
        Flow::Close
    }

    fn on_deadline(&mut self, _: &mut PolicyRequest, _: &mut Context<'_>) -> Flow {
        self.counts.add(SILENT, 1);
        Flow::Close
    }

    fn on_mail(&mut self, config: Arc<Config>, turn: &mut Turn<'_, PolicyRequest>) {
        turn.configure(config.settings.clone());
        self.config = config;
    }

    fn on_turn(&mut self, _: &mut Turn<'_, PolicyRequest>) -> Wake {
        self.counts.publish();
        Wake::Idle
    }
}

#[cfg(test)]
mod tests;
