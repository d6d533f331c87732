//! A stream over HTTP: its heartbeat, and what its client sends behind the request.

use common::framing::{encode_comment, encode_probe};
use reactor::{Context, Flow, Progress};

use super::{settings::ConnectionOptions, state::Connection};

impl Connection {
    /// The deadline of a stream over HTTP has passed: sends a comment, where the framing has comments.
    pub(crate) fn keep_open(&mut self, options: &ConnectionOptions, cx: &mut Context<'_>) -> Flow {
        if self.extras.is_full() {
            // Notices alone have filled it.
            return self.renew(options, cx);
        }
        if !cx.is_blocked() {
            encode_comment(self.framing, cx.out());
        }
        self.extras.set_timeout(options.heartbeat, cx);
        Flow::Continue
    }

    /// The client of a stream over HTTP has half-closed. Usually it is gone; then its kernel answers the next byte with a
    /// reset, but not, for a minute, a keepalive probe.
    pub(crate) fn probe(&mut self, cx: &mut Context<'_>) -> Flow {
        if !cx.is_blocked() && !std::mem::replace(&mut self.is_probed, true) {
            encode_probe(self.framing, cx.out());
        }
        Flow::Continue
    }

    /// Bytes came behind the request. The stream has no use for them: a little is read and forgotten, as `nc` sends what is
    /// typed; at more than the rate of messages, the connection reads no further.
    pub(crate) fn on_unwanted(
        &mut self,
        input: &[u8],
        options: &ConnectionOptions,
        cx: &mut Context<'_>,
    ) -> Progress {
        if !self.extras.allows_unwanted(options.message_rate(), cx.compact_now()) {
            cx.ignore_input();
        }
        Progress { consumed: input.len(), flow: Flow::Continue }
    }
}
