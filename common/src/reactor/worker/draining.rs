//! The stop of the daemon: no more accepting, every connection is told, and the time is limited.

use std::time::Instant;

use super::Worker;
use crate::reactor::context::Visit;
use crate::reactor::settings::TURN_CONNECTIONS;
use crate::reactor::system::System;
use crate::reactor::{CloseReason, Handler, Stop, Token};

/// The daemon stops.
pub(super) struct Draining {
    stop: Stop,
    /// When it is enough. Never for an end of the source: everything is delivered, and who takes nothing of it for
    /// the write timeout is closed as slow like any other.
    pub(super) until: Option<Instant>,
    /// Connections that were not told yet.
    pub(super) untold: Vec<Token>,
}

impl<H: Handler, S: System> Worker<H, S> {
    /// Follows a stop, once there is one.
    pub(super) fn drain(&mut self) {
        let control = self.control();
        if self.draining.is_none() {
            let Some(stop) = control.stopping().or(control.at_once().then_some(Stop::Shutdown)) else {
                return;
            };
            for (mut listener, _) in std::mem::take(&mut self.listeners.sockets) {
                let _ = self.connections.system.remove_listener(&mut listener);
            }
            let shared = &self.connections.shared;
            let until = (!matches!(stop, Stop::Finished | Stop::HandOver))
                .then(|| shared.now + shared.settings.drain_timeout);
            let untold =
                if stop == Stop::HandOver { Vec::new() } else { self.connections.table.tokens().collect() };
            self.draining = Some(Draining { stop, until, untold });
        }
        let handed_over = control.stopping() == Some(Stop::HandOver) && self.hand_over();
        let Some(draining) = &mut self.draining else { return };
        for _ in 0..TURN_CONNECTIONS {
            let Some(token) = draining.untold.pop() else { break };
            let stop = draining.stop;
            let Self { handler, connections, .. } = self;
            connections.visit(token, &mut |conn, cx| handler.on_stop(conn, stop, cx));
        }
        if draining.until.is_some_and(|until| until <= self.connections.shared.now)
            || handed_over
            || control.at_once()
        {
            let tokens: Vec<Token> = self.connections.table.tokens().collect();
            for token in tokens {
                self.connections.doom(token, CloseReason::Drained);
            }
        }
    }
}
