//! The stop of the daemon: a worker accepts no more, calls `on_stop` for every connection, and limits the time.

use super::Worker;
use super::draining::Draining;
use crate::context::Visit;
use crate::settings::TURN_CONNECTIONS;
use crate::system::System;
use crate::{CloseReason, Handler, Stop, Token};

impl<H: Handler, S: System> Worker<H, S> {
    /// True for the first stop, and for one that comes while the worker delivers the rest of a finished source.
    fn is_news(&self, stop: Stop) -> bool {
        match &self.draining {
            None => true,
            Some(draining) => draining.stop == Stop::Finished && stop != Stop::Finished,
        }
    }

    /// Follows a stop, once there is one.
    pub(super) fn drain(&mut self) {
        let state = &self.connections.state;
        let (now, stopping, at_once) = (state.now, state.control.stopping(), state.control.at_once());
        let asked = stopping.or(at_once.then_some(Stop::Shutdown));
        if let Some(stop) = asked.filter(|stop| self.is_news(*stop)) {
            for (mut listener, _) in std::mem::take(&mut self.listeners.sockets) {
                let _ = self.connections.system.remove_listener(&mut listener);
            }
            let settings = &self.connections.state.settings;
            self.draining = Some(Draining::new(stop, now, settings, self.connections.table.tokens()));
        }
        let handed_over = stopping == Some(Stop::HandOver) && self.continue_hand_over();
        let Some(draining) = &mut self.draining else { return };
        for _ in 0..TURN_CONNECTIONS {
            let Some(token) = draining.pop(now) else { break };
            let stop = draining.stop;
            let Self { handler, connections, .. } = self;
            connections.visit(token, &mut |conn, cx| handler.on_stop(conn, stop, cx));
        }
        if draining.until.is_some_and(|until| until <= now) || handed_over || at_once {
            let tokens: Vec<Token> = self.connections.table.tokens().collect();
            for token in tokens {
                self.connections.schedule_close(token, CloseReason::Drained);
            }
        }
    }
}
