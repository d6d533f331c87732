//! Requests that publish: which of them have their turn, and what is left of one that is gone.

use reactor::{CloseReason, Context, Turn};

use crate::{
    connection::{Connection, Stage},
    publish::Publication,
    worker::WsHandler,
};

impl WsHandler {
    /// Lets those go on that wait for room, in their order and as far as there is room.
    pub(crate) fn grant_turns(&mut self, turn: &mut Turn<'_, Connection>) {
        let options = &self.config.connection;
        if let Some(inlet) = &mut self.inlet {
            inlet.grant(|token, place| turn.visit(token, |conn, cx| conn.grant_turn(place, options, cx)));
        }
    }

    /// Goes on with the request that a connection of the previous process is at, if it publishes. `None`: this process takes no lines
    /// for that stream, and whatever its key stands for has been cut off.
    pub(crate) fn resume_publishing(&self, conn: &mut Connection, cx: &mut Context<'_>) -> Option<()> {
        if let Stage::Publishing(publication) = &conn.stage {
            let takes_lines = self.inlet.is_some() && self.continues;
            if !takes_lines || !self.keys.resume(&publication.account) {
                return None;
            }
            cx.set_established();
        }
        conn.on_answer_taken(cx);
        Some(())
    }

    /// The connection of a request is gone: what it has published stays known under its key, and goes on in the next process if that
    /// has its connection.
    pub(crate) fn end_publication(&mut self, publication: Publication, why: CloseReason) {
        if why == CloseReason::HandedOver {
            self.keys.suspend(&publication.account);
            return;
        }
        self.keys.end(publication.account);
        self.metrics.publication_ended(0);
    }
}
