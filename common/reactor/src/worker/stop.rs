//! The stop of the daemon: a worker accepts no more, calls `on_stop` for every connection or exports them, and limits the time.

use super::Worker;
use super::stopping::Stopping;
use crate::connection::{Entry, Lifecycle};
use crate::connections::Connections;
use crate::eviction::EvictionClass;
use crate::settings::TURN_CONNECTIONS;
use crate::system::System;
use crate::{CloseReason, Handler, Stop, Token};

impl<H: Handler, S: System> Worker<H, S> {
    /// Begins the stop that [`Control`](crate::Control) asks for, and goes on with it in later turns.
    pub(super) fn follow_stop(&mut self) {
        // What a stop does to the connections is in later turns than the one that saw it: by then the worker has taken all mail from
        // before it.
        self.settle_hand_over();
        let state = &self.connections.state;
        let (now, at_once) = (state.now, state.control.at_once());
        let asked = state.control.stopping().or(at_once.then_some(Stop::Shutdown));
        if let Some(stop) = asked.filter(|stop| self.is_news(*stop)) {
            self.adopt_all();
            for (listener, _) in std::mem::take(&mut self.listeners.sockets) {
                let _ = self.connections.system.remove_listener(&listener);
            }
            self.listeners.paused_until = None; // no later turn accepts, and so none would end the pause
            let settings = &self.connections.state.settings;
            self.stopping = Some(Stopping::new(stop, now, settings, self.connections.table.tokens()));
            if !at_once {
                return;
            }
        }
        let Some(Stopping { stop, .. }) = self.stopping else { return };
        for _ in 0..TURN_CONNECTIONS {
            let give = self.connections.state.settings.drain_timeout / 2;
            let Some(token) = self.stopping.as_mut().and_then(|stopping| stopping.pop(now, give)) else {
                break;
            };
            // A client that was accepted is answered: a request that has come, or may be under way, is served before the connection hears of the stop.
            self.serve_what_is_there(token);
            let is_young = !at_once && self.may_have_request_under_way(token);
            if is_young && self.stopping.as_mut().is_some_and(|stopping| stopping.put_off(token, now)) {
                continue;
            }
            self.call(token, |handler, conn, cx| handler.on_stop(conn, stop, cx));
        }
        let until = self.stopping.as_ref().and_then(Stopping::ends_at);
        if at_once || until.is_some_and(|until| until <= self.looked_at) {
            for token in self.connections.table.tokens() {
                if !at_once {
                    self.serve_what_is_there(token);
                }
                self.connections.schedule_close(token, CloseReason::Drained);
            }
        }
    }

    /// True if the connection has just been accepted, and nothing has come from it yet.
    fn may_have_request_under_way(&self, token: Token) -> bool {
        let (Connections { table, state, .. }, now) = (&self.connections, self.connections.state.now);
        table.get(token).is_some_and(|Entry { io, .. }| {
            let hears = io.lifecycle == Lifecycle::Open && !io.ended;
            hears && io.eviction_class == EvictionClass::Silent && state.eviction.is_young(io.linked, now)
        })
    }

    /// True for the first stop, and for one that comes while the worker delivers the rest of a finished source.
    fn is_news(&self, stop: Stop) -> bool {
        self.stopping.as_ref().is_none_or(|now| now.stop == Stop::Finished && stop != Stop::Finished)
    }
}
