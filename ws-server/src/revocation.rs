//! Tokens that a reload has taken away: whose connection goes on, and whose ends.
//!
//! A request is judged once, when its head is complete; what became of it keeps the [`Grant`](common::token::Grant). After a reload with
//! other tokens each worker looks at all its connections again, some in each turn, and so does the next process at those that it adopts.

use common::admission::Deed;
use reactor::{Context, Flow, Turn};

use crate::{
    connection::{Connection, Stage},
    worker::WsHandler,
};

/// So many connections are looked at in one turn.
const TURN_CHECKS: usize = 256;

impl WsHandler {
    /// Looks at some of the connections that a reload has left to look at; true if there are more.
    pub(crate) fn recheck_some(&mut self, turn: &mut Turn<'_, Connection>) -> bool {
        if self.rechecks.is_empty() {
            return false; // as in nearly every turn
        }
        let rest = self.rechecks.len().saturating_sub(TURN_CHECKS);
        for token in self.rechecks.split_off(rest) {
            turn.visit(token, |conn, cx| self.revoke_if_due(conn, cx).unwrap_or(Flow::Continue));
        }
        !self.rechecks.is_empty()
    }

    /// Ends a connection whose token is no longer in the list; `None`: it goes on.
    pub(crate) fn revoke_if_due(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Option<Flow> {
        let deed = conn.deed()?;
        let is_due = !self.config.access.still_lets(deed, conn.extras.grant().map(AsRef::as_ref));
        is_due.then(|| match deed {
            Deed::Read if matches!(conn.stage, Stage::Polling(_)) => {
                self.fanout.subscribers.remove(cx.token());
                conn.revoke_poll(&mut self.env(cx))
            }
            Deed::Read => conn.revoke(self.config.connection.close_timeout, cx),
            Deed::Publish => conn.cut_publishing(401, &mut self.env(cx)),
        })
    }
}
