//! Bounded reads: they get a part of the history and then their end, and stand in no list of clients.
//!
//! Each goes on by itself as its socket drains. One alone waits: its last lines have numbers, but have not come to this worker yet.

use reactor::{Context, Flow, Stop, Turn};

use crate::{connection::Connection, worker::WsHandler};

impl WsHandler {
    /// Sends a bounded read what there is.
    pub(crate) fn begin_read(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        cx.set_established();
        self.send_next(conn, cx)
    }

    /// A bounded read of the previous process goes on, if the numbers of its part mean the same here.
    pub(crate) fn resume_read(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        if self.continues && self.stream.readmit(&mut conn.subscription, cx.now()) {
            return self.begin_read(conn, cx);
        }
        cx.set_established();
        conn.stop(Stop::Restart, &self.config.connection, cx)
    }

    /// New lines came: the reads that wait for them go on.
    pub(crate) fn serve_waiting_reads(&mut self, turn: &mut Turn<'_, Connection>) {
        for token in std::mem::take(&mut self.waiting_reads) {
            turn.visit(token, |conn, cx| self.send_next(conn, cx));
        }
    }
}
